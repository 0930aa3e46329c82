//! The fuzz crates, which stand outside the workspace: their format, and a short run of each
//! target.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use super::shell::Shell;

/// The crates that parse what others write; each may have a crate `fuzz/` inside.
const FUZZED: &[&str] = &["rings", "dataplane", "control", "control/logger"];

/// Names how long each target runs, s; usually so long.
const SECONDS: &str = "VERIDIAN_FUZZ_SECONDS";
const USUAL_SECONDS: u32 = 10;
const RUNS_A_TARGET: i64 = 5_000_000;

/// Holds the format of the fuzz crates, which `cargo fmt --all` does not see.
pub(crate) fn check_format(shell: &Shell) -> Result<()> {
    for fuzzed in present(shell) {
        shell.run(&format!("cargo fmt --manifest-path {fuzzed}/fuzz/Cargo.toml --check"))?;
    }
    Ok(())
}

/// Runs every target of every fuzz crate for a while, from a new seed.
pub(crate) fn smoke(shell: &Shell) -> Result<()> {
    for absent in FUZZED.iter().filter(|fuzzed| !is_present(shell, fuzzed)) {
        println!("-- note: {absent}/fuzz does not exist, skipped");
    }
    let seconds = match std::env::var(SECONDS) {
        Ok(text) => text.parse().with_context(|| format!("{SECONDS} is no number: {text}"))?,
        Err(_) => USUAL_SECONDS,
    };
    // With more time than usual, it is the time that counts.
    let runs = if seconds > USUAL_SECONDS { -1 } else { RUNS_A_TARGET };
    let mut targets_run = 0;
    for fuzzed in present(shell) {
        for target in shell.read(&format!("cd {fuzzed} && cargo +nightly fuzz list"))?.lines() {
            let seed = new_seed();
            println!("-- {fuzzed}: target {target}, seed {seed}");
            shell.run(&format!(
                "cd {fuzzed} && CARGO_TARGET_DIR=\"$TARGET/fuzz\" cargo +nightly fuzz run {target} \
                 -- -seed={seed} -runs={runs} -max_total_time={seconds}"
            ))?;
            targets_run += 1;
        }
    }
    if targets_run == 0 {
        bail!("there is no fuzz target in {}", FUZZED.join(", "));
    }
    println!("-- {targets_run} fuzz targets ran clean");
    Ok(())
}

fn present(shell: &Shell) -> impl Iterator<Item = &'static str> {
    FUZZED.iter().copied().filter(|fuzzed| is_present(shell, fuzzed))
}

fn is_present(shell: &Shell, fuzzed: &str) -> bool {
    shell.root().join(fuzzed).join("fuzz/Cargo.toml").exists()
}

/// Differs from run to run; 0 would have the fuzzer choose.
fn new_seed() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.subsec_nanos().max(1))
}
