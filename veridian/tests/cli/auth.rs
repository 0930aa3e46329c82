//! login, logout, whoami, sessions, passwd, user, token and audit.

use crate::support::{Ran, command};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A system that keeps its state, and a user's runtime directory.
struct System {
    address: String,
    directory: TempDir,
}

impl Drop for System {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.command(&["down"]).output();
    }
}

impl System {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(options: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let address = format!("@veridian-auth-{}-{number}", std::process::id());
        let system = Self { address, directory: tempfile::tempdir().unwrap() };
        system.up(options);
        system
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn up(&self, options: &[&str]) {
        let state = self.path("state");
        self.run(&[&["up", "--state", state.to_str().unwrap()], options].concat(), "").ok();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.env("VERIDIAN_ADDRESS", &self.address).env_remove("VERIDIAN_TOKEN");
        command.env("XDG_RUNTIME_DIR", self.directory.path());
        command
    }

    /// Runs a command with this on its standard input.
    fn run(&self, arguments: &[&str], input: &str) -> Ran {
        feed(self.command(arguments), input)
    }

    /// The same by words, and with a token.
    fn with_token(&self, token: &str, words: &str) -> Ran {
        let arguments: Vec<&str> = words.split_whitespace().collect();
        let mut command = self.command(&arguments);
        command.env("VERIDIAN_TOKEN", token.trim());
        feed(command, "")
    }

    fn words(&self, words: &str, input: &str) -> Ran {
        self.run(&words.split_whitespace().collect::<Vec<_>>(), input)
    }

    fn add_anna(&self) {
        self.words("user add anna --uid 4242", "correct horse\n").ok();
    }
}

fn feed(mut command: Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that reads nothing may have ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap().into()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_login_lasts_until_the_logout() {
    let system = System::start();
    system.add_anna();
    let host =
        format!("user {} of the host; nobody has logged in\n", rustix::process::getuid().as_raw());
    assert_eq!(system.words("whoami", "").ok(), host);
    system.words("login anna", "wrong horse\n").fails(1, "wrong name, password or token");
    system.words("login anna", "correct horse\n").ok();
    let token = fs::read_dir(system.path("veridian")).unwrap().next().unwrap().unwrap();
    assert_eq!(token.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let myself = json(&system.words("whoami --json", "").ok());
    assert_eq!((&myself["principal"], &myself["acts_as_uid"]), (&"anna".into(), &4242.into()));
    assert_eq!(system.words("sessions --json", "").ok().lines().count(), 1);
    // She is no administrator, whoever she is on the host.
    system.words("user list", "").fails(1, "the right to configure");
    system.words("mount --host /tmp vfs:/no", "").fails(1, "mounting /tmp");
    system.words("down", "").fails(1, "stopping");

    fs::set_permissions(token.path(), fs::Permissions::from_mode(0o644)).unwrap();
    system.words("ls", "").fails(1, "not a file of yours alone");
    fs::set_permissions(token.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let text = fs::read_to_string(token.path()).unwrap();
    system.words("logout", "").ok();
    assert!(!token.path().exists());
    system.with_token(&text, "ls").fails(1, "the login counts no more");
    assert_eq!(system.words("user list --json", "").ok().lines().count(), 1);
}

#[test]
fn too_many_failures_lock_out_also_when_auth_was_killed() {
    // Longer than the test takes.
    let settings = ["--set", "auth.lock_out_after=2", "--set", "auth.lock_out_least=10m"];
    let system = System::start_with(&settings);
    system.add_anna();
    for expected in ["wrong", "wrong", "too many failures"] {
        system.words("login anna", "wrong horse\n").fails(1, expected);
    }
    system.words("login anna", "correct horse\n").fails(1, "too many failures; try again in");
    kill_auth(&system);
    system.words("login anna", "correct horse\n").fails(1, "too many failures; try again in");
    let log = system.words("audit", "").ok();
    assert!(log.contains("anna locked out for"), "{log}");
}

/// Whether a field has this value.
fn is(object: &Value, field: &str, value: &Value) -> bool {
    object.get(field) == Some(value)
}

/// Kills the service, and waits for the next one.
fn kill_auth(system: &System) {
    let auth = || {
        let status = json(&system.words("status --json", "").ok());
        let services = status.get("services").and_then(Value::as_array).unwrap();
        services.iter().find(|it| is(it, "name", &"auth".into())).unwrap().clone()
    };
    let before = auth();
    let (pid, epoch) = (before.get("pid").unwrap(), before.get("epoch").unwrap());
    let pid = i32::try_from(pid.as_i64().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let begun = std::time::Instant::now();
    loop {
        let now = auth();
        if !is(&now, "epoch", epoch) && is(&now, "state", &"ready".into()) {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "{now}");
    }
}

#[test]
fn what_was_kept_is_there_after_a_kill_and_after_a_restart() {
    let system = System::start();
    system.add_anna();
    let token = system.words("login anna --print", "correct horse\n").ok();
    kill_auth(&system);
    assert!(system.with_token(&token, "whoami").ok().contains("anna"));
    system.words("down", "").ok();
    system.up(&[]);
    assert!(system.with_token(&token, "whoami").ok().contains("anna"));
    system.words("audit verify", "").ok();
}

#[test]
fn a_token_is_handed_on_with_fewer_rights() {
    let system = System::start();
    system.add_anna();
    system.words("mkdir --mode 777 /all", "").ok();
    let whole = system.words("login anna --print", "correct horse\n").ok();
    system.with_token(&whole, "mkdir /all/hers").ok();
    let derive = "token derive --rights read,connect --service vfs --for 1h";
    let reading = system.with_token(&whole, derive).ok();
    assert!(system.with_token(&reading, "ls /all").ok().contains("hers"));
    system.with_token(&reading, "mkdir /all/no").fails(1, "EPERM");
    let for_nobody = system.with_token(&reading, "token derive --rights write").ok();
    system.with_token(&for_nobody, "ls /all").fails(1, "");
    system.with_token(&reading, "logout").fails(1, "only the token that was given at the login");
    system.with_token("00", "ls").fails(1, "holds no token");
    system.words("token derive --rights read", "").fails(1, "nobody has logged in");
    system.words("token derive", "").fails(2, "required");
    system.words("user add bert --rights fly", "").fails(2, "there is no right 'fly'");
}

#[test]
fn a_password_is_changed_by_who_knows_it_and_by_an_administrator() {
    let system = System::start();
    system.add_anna();
    let token = system.words("login anna --print", "correct horse\n").ok();
    system.with_token(&token, "passwd anna --reset").fails(1, "");
    system.words("passwd anna", "correct horse\nshort\n").fails(1, "at least 8");
    system.words("passwd anna", "correct horse\nanother horse\n").ok();
    system.with_token(&token, "ls").fails(1, "the login counts no more");
    system.words("login anna", "correct horse\n").fails(1, "wrong");
    system.words("passwd anna --reset", "third horse\n").ok();
    system.words("login anna", "third horse\n").ok();
}

#[test]
fn a_user_of_the_host_is_mapped() {
    let system = System::start();
    let uid = rustix::process::getuid().as_raw();
    system.words("login", "").fails(1, "this user of the host is no principal");
    system.words("user add robot --kind application --no-password", "").ok();
    system.words("login robot", "whatever else\n").fails(1, "wrong");
    system.words(&format!("user map {uid} robot"), "").ok();
    system.words("login", "").ok();
    assert!(system.words("whoami", "").ok().contains("application"));
    system.words("logout", "").ok();
    system.words(&format!("user unmap {uid}"), "").ok();
    system.words("login", "").fails(1, "no principal");
    system.words("user remove robot", "").ok();
    system.words("user remove robot", "").fails(1, "there is no such principal");
}

#[test]
fn a_changed_audit_log_is_found_out() {
    let system = System::start();
    system.add_anna();
    system.words("login anna", "wrong horse\n").fails(1, "wrong");
    let said = system.words("audit verify", "").ok();
    assert!(said.starts_with("ok: records 1 to "), "{said}");
    let log = system.path("state/auth/audit.log");
    let whole = fs::read_to_string(&log).unwrap();
    fs::write(&log, whole.replace("login failed as anna", "login failed as bert")).unwrap();
    system.words("audit verify", "").fails(1, "was changed");
    let verdict = system.words("audit verify --json", "");
    assert_eq!(json(std::str::from_utf8(&verdict.stdout).unwrap())["ok"], false);
    let mut lines: Vec<&str> = whole.split_inclusive('\n').collect();
    lines.remove(0);
    fs::write(&log, lines.concat()).unwrap();
    system.words("audit verify", "").fails(1, "record 1 was removed");
    fs::write(&log, whole).unwrap();
    system.words("audit verify", "").ok();
    let first = system.words("audit --json", "").ok();
    let first = json(first.lines().next().unwrap());
    assert_eq!(first["sequence"], 1);
}
