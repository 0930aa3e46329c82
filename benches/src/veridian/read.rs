//! Reading pages of the vfs: copied into the client's memory, or granted where they lie.

use std::rc::Rc;

use anyhow::{Result, ensure};
use dataplane::client::{Buffer, GrantTicket, GrantView, Ticket};
use dataplane::entry::Handle;
use dataplane::file::Request;

use super::ours::{Operation, Ours};
use super::system::{Client, System};
use crate::contender::Mode;
use crate::fixtures::{Order, PAGE_BYTES, PAGE_LEN, PAGES, PageWalk, sum};

/// With fewer pages to come than this, a pass of [`Order::EachOnce`] is over: a block must not
/// run into the next pass, whose pages would have been touched.
const PAGES_OF_A_BLOCK: usize = 2048;

/// `read_4k`: one read, copied out to where the caller wants it.
#[derive(Debug)]
pub struct Copy {
    file: Handle,
    walk: PageWalk,
}

impl Copy {
    /// Reads in the order of `walk`.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize, walk: PageWalk) -> Result<Ours<Self>> {
        let mut client = system.client(cpu, Mode::Polling)?;
        let file = system.open_pages(&mut client)?;
        Ok(Ours::new(client, Self { file, walk }))
    }
}

impl Operation for Copy {
    fn step(&mut self, client: &mut Client) -> Result<()> {
        let mut page = [0; PAGE_BYTES];
        let read = client.queue.read(self.file, self.walk.next_offset(), &mut page)?;
        ensure!(read == PAGE_BYTES, "a short read");
        self.walk.check(sum(&page));
        Ok(())
    }

    fn finish(&mut self, _client: &mut Client) -> Result<()> {
        self.walk.verify()
    }
}

/// `read_4k_depth_8`: several reads in flight at once, each copied out.
#[derive(Debug)]
pub struct CopyDeep {
    file: Handle,
    walk: PageWalk,
    buffers: Vec<Buffer>,
    tickets: Vec<Ticket>,
}

impl CopyDeep {
    /// Reads in the order of `walk`, `depth` pages at once.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize, walk: PageWalk, depth: u32) -> Result<Ours<Self>> {
        let mut client = system.client(cpu, Mode::Polling)?;
        let file = system.open_pages(&mut client)?;
        let buffers = (0..depth).map(|_| client.queue.buffer(PAGE_BYTES));
        let buffers = buffers.collect::<Result<Vec<Buffer>, _>>()?;
        let tickets = Vec::with_capacity(buffers.len());
        Ok(Ours::new(client, Self { file, walk, buffers, tickets }))
    }
}

impl Operation for CopyDeep {
    fn step(&mut self, client: &mut Client) -> Result<()> {
        for buffer in &self.buffers {
            let offset = self.walk.next_offset();
            let request = Request::Read { handle: self.file, offset, into: buffer.range() };
            self.tickets.push(client.queue.publish(request.to_sqe())?);
        }
        let mut page = [0; PAGE_BYTES];
        for (buffer, ticket) in self.buffers.iter().zip(self.tickets.drain(..)) {
            let read = client.queue.wait_for(ticket)?.status.result()?;
            ensure!(read == PAGE_LEN, "a short read");
            client.queue.arena().read(buffer.range(), &mut page)?;
            self.walk.check(sum(&page));
        }
        Ok(())
    }

    fn finish(&mut self, _client: &mut Client) -> Result<()> {
        self.walk.verify()
    }
}

/// `read_4k_grant`: one read by grant, summed where it lies, the release included.
pub struct Grant {
    system: Rc<System>,
    cpu: usize,
    file: Handle,
    walk: PageWalk,
}

impl Grant {
    /// Reads in the order of `walk`; [`Order::EachOnce`] by a new session for each pass, which has
    /// to map the file anew.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &Rc<System>, cpu: usize, walk: PageWalk) -> Result<Ours<Self>> {
        let mut client = system.client(cpu, Mode::Polling)?;
        let file = system.open_pages(&mut client)?;
        if walk.order() == Order::Random {
            warm(&mut client, file)?;
        }
        Ok(Ours::new(client, Self { system: Rc::clone(system), cpu, file, walk }))
    }
}

impl Operation for Grant {
    fn prepare(&mut self, client: &mut Client, _steps: u64) -> Result<()> {
        if self.walk.order() == Order::EachOnce && self.walk.remaining() < PAGES_OF_A_BLOCK {
            self.walk.start_pass();
            *client = self.system.client(self.cpu, Mode::Polling)?;
            self.file = self.system.open_pages(client)?;
        }
        Ok(())
    }

    fn step(&mut self, client: &mut Client) -> Result<()> {
        let offset = self.walk.next_offset();
        let sum = client.queue.read_grant(self.file, offset, PAGE_LEN, |view| sum_view(&view))?;
        self.walk.check(sum);
        Ok(())
    }

    fn finish(&mut self, _client: &mut Client) -> Result<()> {
        self.walk.verify()
    }
}

/// `read_4k_grant_depth_8`: several reads by grant in flight at once.
#[derive(Debug)]
pub struct GrantDeep {
    file: Handle,
    walk: PageWalk,
    depth: u32,
    reads: Vec<GrantTicket>,
}

impl GrantDeep {
    /// Reads in the order of `walk`, `depth` pages at once.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn open(system: &System, cpu: usize, walk: PageWalk, depth: u32) -> Result<Ours<Self>> {
        let mut client = system.client(cpu, Mode::Polling)?;
        let file = system.open_pages(&mut client)?;
        warm(&mut client, file)?;
        Ok(Ours::new(client, Self { file, walk, depth, reads: Vec::new() }))
    }
}

impl Operation for GrantDeep {
    fn step(&mut self, client: &mut Client) -> Result<()> {
        for _ in 0..self.depth {
            let offset = self.walk.next_offset();
            self.reads.push(client.queue.publish_grant(self.file, offset, PAGE_LEN)?);
        }
        for read in self.reads.drain(..) {
            let sum = client.queue.wait_grant(read, |view| sum_view(&view))?;
            self.walk.check(sum);
        }
        Ok(())
    }

    fn finish(&mut self, _client: &mut Client) -> Result<()> {
        self.walk.verify()
    }
}

/// Reads every page once, so that what follows is not a first touch.
fn warm(client: &mut Client, file: Handle) -> Result<()> {
    for page in 0..PAGES {
        let offset = page * u64::from(PAGE_LEN);
        client.queue.read_grant(file, offset, PAGE_LEN, |view| sum_view(&view))?;
    }
    Ok(())
}

fn sum_view(view: &GrantView<'_>) -> u64 {
    view.fold_blocks(0, |sum, block| {
        let [a, b, c, d, e, f, g, h] = block;
        // As a tree: in a chain each addition would wait for the one before.
        let low = a.wrapping_add(b).wrapping_add(c.wrapping_add(d));
        let high = e.wrapping_add(f).wrapping_add(g.wrapping_add(h));
        low.wrapping_add(high).wrapping_add(sum)
    })
}
