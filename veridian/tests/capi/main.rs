//! The library for C: programs in C, compiled here, as clients of a running system.
//!
//! Each runs by itself and, where valgrind is installed, under it. The library is built with the
//! profile that these tests were built with.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use tempfile::TempDir;
use veridian::system::Embedded;

const PROGRAM: &str = env!("CARGO_BIN_EXE_veridian");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The folder of the libraries, which are built once.
static LIBRARIES: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(PROGRAM).parent().unwrap();
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        named => named,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--package", "libveridian", "--profile", profile]);
    cargo.arg("--target-dir").arg(folder.parent().unwrap());
    output(cargo.current_dir(ROOT));
    folder.to_owned()
});

/// How a program gets the library.
#[derive(Clone, Copy)]
enum Linked {
    Shared,
    Archive,
}

/// A program in C, compiled.
struct Compiled {
    folder: TempDir,
}

impl Compiled {
    /// From a file, with every warning an error.
    fn from(source: &Path, linked: Linked) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-O1", "-I"]);
        cc.arg(Path::new(ROOT).join("arch/capi/include")).arg(source);
        match linked {
            Linked::Shared => cc.arg("-L").arg(&*LIBRARIES).arg("-lveridian"),
            Linked::Archive => cc.arg(LIBRARIES.join("libveridian.a")).args([
                "-lgcc_s",
                "-lpthread",
                "-ldl",
                "-lm",
            ]),
        };
        output(cc.arg("-o").arg(folder.path().join("program")));
        Self { folder }
    }

    /// Runs it with a system of its own, by itself and under valgrind, and returns what it printed
    /// by itself.
    fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> String {
        let program = self.folder.path().join("program");
        let printed = with_a_system(Command::new(&program).args(arguments));
        if is_installed("valgrind") {
            let mut valgrind = Command::new("valgrind");
            valgrind.args(["--quiet", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
            valgrind.arg("--error-exitcode=99").arg(&program).args(arguments);
            with_a_system(&mut valgrind);
        } else {
            println!("valgrind is not installed: not run under it");
        }
        printed
    }
}

/// Runs a client of a system that lives as long as it.
fn with_a_system(client: &mut Command) -> String {
    let system = Embedded::start_from(PROGRAM.as_ref()).unwrap();
    client.env("VERIDIAN_ADDRESS", &system.address.0).env("LD_LIBRARY_PATH", &*LIBRARIES);
    let printed = output(client);
    system.stop().unwrap();
    printed
}

/// What a command prints; it must succeed.
fn output(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let (printed, errors) = (output.stdout, String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(printed).unwrap();
    assert!(output.status.success(), "{command:?}: {}\n{printed}{errors}", output.status);
    printed
}

fn is_installed(program: &str) -> bool {
    let probe = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

#[test]
fn the_example_copies_and_measures() {
    let example = Path::new(ROOT).join("arch/capi/examples/copy.c");
    let compiled = Compiled::from(&example, Linked::Shared);
    // Three parts and a bit, no two alike.
    let bytes: Vec<u8> =
        (0..200_003_u32).map(|i| (i.wrapping_mul(i) >> 8).to_le_bytes()[0]).collect();
    let file = compiled.folder.path().join("file");
    fs::write(&file, &bytes).unwrap();
    let copies = "copied 200003 bytes: written, read and granted alike\n\
                  renamed, listed and removed\n";
    assert_eq!(compiled.run(&[&file]), copies);
    let mut bench = Command::new(compiled.folder.path().join("program"));
    let printed = with_a_system(bench.arg("--bench").arg(&file));
    let lines: Vec<&str> = printed.strip_prefix(copies).unwrap().lines().collect();
    let [round_trip, open_close] = lines.as_slice() else { panic!("{printed}") };
    assert!(round_trip.starts_with("round trip: p50 "), "{printed}");
    assert!(open_close.starts_with("open and close: p50 "), "{printed}");
}

#[test]
fn every_promise_is_kept() {
    let compiled = Compiled::from(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/capi/contract.c"),
        Linked::Archive,
    );
    assert_eq!(compiled.run::<&str>(&[]), "every promise was kept\n");
}

/// The service dies under a program, and then its system is stopped.
#[test]
fn a_dead_service_is_an_answer() {
    let folder = Compiled::from(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/capi/orphan.c"),
        Linked::Shared,
    );
    let system = Embedded::start_from(PROGRAM.as_ref()).unwrap();
    let mut orphan = Command::new(folder.folder.path().join("program"));
    orphan.env("VERIDIAN_ADDRESS", &system.address.0).env("LD_LIBRARY_PATH", &*LIBRARIES);
    let mut orphan = orphan.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut says = BufReader::new(orphan.stdout.take().unwrap()).lines();
    let mut next = || says.next().unwrap().unwrap();
    assert_eq!(next(), "connected");
    let services = system.connection.status().unwrap().services;
    let vfs = services.iter().find(|service| service.name.as_str() == "vfs").unwrap();
    let vfs = Pid::from_raw(i32::try_from(vfs.pid).unwrap()).unwrap();
    kill_process(vfs, Signal::KILL).unwrap();
    assert_eq!(next(), "orphaned");
    system.stop().unwrap();
    drop(orphan.stdin.take());
    assert_eq!(next(), "disconnected");
    assert!(orphan.wait().unwrap().success());
}

/// The page's own example, as it stands there.
#[test]
fn the_documented_example_works() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/c-interface.md")).unwrap();
    let (_, rest) = page.split_once("```c\n").unwrap();
    let (example, _) = rest.split_once("```\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("hello.c");
    fs::write(&source, example).unwrap();
    assert_eq!(Compiled::from(&source, Linked::Shared).run::<&str>(&[]), "hello\n");
}
