//! The services that users start.

use control::message::{Layer, LayerState, ServiceStatus};
use std::fs;
use std::path::Path;
use veridian::system::Embedded;

/// What takes root.
const ROOTS: [Layer; 3] = [Layer::Mounts, Layer::Network, Layer::IpcNames];

/// What each descriptor of a service refers to begins with one of these: standard input, its poller
/// and doorbells, and regions. The channel is the one socket.
const EXPECTED: [&str; 6] = [
    "/dev/null",
    "anon_inode:[eventpoll]",
    "anon_inode:[eventfd]",
    "/memfd:veridian",
    // Regions of a store, and descriptors by number.
    "/region",
    "/proc",
];

pub(crate) fn are_confined() {
    let system = Embedded::start_from(Path::new("/proc/self/exe")).unwrap();
    let report = system.connection.status().unwrap();
    assert!(report.services.len() >= 2, "{report:?}");
    for service in report.services.iter() {
        is_confined(service);
    }
    system.stop().unwrap();
}

fn is_confined(service: &ServiceStatus) {
    let name = service.name.as_str();
    let is_root = rustix::process::getuid().is_root();
    for layer in Layer::ALL {
        let expected = match layer {
            Layer::ControlGroup | Layer::ResourceLimits => continue,
            layer if ROOTS.contains(&layer) && !is_root => LayerState::NotPermitted,
            _ => LayerState::InForce,
        };
        assert_eq!(service.confinement.state(layer), expected, "{name}: {layer:?}");
    }
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid)).unwrap();
    let lines: Vec<&str> = status
        .lines()
        .filter(|line| line.starts_with("NoNewPrivs:") || line.starts_with("Seccomp:"))
        .collect();
    println!("{name}: {}", lines.join(", ").replace('\t', " "));
    assert_eq!(lines, ["NoNewPrivs:\t1", "Seccomp:\t2"], "{name}");
    if is_root {
        for namespace in ["mnt", "net", "ipc", "uts"] {
            assert_ne!(place(service.pid, namespace), place_of_this(namespace), "{name}");
        }
    }
    assert_eq!(service.refused, 0, "{name} needs nothing that it does not have");
    has_only_what_it_was_handed(service);
}

fn place(pid: u32, namespace: &str) -> String {
    let link = fs::read_link(format!("/proc/{pid}/ns/{namespace}")).unwrap();
    link.into_os_string().into_string().unwrap()
}

fn place_of_this(namespace: &str) -> String {
    place(std::process::id(), namespace)
}

fn has_only_what_it_was_handed(service: &ServiceStatus) {
    let name = service.name.as_str();
    let mut sockets = 0;
    // Output is this process's, whatever that is.
    for entry in fs::read_dir(format!("/proc/{}/fd", service.pid)).unwrap() {
        let entry = entry.unwrap();
        let number = entry.file_name().into_string().unwrap();
        // A session may end while this looks.
        let Ok(link) = fs::read_link(entry.path()) else { continue };
        let link = link.to_string_lossy().into_owned();
        println!("{name}: {number} is {link}");
        if link.starts_with("socket:") && number == "3" {
            sockets += 1;
        } else if !matches!(&*number, "1" | "2") {
            assert!(EXPECTED.iter().any(|it| link.starts_with(it)), "{name}: {number} is {link}");
        }
    }
    assert_eq!(sockets, 1, "{name} has its channel");
}
