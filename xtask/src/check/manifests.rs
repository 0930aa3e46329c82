//! What Cargo says about the crates: names, folders and direct dependencies of every kind.
//!
//! `cargo metadata --no-deps` is asked once for the workspace and once for each crate that stands
//! outside it (the fuzz crates). It needs no network and no lock file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// One crate of ours.
#[derive(Deserialize)]
pub(crate) struct Package {
    /// What Cargo calls it.
    pub(crate) name: String,
    /// Its direct dependencies.
    pub(crate) dependencies: Vec<Dependency>,
    manifest_path: PathBuf,
    /// Its folder, from the workspace's root.
    #[serde(skip)]
    pub(crate) folder: String,
    #[serde(skip)]
    manifest_text: String,
}

/// One direct dependency.
#[derive(Deserialize)]
pub(crate) struct Dependency {
    /// The package depended on, whatever it is renamed to.
    pub(crate) name: String,
    rename: Option<String>,
    /// Where it comes from; `None` for a folder of this machine.
    pub(crate) source: Option<String>,
    /// What it is needed for.
    #[serde(default, deserialize_with = "kind")]
    pub(crate) kind: Kind,
    /// The machines that it is for; `None` for all.
    pub(crate) target: Option<String>,
}

/// What a dependency is needed for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The crate itself or its build script.
    #[default]
    Product,
    /// Tests, examples and benches.
    Tests,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

impl Package {
    /// The manifest's path from the workspace's root.
    pub(crate) fn manifest(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// The first line of the manifest that names a dependency, or 1.
    pub(crate) fn line_of(&self, dependency: &Dependency) -> usize {
        let key = dependency.rename.as_ref().unwrap_or(&dependency.name);
        let names = |line: &str| {
            let key_at_start = line.trim_start().trim_start_matches('"').strip_prefix(key.as_str());
            key_at_start.is_some_and(|rest| rest.starts_with([' ', '=', '.', '"']))
                || line.contains(&format!("dependencies.{key}]"))
        };
        self.manifest_text.lines().position(names).map_or(1, |index| index + 1)
    }
}

/// The crates of the workspace at `root` and those in `crate_folders` that are outside it.
pub(crate) fn read(root: &Path, crate_folders: &[String]) -> Result<Vec<Package>> {
    let root = root.canonicalize().with_context(|| format!("no folder {}", root.display()))?;
    let mut packages = ask_cargo(&root, &root)?;
    for folder in crate_folders {
        if !packages.iter().any(|package| package.folder == *folder) {
            packages.extend(ask_cargo(&root, &root.join(folder))?);
        }
    }
    Ok(packages)
}

fn ask_cargo(root: &Path, folder: &Path) -> Result<Vec<Package>> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--offline", "--format-version=1", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .current_dir(root)
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let mut metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    for package in &mut metadata.packages {
        let folder = package.manifest_path.parent().unwrap_or(root);
        package.folder = folder.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
        package.manifest_text = fs::read_to_string(&package.manifest_path)?;
    }
    Ok(metadata.packages)
}

/// Cargo writes `null` for a normal dependency, else "build" or "dev".
fn kind<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    let word = Option::<String>::deserialize(deserializer)?;
    Ok(if word.as_deref() == Some("dev") { Kind::Tests } else { Kind::Product })
}
