//! The programs that steps need besides Cargo, and how each is installed when it is missing.

use std::cell::Cell;

use anyhow::{Context, Result, bail};

use super::shell::Shell;

/// A program or component that a step needs.
#[derive(Clone, Copy)]
pub(crate) struct Tool {
    /// What people call it.
    name: &'static str,
    /// A line that succeeds when it is there.
    probe: &'static str,
    install: Install,
}

#[derive(Clone, Copy)]
enum Install {
    /// A package of Debian and its relatives; needs root.
    Apt(&'static str),
    /// A line that installs for the user alone.
    Line(&'static str),
}

use Install::{Apt, Line};

pub(crate) const CC: Tool =
    Tool { name: "C compiler", probe: "command -v cc", install: Apt("gcc libc6-dev") };

/// The fuzzer's runtime is compiled from C++.
pub(crate) const CXX: Tool =
    Tool { name: "C++ compiler", probe: "command -v c++", install: Apt("g++") };

/// Programs in C that use our library run under it.
pub(crate) const VALGRIND: Tool =
    Tool { name: "valgrind", probe: "command -v valgrind", install: Apt("valgrind") };

pub(crate) const RUSTFMT: Tool = Tool {
    name: "rustfmt",
    probe: "cargo fmt --version",
    install: Line("rustup component add rustfmt"),
};

pub(crate) const CLIPPY: Tool = Tool {
    name: "clippy",
    probe: "cargo clippy --version",
    install: Line("rustup component add clippy"),
};

pub(crate) const BARE_TARGETS: Tool = Tool {
    name: "targets without an operating system",
    probe: "rustup target list --installed | grep -qx x86_64-unknown-none && \
            rustup target list --installed | grep -qx aarch64-unknown-none",
    install: Line("rustup target add x86_64-unknown-none aarch64-unknown-none"),
};

/// Version 0.20.2 builds with the workspace's Rust. Optimising it would take longer than it runs.
pub(crate) const CARGO_DENY: Tool = Tool {
    name: "cargo-deny",
    probe: "cargo deny --version",
    install: Line(
        "CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
         CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_TARGET_DIR=\"$TARGET/tools\" \
         cargo install cargo-deny --version 0.20.2 --locked",
    ),
};

pub(crate) const NIGHTLY: Tool = Tool {
    name: "nightly Rust",
    probe: "rustup run nightly cargo --version",
    install: Line("rustup toolchain install nightly --profile minimal"),
};

pub(crate) const MIRI: Tool = Tool {
    name: "Miri",
    probe: "rustup component list --toolchain nightly --installed | grep -q '^miri' && \
            rustup component list --toolchain nightly --installed | grep -q '^rust-src'",
    install: Line("rustup component add miri rust-src --toolchain nightly"),
};

/// Without root, mounts are made and taken away by its helper.
pub(crate) const FUSE3: Tool =
    Tool { name: "fusermount3", probe: "command -v fusermount3", install: Apt("fuse3") };

/// Suites that judge the mount; kept apart, since nobody needs them otherwise.
pub(crate) const SUITES: Tool = Tool {
    name: "fsx and pjdfstest",
    probe: "test -x \"$TARGET/suites/bin/fsx\" && test -x \"$TARGET/suites/bin/pjdfstest\"",
    install: Line(
        "CARGO_PROFILE_RELEASE_LTO=off CARGO_TARGET_DIR=\"$TARGET/tools\" \
         cargo install --root \"$TARGET/suites\" --locked fsx@0.3.2 pjdfstest@0.2.2",
    ),
};

pub(crate) const PYTHON: Tool = Tool {
    name: "Python with virtual environments",
    probe: "python3 -c 'import ensurepip, venv'",
    install: Apt("python3 python3-venv"),
};

/// Judges metrics; kept apart, since nobody needs it otherwise.
pub(crate) const OPENMETRICS: Tool = Tool {
    name: "a parser of OpenMetrics",
    probe: "\"$TARGET/openmetrics/bin/python\" -c 'import prometheus_client.openmetrics.parser'",
    install: Line(
        "python3 -m venv \"$TARGET/openmetrics\" && \
         \"$TARGET/openmetrics/bin/pip\" install -q prometheus-client==0.26.0",
    ),
};

pub(crate) const CARGO_FUZZ: Tool = Tool {
    name: "cargo-fuzz",
    probe: "cargo fuzz --version",
    install: Line(
        "CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_TARGET_DIR=\"$TARGET/tools\" \
         cargo install cargo-fuzz --version 0.13.2 --locked",
    ),
};

/// Installs tools; refreshes apt's lists once however many packages are asked for.
pub(crate) struct Installer<'a> {
    shell: &'a Shell,
    lists_are_fresh: Cell<bool>,
}

impl<'a> Installer<'a> {
    /// Installs nothing yet.
    pub(crate) fn new(shell: &'a Shell) -> Self {
        Self { shell, lists_are_fresh: Cell::new(false) }
    }

    /// Returns when the tool is there; the error says what to install by hand.
    pub(crate) fn ensure(&self, tool: &Tool) -> Result<()> {
        if self.shell.succeeds(tool.probe)? {
            return Ok(());
        }
        println!("-- installing {}", tool.name);
        match tool.install {
            Line(line) => self.shell.run(line),
            Apt(packages) => self.apt(packages),
        }
        .with_context(|| format!("{} is missing and could not be installed", tool.name))?;
        if !self.shell.succeeds(tool.probe)? {
            bail!("{} was installed, but `{}` still fails", tool.name, tool.probe);
        }
        Ok(())
    }

    fn apt(&self, packages: &str) -> Result<()> {
        if !self.shell.succeeds("test \"$(id -u)\" = 0 && command -v apt-get")? {
            bail!("install the packages {packages} (as root: apt-get install {packages})");
        }
        if !self.lists_are_fresh.replace(true) {
            self.shell.run("apt-get update -qq")?;
        }
        self.shell.run(&format!(
            "DEBIAN_FRONTEND=noninteractive \
             apt-get install -y -qq --no-install-recommends {packages}"
        ))
    }
}
