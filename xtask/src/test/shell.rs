//! Runs `sh` lines in the workspace's root, each until it ends or its time is up.
//!
//! A lock-free protocol that fails tends to hang, so no line may run for ever. At the deadline
//! all descendants of the line are killed; they stay in the terminal's process group until then,
//! so that an interrupt from the keyboard reaches them.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, PipeReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

/// No line comes near this on two cores.
const LONGEST_LINE: Duration = Duration::from_secs(15 * 60);

/// How often a line is looked after.
const PATROL: Duration = Duration::from_millis(20);

/// Where lines run.
pub(crate) struct Shell {
    root: PathBuf,
    target: PathBuf,
    longest_line: Duration,
}

impl Shell {
    /// Lines run in `root`.
    pub(crate) fn new(root: &Path) -> Self {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        Self { root: root.to_path_buf(), target: root.join(target), longest_line: LONGEST_LINE }
    }

    /// The folder that lines run in.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Runs a line silently and says whether it succeeded.
    pub(crate) fn succeeds(&self, line: &str) -> Result<bool> {
        let status = self.command(line).stdout(Stdio::null()).stderr(Stdio::null()).status();
        Ok(status.with_context(|| self.cannot_start())?.success())
    }

    /// Runs a line, shown to the reader; it must succeed.
    pub(crate) fn run(&self, line: &str) -> Result<()> {
        println!("$ {line}");
        let child = self.command(line).spawn().with_context(|| self.cannot_start())?;
        self.wait(child)
    }

    /// Runs a line, shown to the reader; it must succeed. Returns what its standard output was.
    pub(crate) fn read(&self, line: &str) -> Result<String> {
        println!("$ {line}");
        let (reader, writer) = io::pipe()?;
        let mut command = self.command(line);
        let child = command.stdout(writer).spawn().with_context(|| self.cannot_start())?;
        // The reader sees the end when nobody holds the other side, and the command does.
        drop(command);
        let echo = thread::spawn(move || echo(reader));
        self.wait(child)?;
        echo.join().map_err(|_| anyhow!("cannot read what the line prints"))?
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-euc", line])
            .current_dir(&self.root)
            .env("TARGET", &self.target)
            .stdin(Stdio::null());
        command
    }

    fn cannot_start(&self) -> String {
        format!("cannot start sh in {}", self.root.display())
    }

    /// Waits for success; a line whose time is up is killed and fails.
    fn wait(&self, mut child: Child) -> Result<()> {
        let deadline = Instant::now() + self.longest_line;
        loop {
            if let Some(status) = child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("the line above failed ({status})");
            }
            if Instant::now() >= deadline {
                kill_with_descendants(child.id());
                child.wait()?;
                bail!("the line above did not end within {} s", self.longest_line.as_secs());
            }
            thread::sleep(PATROL);
        }
    }
}

/// Prints each line as it comes, and returns all of them.
fn echo(reader: PipeReader) -> Result<String> {
    let mut all = String::new();
    for line in BufReader::new(reader).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        writeln!(io::stdout(), "{line}")?;
        all.push_str(&line);
        all.push('\n');
    }
    Ok(all)
}

/// Kills a process and all below it, as far as /proc shows them.
fn kill_with_descendants(process: u32) {
    let mut doomed = vec![process];
    let parents = parents();
    let mut next = 0;
    while let Some(parent) = doomed.get(next).copied() {
        doomed.extend(parents.iter().filter(|one| one.1 == parent).map(|one| one.0));
        next += 1;
    }
    let list: Vec<_> = doomed.iter().map(u32::to_string).collect();
    // Some may have ended by themselves: then there is nothing to do about the error.
    let _ = Command::new("sh").args(["-c", &format!("kill -9 {}", list.join(" "))]).status();
}

/// Every process of the machine and its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let process = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // pid (name) state parent …; the name may contain anything, brackets too.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((process, parent))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;
    use std::{fs, thread};

    use super::{PATROL, Shell};

    #[test]
    fn a_line_must_succeed() {
        let shell = Shell::new(Path::new("/"));
        assert!(shell.run("true").is_ok());
        assert!(shell.run("false; true").is_err(), "a failure in the middle counts");
        assert!(shell.run("exit 3").unwrap_err().to_string().contains('3'));
        assert_eq!(shell.read("echo out; echo err >&2").unwrap(), "out\n");
        assert!(shell.read("echo out; exit 1").is_err());
    }

    #[test]
    fn a_line_that_hangs_is_killed_with_its_descendants() {
        let folder = tempfile::tempdir().unwrap();
        let mut shell = Shell::new(folder.path());
        shell.longest_line = Duration::from_secs(2);
        let line = "sh -c 'sleep 600 & echo $! > process; wait'; true";
        let error = shell.run(line).unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
        let process = fs::read_to_string(folder.path().join("process")).unwrap();
        let stat = format!("/proc/{}/stat", process.trim());
        let is_gone = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z"));
        // The kernel takes a moment to carry a signal out.
        let went = (0..500).any(|_| {
            is_gone() || {
                thread::sleep(PATROL);
                false
            }
        });
        assert!(went, "{process} lives");
    }
}
