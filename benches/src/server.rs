//! A peer's server as a process of its own: how it is started, woken for a block, and ended.
//!
//! The program starts itself again with one socket as standard input. Over it travel, first, the
//! descriptors that the two sides share; then `ready` from the server; then one message for each
//! block. A server that ends early ends the whole run, since its client would wait for ever.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType, recv, recvmsg, send,
    sendmsg, shutdown, socketpair,
};
use rustix::process::{
    Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal, set_parent_process_death_signal, setsid,
};
use rustix::thread::CpuSet;

use crate::cli::Serve;
use crate::env::pin;
use crate::peers::Kind;
use crate::threads::Threads;
use crate::usage::Task;

const MAX_DESCRIPTORS: usize = 4;
const ONE_SECOND: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// The client's handle on its server process, which ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    control: OwnedFd,
    process: OwnedFd,
    pid: Pid,
    ending: Arc<AtomicBool>,
    watcher: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts the server of `kind` on processor `cpu`, hands it `descriptors`, and waits until it
    /// is ready.
    ///
    /// # Errors
    /// When it cannot be started or ends before it is ready.
    pub fn spawn(
        kind: Kind,
        argument: &str,
        cpu: usize,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<Self> {
        let (control, standard_input) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", kind.name(), &cpu.to_string(), argument])
            .stdin(Stdio::from(standard_input))
            .stdout(Stdio::null())
            .spawn()
            .context("starting a peer's server")?;
        let pid = Pid::from_child(&child);
        let process = pidfd_open(pid, PidfdFlags::empty())?;
        let ending = Arc::new(AtomicBool::new(false));
        let watcher = Some(watch(child, kind, Arc::clone(&ending)));
        let server = Self { control, process, pid, ending, watcher };
        send_descriptors(&server.control, descriptors)?;
        ensure!(receive_byte(&server.control)?, "the server of {} ended early", kind.name());
        Ok(server)
    }

    /// The server's task, whose processor time counts.
    #[must_use]
    pub fn task(&self) -> Task {
        Task::Process(self.pid)
    }

    /// The server's threads, moved to these processors.
    ///
    /// # Errors
    /// When the server is gone, or the kernel does not let it.
    pub fn threads_on(&self, cpus: &CpuSet) -> Result<Threads> {
        Threads::moved_to(self.pid, cpus)
    }

    /// Wakes the server for a block.
    ///
    /// # Errors
    /// When the server is gone.
    pub fn begin_block(&self) -> Result<()> {
        send_byte(&self.control)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Release);
        // Each of these may fail because the server is gone already, which is what is wanted.
        let _ = shutdown(&self.control, Shutdown::Both);
        let exited = poll(&mut [PollFd::new(&self.process, PollFlags::IN)], Some(&ONE_SECOND));
        if !matches!(exited, Ok(1)) {
            let _ = pidfd_send_signal(&self.process, Signal::KILL);
        }
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

fn watch(mut child: Child, kind: Kind, ending: Arc<AtomicBool>) -> JoinHandle<()> {
    thread::spawn(move || {
        let status = child.wait();
        if !ending.load(Ordering::Acquire) {
            eprintln!("bench: the server of {} ended early: {status:?}", kind.name());
            exit(1);
        }
    })
}

/// The server's end of the control socket.
#[derive(Debug)]
pub struct Control<'a>(BorrowedFd<'a>);

impl<'a> Control<'a> {
    /// Makes this process the server that `serve` describes, and takes the descriptors it is
    /// handed over its standard input.
    ///
    /// # Errors
    /// When the other end is gone or the processor is not allowed.
    pub fn accept(input: &'a impl AsFd, serve: &Serve) -> Result<(Self, Vec<OwnedFd>)> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        pin(None, serve.cpu)?;
        let control = Self(input.as_fd());
        let descriptors = receive_descriptors(control.0)?;
        Ok((control, descriptors))
    }

    /// From now on the server ends only by itself, when [`Control::await_block`] says that there is
    /// no client any more: also if that was killed, or the terminal has interrupted both.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn outlive_client(&self) -> Result<()> {
        setsid()?;
        Ok(set_parent_process_death_signal(None)?)
    }

    /// Tells the client that requests can be answered from now on.
    ///
    /// # Errors
    /// When the client is gone.
    pub fn ready(&self) -> Result<()> {
        send_byte(self.0)
    }

    /// Sleeps until the next block; `false` when there will be none.
    ///
    /// # Errors
    /// What the socket says.
    pub fn await_block(&self) -> Result<bool> {
        receive_byte(self.0)
    }
}

fn send_byte(socket: impl AsFd) -> Result<()> {
    send(socket, &[1], SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive_byte(socket: impl AsFd) -> Result<bool> {
    let (received, _) = recv(socket, &mut [0], RecvFlags::empty())?;
    Ok(received == 1)
}

fn send_descriptors(socket: impl AsFd, descriptors: &[BorrowedFd<'_>]) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        let fits = ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        ensure!(fits, "too many descriptors for a server");
    }
    sendmsg(socket, &[IoSlice::new(&[1])], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive_descriptors(socket: impl AsFd) -> Result<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let rights = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    Ok(rights.flatten().collect())
}
