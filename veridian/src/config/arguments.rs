//! What a service is told of the configuration: `--set KEY=VALUE` behind its role, for what is not
//! as built in.

use super::configuration::default;
use super::table::SETTINGS;
use super::value::{Literal, Value};
use std::collections::BTreeMap;

/// The settings of a service.
#[derive(Clone, Debug, Default)]
pub struct ServiceSettings(BTreeMap<&'static str, Value>);

impl ServiceSettings {
    /// From the arguments of this process, which is in a service's role.
    #[must_use]
    pub fn of_process() -> Self {
        Self::of(std::env::args_os().filter_map(|argument| argument.into_string().ok()))
    }

    /// From these arguments; what is no setting is left alone.
    fn of(arguments: impl Iterator<Item = String>) -> Self {
        let mut settings = Self::default();
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            let next = arguments.next_if(|_| argument == "--set");
            let Some((key, value)) = next.as_deref().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let setting = SETTINGS.iter().find(|setting| setting.key == key);
            let read = |kind: super::value::Kind| kind.read(&Literal::Bare(value.to_owned())).ok();
            if let Some((setting, value)) = setting.and_then(|it| Some((it, read(it.kind)?))) {
                settings.0.insert(setting.key, value);
            }
        }
        settings
    }

    /// A number; sizes are in bytes, durations in nanoseconds. 0 if there is no such setting.
    #[must_use]
    pub fn number(&self, key: &str) -> u64 {
        let built_in = || SETTINGS.iter().find(|setting| setting.key == key).map(default);
        match self.0.get(key).cloned().or_else(built_in) {
            Some(Value::Count(number) | Value::Size(number) | Value::Duration(number)) => number,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_holds_and_the_rest_is_as_built_in() {
        let arguments = ["veridian", "service", "logger", "--set", "logger.memory=1 MiB", "--set"];
        let settings = ServiceSettings::of(arguments.into_iter().map(str::to_owned));
        assert_eq!(settings.number("logger.memory"), 1 << 20);
        assert_eq!(settings.number("logger.rate"), 2000);
        assert_eq!(settings.number("auth.idle"), 1_800_000_000_000);
        assert_eq!(settings.number("nothing"), 0);
    }
}
