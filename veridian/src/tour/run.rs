//! The tour from start to end.

use super::choose::{Choice, candidates, choose};
use super::load::{Loaded, load};
use super::report::{self, Done, Event, Format, Report, Start, mb_per_s, ms};
use super::verify::{ReadBack, Way, read_back};
use crate::cli::Tour;
use crate::measure;
use crate::output::Output;
use crate::place::Shown;
use crate::signals::Interrupts;
use crate::system::Embedded;
use crate::tree::{Limit, Vfs};
use anyhow::{Context, Result, ensure};
use control::client::SessionOptions;
use control::message::ServiceStart;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Where the copy is in the vfs.
const COPY: &[u8] = b"tour";

/// Runs it; succeeds only if everything that was read back is what was written.
pub(crate) fn run(options: &Tour, output: &mut Output) -> Result<ExitCode> {
    let interrupts = Interrupts::catch()?;
    let format = if options.json { Format::Json } else { Format::Text };
    let mut report = Report::new(output, format);
    let mut stop_ms = None;
    let result = guide(options, &interrupts, &mut report, &mut stop_ms);
    let error = result.as_ref().err().map(|error| format!("{error:#}"));
    let ok = matches!(result, Ok(Checksums::Equal));
    let told = report.tell(&Event::Done(Done { ok, stop_ms, error }));
    result?;
    told?;
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether what was read back is what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checksums {
    Equal,
    Different,
}

/// Chooses a tree, starts a system, shows it, and stops it whatever happened.
fn guide(
    options: &Tour,
    interrupts: &Interrupts,
    report: &mut Report<'_>,
    stop_ms: &mut Option<f64>,
) -> Result<Checksums> {
    let choice = match &options.path {
        Some(path) => Choice { path: path.clone(), limit: Limit::NONE },
        None => choose(candidates()).context("this machine has no tree to copy; name one")?,
    };
    let is_directory = choice.path.metadata().map(|metadata| metadata.is_dir());
    let is_directory = is_directory.with_context(|| choice.path.display().to_string())?;
    ensure!(is_directory, "{}: not a directory", choice.path.display());
    interrupts.check()?;
    report.announce("starting every service as a process of its own")?;
    let system = Embedded::start().context("starting a system")?;
    let shown = show(&system, &choice, interrupts, report);
    let stopping = Instant::now();
    let stopped = system.stop().context("stopping the system");
    *stop_ms = Some(ms(stopping.elapsed()));
    let checksums = shown?;
    stopped?;
    Ok(checksums)
}

fn show(
    system: &Embedded,
    choice: &Choice,
    interrupts: &Interrupts,
    report: &mut Report<'_>,
) -> Result<Checksums> {
    let connection = &system.connection;
    let services = system.report.services.iter();
    report.tell(&Event::Start(Start {
        start_total_ms: ms(system.report.total),
        services: services.map(start_time).collect(),
    }))?;
    interrupts.check()?;

    let mut vfs = Vfs::connect(connection, SessionOptions::default())
        .context("opening a session with the vfs")?;
    let source = choice.path.display().to_string();
    report.announce(&format!("copying {source} through the rings into the vfs"))?;
    let loaded = load(choice, &mut vfs, COPY, interrupts)?;
    report.tell(&Event::Copy(copy_event(source, &loaded)))?;

    report.announce("reading everything back, with copies and without")?;
    let read = read_back(&mut vfs, COPY, Way::Read, interrupts)?;
    let granted = read_back(&mut vfs, COPY, Way::ReadGrant, interrupts)?;
    let (checksums, event) = compare(&loaded, &read, &granted);
    report.tell(&Event::Verify(event))?;
    for back in [&read, &granted] {
        let (there, copied) = (back.directories, loaded.copied.directories);
        ensure!(there == copied, "{copied} directories were copied and {there} are there");
    }
    // A session that polls or waits beside them would disturb the figures.
    drop(vfs);

    report.announce("measuring latencies")?;
    let rows = measure::latencies(connection, &mut || interrupts.check())?;
    report.latencies(&rows)?;
    Ok(checksums)
}

fn copy_event(source: String, loaded: &Loaded) -> report::Copy {
    let copied = loaded.copied;
    report::Copy {
        source,
        is_part: loaded.is_part,
        files: copied.files,
        directories: copied.directories,
        bytes: copied.bytes,
        skipped_symlinks: loaded.skipped.symlinks,
        skipped_special: loaded.skipped.special,
        skipped_unreadable: loaded.skipped.unreadable,
        seconds: loaded.took.as_secs_f64(),
        mb_per_s: mb_per_s(copied.bytes, loaded.took),
    }
}

fn compare(loaded: &Loaded, read: &ReadBack, granted: &ReadBack) -> (Checksums, report::Verify) {
    let host = &loaded.sums;
    let difference = [read, granted].iter().find_map(|back| host.first_difference(&back.sums));
    let checksums = if difference.is_none() { Checksums::Equal } else { Checksums::Different };
    let event = report::Verify {
        checksums_equal: checksums == Checksums::Equal,
        files: host.files(),
        bytes: host.bytes(),
        host_checksum: host.checksum(),
        read_checksum: read.sums.checksum(),
        read_grant_checksum: granted.sums.checksum(),
        read_mb_per_s: mb_per_s(host.bytes(), read.first),
        read_again_mb_per_s: mb_per_s(host.bytes(), read.again),
        read_grant_mb_per_s: mb_per_s(host.bytes(), granted.first),
        read_grant_again_mb_per_s: mb_per_s(host.bytes(), granted.again),
        difference: difference.map(|path| Shown(path).to_string()),
    };
    (checksums, event)
}

/// A service's name, and the time from being spawned to being ready, ms.
fn start_time(service: &ServiceStart) -> (String, f64) {
    let took = service.ready_ns.saturating_sub(service.spawned_ns);
    (service.name.as_str().to_owned(), ms(Duration::from_nanos(took)))
}
