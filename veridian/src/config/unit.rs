//! Units as settings, and back.

use super::rights;
use super::value::Value;
use control::platform::{Restart, Unit};

/// What follows `units.NAME.` in the keys of a unit, and its values: all but `enabled`.
pub(super) fn describe(unit: &Unit) -> Vec<(&'static str, Value)> {
    let list = |list: &[String]| Value::List(list.to_vec());
    let count = |limit: Option<u32>| limit.map_or(Value::None, |n| Value::Count(n.into()));
    let restart = match unit.restart {
        Restart::Always => "always",
        Restart::OnFailure => "on-failure",
        Restart::Never => "never",
    };
    let capabilities =
        unit.capabilities.iter().map(|(service, rights)| rights::format(service, *rights));
    vec![
        ("command", list(&unit.command)),
        ("needs", list(&unit.needs)),
        ("wants", list(&unit.wants)),
        ("after", list(&unit.after)),
        ("restart", Value::Text(restart.to_owned())),
        ("start_within", Value::Duration(unit.start_within_ns)),
        ("stop_within", Value::Duration(unit.stop_within_ns)),
        ("heartbeat", Value::Duration(unit.heartbeat_ns)),
        ("limits.memory", unit.limits.memory_bytes.map_or(Value::None, Value::Size)),
        ("limits.tasks", count(unit.limits.tasks)),
        ("limits.cpu", count(unit.limits.cpu_percent)),
        ("limits.descriptors", count(unit.limits.descriptors)),
        ("capabilities", Value::List(capabilities.collect())),
    ]
}

/// Gives a unit one of these values. One of another kind is not given: the table says which kind
/// each key has.
pub(super) fn apply(unit: &mut Unit, key: &str, value: &Value) {
    let limit = |number: &u64| u32::try_from(*number).ok();
    match (key, value) {
        ("command", Value::List(list)) => unit.command.clone_from(list),
        ("needs", Value::List(list)) => unit.needs.clone_from(list),
        ("wants", Value::List(list)) => unit.wants.clone_from(list),
        ("after", Value::List(list)) => unit.after.clone_from(list),
        ("restart", Value::Text(word)) => {
            unit.restart = match word.as_str() {
                "never" => Restart::Never,
                "on-failure" => Restart::OnFailure,
                _ => Restart::Always,
            };
        }
        ("start_within", Value::Duration(ns)) => unit.start_within_ns = *ns,
        ("stop_within", Value::Duration(ns)) => unit.stop_within_ns = *ns,
        ("heartbeat", Value::Duration(ns)) => unit.heartbeat_ns = *ns,
        ("limits.memory", Value::Size(bytes)) => unit.limits.memory_bytes = Some(*bytes),
        ("limits.memory", Value::None) => unit.limits.memory_bytes = None,
        ("limits.tasks", Value::Count(number)) => unit.limits.tasks = limit(number),
        ("limits.tasks", Value::None) => unit.limits.tasks = None,
        ("limits.cpu", Value::Count(number)) => unit.limits.cpu_percent = limit(number),
        ("limits.cpu", Value::None) => unit.limits.cpu_percent = None,
        ("limits.descriptors", Value::Count(number)) => unit.limits.descriptors = limit(number),
        ("limits.descriptors", Value::None) => unit.limits.descriptors = None,
        ("capabilities", Value::List(list)) => {
            unit.capabilities = list.iter().filter_map(|text| rights::parse(text).ok()).collect();
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::table::UNIT_SETTINGS;
    use crate::config::value::{Kind, Literal};
    use capability::Rights;
    use control::platform::Limits;

    /// Different from a new unit in everything.
    fn other() -> Unit {
        Unit {
            command: vec!["/bin/x".into(), "a \"b\"".into()],
            needs: vec!["a".into()],
            wants: vec!["b".into()],
            after: vec!["c".into()],
            restart: Restart::OnFailure,
            start_within_ns: 1_000_001,
            stop_within_ns: 2_000_002,
            heartbeat_ns: 0,
            limits: Limits {
                memory_bytes: Some(1 << 20),
                tasks: Some(7),
                cpu_percent: Some(150),
                descriptors: Some(64),
            },
            capabilities: vec![("a".into(), Rights::CONNECT | Rights::WRITE)],
            ..Unit::new("x")
        }
    }

    #[test]
    fn a_unit_is_what_its_settings_say() {
        for (from, to) in [(other(), Unit::new("x")), (Unit::new("x"), other())] {
            let mut unit = to;
            describe(&from).iter().for_each(|(key, value)| apply(&mut unit, key, value));
            assert_eq!(unit, from);
        }
    }

    #[test]
    fn the_table_and_a_unit_have_the_same_keys_and_defaults() {
        let described = describe(&Unit::new("x"));
        assert_eq!(described.len() + 1, UNIT_SETTINGS.len(), "all but `enabled`");
        for (key, value) in described {
            let setting = UNIT_SETTINGS.iter().find(|setting| setting.key == key).unwrap();
            let default = setting.kind.read(&Literal::Bare(setting.default.into()));
            assert_eq!(default, Ok(value), "{key}");
        }
        assert!(matches!(UNIT_SETTINGS[0].kind, Kind::Flag));
    }
}
