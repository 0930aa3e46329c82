//! config: what is wrong with files, what holds and why, and changes of a running system.

use crate::support::{Ran, command, run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const BROKEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/broken");

fn files(ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(BROKEN).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|it| it == ending)).collect();
    files.sort();
    files
}

/// Each file of `tests/config/broken` has the lines beside it that are told of it;
/// `VERIDIAN_WRITE=1` writes them.
#[test]
fn everything_that_is_wrong_is_told_a_line_each() {
    let broken = files("toml");
    assert!(broken.len() >= 20, "{broken:?}");
    for file in broken {
        let ran = run(["config".as_ref(), "check".as_ref(), file.as_os_str()]);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "{}", file.display());
        let text = String::from_utf8(ran.stdout).unwrap();
        assert!(!text.is_empty() && text.lines().all(|line| line.starts_with(BROKEN)), "{text}");
        let told = text.replace(&format!("{BROKEN}/"), "");
        let expected = file.with_extension("expected");
        if std::env::var_os("VERIDIAN_WRITE").is_some() {
            fs::write(&expected, &told).unwrap();
        }
        let wanted = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(told, wanted, "{}", file.display());
    }
}

#[test]
fn several_files_are_checked_together() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("1.toml", "[units.a]\ncommand = [\"/bin/a\"]\n");
    write("2.toml", "[units.a]\nneeds = [\"vfs\"]\n[limits]\nmax_clients = 0\n");
    write("3.other", "not read");
    let ran = run(["config".as_ref(), "check".as_ref(), directory.path().as_os_str()]);
    let told = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(ran.code, Some(1));
    let [first, second] = told.lines().collect::<Vec<_>>()[..] else { panic!("{told}") };
    assert!(first.contains("2.toml:2:9: unit a is in ") && first.contains("1.toml already"));
    assert!(second.contains("2.toml:4:15: limits.max_clients is 0"));
    let missing = run(["config", "check", "/nonexistent.toml"]);
    let told = String::from_utf8(missing.stdout).unwrap();
    assert_eq!(told, "/nonexistent.toml: there is no such file\n");
}

/// What a command's settings are, by key: value and place.
fn shown(text: &str, key: &str) -> (String, String) {
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let found = all.into_iter().find(|setting| setting["key"] == key).unwrap();
    let field = |name: &str| found.get(name).and_then(Value::as_str).unwrap().to_owned();
    (field("value"), field("place"))
}

#[test]
fn later_layers_hold_and_every_origin_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    fs::write(file("a.toml"), "[limits]\nmax_clients = 1\nmax_queues = 2\nmax_entries = 4\n")
        .unwrap();
    fs::write(file("b.toml"), "limits.max_queues = 3\n\nunits.vfs.restart = \"never\"\n").unwrap();
    let path = directory.path().to_str().unwrap();
    let mut show = command(["config", "show", "--json", "--config", path]);
    show.args(["--set", "limits.max_entries=16", "--set", "limits.max_arena=1 MiB"]);
    show.env("VERIDIAN_LIMITS_MAX_ENTRIES", "8").env("VERIDIAN_UNITS_VFS_STOP_WITHIN", "1s");
    let text = Ran::from(show.output().unwrap()).ok();
    for (key, value, place) in [
        ("limits.max_clients", "1", format!("{path}/a.toml:2:15")),
        ("limits.max_queues", "3", format!("{path}/b.toml:1:21")),
        ("limits.max_entries", "16", "--set limits.max_entries".to_owned()),
        ("limits.max_arena", "\"1 MiB\"", "--set limits.max_arena".to_owned()),
        ("limits.max_capabilities", "4096", "built in".to_owned()),
        ("units.vfs.restart", "\"never\"", format!("{path}/b.toml:3:21")),
        ("units.vfs.stop_within", "\"1s\"", "VERIDIAN_UNITS_VFS_STOP_WITHIN".to_owned()),
    ] {
        assert_eq!(shown(&text, key), (value.to_owned(), place), "{key}");
    }
}

#[test]
fn what_is_shown_is_a_file_that_says_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shown.toml");
    let set = ["--set", "units.a.command=[\"/bin/a\", \"\\\"\"]", "--set", "auth.idle=1m 1s"];
    let show = |arguments: &[&str]| run(["config", "show"].iter().chain(arguments)).ok();
    let first = show(&set);
    fs::write(&file, &first).unwrap();
    assert_eq!(show(&["--config", file.to_str().unwrap()]), first);
}

#[test]
fn wrong_variables_and_settings_are_told_by_their_names() {
    let mut check = command(["config", "check", "--set", "limits.max_client=1"]);
    check.env("VERIDIAN_LIMITS_MAX_CLIENT", "1").env("VERIDIAN_LIMITS_MAX_QUEUES", "many");
    check.env("VERIDIAN_SOMETHING_ELSE", "1");
    let ran = Ran::from(check.output().unwrap());
    let told = String::from_utf8(ran.stdout).unwrap();
    let lines: Vec<_> = told.lines().collect();
    assert_eq!((ran.code, lines.len()), (Some(1), 3), "{told}");
    assert!(lines[0].starts_with("VERIDIAN_LIMITS_MAX_CLIENT: ") && lines[0].contains("did you"));
    assert!(lines[1].starts_with("VERIDIAN_LIMITS_MAX_QUEUES: limits.max_queues is \"many\""));
    assert!(lines[2].starts_with("--set limits.max_client: "), "{told}");
}

#[test]
fn a_system_with_a_broken_configuration_does_not_start() {
    let file = Path::new(BROKEN).join("27-everything.toml");
    let ran = run(["run", "--config", file.to_str().unwrap(), "--", "true"]);
    assert!(ran.stderr.contains("6 things are wrong"), "{ran:?}");
    ran.fails(1, ":9:8: auth.idle is true");
}

/// A script's system is configured by `directory`.
fn sh(directory: &Path, script: &str) -> Ran {
    let config = directory.to_str().unwrap();
    run(["run", "--config", config, "--", "sh", "-c", script, crate::support::PROGRAM])
}

#[test]
fn a_reload_takes_everything_or_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a.toml");
    fs::write(&file, "[limits]\nmax_clients = 100\n").unwrap();
    let script = format!(
        r#"say() {{ $0 config show --json | grep -e '"limits.max_clients"' -e '"limits.max_queues"' ; }}
        set -e; say
        printf '[limits]\nmax_clients = 90\nmax_queues = 0\n[units.vfs]\nneeds = ["x"]\n' > {file}
        ! $0 config reload || exit 9
        say
        printf '[limits]\nmax_clients = 90\n[system]\naddress = "@other"\n' > {file}
        ! $0 config reload || exit 9
        say
        printf '[limits]\nmax_clients = 90\nmax_queues = 5\n' > {file}
        $0 config reload
        say"#,
        file = file.display()
    );
    let ran = sh(directory.path(), &script);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let stdout = String::from_utf8(ran.stdout.clone()).unwrap();
    let lines: Vec<_> = stdout.lines().collect();
    let value = |at: usize| serde_json::from_str::<Value>(lines[at]).unwrap()["value"].clone();
    for (at, expected) in ["100", "16", "100", "16", "100", "16"].into_iter().enumerate() {
        assert_eq!(value(at), expected, "{ran:?}");
    }
    assert_eq!(
        lines[6..8],
        ["limits.max_clients = 90 (was 100)", "limits.max_queues = 5 (was 16)"]
    );
    assert_eq!((value(8), value(9)), ("90".into(), "5".into()));
    for said in [
        ":3:14: limits.max_queues is 0",
        ":5:9: units.vfs.needs names 'x'",
        ":4:11: system.address cannot change from \"none\" to \"@other\" while the system runs",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    }
}

#[test]
fn a_setting_that_is_set_counts_until_the_next_reload() {
    let directory = tempfile::tempdir().unwrap();
    let script = r#"set -e
        $0 config set limits.max_queues 1
        $0 config show --origin | grep max_queues
        ! $0 config set limits.max_queues 0 || exit 9
        ! $0 config set limits.max_queue 1 || exit 9
        ! $0 config set units.vfs.enabled false || exit 9
        ! $0 config set units.new.command /bin/new || exit 9
        $0 config set vfs.memory_share 10
        $0 restart vfs && tr '\0' ' ' < /proc/$($0 status --json | sed 's/.*"name":"vfs"//' | grep -o '"pid":[0-9]*' | head -1 | cut -d: -f2)/cmdline; echo
        $0 config reload"#;
    let ran = sh(directory.path(), script);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let stdout = String::from_utf8(ran.stdout.clone()).unwrap();
    for said in [
        "limits.max_queues = 1 (was 16)",
        "# config set limits.max_queues",
        "vfs.memory_share = 10 (was 50); counts after `veridian restart vfs`",
        "service vfs --set vfs.memory_share=10",
        "limits.max_queues = 16 (was 1)",
    ] {
        assert!(stdout.contains(said), "{said}: {ran:?}");
    }
    for said in [
        "limits.max_queues is \"0\"; allowed: a whole number from 1 to 64",
        "did you mean 'max_queues'?",
        "units.vfs.enabled cannot change from true to false while the system runs",
        "unit new cannot be added while the system runs",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    }
}
