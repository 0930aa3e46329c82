//! The files of a workspace: every Rust source, as text and tokens, and every manifest.
//!
//! All that is below the root is read, whether a crate mentions it or not, but for hidden folders
//! and what Cargo builds. Paths are from the root and use `/`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use proc_macro2::TokenStream;

/// One Rust source.
pub(crate) struct Source {
    /// From the workspace's root.
    pub(crate) path: String,
    /// As it is on disk.
    pub(crate) text: String,
    /// Its tokens, with the lines they are on.
    pub(crate) tokens: TokenStream,
}

/// What a workspace consists of.
pub(crate) struct Tree {
    /// Sorted by path.
    pub(crate) sources: Vec<Source>,
    /// Folders that hold a `Cargo.toml`, the root's own not among them; sorted.
    pub(crate) crate_folders: Vec<String>,
    /// The folders at the top, hidden ones too; sorted.
    pub(crate) top_folders: Vec<String>,
}

impl Tree {
    /// Reads all below `root`. Fails on what cannot be read, or is not Rust in a file that says so.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut tree =
            Self { sources: Vec::new(), crate_folders: Vec::new(), top_folders: Vec::new() };
        tree.read_folder(root, "")?;
        tree.sources.sort_by(|a, b| a.path.cmp(&b.path));
        tree.crate_folders.sort();
        tree.top_folders.sort();
        Ok(tree)
    }

    /// The source at `path`.
    pub(crate) fn source(&self, path: &str) -> Option<&Source> {
        let index = self.sources.binary_search_by(|source| source.path.as_str().cmp(path)).ok()?;
        self.sources.get(index)
    }

    /// Reads the folder `path`, which is `""` for the root and ends in `/` otherwise.
    fn read_folder(&mut self, root: &Path, path: &str) -> Result<()> {
        let folder = root.join(path);
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if path.is_empty() {
                    self.top_folders.push(name.clone());
                }
                if !name.starts_with('.') && name != "target" {
                    self.read_folder(root, &format!("{path}{name}/"))?;
                }
            } else if name == "Cargo.toml" && !path.is_empty() {
                self.crate_folders.push(path.trim_end_matches('/').to_owned());
            } else if name.ends_with(".rs") {
                self.sources.push(Source::read(root, format!("{path}{name}"))?);
            }
        }
        Ok(())
    }
}

impl Source {
    fn read(root: &Path, path: String) -> Result<Self> {
        let text = fs::read_to_string(root.join(&path)).with_context(|| path.clone())?;
        let tokens = text.parse().map_err(|error: proc_macro2::LexError| {
            anyhow!("{path}:{}: not Rust: {error}", error.span().start().line)
        })?;
        Ok(Self { path, text, tokens })
    }
}
