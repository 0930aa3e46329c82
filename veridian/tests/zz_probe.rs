//! Scratch.
#[path = "hostile/entries.rs"]
mod entries;
mod common;
use common::random::Random;
use common::raw::*;
use dataplane::entry::*;
use dataplane::file::*;
use control::client::SessionOptions;
use veridian::system::Embedded;
use entries::*;

#[test]
fn probe() {
    let n: u64 = std::env::var("N").unwrap().parse().unwrap();
    let seeds: u64 = std::env::var("SEEDS").unwrap().parse().unwrap();
    let verbose = std::env::var("V").is_ok();
    let system = Embedded::start_from(std::path::Path::new(env!("CARGO_BIN_EXE_veridian"))).unwrap();
    let usage = || String::from_utf8(system.connection.tell("vfs", b"usage").unwrap()).unwrap().replace('\n', " ");
    let mut last = String::new();
    for seed in 0..seeds {
        let seed = if verbose { std::env::var("SEED").unwrap().parse().unwrap() } else { seed };
        {
            let mut s = system.connection.connect("vfs", SessionOptions::default()).unwrap();
            let mut q = s.take_queue().unwrap();
            q.mkdir(s.root(), PLAYGROUND, 0o777).unwrap();
        }
        let mut random = Random::new(seed);
        {
            let mut client = RawClient::greet(&system.address.0).unwrap();
            let mut sessions: Vec<_> = (0..3).map(|_| { let s = client.open(&Wish::default()).unwrap(); let e = Entries::new(&s); (s, e) }).collect();
            for i in 0..n {
                if random.once_in(40) { let k = random.index(3); let id = sessions[k].0.terms.session; if verbose { println!("{i} close session {k}"); } client.disconnect(id).unwrap(); let s = client.open(&Wish::default()).unwrap(); let e = Entries::new(&s); sessions[k] = (s, e); }
                let k = random.index(3);
                let (session, e) = &mut sessions[k];
                let sqe = e.next(session, &mut random);
                if sqe.opcode() == Opcode::Timeout { continue; }
                let text = |o: u32, l: u32| -> Vec<u8> { if o as usize + (l as usize) < (1<<16) && l < 40 && o % 8 == 0 { let mut b = vec![0; l as usize]; let _ = session.arena.region.read(o as usize, &mut b); b } else { vec![] } };
                let path = text(sqe.buffer_offset, sqe.len);
                let path2 = text(sqe.arg1 as u32, (sqe.arg1 >> 32) as u32);
                session.publish(0, &sqe);
                session.doorbell.ring();
                let cqe = loop { if let Some(c) = session.reap(0).pop() { break c; } std::thread::yield_now(); };
                if verbose && cqe.status >= 0 { println!("{i} s{k} {:?} {:?} {} {:?} flags {:o} path2 {} -> {} aux {:x}", sqe.opcode(), sqe.handle(), String::from_utf8_lossy(&path), sqe.offset, sqe.op_flags, String::from_utf8_lossy(&path2), cqe.status, cqe.aux); }
                e.handles.extend(Handle::from_word(cqe.aux).filter(|_| cqe.status >= 0 && cqe.aux != 0));
            }
        }
        {
            let mut s = system.connection.connect("vfs", SessionOptions::default()).unwrap();
            let mut q = s.take_queue().unwrap();
            let root = s.root();
            remove_all(&mut q, root);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
        let now = usage();
        let key = now.split(' ').filter(|w| w.starts_with("inodes") || w.starts_with("used")|| w.starts_with("pages")).collect::<Vec<_>>().join(" ");
        if key != last { println!("after seed {seed}: {key}"); last = key; }
        if verbose { break; }
    }
}
fn remove_all(queue: &mut dataplane::client::Queue, directory: Handle) {
    let mut found = Vec::new();
    queue.read_directory(directory, |e| found.push((e.name.to_vec(), e.kind))).unwrap();
    for (name, kind) in found {
        if kind == Some(FileKind::Directory) {
            let below = queue.open(directory, &name, OpenFlags::DIRECTORY, 0).unwrap();
            remove_all(queue, below);
            queue.close(below).unwrap();
            queue.unlink(directory, &name, UnlinkKind::Directory).unwrap();
        } else {
            queue.unlink(directory, &name, UnlinkKind::File).unwrap();
        }
    }
}
