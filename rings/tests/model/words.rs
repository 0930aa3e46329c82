//! Words with a fixed meaning: sizes, states, and where a block may be cut off.

use crate::support::{Memory, words};
use rings::{ClientQueue, Cursors, Geometry, Region, ServiceQueue, State, layout};

#[test]
fn a_geometry_is_two_powers_of_two() {
    for entries in [0, 1, 3, layout::MAX_ENTRIES * 2, u32::MAX] {
        assert!(Geometry::new(entries, 2).is_err(), "{entries} submission slots");
        assert!(Geometry::new(2, entries).is_err(), "{entries} completion slots");
    }
    let largest = Geometry::new(layout::MAX_ENTRIES, layout::MAX_ENTRIES).unwrap();
    assert_eq!(largest.sq_entries(), layout::MAX_ENTRIES);
    assert_eq!(largest.cq_entries(), layout::MAX_ENTRIES);
    assert_eq!(Geometry::new(256, 512), Ok(Geometry::default()));
}

#[test]
fn every_state_word_has_one_meaning() {
    for state in [State::Opening, State::Open, State::Closed(0), State::Closed(107), State::Dead] {
        assert_eq!(State::from_word(state.to_word()), state);
    }
    for word in [4, 1 << 32, 1 | 1 << 32, 3 | 1 << 32, u64::MAX] {
        assert_eq!(State::from_word(word), State::Unknown(word));
        assert_eq!(State::Unknown(word).to_word(), word);
    }
}

#[test]
fn a_block_that_is_cut_off_is_refused() {
    let geometry = Geometry::new(4, 8).unwrap();
    let (client, service) = (words(geometry.client_bytes()), words(geometry.service_bytes()));
    let opens = |client: &Memory<'_>, service: &Memory<'_>| {
        let cursors = Cursors::default();
        let client_end = ClientQueue::new(client, service, geometry).is_ok();
        let service_end = ServiceQueue::new(client, service, geometry, cursors, 0).is_ok();
        assert_eq!(client_end, service_end);
        client_end
    };
    let (client_block, service_block) = (Region::over(&client), Region::over(&service));
    assert!(opens(&client_block, &service_block));
    assert!(!opens(&Region::over(&client[1..]), &service_block));
    assert!(!opens(&client_block, &Region::over(&service[1..])));
    assert!(!opens(&Region::over(&[]), &service_block));
}

#[test]
fn a_service_block_describes_itself() {
    let geometry = Geometry::new(4, 8).unwrap();
    let service = words(geometry.service_bytes());
    let block = Region::over(&service);
    ServiceQueue::describe(&block, geometry, 7).unwrap();
    let mut header = [0; 24];
    block.read(0, &mut header).unwrap();
    assert_eq!(&header[..4], b"VRNG");
    let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap());
    assert_eq!([word(4), word(8), word(12), word(16)], [layout::VERSION, 4, 8, 7]);
}

#[test]
fn hints_and_states_cross_the_blocks() {
    let geometry = Geometry::new(2, 2).unwrap();
    let (client, service) = (words(geometry.client_bytes()), words(geometry.service_bytes()));
    let (client_block, service_block) = (Region::over(&client), Region::over(&service));
    let client = ClientQueue::new(&client_block, &service_block, geometry).unwrap();
    let cursors = Cursors::default();
    let service = ServiceQueue::new(&client_block, &service_block, geometry, cursors, 0).unwrap();
    assert_eq!((client.service_cpu(), service.client_cpu()), (None, None));
    client.set_cpu(0);
    service.set_cpu(3);
    assert_eq!((client.service_cpu(), service.client_cpu()), (Some(3), Some(0)));
    assert_eq!(client.state(), State::Opening);
    service.set_state(State::Closed(13));
    assert_eq!(client.state(), State::Closed(13));
}
