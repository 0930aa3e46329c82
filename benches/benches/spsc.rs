//! Criterion: pieces of rings on one thread, where nothing waits for another processor.

use std::hint::black_box;

use benches::peers::rtrb;
use benches::peers::stream::{Sink, Source};
use benches::veridian::stream;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const BATCH: u64 = 32;

/// Sends a batch and receives it again.
fn both_ways(criterion: &mut Criterion, name: &str, batch: u64, ends: (impl Source, impl Sink)) {
    let (mut source, mut sink) = ends;
    let (mut sent, mut received) = (0, 0);
    let mut group = criterion.benchmark_group("spsc, one thread");
    group.throughput(Throughput::Elements(batch));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let end = received + batch;
            while received < end {
                sent += source.offer(black_box(sent));
                received += sink.take(received, end - received).unwrap_or(0);
            }
        });
    });
    group.finish();
}

fn spsc(criterion: &mut Criterion) {
    both_ways(criterion, "rtrb push, pop", 1, rtrb::items());
    both_ways(criterion, "rtrb chunks of 32", BATCH, rtrb::chunks());
    if let Ok(ring) = stream::ring() {
        both_ways(criterion, "ring, 32 at a time", BATCH, ring);
    }
}

criterion_group!(benches, spsc);
criterion_main!(benches);
