//! `token derive`: a token with fewer rights, made without asking anybody.

use crate::cli::auth::{Derive, Token as Options};
use crate::output::Output;
use crate::system::Address;
use crate::token_file;
use anyhow::{Context, Result, anyhow};
use control::token::{Caveat, Token};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) fn token(options: &Options, address: &Address, output: &mut Output) -> Result<()> {
    let Options::Derive(less) = options;
    let token = token_file::find(address)?.context("nobody has logged in here")?;
    output.line(derive(&token, less)?.to_text())
}

fn derive(token: &Token, less: &Derive) -> Result<Token> {
    let until = less.lasts.map(|lasts| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from((now + lasts).as_nanos()).unwrap_or(u64::MAX)
    });
    let services = Some(less.services.clone()).filter(|services| !services.is_empty());
    let caveats = less
        .rights
        .map(Caveat::Rights)
        .into_iter()
        .chain(services.map(Caveat::Services))
        .chain(until.map(Caveat::NotAfter))
        .chain(less.user.map(Caveat::User));
    caveats
        .into_iter()
        .try_fold(token.clone(), |token, caveat| token.with(caveat))
        .map_err(|_| anyhow!("the token would be too long: too much was taken away one by one"))
}
