//! Plants a violation of each rule in a small clean workspace and expects the check to name it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::policy::{CrateRule, Policy};
use super::run::findings;

const POLICY: Policy = Policy {
    crates: &[
        CrateRule { folder: "rings", package: "rings", imports: &[], test_imports: &["vfs"] },
        CrateRule { folder: "vfs", package: "vfs", imports: &[&["rings"]], test_imports: &[] },
        CrateRule { folder: "arch/platform", package: "platform", imports: &[], test_imports: &[] },
    ],
    unsafe_places: &["rings/src/region.rs", "arch/"],
    target_cfg_places: &["arch/"],
    neutral_cfgs: &["all", "not", "test", "loom"],
    top_folders: &["rings", "vfs", "arch", "docs", "target"],
    long_file_lines: 20,
};

const ANNOUNCED_UNSAFE: &str = "\
//! Fixture.
#![expect(unsafe_code, reason = \"fixture\")]
unsafe fn word() {}
";

/// A workspace that breaks no rule, with what looks like violations and is none.
struct Workspace(TempDir);

impl Workspace {
    fn clean() -> Self {
        let workspace = Self(TempDir::new().unwrap());
        workspace.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"rings\", \"vfs\", \"arch/platform\"]\n",
        );
        workspace.write("rings/Cargo.toml", &manifest("rings", "bitflags = \"2\""));
        workspace.write("vfs/Cargo.toml", &manifest("vfs", "rings = { path = \"../rings\" }"));
        workspace.write(
            "arch/platform/Cargo.toml",
            &(manifest("platform", "") + "[target.'cfg(unix)'.dependencies]\nbitflags = \"2\"\n"),
        );
        workspace.write(
            "rings/fuzz/Cargo.toml",
            &(manifest("rings-fuzz", "rings = { path = \"..\" }") + "[workspace]\n"),
        );
        workspace.write("rings/fuzz/src/lib.rs", "//! Fixture.\n");
        workspace.write("rings/src/lib.rs", "//! unsafe cfg(unix)\n// unsafe { }\nmod region;\n");
        workspace.write("rings/src/region.rs", ANNOUNCED_UNSAFE);
        workspace.write(
            "vfs/src/lib.rs",
            "//! Fixture.\n#[cfg(all(test, not(loom)))]\nconst S: &str = \"unsafe cfg!(unix)\";\n",
        );
        workspace.write("arch/platform/src/lib.rs", "//! Fixture.\n#[cfg(unix)]\nmod linux;\n");
        workspace.write("arch/platform/src/linux/mod.rs", ANNOUNCED_UNSAFE);
        workspace.write("arch/platform/src/linux/calls.rs", "unsafe fn below_mod_rs() {}\n");
        workspace.write("docs/dependencies.md", "| crate | for |\n|---|---|\n| `bitflags` | a |\n");
        workspace.write("target/debug/generated.rs", "unsafe fn of_cargo() {}\n");
        workspace
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn violations(&self) -> Vec<String> {
        violations(self.0.path())
    }

    /// Expects exactly one violation, which contains each of `parts`.
    fn assert_only(&self, parts: &[&str]) {
        let violations = self.violations();
        let [only] = violations.as_slice() else { panic!("expected one, found {violations:#?}") };
        for part in parts {
            assert!(only.contains(part), "{part:?} is not in {only:?}");
        }
    }
}

fn violations(root: &Path) -> Vec<String> {
    findings(root, &POLICY).unwrap().violations.iter().map(ToString::to_string).collect()
}

fn manifest(name: &str, dependencies: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n{dependencies}\n"
    )
}

#[test]
fn a_clean_workspace_passes() {
    let found = findings(Workspace::clean().0.path(), &POLICY).unwrap();
    assert_eq!(found.violations, []);
    assert_eq!(found.warnings, []);
}

#[test]
fn an_import_against_the_table_is_named() {
    let workspace = Workspace::clean();
    workspace
        .write("arch/platform/Cargo.toml", &manifest("platform", "vfs = { path = \"../../vfs\" }"));
    workspace.assert_only(&["arch/platform/Cargo.toml:7: ", "`platform` must not import `vfs`"]);
}

#[test]
fn an_import_of_a_build_script_is_named() {
    let workspace = Workspace::clean();
    let text = manifest("vfs", "") + "[build-dependencies]\nplatform.path = \"../arch/platform\"\n";
    workspace.write("vfs/Cargo.toml", &text);
    workspace.assert_only(&["vfs/Cargo.toml:9: ", "`vfs` must not import `platform`"]);
}

#[test]
fn a_renamed_import_is_named() {
    let workspace = Workspace::clean();
    let disguised = "rings = { package = \"platform\", path = \"../arch/platform\" }";
    workspace.write("vfs/Cargo.toml", &manifest("vfs", disguised));
    workspace.assert_only(&["vfs/Cargo.toml:7: ", "`vfs` must not import `platform`"]);
}

#[test]
fn tests_import_by_their_own_column() {
    let workspace = Workspace::clean();
    let dev = |name: &str, dependency: &str| {
        manifest(name, "") + &format!("[dev-dependencies]\n{dependency}\n")
    };
    workspace.write("rings/Cargo.toml", &dev("rings", "vfs = { path = \"../vfs\" }"));
    assert_eq!(workspace.violations(), Vec::<String>::new());
    workspace.write("vfs/Cargo.toml", &dev("vfs", "platform.path = \"../arch/platform\""));
    workspace.assert_only(&["vfs/Cargo.toml:9: tests of `vfs` must not import `platform`"]);
}

#[test]
fn a_fuzz_crate_imports_its_own_crate_only() {
    let workspace = Workspace::clean();
    workspace.write(
        "rings/fuzz/Cargo.toml",
        &(manifest("rings-fuzz", "platform.path = \"../../arch/platform\"") + "[workspace]\n"),
    );
    workspace
        .assert_only(&["rings/fuzz/Cargo.toml:7: ", "`rings-fuzz` must not import `platform`"]);
}

#[test]
fn a_crate_outside_the_table_is_named() {
    let workspace = Workspace::clean();
    workspace.write("vfs/extra/Cargo.toml", &(manifest("extra", "") + "[workspace]\n"));
    workspace.write("vfs/extra/src/lib.rs", "");
    workspace.assert_only(&["vfs/extra/Cargo.toml:1: crate `extra` in vfs/extra is not in the"]);
}

#[test]
fn unsafe_outside_the_list_is_named() {
    let workspace = Workspace::clean();
    workspace.write(
        "vfs/src/lib.rs",
        "#![expect(unsafe_code, reason = \"cannot talk itself onto the list\")]\n\
         macro_rules! hidden { () => {\n unsafe {} }; }\n",
    );
    workspace.assert_only(&["vfs/src/lib.rs:3: `unsafe` in a file that is not on the list"]);
}

#[test]
fn unsafe_without_its_reason_is_named() {
    let workspace = Workspace::clean();
    for opening in [
        "//! Fixture.\n",
        "#![allow(unsafe_code, reason = \"quietly\")]\n",
        "#![expect(unsafe_code)]\n",
        "mod first {}\n#[expect(unsafe_code, reason = \"not the file's\")]\n",
    ] {
        workspace.write("rings/src/region.rs", &format!("{opening}unsafe fn word() {{}}\n"));
        workspace.assert_only(&["rings/src/region.rs:", "opens with its reason"]);
    }
}

#[test]
fn the_root_of_a_crate_announces_only_itself() {
    let workspace = Workspace::clean();
    workspace.write("arch/platform/src/lib.rs", ANNOUNCED_UNSAFE);
    workspace.write("arch/platform/src/bare.rs", "unsafe fn word() {}\n");
    workspace.assert_only(&["arch/platform/src/bare.rs:1: ", "opens with its reason"]);
}

#[test]
fn a_stale_place_on_the_list_is_named() {
    let workspace = Workspace::clean();
    workspace.write("rings/src/region.rs", "//! unsafe only in words\n");
    workspace.assert_only(&["rings/src/region.rs:1: ", "contains no unsafe"]);
}

#[test]
fn every_form_of_target_cfg_is_named() {
    for (text, line, predicate) in [
        ("#[cfg(unix)]\nmod a;", 1, "unix"),
        ("\n#[cfg(all(test, not(windows)))]\nmod a;", 2, "windows"),
        ("fn a() {\n if cfg!(target_pointer_width = \"64\") {} }", 2, "target_pointer_width"),
        ("#![cfg_attr(target_arch = \"aarch64\", no_main)]", 1, "target_arch"),
        (
            "#[cfg_attr(test, cfg_attr(target_os = \"linux\", path = \"a\"))]\nmod a;",
            1,
            "target_os",
        ),
        ("macro_rules! m { () => {\n#[cfg(target_env = \"gnu\")]\nmod a; } }", 2, "target_env"),
        ("cfg_select! {\n unix => {} }", 1, "cfg_select!"),
    ] {
        let workspace = Workspace::clean();
        workspace.write("vfs/src/lib.rs", text);
        workspace.assert_only(&[&format!("vfs/src/lib.rs:{line}: condition on `{predicate}`")]);
    }
}

#[test]
fn a_dependency_for_one_target_is_named() {
    let workspace = Workspace::clean();
    let table = "[target.'cfg(windows)'.dependencies]\nbitflags = \"2\"\n";
    workspace.write("vfs/Cargo.toml", &(manifest("vfs", "") + table));
    workspace
        .assert_only(&["vfs/Cargo.toml:9: dependency `bitflags` only for cfg(windows)", "arch/"]);
}

#[test]
fn a_dependency_for_a_way_of_testing_is_fine() {
    let workspace = Workspace::clean();
    let table = "[target.'cfg(loom)'.dependencies]\nbitflags = \"2\"\n";
    workspace.write("vfs/Cargo.toml", &(manifest("vfs", "") + table));
    assert_eq!(workspace.violations(), Vec::<String>::new());
}

#[test]
fn a_dependency_without_its_line_is_named() {
    let workspace = Workspace::clean();
    for document in [
        "`bitflags` in running text",
        "| crate | rejected |\n|---|---|\n| `enumflags2` | `bitflags` |\n",
        "- `enumflags2`: better than `bitflags`\n",
    ] {
        workspace.write("docs/dependencies.md", document);
        workspace.assert_only(&["rings/Cargo.toml:7: ", "`bitflags` has no line"]);
    }
    workspace.write("docs/dependencies.md", "- `bitflags`, `other`: both\n");
    assert_eq!(workspace.violations(), Vec::<String>::new());
}

#[test]
fn a_new_folder_at_the_top_is_named() {
    let workspace = Workspace::clean();
    workspace.write("utils/notes.txt", "");
    workspace.assert_only(&["utils/:1: is a folder that the architecture does not have"]);
}

#[test]
fn a_long_file_is_only_warned_of() {
    let workspace = Workspace::clean();
    let twenty_one = "// line\n".repeat(21);
    workspace.write("vfs/src/lib.rs", &twenty_one);
    workspace.write("vfs/src/short.rs", &format!("#[cfg(test)]\nmod tests {{\n{twenty_one}}}\n"));
    workspace.write("vfs/tests/scenario.rs", &twenty_one);
    let found = findings(workspace.0.path(), &POLICY).unwrap();
    assert_eq!(found.violations, []);
    let warned: Vec<_> = found.warnings.iter().map(|one| one.file.as_str()).collect();
    assert_eq!(warned, ["vfs/src/lib.rs"]);
}

#[test]
fn a_file_that_is_not_rust_fails_with_its_place() {
    let workspace = Workspace::clean();
    workspace.write("vfs/src/lib.rs", "\nfn open( {\n");
    let error = findings(workspace.0.path(), &POLICY).map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("vfs/src/lib.rs:"), "{error}");
}
