//! What the code is held to: the tables of docs/architecture.md, as data.
//!
//! Change the document and this file together. A folder ends in `/` and stands for all below it.

/// Everything that the rules need to know about a workspace.
pub(crate) struct Policy {
    /// Who may import whom.
    pub(crate) crates: &'static [CrateRule],
    /// Files and folders that may contain `unsafe`.
    pub(crate) unsafe_places: &'static [&'static str],
    /// Folders that may ask what machine they are compiled for.
    pub(crate) target_cfg_places: &'static [&'static str],
    /// What any file may ask in a `cfg`: nothing of it depends on the machine.
    pub(crate) neutral_cfgs: &'static [&'static str],
    /// The folders that may be at the top.
    pub(crate) top_folders: &'static [&'static str],
    /// Lines of a file, its tests not counted, above which it should be split.
    pub(crate) long_file_lines: usize,
}

/// One row of the import table.
pub(crate) struct CrateRule {
    /// Where the crate is, from the workspace's root.
    pub(crate) folder: &'static str,
    /// What Cargo calls it.
    pub(crate) package: &'static str,
    /// Packages of ours that it may depend on, in groups.
    pub(crate) imports: &'static [&'static [&'static str]],
    /// Packages of ours that its tests may depend on besides.
    pub(crate) test_imports: &'static [&'static str],
}

/// What a service may import: these, and never another service.
const PLANES: &[&str] = &["rings", "dataplane", "control", "capability"];
const SERVICES: &[&str] = &["init", "auth", "logger", "storage", "vfs", "net", "devmgr"];
const MACHINES: &[&str] = &["abi", "kernel", "platform", "host"];

/// The rules of this workspace.
pub(crate) const POLICY: Policy = Policy {
    crates: &[
        row("rings", "rings", &[]),
        row("dataplane", "dataplane", &[&["rings"]]),
        row("control/capability", "capability", &[]),
        row("control", "control", &[&["rings", "dataplane", "capability"]]),
        row("control/init", "init", &[PLANES]),
        row("control/auth", "auth", &[PLANES]),
        row("control/logger", "logger", &[PLANES]),
        row("storage", "storage", &[PLANES]),
        row("vfs", "vfs", &[PLANES]),
        row("net", "net", &[PLANES]),
        row("devmgr", "devmgr", &[PLANES]),
        row("arch/abi", "abi", &[]),
        row("arch/kernel", "kernel", &[&["abi", "capability"]]),
        row("arch/platform", "platform", &[PLANES, &["abi"]]),
        row("arch/host", "host", &[&["rings", "dataplane", "control", "platform"]]),
        row("arch/capi", "capi", &[&["rings", "dataplane", "control", "platform"]]),
        row("arch/capi/library", "libveridian", &[&["capi"]]),
        row("veridian", "veridian", &[PLANES, SERVICES, MACHINES]),
        // The benches measure the program too; nothing else may name it.
        row("benches", "benches", &[PLANES, SERVICES, MACHINES, &["veridian", "capi"]]),
        row("xtask", "xtask", &[]),
    ],
    unsafe_places: &[
        "rings/src/region.rs",
        // Fake memories: heap words as regions.
        "dataplane/tests/support/memory.rs",
        "vfs/tests/support/machine.rs",
        "arch/",
        // What the peers' interfaces require.
        "benches/src/shared.rs",
        "benches/src/uring.rs",
        // Our own interface for C, called as C calls it.
        "benches/src/c_client.rs",
    ],
    target_cfg_places: &["arch/"],
    neutral_cfgs: &[
        // How conditions are put together.
        "all",
        "any",
        "not",
        "true",
        "false",
        // How the code is built.
        "test",
        "doc",
        "doctest",
        "debug_assertions",
        "feature",
        // How it is tested.
        "loom",
        "miri",
        "fuzzing",
    ],
    top_folders: &[
        "rings",
        "dataplane",
        "control",
        "storage",
        "vfs",
        "net",
        "devmgr",
        "arch",
        "veridian",
        "benches",
        "docs",
        "xtask",
        ".ci",
        ".cargo",
        // What git and Cargo keep.
        ".git",
        "target",
    ],
    long_file_lines: 500,
};

/// A crate whose tests import no more than it does itself.
const fn row(
    folder: &'static str,
    package: &'static str,
    imports: &'static [&'static [&'static str]],
) -> CrateRule {
    CrateRule { folder, package, imports, test_imports: &[] }
}

impl Policy {
    /// The row of a package.
    pub(crate) fn crate_named(&self, package: &str) -> Option<&'static CrateRule> {
        self.crates.iter().find(|rule| rule.package == package)
    }

    /// The row of the crate that a fuzz crate belongs to: the one in the folder above it.
    pub(crate) fn crate_fuzzed_by(&self, folder: &str) -> Option<&'static CrateRule> {
        let owner = folder.strip_suffix("/fuzz")?;
        self.crates.iter().find(|rule| rule.folder == owner)
    }
}

/// Whether `file` is one of `places`, or below one that is a folder.
pub(crate) fn is_within(file: &str, places: &[&str]) -> bool {
    places.iter().any(|place| covers(place, file))
}

/// Whether a place of a list stands for `file`.
pub(crate) fn covers(place: &str, file: &str) -> bool {
    if place.ends_with('/') { file.starts_with(place) } else { file == place }
}
