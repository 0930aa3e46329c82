//! Where a configuration is read from: files, variables, the command line. A list of texts, so that
//! who starts a system can pass it to init, which reads the files again when it is told to.
//!
//! As bytes, each part is a letter and a text, ended by a 0:
//!
//! | letter | text                                          |
//! |--------|-----------------------------------------------|
//! | f      | an absolute path: a file, or a directory of them |
//! | v      | a variable of the environment, `NAME=VALUE`   |
//! | s      | a setting of the command line, `KEY=VALUE`    |

use super::key;
use super::problem::{Place, Problem, Source};
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Read if nothing else is named.
const DIRECTORY: &str = "/etc/veridian";
/// Longest file, bytes.
const LONGEST: u64 = 1 << 20;
/// Most files of a directory.
const MOST_FILES: usize = 256;

/// What a configuration is made of, besides what is built in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Files, or directories of files, in the order in which they are read.
    pub(super) paths: Vec<PathBuf>,
    /// Variables of the environment that are settings.
    pub(super) variables: Vec<(String, String)>,
    /// Settings of the command line.
    pub(super) settings: Vec<(String, String)>,
}

impl Sources {
    /// These paths, or what is in `/etc/veridian`; the environment of this process; these settings.
    ///
    /// # Errors
    /// A path or a variable that is no text, or cannot be made absolute.
    pub fn of_process(paths: &[PathBuf], settings: &[(String, String)]) -> Result<Self, String> {
        let named = paths.iter().map(|path| {
            let absolute = std::path::absolute(path);
            absolute.map_err(|error| format!("{}: {error}", path.display()))
        });
        let mut paths = named.collect::<Result<Vec<_>, _>>()?;
        if paths.is_empty() && fs::symlink_metadata(DIRECTORY).is_ok() {
            paths.push(DIRECTORY.into());
        }
        let mut variables = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().filter(|name| key::is_of_settings(name)) else {
                continue;
            };
            let value = value.into_string().map_err(|_| format!("{name}: is not text in UTF-8"))?;
            variables.push((name.to_owned(), value));
        }
        variables.sort();
        Ok(Self { paths, variables, settings: settings.to_vec() })
    }

    /// These settings alone.
    #[must_use]
    pub fn of_settings(settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        Self { settings: settings.collect(), ..Self::default() }
    }

    /// The same but for files: for when those cannot be read any more.
    #[must_use]
    pub fn without_files(self) -> Self {
        Self { paths: Vec::new(), ..self }
    }

    /// As bytes, to pass on.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut part = |letter: u8, text: &[&[u8]]| {
            bytes.push(letter);
            text.iter().for_each(|each| bytes.extend_from_slice(each));
            bytes.push(0);
        };
        for path in &self.paths {
            part(b'f', &[path.as_os_str().as_bytes()]);
        }
        for (letter, pairs) in [(b'v', &self.variables), (b's', &self.settings)] {
            for (name, value) in pairs {
                part(letter, &[name.as_bytes(), b"=", value.as_bytes()]);
            }
        }
        bytes
    }

    /// What [`Sources::encode`] has written; none if it is anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut sources = Self::default();
        let Some(bytes) = bytes.strip_suffix(&[0]) else {
            return bytes.is_empty().then_some(sources);
        };
        for part in bytes.split(|byte| *byte == 0) {
            let (letter, text) = part.split_first()?;
            let pair = || {
                let (name, value) = str::from_utf8(text).ok()?.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            };
            match letter {
                b'f' => sources.paths.push(PathBuf::from(std::ffi::OsStr::from_bytes(text))),
                b'v' => sources.variables.push(pair()?),
                b's' => sources.settings.push(pair()?),
                _ => return None,
            }
        }
        Some(sources)
    }

    /// Every file with its contents, and what could not be read.
    pub(super) fn files(&self) -> (Vec<(Source, Vec<u8>)>, Vec<Problem>) {
        let (mut files, mut problems) = (Vec::new(), Vec::new());
        let mut turn = 0;
        let mut next = |path: &Path| {
            turn += 1;
            Source { turn, name: Arc::from(path.display().to_string()) }
        };
        for path in &self.paths {
            match expand(path) {
                Ok(paths) => {
                    for path in paths {
                        let source = next(&path);
                        match contents(&path) {
                            Ok(bytes) => files.push((source, bytes)),
                            Err(what) => problems.push(Problem::new(&Place::Whole(source), what)),
                        }
                    }
                }
                Err(what) => problems.push(Problem::new(&Place::Whole(next(path)), what)),
            }
        }
        (files, problems)
    }
}

/// The file itself, or of a directory its `*.toml` in the order of their names.
fn expand(path: &Path) -> Result<Vec<PathBuf>, String> {
    let metadata = fs::metadata(path).map_err(|error| explain(&error))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| explain(&error))? {
        let path = entry.map_err(|error| explain(&error))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
        if paths.len() > MOST_FILES {
            return Err(format!("has more than {MOST_FILES} files"));
        }
    }
    paths.sort();
    Ok(paths)
}

/// A file's bytes. Only of regular files: others may keep a reader waiting for ever.
fn contents(path: &Path) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|error| explain(&error))?;
    if !metadata.is_file() {
        return Err("is no file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| explain(&error))?;
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| explain(&error))?;
    if bytes.len() as u64 > LONGEST {
        return Err("is larger than 1 MiB, the most that is read".to_owned());
    }
    Ok(bytes)
}

fn explain(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::PermissionDenied => "no right to read it".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_passed_on_arrives(
            paths in proptest::collection::vec("/[^\0]{0,9}", 0..4),
            variables in proptest::collection::vec(("[^\0=]{0,9}", "[^\0]{0,9}"), 0..4),
            settings in proptest::collection::vec(("[^\0=]{0,9}", "[^\0]{0,9}"), 0..4),
        ) {
            let paths = paths.into_iter().map(PathBuf::from).collect();
            let sources = Sources { paths, variables, settings };
            prop_assert_eq!(Sources::decode(&sources.encode()), Some(sources));
        }

        #[test]
        fn no_bytes_are_read_wrongly(bytes: Vec<u8>) {
            if let Some(sources) = Sources::decode(&bytes) {
                prop_assert_eq!(Sources::decode(&sources.encode()), Some(sources));
            }
        }
    }
}
