//! `login`, `logout`, `whoami`, `sessions` and `passwd`.

use super::{ask, kind_name, names, new_password, order, password, time, unexpected};
use crate::cli::auth::{Json, Login, Logout, Passwd, Sessions};
use crate::output::{Align, Output, Table};
use crate::system::{self, Address};
use crate::token_file;
use anyhow::{Context, Result, bail};
use control::message::{
    AuthReply, AuthRequest, Identity, LogIn, Secret, SessionsAfter, SetPassword, TokenBytes,
    UserSession,
};
use control::token::Token;
use serde::Serialize;

pub(crate) fn login(options: &Login, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect_as_host_user(address)?;
    let request = match options.name {
        Some(name) => AuthRequest::LogIn(LogIn { name, password: password("Password: ")? }),
        None => AuthRequest::LogInAsPeer,
    };
    let AuthReply::LoggedIn(logged_in) = ask(&connection, &request)? else { return unexpected() };
    let Ok(token) = Token::decode(&logged_in.token) else { return unexpected() };
    if options.print {
        return output.line(token.to_text());
    }
    token_file::keep(address, &token)
}

/// The token that commands show, as it travels.
fn own_token(address: &Address) -> Result<TokenBytes> {
    let token = token_file::find(address)?.context("nobody has logged in here")?;
    token.encode().try_into().map_err(|_| anyhow::anyhow!("the token is too long"))
}

pub(crate) fn logout(options: &Logout, address: &Address) -> Result<()> {
    if let Some(session) = options.session {
        let connection = system::connect(address)?;
        return order(&connection, &AuthRequest::EndSession(session));
    }
    let token = own_token(address);
    // Whatever the service says, this user does not show it any more.
    let kept = token_file::forget(address)?;
    let connection = system::connect_as_host_user(address)?;
    match connection.ask_auth(&AuthRequest::LogOut(token?)).context("asking auth")? {
        AuthReply::Done => Ok(()),
        // It was over already.
        AuthReply::Refused(failed) if failed.errno == dataplane::entry::Errno::EKEYREVOKED => {
            Ok(())
        }
        AuthReply::Refused(failed) if kept => {
            bail!("the token is forgotten, its session goes on: {}", failed.reason.as_str())
        }
        AuthReply::Refused(failed) => bail!("refused: {}", failed.reason.as_str()),
        _ => unexpected(),
    }
}

#[derive(Serialize)]
struct Myself {
    principal: Option<String>,
    kind: Option<&'static str>,
    rights: Vec<String>,
    services: Vec<String>,
    acts_as_uid: u32,
    acts_as_gid: u32,
    expires_in_ns: Option<u64>,
}

pub(crate) fn whoami(options: &Json, address: &Address, output: &mut Output) -> Result<()> {
    let host = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let identity = match token_file::find(address)? {
        Some(_) => Some(identity(address)?),
        None => None,
    };
    let acts_as = identity.as_ref().and_then(|it| it.acts_as.0).unwrap_or(host);
    if options.json {
        let split = |rights| names(rights).split(',').map(str::to_owned).collect();
        return output.json(&Myself {
            principal: identity.as_ref().map(|it| it.name.as_str().to_owned()),
            kind: identity.as_ref().map(|it| kind_name(it.kind)),
            rights: identity.as_ref().map(|it| split(it.rights)).unwrap_or_default(),
            services: identity
                .iter()
                .flat_map(|it| it.services.iter().map(|name| name.as_str().to_owned()))
                .collect(),
            acts_as_uid: acts_as.0,
            acts_as_gid: acts_as.1,
            expires_in_ns: identity.as_ref().map(|it| it.for_ns),
        });
    }
    let Some(identity) = identity else {
        return output.line(format_args!("user {} of the host; nobody has logged in", host.0));
    };
    let services: Vec<&str> = identity.services.iter().map(|name| name.as_str()).collect();
    let services = if services.is_empty() { "all".to_owned() } else { services.join(",") };
    let mut table = Table::untitled([Align::Left, Align::Left]);
    table.row(["principal".into(), identity.name.as_str().into()]);
    table.row(["kind".into(), kind_name(identity.kind).into()]);
    table.row(["acts as".into(), format!("user {}, group {}", acts_as.0, acts_as.1)]);
    table.row(["rights".into(), names(identity.rights)]);
    table.row(["services".into(), services]);
    table.row(["for".into(), time(identity.for_ns)]);
    output.line(table)
}

/// Whose the token is that commands show.
fn identity(address: &Address) -> Result<Identity> {
    let connection = system::connect_as_host_user(address)?;
    match ask(&connection, &AuthRequest::WhoAmI(own_token(address)?))? {
        AuthReply::Identity(identity) => Ok(identity),
        _ => unexpected(),
    }
}

#[derive(Serialize)]
struct Row<'a> {
    session: String,
    principal: &'a str,
    uid: u32,
    since_ns: u64,
    idle_ns: u64,
    expires_in_ns: u64,
}

pub(crate) fn sessions(options: &Sessions, address: &Address, output: &mut Output) -> Result<()> {
    let connection = system::connect(address)?;
    let token = if options.all { TokenBytes::default() } else { own_token(address)? };
    let mut all: Vec<UserSession> = Vec::new();
    loop {
        let after = all.last().map_or(0, |session| session.session);
        let request = AuthRequest::Sessions(SessionsAfter { token: token.clone(), after });
        let AuthReply::Sessions(page) = ask(&connection, &request)? else { return unexpected() };
        // Numbers that do not ascend would be asked for without end.
        match page.last() {
            None => break,
            Some(last) if !all.is_empty() && last.session <= after => return unexpected(),
            Some(_) => all.extend(page.into_vec()),
        }
    }
    if options.json {
        return all.iter().try_for_each(|session| {
            output.json(&Row {
                session: format!("{:016x}", session.session),
                principal: session.principal.as_str(),
                uid: session.uid,
                since_ns: session.since_ns,
                idle_ns: session.idle_ns,
                expires_in_ns: session.for_ns,
            })
        });
    }
    use Align::{Left, Right};
    let mut table = Table::new([
        (Left, "session"),
        (Left, "principal"),
        (Right, "user"),
        (Right, "since"),
        (Right, "idle"),
        (Right, "for"),
    ]);
    for session in &all {
        table.row([
            format!("{:016x}", session.session),
            session.principal.as_str().into(),
            session.uid.to_string(),
            time(session.since_ns),
            time(session.idle_ns),
            time(session.for_ns),
        ]);
    }
    output.line(table)
}

pub(crate) fn passwd(options: &Passwd, address: &Address) -> Result<()> {
    let name = match options.name {
        Some(name) => name,
        None => identity(address).context("whose password?")?.name,
    };
    let connection = if options.reset {
        system::connect(address)?
    } else {
        system::connect_as_host_user(address)?
    };
    let old = if options.reset { Secret::default() } else { password("Old password: ")? };
    let set = SetPassword { name, old, new: new_password()? };
    order(&connection, &AuthRequest::SetPassword(set))
}
