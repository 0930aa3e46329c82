//! What single values of the command line may be: text is taken apart and checked here.

use crate::cli::Owner;
use crate::place::{Mounting, Place, SystemPath};
use crate::system::Address;
use clap::builder::{OsStringValueParser, TypedValueParser};
use glob::Pattern;
use std::time::Duration;

pub(crate) fn system_path() -> impl TypedValueParser<Value = SystemPath> {
    OsStringValueParser::new().try_map(|text| SystemPath::parse(&text))
}

pub(crate) fn mounting() -> impl TypedValueParser<Value = Mounting> {
    OsStringValueParser::new().try_map(|text| Mounting::parse(&text))
}

pub(crate) fn place() -> impl TypedValueParser<Value = Place> {
    OsStringValueParser::new().try_map(|text| Place::parse(&text))
}

pub(crate) fn parse_address(text: &str) -> Result<Address, &'static str> {
    if text.is_empty() || text == "@" { Err("it is empty") } else { Ok(Address(text.to_owned())) }
}

pub(crate) fn parse_interval(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("an interval is a number of seconds from 0.1 to 3600"),
    }
}

pub(crate) fn parse_mode(text: &str) -> Result<u32, &'static str> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o7777 => Ok(mode),
        _ => Err("permissions are an octal number up to 7777"),
    }
}

pub(crate) fn parse_owner(text: &str) -> Result<Owner, &'static str> {
    let number = |text: &str| match text {
        "" => Ok(None),
        // The largest number means nobody in particular to the kernel.
        text => match text.parse() {
            Ok(u32::MAX) | Err(_) => Err("users and groups are given by their numbers"),
            Ok(number) => Ok(Some(number)),
        },
    };
    let (uid, gid) = text.split_once(':').unwrap_or((text, ""));
    match (number(uid)?, number(gid)?) {
        (None, None) => Err("neither user nor group is given"),
        (uid, gid) => Ok(Owner { uid, gid }),
    }
}

pub(crate) fn parse_pattern(text: &str) -> Result<Pattern, String> {
    Pattern::new(text).map_err(|error| error.to_string())
}

pub(crate) fn parse_kind(text: &str) -> Result<char, &'static str> {
    match text.as_bytes() {
        [letter] if b"fdlpsbc".contains(letter) => Ok(char::from(*letter)),
        _ => Err("one of f, d, l, p, s, b, c"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_and_bounded() {
        assert_eq!(parse_mode("755"), Ok(0o755));
        assert!(parse_mode("7777").is_ok());
        for wrong in ["", "8", "10000", "-1", "rwx"] {
            assert!(parse_mode(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn intervals_are_bounded() {
        assert_eq!(parse_interval("0.25"), Ok(Duration::from_millis(250)));
        for wrong in ["", "0", "0.01", "-1", "NaN", "inf", "3601", "1s"] {
            assert!(parse_interval(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn owners_are_numbers() {
        let owner = |uid, gid| Ok(Owner { uid, gid });
        assert_eq!(parse_owner("5"), owner(Some(5), None));
        assert_eq!(parse_owner("5:6"), owner(Some(5), Some(6)));
        assert_eq!(parse_owner(":6"), owner(None, Some(6)));
        for wrong in ["", ":", "root", "5:x", "-1", "4294967295", "1:2:3"] {
            assert!(parse_owner(wrong).is_err(), "{wrong}");
        }
    }
}
