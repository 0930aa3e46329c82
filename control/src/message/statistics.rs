//! What a service has done for each of its sessions, and for whom.
//!
//! `SessionStatistics` is what the service knows, `Work` and then the histogram:
//!
//! | offset | size | field     | meaning                                             |
//! |--------|------|-----------|-----------------------------------------------------|
//! | 0      | 8    | session   | which; 0 = all that have ended                      |
//! | 8      | 8    | accepted  | requests                                            |
//! | 16     | 8    | completed | requests                                            |
//! | 24     | 8    | errors    | of these                                            |
//! | 32     | 8    | in_flight | requests accepted and not completed                 |
//! | 40     | 2    | buckets   | how many follow                                     |
//! | 42     |      |           | each: number u16, count u64; numbers ascend, no count is 0 |
//!
//! The buckets are of `dataplane::Histogram`: nanoseconds from acceptance to completion, of some of
//! the requests. `ClientStatistics` is what the broker makes of it, `ClientIdentity` and then the same:
//!
//! | offset | size | field | meaning                                   |
//! |--------|------|-------|-------------------------------------------|
//! | 0      | 4    | pid   | of the client; 0 = unknown, or none       |
//! | 4      | 4    | uid   | of the client                             |

use alloc::vec::Vec;

use dataplane::service::Statistics;
use dataplane::{Histogram, SessionId};

use super::error::Fault;
use super::field::{Body, Input, record, sequence};
use super::page::Paged;

record! {
    /// Counts of one session, or of all that have ended.
    #[derive(Default)]
    Work, 40 bytes {
        /// The session; 0 for all that have ended.
        0 => session: SessionId,
        /// Requests accepted.
        8 => accepted: u64,
        /// Requests completed.
        16 => completed: u64,
        /// Of these, with an error.
        24 => errors: u64,
        /// Requests accepted and not completed.
        32 => in_flight: u64,
    }
}

record! {
    /// Whose session it is.
    #[derive(Default)]
    ClientIdentity, 8 bytes {
        /// The client's process; 0 if it is not known.
        0 => pid: u32,
        /// The client's user.
        4 => uid: u32,
    }
}

sequence! {
    /// What a service has done for a session.
    SessionStatistics {
        /// How much.
        work: Work,
        /// How long some of it took.
        times: Histogram,
    }
}

sequence! {
    /// What a service has done for a client's session.
    ClientStatistics {
        /// Whose session it is; nobody's for those that have ended.
        client: ClientIdentity,
        /// What was done.
        statistics: SessionStatistics,
    }
}

impl Paged for SessionStatistics {
    fn session(&self) -> SessionId {
        self.work.session
    }
}

impl Paged for ClientStatistics {
    fn session(&self) -> SessionId {
        self.statistics.session()
    }
}

impl From<Statistics> for SessionStatistics {
    fn from(statistics: Statistics) -> Self {
        let Statistics { session, counters, in_flight, times } = statistics;
        let work = Work {
            session,
            accepted: counters.accepted,
            completed: counters.completed,
            errors: counters.errors,
            in_flight,
        };
        Self { work, times }
    }
}

impl Body for Histogram {
    const MAX_BYTES: usize = u16::MAX_BYTES + Self::BUCKETS * (u16::MAX_BYTES + u64::MAX_BYTES);

    fn write(&self, out: &mut Vec<u8>) {
        // There are not more buckets than that.
        u16::try_from(self.buckets().count()).unwrap_or(u16::MAX).write(out);
        for (bucket, count) in self.buckets() {
            bucket.write(out);
            count.write(out);
        }
    }

    fn read(input: &mut Input<'_>) -> Result<Self, Fault> {
        let mut histogram = Self::default();
        let mut least = 0;
        for _ in 0..u16::read(input)? {
            let (bucket, count) = (u16::read(input)?, u64::read(input)?);
            if bucket < least || count == 0 || !histogram.add(bucket, count) {
                return Err(Fault::Bucket { bucket });
            }
            least = bucket + 1;
        }
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_exist_and_are_not_empty() {
        let wrong = [[(3, 1), (3, 1)], [(4, 1), (3, 1)], [(3, 1), (4, 0)], [(3, 1), (304, 1)]];
        for [first, (bucket, count)] in wrong {
            let mut bytes = Vec::new();
            2u16.write(&mut bytes);
            for (bucket, count) in [first, (bucket, count)] {
                u16::write(&bucket, &mut bytes);
                u64::write(&count, &mut bytes);
            }
            let read = Histogram::read(&mut Input::new(&bytes));
            assert_eq!(read, Err(Fault::Bucket { bucket }));
        }
    }
}
