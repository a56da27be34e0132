//! One workload on several threads at once.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use crate::measure::{Sample, Workload, sample};
use crate::peer::Peer;

/// The median of `samples`; in each every thread goes `times`. Of a sample counts the thread that was last
/// to end, and the processor time of all threads.
pub(crate) fn samples(
    peer: &dyn Peer,
    workload: Workload,
    threads: usize,
    samples: usize,
    times: usize,
) -> Sample {
    let mut all: Vec<Sample> = (0..samples)
        .map(|_| {
            let sample = together(peer, workload, threads, times);
            peer.flush();
            sample
        })
        .collect();
    all.sort_unstable_by_key(|sample| sample.wall);
    all.get(samples / 2).copied().unwrap_or(Sample { cpu: Duration::ZERO, wall: Duration::ZERO })
}

fn together(peer: &dyn Peer, workload: Workload, threads: usize, times: usize) -> Sample {
    let start = Barrier::new(threads);
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut result = None;
                    workload.with(peer, &mut |work| {
                        // A thread's first trace sets up what is the thread's own.
                        work();
                        start.wait();
                        result = Some(sample(times, work));
                    });
                    result
                })
            })
            .collect();
        let ended = running.into_iter().filter_map(|thread| thread.join().ok().flatten());
        ended.fold(Sample { cpu: Duration::ZERO, wall: Duration::ZERO }, |all, one| Sample {
            cpu: all.cpu + one.cpu,
            wall: all.wall.max(one.wall),
        })
    })
}
