//! The table of everything that must pass, in the order in which it runs: cheap ones first.

use anyhow::{Result, bail};

use super::shell::Shell;
use super::tools::{
    BARE_TARGETS, CARGO_DENY, CARGO_FUZZ, CC, CLIPPY, CXX, FUSE3, MIRI, NIGHTLY, OPENMETRICS,
    PYTHON, RUSTFMT, SUITES, Tool, VALGRIND,
};
use super::{fuzz, loom};

/// One thing that must pass.
pub(crate) struct Step {
    /// What `--only` calls it.
    pub(crate) name: &'static str,
    /// What it shows, in a few words.
    pub(crate) shows: &'static str,
    /// Whether `--quick` leaves it out.
    pub(crate) pace: Pace,
    /// What must be installed first.
    pub(crate) tools: &'static [Tool],
    /// Done one after the other.
    pub(crate) work: &'static [Work],
}

/// Whether `--quick` runs a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    Quick,
    Slow,
}

/// What a step does. Lines are for `sh`, in the workspace's root, with `$TARGET` for Cargo's
/// target folder; they can be copied to a terminal.
pub(crate) enum Work {
    /// Exit code 0 is a pass.
    Run(&'static str),
    /// Exit code 0, and what it prints satisfies the judge.
    Judge(&'static str, fn(&str) -> Result<()>),
    /// More than one line can say.
    Do(fn(&Shell) -> Result<()>),
}

use Pace::{Quick, Slow};
use Work::{Do, Judge, Run};

/// Everything that must pass.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        shows: "sources are formatted",
        pace: Quick,
        tools: &[RUSTFMT],
        work: &[Run("cargo fmt --all --check"), Do(fuzz::check_format)],
    },
    Step {
        name: "check",
        shows: "imports, unsafe, target cfgs, dependencies and folders are as the design says",
        pace: Quick,
        tools: &[],
        work: &[Do(check_structure)],
    },
    Step {
        name: "clippy",
        shows: "no lint fires",
        pace: Quick,
        tools: &[CC, CLIPPY],
        work: &[Run("cargo clippy --workspace --all-targets -- -D warnings")],
    },
    Step {
        name: "deny",
        shows: "dependencies come from the registry under permissive licenses",
        pace: Slow,
        tools: &[CC, CARGO_DENY],
        work: &[Run("cargo deny check --hide-inclusion-graph bans licenses sources")],
    },
    Step {
        name: "no_std",
        shows: "the service crates compile for machines without an operating system",
        pace: Quick,
        tools: &[CC, BARE_TARGETS],
        work: &[Run("cargo check -p rings -p dataplane -p control -p capability -p init -p vfs \
             --target x86_64-unknown-none --target aarch64-unknown-none")],
    },
    Step {
        name: "build",
        shows: "the program builds",
        pace: Quick,
        tools: &[CC],
        work: &[Run("cargo build --release")],
    },
    Step {
        name: "test",
        shows: "unit, property and documentation tests",
        pace: Quick,
        tools: &[CC],
        work: &[Run("cargo test --workspace")],
    },
    Step {
        name: "loom",
        shows: "rings and wakers under every interleaving; each seeded mutant is caught",
        pace: Slow,
        tools: &[CC],
        work: &[
            Judge(
                "RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=\"$TARGET/loom\" \
             cargo test --release -p rings --test loom -- --nocapture 2>&1",
                loom::judge,
            ),
            Run("RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=\"$TARGET/loom\" \
                 cargo test --release -p dataplane --test loom -- --nocapture"),
        ],
    },
    Step {
        name: "miri",
        shows: "rings and sessions have no undefined behaviour",
        pace: Slow,
        tools: &[CC, NIGHTLY, MIRI],
        work: &[
            Run("MIRIFLAGS=-Zmiri-strict-provenance cargo +nightly miri test -p rings"),
            Run("MIRIFLAGS=-Zmiri-many-seeds=0..8 cargo +nightly miri test -p rings \
                 --test threads --test hostile -- a_stream requests concurrent"),
            Run("cargo +nightly miri test -p dataplane --lib --test ledger --test client"),
        ],
    },
    Step {
        name: "fuzz",
        shows: "a short run of every fuzz target",
        pace: Slow,
        tools: &[CC, CXX, NIGHTLY, CARGO_FUZZ],
        work: &[Do(fuzz::smoke)],
    },
    Step {
        name: "conformance",
        shows: "every platform behaves alike",
        pace: Quick,
        tools: &[CC],
        work: &[Run("cargo test --profile tested -p platform --test conformance -- --nocapture")],
    },
    Step {
        name: "scenarios",
        shows: "the whole system, as threads and as processes",
        pace: Quick,
        tools: &[CC],
        work: &[Run("cargo test --profile tested -p veridian --test scenarios -- --nocapture")],
    },
    Step {
        name: "model",
        shows: "clients over rings, a naive model and the kernel's tmpfs have the same outcomes",
        pace: Quick,
        tools: &[CC],
        work: &[Run("cargo test --profile tested -p veridian --test model")],
    },
    Step {
        name: "hostile",
        shows: "hostile and dying clients harm nobody else",
        pace: Slow,
        tools: &[CC],
        work: &[Run("cargo test --profile tested -p veridian --test hostile -- --nocapture")],
    },
    Step {
        name: "ordeal",
        shows: "services that are killed are back, and nobody else notices",
        pace: Slow,
        tools: &[CC],
        work: &[Run("cargo test --profile tested -p veridian --test ordeal -- --nocapture")],
    },
    Step {
        name: "grants",
        shows: "a grant on one file shows no byte of another",
        pace: Quick,
        tools: &[CC],
        work: &[Run("cargo test --profile tested -p veridian --test grants -- --nocapture")],
    },
    Step {
        name: "mount",
        shows: "programs use the system's files by FUSE",
        pace: Quick,
        tools: &[CC, FUSE3],
        work: &[Run("cargo test --profile tested -p veridian --test mount -- --nocapture")],
    },
    Step {
        name: "suites",
        shows: "pjdfstest passes as on the kernel's tmpfs, fsx finds nothing",
        pace: Slow,
        tools: &[CC, FUSE3, SUITES],
        work: &[Run("SUITES=\"$TARGET/suites/bin\" \
             cargo test --profile tested -p veridian --test suites -- --nocapture")],
    },
    Step {
        name: "capi",
        shows: "programs in C: the header is up to date, every promise is kept, under valgrind too",
        pace: Quick,
        tools: &[CC, VALGRIND],
        work: &[
            Run("cargo test -p capi"),
            Run("cargo test --profile tested -p veridian --test capi -- --nocapture"),
        ],
    },
    Step {
        name: "metrics",
        shows: "metrics are what the parser of Prometheus' own library takes",
        pace: Quick,
        tools: &[CC, PYTHON, OPENMETRICS],
        work: &[Run("OPENMETRICS_PYTHON=\"$TARGET/openmetrics/bin/python\" \
             cargo test -p veridian --test cli -- operation::metrics")],
    },
    Step {
        name: "tour",
        shows: "the README's first command",
        pace: Quick,
        tools: &[CC],
        work: &[Run("cargo run --release -- tour")],
    },
];

fn check_structure(shell: &Shell) -> Result<()> {
    if crate::check::passes(shell.root())? {
        return Ok(());
    }
    bail!("the code breaks a rule of structure")
}
