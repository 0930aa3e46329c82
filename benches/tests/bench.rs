//! The `bench` program from outside: what a short run prints and writes, and what it leaves behind.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

fn bench(arguments: &[&str], temporary: &Path) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(arguments)
        .env("TMPDIR", temporary)
        .output()
        .unwrap()
}

/// Runs one bench shortly and returns its JSON rows.
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
    let json = std::fs::read_to_string(json).unwrap();
    json.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
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

#[test]
fn an_unknown_bench_is_an_error_that_names_the_others() {
    let output = bench(&["--only", "ring_trip"], Path::new("/tmp"));
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("ring_trip") && error.contains("ring_round_trip"), "{error}");
}
