//! Rights as they are written in a configuration: `logger: connect, write`.

use super::nearest::did_you_mean;
use capability::Rights;
use control::message::Name;

/// The name of a right: the constant's, small and with hyphens.
fn written(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// A service's name and rights on it.
pub(super) fn parse(text: &str) -> Result<(String, Rights), String> {
    const FORM: &str = "write a service, a colon and its rights, such as \"logger: connect\"";
    let (service, list) = text.split_once(':').ok_or(FORM)?;
    let service = service.trim();
    service.parse::<Name>().map_err(|_| FORM)?;
    let mut rights = Rights::empty();
    for word in list.split(',').map(str::trim) {
        let known = |name: &str| written(name) == word;
        let found = Rights::all().iter_names().find(|(name, _)| known(name));
        rights |= found.map(|(_, right)| right).ok_or_else(|| {
            let names: Vec<_> = Rights::all().iter_names().map(|(name, _)| written(name)).collect();
            let hint = did_you_mean(word, names.iter().map(String::as_str));
            format!("there is no such right{hint}; allowed: {}", names.join(", "))
        })?;
    }
    Ok((service.to_owned(), rights))
}

/// The same as text.
pub(super) fn format(service: &str, rights: Rights) -> String {
    let names: Vec<_> = rights.iter_names().map(|(name, _)| written(name)).collect();
    format!("{service}: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_right_can_be_written() {
        let all = format("vfs", Rights::all());
        assert_eq!(parse(&all), Ok(("vfs".to_owned(), Rights::all())));
        for wrong in ["", "vfs", "vfs:", ": read", "vfs: fly", "V: read", "vfs: read,"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("vfs: raed").unwrap_err().contains("did you mean 'read'?"));
    }
}
