//! The `bench` program from outside: what a short run prints and writes, and what it leaves behind.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

fn bench(arguments: &[&str], temporary: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(arguments)
        .env("TMPDIR", temporary)
        .output()
        .unwrap()
}

/// Runs one bench shortly and returns its JSON rows. It is to leave no file and no mount behind.
fn rows(name: &str) -> Vec<Value> {
    let directory = TempDir::new().unwrap();
    let (json, svg) = (directory.path().join("rows.json"), directory.path().join("plot.svg"));
    let files = TempDir::new().unwrap();
    let arguments = [
        "--quick",
        "--only",
        name,
        "--json",
        json.to_str().unwrap(),
        "--svg",
        svg.to_str().unwrap(),
    ];
    let output = bench(&arguments, files.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains(name) && table.contains("conditions"), "{table}");
    assert!(std::fs::read_to_string(svg).unwrap().ends_with("</svg>\n"));
    assert_eq!(std::fs::read_dir(files.path()).unwrap().count(), 0, "files left behind");
    assert!(!is_mounted_below(files.path()), "a mount left behind");
    let json = std::fs::read_to_string(json).unwrap();
    json.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn is_mounted_below(directory: &Path) -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    mounts.contains(directory.to_str().unwrap())
}

/// Whether this machine lets us mount.
fn can_mount() -> bool {
    let device = std::fs::File::options().read(true).write(true).open("/dev/fuse");
    let helper = Command::new("fusermount3").arg("-V").output();
    device.is_ok() && (rustix::process::geteuid().is_root() || helper.is_ok())
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_else(|| panic!("{key} is missing in {row}"))
}

/// Either figures in the right order or the reason why there are none.
fn check(row: &Value) {
    if row["samples"] == 0 {
        assert!(!text(row, "not_observed").is_empty());
        return;
    }
    let ns = |key| row[key].as_f64().unwrap_or_else(|| panic!("{key} is missing in {row}"));
    assert!(0.0 < ns("p50_ns") && ns("p50_ns") <= ns("p99_ns") && ns("p99_ns") <= ns("p999_ns"));
    assert!(ns("cpu_ns_client") > 0.0);
    assert!(row.get("ratio_to_us").is_some());
}

#[test]
fn round_trips_have_a_row_for_every_contender_and_placement() {
    let rows = rows("ring_round_trip");
    rows.iter().for_each(check);
    let found: BTreeSet<(&str, &str, &str)> = rows
        .iter()
        .map(|row| (text(row, "who"), text(row, "placement"), text(row, "mode")))
        .collect();
    assert_eq!(found.len(), rows.len(), "a row is there twice");
    for placement in ["near", "far", "one-core"] {
        for who in ["flag", "eventfd", "pipe", "unix"] {
            assert!(found.contains(&(who, placement, "sleeping")), "{who} {placement}");
        }
        assert!(found.contains(&("flag", placement, "polling")), "{placement}");
        assert!(found.contains(&("io_uring", placement, "polling")), "{placement}");
    }
    assert!(found.contains(&("iceoryx2", "far", "polling")));
    let one_core = rows.iter().filter(|row| text(row, "placement") == "one-core");
    // The kernel serves io_uring, and without a system there is no service of ours.
    for row in one_core.filter(|row| !["io_uring", "veridian"].contains(&text(row, "who"))) {
        assert!(row["cpu_ns_server"].as_f64().unwrap() > 0.0, "no server time in {row}");
    }
}

#[test]
fn pipelines_and_streams_are_given_per_operation() {
    for name in ["ring_depth_32", "spsc_stream"] {
        let rows = rows(name);
        rows.iter().for_each(check);
        for row in rows.iter().filter(|row| row["samples"] != 0) {
            assert_eq!(row["per_op_ns"], row["p50_ns"]);
        }
    }
}

#[test]
fn files_are_opened_and_read() {
    for name in ["open_close", "read_4k", "read_4k_grant_depth_8"] {
        rows(name).iter().for_each(check);
    }
}

/// Every contender is there in each placement, with figures where the placement was seen.
fn check_contenders(rows: &[Value], contenders: &[&str]) {
    rows.iter().for_each(check);
    for who in contenders {
        let own = rows.iter().filter(|row| text(row, "who") == *who);
        let seen: Vec<&Value> = own.filter(|row| row["samples"] != 0).collect();
        assert!(seen.iter().any(|row| text(row, "placement") == "one-core"), "{who} in {rows:?}");
    }
}

#[test]
fn metadata_is_measured_beside_the_kernels() {
    for name in ["metadata_stat", "metadata_readdir", "metadata_create", "metadata_unlink"] {
        check_contenders(&rows(name), &["veridian"]);
    }
}

#[test]
fn mounts_are_measured_beside_their_peers() {
    let mut benches = vec!["fuse_stat", "fuse_open_close", "fuse_readdir", "fuse_create_unlink"];
    benches.extend(["fuse_read_4k_cached", "fuse_read_4k_direct", "fuse_write_4k"]);
    benches.extend(["fuse_read_128k", "fuse_write_128k"]);
    for name in benches {
        let rows = rows(name);
        if can_mount() {
            check_contenders(&rows, &["veridian", "fuser", "fuser-cached"]);
        } else {
            rows.iter().for_each(check);
        }
    }
}

#[test]
fn a_mount_goes_when_the_bench_is_killed() {
    if !can_mount() {
        return println!("not run: needs /dev/fuse, and root or fusermount3");
    }
    for signal in [Signal::INT, Signal::KILL] {
        let files = TempDir::new().unwrap();
        let mut bench = Command::new(env!("CARGO_BIN_EXE_bench"))
            .args(["--only", "fuse_stat", "--seconds", "600"])
            .env("TMPDIR", files.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        await_that("nothing is mounted", || is_mounted_below(files.path()));
        kill_process(Pid::from_child(&bench), signal).unwrap();
        bench.wait().unwrap();
        await_that("the mount stays", || !is_mounted_below(files.path()));
    }
}

fn await_that(otherwise: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "{otherwise}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn files_are_made_and_counted() {
    let directory = TempDir::new().unwrap();
    let json = directory.path().join("rows.json");
    let arguments = ["--quick", "--only", "million_files", "--json", json.to_str().unwrap()];
    let output = bench(&arguments, directory.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("10000 empty files"), "{table}");
    let json = std::fs::read_to_string(json).unwrap();
    let rows: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ours = rows.iter().find(|row| row["who"] == "veridian").unwrap();
    let bytes = |key: &str| ours[key].as_f64().unwrap_or_else(|| panic!("{key} in {ours}"));
    // The account is to be neither a guess nor a fraction of what is there.
    let (accounted, resident) = (bytes("accounted_bytes"), bytes("resident_bytes"));
    assert!(accounted > 0.6 * resident && accounted < 1.6 * resident, "{ours}");
    assert!(bytes("create_ns") > 0.0 && bytes("list_ns") > 0.0, "{ours}");
}

#[test]
fn an_unknown_bench_is_an_error_that_names_the_others() {
    let output = bench(&["--only", "ring_trip"], Path::new("/tmp"));
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("ring_trip") && error.contains("ring_round_trip"), "{error}");
}
