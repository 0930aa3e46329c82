//! `user`: the principals.

use super::{ask, kind_name, names, new_password, order, unexpected};
use crate::cli::auth::{Json, User};
use crate::output::{Align, Output, Table};
use crate::system::{self, Address};
use anyhow::Result;
use control::client::Connection;
use control::message::{
    ActsAs, AuthReply, AuthRequest, MapUser, NewUser, PrincipalNamed, Secret, UserEntry,
};
use serde::Serialize;

pub(crate) fn user(options: &User, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect(address)?;
    let request = match options {
        User::List(options) => return list(options, &connection, output),
        User::Add(new) => AuthRequest::AddUser(NewUser {
            name: new.name,
            kind: new.kind.into(),
            rights: new.rights,
            acts_as: ActsAs(new.uid),
            password: if new.no_password { Secret::default() } else { new_password()? },
        }),
        User::Remove { name } => AuthRequest::RemoveUser(PrincipalNamed { name: *name }),
        User::Map { uid, name } => AuthRequest::Map(MapUser { uid: *uid, name: *name }),
        User::Unmap { uid } => AuthRequest::Unmap(*uid),
    };
    order(&connection, &request)
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    kind: &'static str,
    rights: String,
    acts_as_uid: Option<u32>,
    acts_as_gid: Option<u32>,
    mapped_uids: &'a [u32],
}

fn list(options: &Json, connection: &Connection, output: &mut Output) -> Result<()> {
    let mut all: Vec<UserEntry> = Vec::new();
    loop {
        let after = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let AuthReply::Users(page) = ask(connection, &AuthRequest::Users(after))? else {
            return unexpected();
        };
        if page.is_empty() {
            break;
        }
        all.extend(page.into_vec());
    }
    if options.json {
        return all.iter().try_for_each(|user| {
            output.json(&Row {
                name: user.name.as_str(),
                kind: kind_name(user.kind),
                rights: names(user.rights),
                acts_as_uid: user.acts_as.0.map(|(uid, _)| uid),
                acts_as_gid: user.acts_as.0.map(|(_, gid)| gid),
                mapped_uids: &user.uids,
            })
        });
    }
    use Align::Left;
    let columns = [
        (Left, "principal"),
        (Left, "kind"),
        (Left, "acts as"),
        (Left, "is user"),
        (Left, "rights"),
    ];
    let mut table = Table::new(columns);
    for user in &all {
        let acts_as = user.acts_as.0.map(|(uid, gid)| format!("{uid}:{gid}"));
        let uids: Vec<String> = user.uids.iter().map(u32::to_string).collect();
        table.row([
            user.name.as_str().into(),
            kind_name(user.kind).into(),
            acts_as.unwrap_or_else(|| "-".into()),
            if uids.is_empty() { "-".into() } else { uids.join(",") },
            names(user.rights),
        ]);
    }
    output.line(table)
}
