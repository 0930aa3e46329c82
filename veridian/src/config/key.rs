//! Keys: which setting one names, and what is said of one that names none.

use super::nearest::did_you_mean;
use super::problem::quoted;
use super::table::{SETTINGS, Setting, UNIT_SETTINGS, UNITS};
use control::message::Name;

/// What a key names.
pub(super) enum Named {
    Setting(&'static Setting),
    /// Other keys begin with it.
    Section,
}

/// The name that init itself goes by.
const RESERVED: &str = "init";

/// What the parts of a key name together.
pub(super) fn find(parts: &[&str]) -> Result<Named, String> {
    match parts {
        [] | [UNITS] => Ok(Named::Section),
        [UNITS, name, rest @ ..] => {
            check_name(name)?;
            let section = format!("{UNITS}.{name}");
            find_in(UNIT_SETTINGS, &section, rest)
        }
        parts => find_in(SETTINGS, "", parts),
    }
}

/// The setting that a whole key names.
pub(super) fn setting(key: &str) -> Result<&'static Setting, String> {
    match find(&key.split('.').collect::<Vec<_>>())? {
        Named::Setting(setting) => Ok(setting),
        Named::Section => Err(format!("{key} is a section, not a setting")),
    }
}

fn find_in(table: &'static [Setting], section: &str, parts: &[&str]) -> Result<Named, String> {
    let mut above = String::new();
    for (at, part) in parts.iter().enumerate() {
        let below = children(table, &above);
        if !below.iter().any(|child| child == part) {
            return Err(unknown(part, section, &above, &below));
        }
        if !above.is_empty() {
            above.push('.');
        }
        above += part;
        let last = at + 1 == parts.len();
        match table.iter().find(|setting| setting.key == above) {
            Some(setting) if last => return Ok(Named::Setting(setting)),
            Some(_) => return Err(format!("{above} is a setting and has no keys of its own")),
            None => {}
        }
    }
    Ok(Named::Section)
}

/// The parts that can follow in a key.
fn children(table: &'static [Setting], above: &str) -> Vec<&'static str> {
    let mut found: Vec<&str> = Vec::new();
    for setting in table {
        let rest = match above {
            "" => Some(setting.key),
            above => setting.key.strip_prefix(above).and_then(|rest| rest.strip_prefix('.')),
        };
        let part = rest.and_then(|rest| rest.split('.').next());
        found.extend(part.filter(|part| !found.contains(part)));
    }
    if std::ptr::eq(table, SETTINGS) && above.is_empty() {
        found.push(UNITS);
    }
    found
}

fn unknown(part: &str, section: &str, above: &str, allowed: &[&str]) -> String {
    let hint = did_you_mean(part, allowed.iter().copied());
    let within = match (section, above) {
        ("", "") => "there is no section".to_owned(),
        ("", section) | (section, "") => format!("[{section}] has no key"),
        (section, above) => format!("[{section}.{above}] has no key"),
    };
    format!("{within} '{}'{hint}; allowed: {}", quoted(part), allowed.join(", "))
}

fn check_name(name: &str) -> Result<(), String> {
    let shown = quoted(name);
    if name == RESERVED {
        return Err(format!("'{shown}' is the name of what starts the services"));
    }
    name.parse::<Name>().map(drop).map_err(|_| {
        let most = Name::MAX_BYTES;
        format!("'{shown}' is no name of a service; allowed: 1 to {most} of a-z, 0-9 and -")
    })
}

/// What a setting is called in the environment.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace(['.', '-'], "_"))
}

/// What the names of all variables begin with.
pub(super) const PREFIX: &str = "VERIDIAN_";

/// Whether a variable can only be meant as a setting.
pub(super) fn is_of_settings(variable: &str) -> bool {
    let rest = variable.strip_prefix(PREFIX).unwrap_or_default();
    let begins = |section: &&str| {
        let after = rest.strip_prefix(section.to_ascii_uppercase().as_str());
        after.is_some_and(|after| after.starts_with('_'))
    };
    children(SETTINGS, "").iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(key: &str) -> String {
        setting(key).map(drop).unwrap_err()
    }

    #[test]
    fn keys_are_found_by_their_parts() {
        assert_eq!(setting("limits.max_clients").unwrap().key, "limits.max_clients");
        assert_eq!(setting("units.a-b.limits.memory").unwrap().key, "limits.memory");
        for section in ["limits", "units", "units.vfs", "units.vfs.limits"] {
            assert!(matches!(find(&section.split('.').collect::<Vec<_>>()), Ok(Named::Section)));
            assert!(error(section).contains("is a section"), "{section}");
        }
    }

    #[test]
    fn what_is_unknown_is_told_with_what_is_allowed() {
        assert!(error("limit.max_clients").contains("did you mean 'limits'?"));
        assert!(error("limits.max_client").contains("[limits] has no key 'max_client'; did you"));
        assert!(error("units.vfs.limits.memroy").contains("[units.vfs.limits] has no key"));
        assert!(error("units.VFS.needs").contains("is no name of a service"));
        assert!(error("units.init.needs").contains("starts the services"));
        assert!(error("limits.max_clients.x").contains("no keys of its own"));
        assert!(error("").contains("there is no section"));
    }

    #[test]
    fn variables_follow_one_rule() {
        assert_eq!(variable("units.my-own.limits.cpu"), "VERIDIAN_UNITS_MY_OWN_LIMITS_CPU");
        assert!(is_of_settings("VERIDIAN_LIMITS_X"));
        for other in ["VERIDIAN_ADDRESS", "VERIDIAN_LIMITSX", "VERIDIAN_", "LIMITS_X"] {
            assert!(!is_of_settings(other), "{other}");
        }
    }
}
