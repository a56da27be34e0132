//! One workload on one thread, in samples.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::clock;
use crate::peer::{Peer, Shape};

/// Counts the allocations that this thread makes in a piece of work.
pub type CountAllocations = fn(&mut dyn FnMut()) -> u64;

/// What is done again and again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Workload {
    Hot,
    Root,
    Shaped(Shape),
    Inject,
    InjectIntoMap,
    Extract,
}

impl Workload {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "hot" => Workload::Hot,
            "root" => Workload::Root,
            "inject" => Workload::Inject,
            "inject-map" => Workload::InjectIntoMap,
            "extract" => Workload::Extract,
            shape => {
                let (spans, tags) = shape.split_once('x')?;
                Workload::Shaped(Shape { spans: spans.parse().ok()?, tags: tags.parse().ok()? })
            }
        })
    }

    /// Spans, headers' worth of injections and extractions count as one.
    pub(crate) fn spans(self) -> usize {
        match self {
            Workload::Hot => 10,
            Workload::Shaped(shape) => shape.spans,
            _ => 1,
        }
    }

    /// Calls `measure` with what does the work once. Returns whether the peer is able to do it.
    pub(crate) fn with(self, peer: &dyn Peer, measure: &mut dyn FnMut(&mut dyn FnMut())) -> bool {
        match self {
            Workload::Hot => measure(&mut || peer.hot()),
            Workload::Root => measure(&mut || peer.root()),
            Workload::Shaped(shape) => measure(&mut || peer.shaped(black_box(shape))),
            Workload::Inject => return peer.injecting(false, measure),
            Workload::InjectIntoMap => return peer.injecting(true, measure),
            Workload::Extract => return peer.extracting(measure),
        }
        true
    }
}

/// One sample: processor time of this thread, and time on the clock on the wall.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
}

pub(crate) fn sample(times: usize, work: &mut dyn FnMut()) -> Sample {
    let (wall, cpu) = (Instant::now(), clock::thread_cpu());
    for _ in 0..times {
        work();
    }
    Sample { cpu: clock::thread_cpu().saturating_sub(cpu), wall: wall.elapsed() }
}

/// The median processor time of `samples`, each of `times` goes. Between them, outside of the time, what has
/// finished is sent, so that no sample stands behind a queue that its predecessors have filled.
pub(crate) fn samples(
    peer: &dyn Peer,
    workload: Workload,
    samples: usize,
    times: usize,
) -> Option<Duration> {
    let mut all = Vec::with_capacity(samples);
    let able = workload.with(peer, &mut |work| {
        for _ in 0..samples {
            all.push(sample(times, work).cpu);
            peer.flush();
        }
    });
    all.sort_unstable();
    able.then(|| all.get(samples / 2).copied()).flatten()
}

/// Allocations of this thread for `times` goes, when it has done the same before.
pub(crate) fn allocations(
    peer: &dyn Peer,
    workload: Workload,
    times: usize,
    count: CountAllocations,
) -> Option<u64> {
    let mut counted = 0;
    let able = workload.with(peer, &mut |work| {
        let mut again = || (0..times).for_each(|_| work());
        again();
        peer.flush();
        counted = count(&mut again);
    });
    able.then_some(counted)
}
