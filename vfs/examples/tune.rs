#![allow(missing_docs, unused)]
#[path = "../tests/support/mod.rs"]
mod support;
use support::*;
use support::client::*;
use std::time::Instant;
use dataplane::file::*;
use dataplane::service::*;
use dataplane::entry::*;
fn now(a: Answer<vfs::PinnedPages>) -> Completion<vfs::PinnedPages> { match a { Answer::Now(c) => c, _ => panic!() } }
fn main() {
    let system = System::new(256 << 20);
    let client = system.root_client();
    client.mkdir("a", 0o755).unwrap();
    for i in 0..10 { client.mkdir(&format!("a/b{i}"), 0o755).unwrap();
        for j in 0..10 { client.mkdir(&format!("a/b{i}/c{j}"), 0o755).unwrap();
            for k in 0..100 { let f = client.create(&format!("a/b{i}/c{j}/file{k:03}"), 0o644).unwrap(); client.close(f).unwrap(); } } }
    let mut rng = 88172645463325252u64;
    let mut next = || { rng ^= rng << 13; rng ^= rng >> 7; rng ^= rng << 17; rng };
    for _ in 0..3 {
    let n = 300_000;
    let paths: Vec<String> = (0..1000).map(|_| { let r = next(); format!("a/b{}/c{}/file{:03}", r % 10, r / 10 % 10, r / 100 % 100) }).collect();
    let t = Instant::now();
    let mut i = 0;
    for _ in 0..n { let p = &paths[i % 1000]; i += 1; std::hint::black_box(client.open_request(client.root, p, READ, 0).to_sqe()); }
    let base = t.elapsed().as_nanos() as f64 / n as f64;
    let t = Instant::now();
    for _ in 0..n {
        let p = &paths[i % 1000]; i += 1;
        let sqe = client.open_request(client.root, p, READ, 0).to_sqe();
        let c = now(client.submit(&sqe));
        let h = Handle::from_word(c.aux).unwrap();
        let c = now(client.submit(&Request::Close { handle: h }.to_sqe()));
        assert!(c.status.0 == 0);
    }
    println!("open+close {:.0} ns (path put {base:.0})", t.elapsed().as_nanos() as f64 / n as f64);
    let t = Instant::now();
    for _ in 0..n {
        let p = &paths[i % 1000]; i += 1;
        client.arena.write(0, p.as_bytes()).unwrap();
        let sqe = Request::Statx { handle: client.root, path: dataplane::ArenaRange{offset:0,len:p.len() as u32}, follow: true, into: dataplane::ArenaRange{offset:16384,len:128}}.to_sqe();
        let c = now(client.submit(&sqe));
        assert!(c.status.0 == 0);
    }
    println!("stat {:.0} ns", t.elapsed().as_nanos() as f64 / n as f64);
    }
    let f = client.create("big", 0o644).unwrap();
    let data = vec![7u8; 1 << 20];
    let t = Instant::now();
    for i in 0..64u64 { client.write_all(f, i << 20, &data).unwrap(); }
    println!("write 64 MiB {:.1} ms", t.elapsed().as_secs_f64() * 1e3);
    let t = Instant::now();
    for i in 0..64u64 { client.write_all(f, i << 20, &data).unwrap(); }
    println!("rewrite 64 MiB {:.1} ms", t.elapsed().as_secs_f64() * 1e3);
    let t = Instant::now();
    for i in 0..(64u64 << 8) { client.read_grant(f, i << 12, 4096, false).unwrap(); client.consume(); }
    println!("first grant/page {:.0} ns", t.elapsed().as_nanos() as f64 / (64 << 8) as f64);
    for _ in 0..3 {
    let n = 1_000_000;
    let t = Instant::now();
    for _ in 0..n {
        let sqe = Client::grant_request(f, (next() & 0x3fff) << 12, 4096, false).to_sqe();
        let c = now(client.submit(&sqe));
        assert!(c.status.0 == 4096);
        drop(c);
    }
    println!("warm grant {:.0} ns", t.elapsed().as_nanos() as f64 / n as f64);
    let n = 300_000;
    let t = Instant::now();
    for _ in 0..n {
        let sqe = Request::Read { handle: f, offset: (next() & 0x3fff) << 12, into: dataplane::ArenaRange { offset: 32768, len: 4096 } }.to_sqe();
        let c = now(client.submit(&sqe));
        assert!(c.status.0 == 4096);
    }
    println!("read 4k {:.0} ns", t.elapsed().as_nanos() as f64 / n as f64);
    let t = Instant::now();
    for _ in 0..n {
        let sqe = Request::Read { handle: f, offset: (next() & 0x3fff) << 12, into: dataplane::ArenaRange { offset: 32768, len: 8 } }.to_sqe();
        let c = now(client.submit(&sqe));
        assert!(c.status.0 == 8);
    }
    println!("read 8 {:.0} ns", t.elapsed().as_nanos() as f64 / n as f64);
    let t = Instant::now();
    for _ in 0..n {
        let sqe = Request::Write { handle: f, offset: (next() & 0x3fff) << 12, from: dataplane::ArenaRange { offset: 32768, len: 4096 } }.to_sqe();
        let c = now(client.submit(&sqe));
        assert!(c.status.0 == 4096);
    }
    println!("write 4k {:.0} ns", t.elapsed().as_nanos() as f64 / n as f64);
    }
}
