//! Scratch.
mod common;
#[path = "hostile/entries.rs"]
mod entries;
use common::census::resident_kib;
use common::random::Random;
use common::raw::*;
use control::platform::Channel;
use dataplane::entry::*;
use dataplane::file::*;
use entries::*;
use rings::sync::Ordering;
use veridian::system::Embedded;

#[test]
fn probe() {
    let system =
        Embedded::start_from(std::path::Path::new(env!("CARGO_BIN_EXE_veridian"))).unwrap();
    let pid = system.connection.status().unwrap().services[0].pid;
    let run = |name: &str, n: u64, f: &mut dyn FnMut(&mut RawClient, &mut RawSession, u64)| {
        for round in 0..3 {
            let before = resident_kib(pid);
            let mut client = RawClient::greet(&system.address.0).unwrap();
            for i in 0..n {
                let mut s = client.open(&Wish::default()).unwrap();
                f(&mut client, &mut s, i);
                client.disconnect(s.terms.session).unwrap();
            }
            println!(
                "{name} {round}: {} -> {} KiB ({:.0} B each)",
                before,
                resident_kib(pid),
                (resident_kib(pid) as f64 - before as f64) * 1024.0 / n as f64
            );
        }
    };
    run("nothing", 2000, &mut |_, _, _| {});
    run("nop", 2000, &mut |_, s, _| {
        s.publish(0, &Sqe::new(Opcode::Nop, Handle::NONE));
        s.doorbell.ring();
        while s.reap(0).is_empty() {
            std::thread::yield_now();
        }
    });
    run("timeout", 2000, &mut |_, s, _| {
        s.publish(0, &Sqe { arg0: 1 << 60, ..Sqe::new(Opcode::Timeout, Handle::NONE) });
        s.publish(0, &Sqe::new(Opcode::Nop, Handle::NONE));
        s.doorbell.ring();
        while s.reap(0).is_empty() {
            std::thread::yield_now();
        }
    });
    run("quarantine", 2000, &mut |_, s, _| {
        s.client.region.store(256 + 56, 9 << 32, Ordering::Release).unwrap();
        s.doorbell.ring();
        while !s.is_over() {
            std::thread::yield_now();
        }
    });
    run("open", 2000, &mut |_, s, i| {
        let _ = s
            .open(format!("f{}", i % 8).as_bytes(), OpenFlags::READ_WRITE | OpenFlags::CREATE)
            .unwrap();
    });
    run("write", 2000, &mut |_, s, i| {
        let h = s
            .open(format!("f{}", i % 8).as_bytes(), OpenFlags::READ_WRITE | OpenFlags::CREATE)
            .unwrap();
        s.write(h, 0, &[1; 8192]).unwrap();
    });
    run("grant", 2000, &mut |_, s, i| {
        let h = s
            .open(format!("f{}", i % 8).as_bytes(), OpenFlags::READ_WRITE | OpenFlags::CREATE)
            .unwrap();
        assert_eq!(
            s.call(&Request::ReadGrant { handle: h, offset: 0, len: 8192, hold: false })
                .unwrap()
                .status,
            8192
        );
    });
    run("grant held", 2000, &mut |_, s, i| {
        let h = s
            .open(format!("f{}", i % 8).as_bytes(), OpenFlags::READ_WRITE | OpenFlags::CREATE)
            .unwrap();
        s.call(&Request::ReadGrant { handle: h, offset: 0, len: 8192, hold: true }).unwrap();
    });
    run("tell", 2000, &mut |c, _, _| {
        let text = b"usage".to_vec().try_into().unwrap();
        c.ask(c.vfs(), &control::message::ClientMessage::Tell(control::message::Tell { text }))
            .unwrap();
    });
    let mut random = Random::new(1);
    run("entries", 1000, &mut |_, s, _| {
        let e = Entries::new(s);
        for _ in 0..20 {
            let q = e.next(s, &mut random);
            s.publish(0, &q);
            s.doorbell.ring();
            s.reap(0);
        }
        std::thread::yield_now();
    });
    let _ = RawClient::connect(&system.address.0).unwrap().channel.peer();
}
