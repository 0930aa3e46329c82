//! Readings of a made-up system: what is made of two of them, and how that looks at many sizes.

use super::reading::{Reading, ServiceReading};
use super::sample::{Sample, between};
use super::view::View;
use super::{cells, plain};
use crate::system::Address;
use control::message::{
    ClientIdentity, ClientStatistics, Layers, ServiceState, ServiceStatus, SessionStatistics, Work,
};
use dataplane::{Histogram, SessionId};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::time::{Duration, Instant};

/// Session, completed, errors, in flight, and how long each timed request took, ns.
type Session<'a> = (u64, u64, u64, u64, &'a [u64]);

fn statistics(&(session, completed, errors, in_flight, times): &Session<'_>) -> ClientStatistics {
    let mut histogram = Histogram::default();
    times.iter().for_each(|ns| histogram.record(*ns));
    let work = Work {
        session: SessionId(session),
        accepted: completed + in_flight,
        completed,
        errors,
        in_flight,
    };
    let uid = u32::try_from(session).unwrap() % 3;
    let client = ClientIdentity { pid: u32::MAX, uid };
    ClientStatistics { client, statistics: SessionStatistics { work, times: histogram } }
}

fn reading(at: Instant, epoch: u32, cpu_ms: u64, sessions: &[Session<'_>]) -> Reading {
    let status = ServiceStatus {
        name: "vfs".parse().unwrap(),
        start_ns: 1,
        uptime_ns: 90_000_000_000,
        resident_bytes: 3 << 20,
        accepted: 0,
        completed: 0,
        errors: 0,
        quarantined: 0,
        opened: 0,
        pid: 77,
        sessions: 0,
        epoch,
        state: ServiceState::Ready,
        retry_ns: 0,
        confinement: Layers::default(),
        refused: 0,
        restarts: 0,
        failures: 0,
        last_end: 0,
    };
    let sessions = sessions.iter().map(statistics);
    let sessions = sessions.map(|each| (each.statistics.work.session, each)).collect();
    let usage = [("pages".to_owned(), 12), ("used_bytes".to_owned(), 2048)].into();
    let cpu = Some(Duration::from_millis(cpu_ms));
    Reading { at, services: vec![ServiceReading { status, sessions, cpu, usage }] }
}

/// Two seconds in which session 1 was busy, 2 ended, 3 did nothing, and 4 came.
fn sample() -> Sample {
    let begun = Instant::now();
    let before = reading(
        begun,
        1,
        500,
        &[(0, 1_000, 0, 0, &[9]), (1, 5_000, 10, 2, &[5]), (2, 70, 7, 0, &[6]), (3, 10, 0, 0, &[])],
    );
    let now = reading(
        begun + Duration::from_secs(2),
        1,
        1_500,
        &[
            (0, 1_090, 8, 0, &[9, 6, 400]),
            (1, 9_000, 20, 5, &[5, 100, 100, 3_000]),
            (3, 10, 0, 1, &[]),
            (4, 6, 6, 0, &[1_000_000]),
        ],
    );
    between(&before, &now)
}

#[test]
fn rates_are_what_was_done_in_the_time() {
    let sample = sample();
    assert_eq!(sample.interval_ns, 2_000_000_000);
    let [service] = &sample.services[..] else { panic!("one service") };
    let of = |at: usize| &service.sessions[at].rates;
    let sessions: Vec<u64> = service.sessions.iter().map(|session| session.session).collect();
    assert_eq!(sessions, [1, 3, 4]);
    assert_eq!((of(0).operations_per_s, of(0).errors_per_s), (2_000.0, 5.0));
    assert_eq!((of(0).in_flight, of(0).requests_timed), (5, 3));
    assert_eq!((of(0).p50_ns, of(0).p99_ns), (Some(103), Some(3_071)));
    assert_eq!((of(1).operations_per_s, of(1).p50_ns, of(1).in_flight), (0.0, None, 1));
    assert_eq!((of(2).operations_per_s, of(2).errors_per_s), (3.0, 3.0));
    // 20 of session 2, which has ended, count too.
    let all = &service.rates;
    assert_eq!((all.operations_per_s, all.errors_per_s), (2_013.0, 8.5));
    assert_eq!((all.in_flight, all.requests_timed), (6, 5));
    assert_eq!(service.cpu_percent, Some(50.0));
}

#[test]
fn of_another_incarnation_everything_is_new() {
    let begun = Instant::now();
    let before = reading(begun, 1, 500, &[(0, 1_000, 0, 0, &[])]);
    let now = reading(begun + Duration::from_secs(1), 2, 20, &[(0, 30, 0, 0, &[])]);
    let sample = between(&before, &now);
    assert_eq!(sample.services[0].rates.operations_per_s, 30.0);
    assert_eq!(sample.services[0].cpu_percent, None);
    // The same instant twice is no reason for infinite rates.
    let again = between(&now, &now);
    assert!(again.services[0].rates.operations_per_s.abs() < 1.0);
}

#[test]
fn sessions_are_ordered_by_each_column() {
    let sample = sample();
    let order = |column| -> Vec<u64> {
        cells::sessions(&sample, column).iter().map(|(_, session)| session.session).collect()
    };
    assert_eq!(order(0), [1, 3, 4]);
    assert_eq!(order(3), [3, 1, 4], "by user, then the busier first");
    assert_eq!(order(cells::BUSIEST), [1, 4, 3]);
    for percentile in [6, 7, 8] {
        assert_eq!(order(percentile), [4, 1, 3], "column {percentile}");
    }
    assert_eq!(order(9), [1, 3, 4]);
    assert_eq!(order(10), [1, 4, 3]);
    assert_eq!(cells::SESSION[cells::BUSIEST].1, "op/s");
}

/// The screen, a line each.
fn draw(view: &mut View, (width, height): (u16, u16)) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view.draw(frame)).unwrap();
    let cells = terminal.backend().buffer().content();
    let symbols: Vec<&str> = cells.iter().map(|cell| cell.symbol()).collect();
    symbols.chunks(usize::from(width.max(1))).map(|line| line.concat()).collect()
}

fn view() -> View {
    let mut view = View::new(&Address("@test".into()), Duration::from_secs(2));
    view.show(sample());
    view
}

#[test]
fn everything_is_on_a_usual_screen() {
    let screen = draw(&mut view(), (100, 24));
    assert!(screen[0].starts_with("veridian at @test   up 90.0 s   3 sessions"), "{screen:#?}");
    assert!(screen[1].starts_with("service  pid  op/s"), "{screen:#?}");
    for part in ["vfs", "77", "2013", "415 ns", "50.0 %", "3.0 MiB"] {
        assert!(screen[2].contains(part), "{part}: {screen:#?}");
    }
    assert!(screen[3].starts_with("vfs: pages 12, used 2.0 KiB"), "{screen:#?}");
    assert!(screen[5].starts_with("session  service"), "{screen:#?}");
    let first: Vec<&str> = screen[6..9].iter().map(|line| line.trim_start()).collect();
    assert!(first[0].starts_with("1  vfs"), "{screen:#?}");
    assert!(first[1].starts_with("4  vfs") && first[2].starts_with("3  vfs"), "{screen:#?}");
    assert!(screen[23].starts_with("q quit"), "{screen:#?}");
}

#[test]
fn every_size_can_be_drawn() {
    for width in [0, 1, 2, 7, 20, 40, 80, 300] {
        for height in [0, 1, 2, 3, 5, 8, 24, 100] {
            let mut view = view();
            let screen = draw(&mut view, (width, height));
            if width >= 20 && height >= 1 {
                assert!(screen[0].starts_with("veridian at @test"), "{width} x {height}");
            }
            draw(&mut View::new(&Address("@test".into()), Duration::from_secs(1)), (width, height));
        }
    }
}

#[test]
fn keys_choose_the_order_and_scroll_no_further_than_there_is() {
    let mut view = view();
    let first = |view: &mut View| draw(view, (100, 24))[6].trim_start().chars().next();
    assert_eq!(first(&mut view), Some('1'));
    view.reverse();
    assert_eq!(first(&mut view), Some('3'));
    view.reverse();
    view.sort_by_next();
    assert_eq!(first(&mut view), Some('4'), "by p50");
    view.sort_by_previous();
    view.scroll_down(1);
    assert_eq!(first(&mut view), Some('4'));
    view.scroll_down(1_000);
    assert_eq!(first(&mut view), Some('3'));
    view.scroll_up(1);
    assert_eq!(first(&mut view), Some('4'));
    for _ in 0..cells::SESSION.len() {
        view.sort_by_previous();
    }
    assert_eq!(first(&mut view), Some('4'), "once around");
}

#[test]
fn plain_samples_have_the_same_rows_and_json_has_numbers() {
    let text = plain::text(&sample());
    assert_eq!(text.lines().count(), 8, "{text}");
    assert!(text.lines().nth(6).is_some_and(|line| line.contains("1.0 ms")), "{text}");
    let json = serde_json::to_value(sample()).unwrap();
    let service = &json["services"][0];
    assert_eq!(service["operations_per_s"], 2_013.0);
    assert_eq!(service["sessions"][0]["p999_ns"], 3_071);
    assert_eq!(service["sessions"][1]["p50_ns"], serde_json::Value::Null);
    assert_eq!(service["usage"]["used_bytes"], 2_048);
}
