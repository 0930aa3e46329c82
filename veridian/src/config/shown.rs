//! What holds, to be shown: each setting with its value as in a file, and where that comes from.

use super::configuration::Configuration;

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// Its key.
    pub key: String,
    /// Its value, as it would be written in a file.
    pub value: String,
    /// The layer that it comes from.
    pub layer: String,
    /// Where in that layer: `file:line:column`, a variable.
    pub place: String,
}

/// Every setting, in the order of the tables.
#[must_use]
pub fn show(configuration: &Configuration) -> Vec<Shown> {
    let shown = |key: String| {
        let entry = configuration.entry(&key)?;
        Some(Shown {
            value: entry.value.to_string(),
            layer: entry.place.layer().to_owned(),
            place: entry.place.to_string(),
            key,
        })
    };
    configuration.keys().into_iter().filter_map(shown).collect()
}

impl Shown {
    /// As a line, to be passed on.
    pub(super) fn encode(&self) -> String {
        // None of these has control characters in it: values are written as in a file.
        [&*self.key, &*self.value, &*self.layer, &*self.place].join("\t")
    }

    /// What [`Shown::encode`] has written.
    #[must_use]
    pub fn decode(line: &str) -> Option<Self> {
        let mut fields = line.split('\t').map(str::to_owned);
        let mut next = || fields.next();
        Some(Self { key: next()?, value: next()?, layer: next()?, place: next()? })
    }
}
