//! A stream of items between two threads of one process, over any single-producer ring.
//!
//! The client's thread consumes and is timed. The producer's thread sleeps between blocks.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use rustix::process::Pid;
use rustix::thread::gettid;

use crate::block::Block;
use crate::contender::Contender;
use crate::env::pin;
use crate::usage::Task;

/// Items that the ring between the two threads holds.
pub const CAPACITY: usize = 1024;

/// Sends numbered items, one or a chunk at a time.
pub trait Source: Send + 'static {
    /// Sends what fits now, numbered from `number`; returns how many items that was.
    fn offer(&mut self, number: u64) -> u64;
}

/// Receives items.
pub trait Sink {
    /// Takes what is there, at most `limit` items, and checks that their numbers go on from
    /// `number`; returns how many items that was.
    ///
    /// # Errors
    /// When a number is missing.
    fn take(&mut self, number: u64, limit: u64) -> Result<u64>;
}

/// What the two threads tell each other about blocks.
#[derive(Debug, Default)]
struct State {
    producing: AtomicBool,
    idle: AtomicBool,
}

/// A contender whose step is so many items received.
#[derive(Debug)]
pub struct Stream<S> {
    sink: S,
    items_per_step: u64,
    received: u64,
    state: Arc<State>,
    wake: Option<SyncSender<()>>,
    producer: Option<JoinHandle<()>>,
    producer_id: Pid,
}

impl<S: Sink> Stream<S> {
    /// A stream whose producer's thread runs on processor `cpu`.
    ///
    /// # Errors
    /// When the thread cannot be started there.
    pub fn open(mut source: impl Source, sink: S, cpu: usize, items_per_step: u64) -> Result<Self> {
        let state = Arc::new(State::default());
        let (wake, woken) = sync_channel(1);
        let (tell_id, id) = sync_channel(1);
        let producer = thread::spawn({
            let state = Arc::clone(&state);
            move || {
                let moved = pin(None, cpu).map(|()| gettid());
                if tell_id.send(moved).is_ok() {
                    produce(&mut source, &state, &woken);
                }
            }
        });
        let producer_id = id.recv()??;
        Ok(Self {
            sink,
            items_per_step,
            received: 0,
            state,
            wake: Some(wake),
            producer: Some(producer),
            producer_id,
        })
    }
}

fn produce(source: &mut impl Source, state: &State, woken: &Receiver<()>) {
    let mut number = 0;
    while woken.recv().is_ok() {
        while state.producing.load(Ordering::Acquire) {
            match source.offer(number) {
                0 => hint::spin_loop(),
                sent => number += sent,
            }
        }
        state.idle.store(true, Ordering::Release);
    }
}

impl<S: Sink> Contender for Stream<S> {
    fn servers(&self) -> Vec<Task> {
        vec![Task::Thread(self.producer_id)]
    }

    fn begin_block(&mut self) -> Result<()> {
        self.state.idle.store(false, Ordering::Relaxed);
        self.state.producing.store(true, Ordering::Release);
        self.wake.as_ref().context("the stream has ended")?.send(())?;
        Ok(())
    }

    fn run(&mut self, block: &mut Block) -> Result<()> {
        block.time(|| {
            let end = self.received + self.items_per_step;
            while self.received < end {
                match self.sink.take(self.received, end - self.received)? {
                    0 => hint::spin_loop(),
                    taken => self.received += taken,
                }
            }
            Ok(())
        })
    }

    fn end_block(&mut self) -> Result<()> {
        self.state.producing.store(false, Ordering::Release);
        // Else the next block could begin before the producer has seen the end of this one.
        while !self.state.idle.load(Ordering::Acquire) {
            hint::spin_loop();
        }
        Ok(())
    }
}

impl<S> Drop for Stream<S> {
    fn drop(&mut self) {
        self.state.producing.store(false, Ordering::Release);
        self.wake = None;
        if let Some(producer) = self.producer.take() {
            let _ = producer.join();
        }
    }
}
