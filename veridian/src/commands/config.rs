//! `config`: what holds, what is wrong, and changes of it.

use crate::cli::{Config, ConfigAction, ConfigCheck, ConfigShow, Configured as Options};
use crate::config::{Configuration, Shown, Sources, show};
use crate::output::Output;
use crate::roles;
use crate::system::{self, Address};
use anyhow::{Context, Result, anyhow, bail};
use control::client::{Configured, Connection};
use control::message::ConfigurationAction;
use std::process::ExitCode;

pub(crate) fn run(options: &Config, address: &Address, output: &mut Output) -> Result<ExitCode> {
    use ConfigurationAction::{Reload, Set};
    match &options.action {
        ConfigAction::Show(options) => shown(options, address, output).map(|()| ExitCode::SUCCESS),
        ConfigAction::Check(options) => check(options, output),
        ConfigAction::Set { key, value } => change(address, Set, key, value, output),
        ConfigAction::Reload => change(address, Reload, "", "", output),
    }
}

/// Where a new system is to be configured from.
pub(crate) fn sources(options: &Options) -> Result<Sources> {
    let mut settings = options.settings.clone();
    if let Some(state) = &options.state {
        let path = std::path::absolute(state).context("finding the directory for --state")?;
        let text = path.to_str().context("the path of --state is not text in UTF-8")?;
        settings.push(("system.state".to_owned(), text.to_owned()));
    }
    Sources::of_process(&options.paths, &settings).map_err(|error| anyhow!(error))
}

/// What would hold in a new system. What is wrong is told, a line each.
pub(crate) fn load(sources: &Sources) -> Result<Configuration> {
    Configuration::load(sources, roles::units()).map_err(|problems| {
        let count = problems.len();
        let things = if count == 1 { "thing is" } else { "things are" };
        anyhow!("{count} {things} wrong with the configuration:\n{}", problems.join("\n"))
    })
}

fn check(options: &ConfigCheck, output: &mut Output) -> Result<ExitCode> {
    let mut configured = options.configured.clone();
    configured.paths.extend_from_slice(&options.files);
    match Configuration::load(&sources(&configured)?, roles::units()) {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(problems) => {
            problems.iter().try_for_each(|problem| output.line(problem))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn shown(options: &ConfigShow, address: &Address, output: &mut Output) -> Result<()> {
    let Options { paths, settings, state } = &options.configured;
    let is_new = !paths.is_empty() || !settings.is_empty() || state.is_some();
    let running = (!is_new).then(|| system::connect(address).ok()).flatten();
    let all = match &running {
        Some(connection) => ask(connection)?,
        None => show(&load(&sources(&options.configured)?)?),
    };
    if options.json {
        return all.iter().try_for_each(|shown| output.json(shown));
    }
    if running.is_none() && !is_new {
        output.line(format_args!(
            "# no system is running at {address}; this would hold in a new one"
        ))?;
    }
    let widest = |shown: &Shown| shown.key.chars().count() + shown.value.chars().count();
    let width = all.iter().map(widest).max().unwrap_or(0).min(60) + 3;
    all.iter().try_for_each(|shown| {
        let line = format!("{} = {}", shown.key, shown.value);
        if options.origin {
            output.line(format_args!("{line:<width$}  # {}", shown.place))
        } else {
            output.line(line)
        }
    })
}

/// Everything that holds in a running system, a part after the other.
fn ask(connection: &Connection) -> Result<Vec<Shown>> {
    let mut all: Vec<Shown> = Vec::new();
    loop {
        let after = all.last().map_or(String::new(), |last| last.key.clone());
        let part = connection.configure(ConfigurationAction::Show, &after, "");
        let (Configured::Done(text) | Configured::Refused(text)) =
            part.context("asking for the configuration")?;
        let before = all.len();
        all.extend(text.lines().filter_map(Shown::decode));
        if all.len() == before {
            return Ok(all);
        }
    }
}

fn change(
    address: &Address,
    action: ConfigurationAction,
    key: &str,
    value: &str,
    output: &mut Output,
) -> Result<ExitCode> {
    let connection = system::connect(address)?;
    match connection.configure(action, key, value).context("changing the configuration")? {
        Configured::Done(text) => {
            output.line(text)?;
            if action == ConfigurationAction::Set {
                output.line("this lasts until the configuration is read again")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Configured::Refused(problems) => bail!("nothing was changed:\n{problems}"),
    }
}
