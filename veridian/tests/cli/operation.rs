//! What those who operate a system need: metrics, pages of the manual, completions, the unit file.

use crate::support::{PROGRAM, System, command, run};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whether a program is installed.
fn has(program: &str) -> bool {
    let mut probe = Command::new(program);
    probe.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok()
}

/// A sample of a line: name, labels as text, value.
fn sample(line: &str) -> (&str, &str, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    (name, labels.strip_suffix('}').unwrap(), value.parse().unwrap())
}

/// Holds a text against the grammar of OpenMetrics, as far as we use it; the samples by series.
fn strictly(text: &str) -> BTreeMap<String, f64> {
    let lines: Vec<_> =
        text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("{text}")).lines().collect();
    let mut samples = BTreeMap::new();
    let (mut families, mut family, mut kind) = (BTreeSet::new(), String::new(), String::new());
    for line in lines {
        if let Some(described) = line.strip_prefix("# ") {
            let mut words = described.splitn(3, ' ');
            let (what, name, rest) =
                (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            match what {
                "HELP" => {
                    assert!(families.insert(name.to_owned()), "{name} is described twice");
                    family = name.to_owned();
                }
                "TYPE" => kind = rest.to_owned(),
                "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                other => panic!("{other} in {line}"),
            }
            assert_eq!(name, family, "{line}");
            continue;
        }
        let (name, labels, value) = sample(line);
        let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} in {family}"));
        let allowed: &[&str] = match kind.as_str() {
            "gauge" => &[""],
            "counter" => &["_total"],
            "histogram" => &["_sum", "_count", "_bucket"],
            other => panic!("{other} is no type"),
        };
        assert!(allowed.contains(&suffix), "{line}");
        assert!(value.is_finite() && (kind == "gauge" || value >= 0.0), "{line}");
        let is_new = samples.insert(format!("{name}{{{labels}}}"), value).is_none();
        assert!(is_new, "{line} is there twice");
    }
    samples
}

#[test]
fn metrics_are_open_metrics_and_say_what_was_done() {
    let system = System::start();
    let before = strictly(&system.words("metrics").ok());
    system.write("/a", b"abc");
    system.words("cat /nothing").fails(1, "nothing");
    let text = system.words("metrics").ok();
    let after = strictly(&text);
    let grew = |series: &str| after[series] - before[series];
    assert!(grew("veridian_service_requests_total{service=\"vfs\"}") >= 2.0, "{text}");
    assert!(grew("veridian_service_errors_total{service=\"vfs\"}") >= 1.0, "{text}");
    assert_eq!(after["veridian_service_up{service=\"vfs\"}"].to_bits(), 1f64.to_bits());
    assert!(after["veridian_service_memory_bytes{service=\"vfs\"}"] > 0.0);
    let bucket = |le: &str| {
        let labels = format!("le=\"{le}\",service=\"vfs\"");
        after[&format!("veridian_service_latency_seconds_bucket{{{labels}}}")]
    };
    let count = after["veridian_service_latency_seconds_count{service=\"vfs\"}"];
    assert_eq!(bucket("+Inf").to_bits(), count.to_bits());
    assert!(bucket("17.179869184") <= count && bucket("0.000001024") <= bucket("1.073741824"));
    judged_by_others(&text);
}

/// The parser of Prometheus' own library, where it is installed: `OPENMETRICS_PYTHON` names a
/// Python that has it.
fn judged_by_others(text: &str) {
    let Some(python) = std::env::var_os("OPENMETRICS_PYTHON") else { return };
    let script = "import sys; from prometheus_client.openmetrics.parser import \
                  text_string_to_metric_families as parse; \
                  print(len(list(parse(sys.stdin.read()))))";
    let mut child = Command::new(python);
    child.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let judged = child.wait_with_output().unwrap();
    assert!(judged.status.success(), "{text}");
    let families = String::from_utf8(judged.stdout).unwrap().trim().parse::<usize>().unwrap();
    assert!(families >= 15, "{families}");
}

/// Asks for a page over HTTP: status line and body.
fn get(socket: &Path, path: &str) -> (String, String) {
    let mut stream = UnixStream::connect(socket).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[test]
fn metrics_are_served_while_the_system_runs() {
    let directory = tempfile::tempdir().unwrap();
    let (address, socket) = (directory.path().join("address"), directory.path().join("metrics"));
    let at = |words: &[&str]| {
        let mut command = command(words);
        command.arg("--address").arg(&address);
        command
    };
    let served = format!("--metrics={}", socket.display());
    assert!(at(&["up", &served]).output().unwrap().status.success());
    let (status, body) = get(&socket, "/metrics");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(strictly(&body).contains_key("veridian_service_up{service=\"vfs\"}"), "{body}");
    assert!(get(&socket, "/else").0.contains("404"));
    assert!(at(&["down"]).output().unwrap().status.success());
    let deadline = Instant::now() + Duration::from_secs(20);
    while socket.exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(!socket.exists(), "the socket is left behind");
}

#[test]
fn every_command_has_a_page_of_the_manual_that_can_be_shown() {
    let directory = tempfile::tempdir().unwrap();
    run(["man".as_ref(), directory.path().as_os_str()]).ok();
    let pages: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().path()).collect();
    let has_page = |name: &str| pages.iter().any(|page| page.ends_with(format!("{name}.1")));
    for name in commands() {
        assert!(name == "help" || has_page(&format!("veridian-{name}")), "{name}");
    }
    assert!(has_page("veridian") && has_page("veridian-config-check"), "{pages:?}");
    assert!(run(["man"]).ok().contains(".TH veridian 1"));
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains(".TH ") && text.contains(".SH SYNOPSIS"), "{}", page.display());
        if has("groff") {
            let mut groff = Command::new("groff");
            let shown =
                groff.args(["-man", "-Kutf8", "-Tutf8", "-ww"]).arg(&page).output().unwrap();
            assert!(shown.status.success() && shown.stderr.is_empty(), "{shown:?}");
        }
    }
}

/// Every command, as the help names them.
fn commands() -> Vec<String> {
    let help = run(["--help"]).ok();
    let of_commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = of_commands.take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn completions_know_every_command() {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let text = run(["completions", shell]).ok();
        for name in &commands {
            assert!(text.contains(name.as_str()), "{name} in {shell}");
        }
        assert!(text.contains("origin"), "{shell}");
    }
}

/// A unit file that systemd takes, and settings that the program takes.
#[test]
fn the_unit_file_is_valid() {
    let systemd = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd");
    let settings = systemd.join("veridian.toml");
    assert_eq!(run(["config".as_ref(), "check".as_ref(), settings.as_os_str()]).ok(), "");
    let text = fs::read_to_string(systemd.join("veridian.service")).unwrap();
    if !has("systemd-analyze") {
        return;
    }
    // The program is not where the file says, on a machine that builds it.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("veridian.service");
    let here = text.replace("/usr/bin/veridian", PROGRAM);
    let here = here.replace("Documentation=man:veridian(1)\n", "");
    fs::write(&file, here).unwrap();
    let verified = Command::new("systemd-analyze").arg("verify").arg(&file).output().unwrap();
    assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
}

/// As systemd starts it: the unit is ready when it says so at a socket.
#[test]
fn systemd_is_told_when_every_service_is_ready() {
    let directory = tempfile::tempdir().unwrap();
    let (told, address) = (directory.path().join("told"), directory.path().join("address"));
    let socket = std::os::unix::net::UnixDatagram::bind(&told).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut up = command(["up", "--foreground", "--address"]);
    let mut up =
        up.arg(&address).env("NOTIFY_SOCKET", &told).stdout(Stdio::null()).spawn().unwrap();
    let mut message = [0; 64];
    let length = socket.recv(&mut message).unwrap();
    assert_eq!(&message[..length], b"READY=1\n");
    let status = command(["status", "--address"]).arg(&address).output().unwrap();
    assert!(String::from_utf8(status.stdout).unwrap().contains("ready"));
    assert!(command(["down", "--address"]).arg(&address).output().unwrap().status.success());
    assert!(up.wait().unwrap().success());
}
