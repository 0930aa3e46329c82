//! Principals, user sessions, tokens and the audit log: what is asked of the service `auth`.

mod audit;
mod login;
mod token;
mod user;

pub(crate) use audit::audit;
pub(crate) use login::{login, logout, passwd, sessions, whoami};
pub(crate) use token::token;
pub(crate) use user::user;

use crate::cli::auth::right_name;
use anyhow::{Context, Result, bail};
use capability::Rights;
use control::client::Connection;
use control::message::{AuthReply, AuthRequest, PrincipalKind, Secret};
use std::io::{BufRead, IsTerminal, stdin};

/// Asks, and tells why something is not done.
fn ask(connection: &Connection, request: &AuthRequest) -> Result<AuthReply> {
    match connection.ask_auth(request).context("asking auth")? {
        AuthReply::Refused(failed) => bail!("refused: {}", failed.reason.as_str()),
        AuthReply::Locked(wait) => {
            let seconds = wait.div_ceil(1_000_000_000);
            bail!("too many failures; try again in {seconds} s")
        }
        reply => Ok(reply),
    }
}

/// Asks for something that is done, or not.
fn order(connection: &Connection, request: &AuthRequest) -> Result<()> {
    match ask(connection, request)? {
        AuthReply::Done => Ok(()),
        _ => unexpected(),
    }
}

fn unexpected<T>() -> Result<T> {
    bail!("auth answered what this version cannot read")
}

/// A password: asked for on the terminal, or a line of standard input.
fn password(prompt: &str) -> Result<Secret> {
    let text = if stdin().is_terminal() {
        rpassword::prompt_password(prompt).context("asking for a password")?
    } else {
        let mut line = String::new();
        stdin().lock().read_line(&mut line).context("reading a password")?;
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        line
    };
    if text.is_empty() {
        bail!("no password was given");
    }
    Secret::new(text.into_bytes())
        .with_context(|| format!("a password has at most {} bytes", Secret::MAX_BYTES))
}

/// A password that is to be set: on a terminal, asked for twice.
fn new_password() -> Result<Secret> {
    let new = password("New password: ")?;
    if stdin().is_terminal() && password("Again: ")? != new {
        bail!("these were not the same");
    }
    Ok(new)
}

/// The names of rights, with commas between.
fn names(rights: Rights) -> String {
    let all: Vec<String> = rights.iter_names().map(|(name, _)| right_name(name)).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(",") }
}

fn kind_name(kind: PrincipalKind) -> &'static str {
    match kind {
        PrincipalKind::User => "user",
        PrincipalKind::Service => "service",
        PrincipalKind::Application => "application",
    }
}

/// Hours and minutes.
fn time(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    match (seconds / 3600, seconds % 3600 / 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
