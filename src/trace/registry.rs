//! Where the segments of this process are found by who has no handle of them.

use tracehound_fork::PerProcess;
use tracehound_machine::{Counted, Finder, ShortLock, Sole};

use super::segment::Segment;
use crate::lane::{self, Apart, LANES};

type Lanes = [Apart<ShortLock<Known>>; LANES];

/// Every segment is entered when it is allocated, which is seldom: it serves one trace after the other. So a trace
/// pays nothing for being known.
static SEGMENTS: PerProcess<Lanes> = PerProcess::new();

#[derive(Debug, Default)]
struct Known {
    finders: Vec<Finder<Segment>>,
    /// With so many, those whose segments have gone are dropped.
    prune_at: usize,
}

const LEAST_PRUNED: usize = 64;

/// Lets a segment be found as long as it lives.
#[cold]
pub(super) fn enter(segment: &Sole<Segment>) {
    enter_into(SEGMENTS.get_or_make(Default::default), segment.finder());
}

fn enter_into(lanes: &Lanes, finder: Finder<Segment>) {
    // An allocator that traces comes here again while its thread has the first lock, and finds the next one free.
    let mut locks = std::iter::once(lane::of_thread(lanes)).chain(lanes).map(|lane| lane.0.lock());
    if let Some(mut known) = locks.find_map(|lock| lock) {
        known.enter(finder);
    }
}

impl Known {
    fn enter(&mut self, finder: Finder<Segment>) {
        if self.finders.len() >= self.prune_at {
            self.finders.retain(|finder| !finder.is_gone());
            self.prune_at = self.finders.len().saturating_mul(2).max(LEAST_PRUNED);
        }
        self.finders.push(finder);
    }
}

/// The segments of this process that have a trace.
///
/// One that gets its trace at this moment is missed. Whoever has begun that trace sees afterwards what was stored,
/// sequentially consistent, before this was called.
pub(super) fn all() -> Vec<Counted<Segment>> {
    let mut all = Vec::new();
    for lane in SEGMENTS.get().into_iter().flatten() {
        if let Some(known) = lane.0.lock() {
            all.extend(known.finders.iter().filter_map(Finder::find));
        }
    }
    all
}

/// Whether this thread holds none of the locks.
#[cfg(feature = "agent")]
pub(super) fn is_free() -> bool {
    SEGMENTS.get().into_iter().flatten().all(|lane| !lane.0.is_held_here())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_gone_is_forgotten_when_there_are_twice_as_many() {
        let mut known = Known::default();
        let segments = || Sole::new(Segment::resting());
        let kept: Vec<_> = (0..100).map(|_| segments()).collect();
        kept.iter().for_each(|segment| known.enter(segment.finder()));
        for _ in 0..10_000 {
            known.enter(segments().finder());
            assert!(known.finders.len() <= 2 * kept.len());
        }
        let kept_finders = known.finders.iter().filter(|finder| !finder.is_gone());
        assert_eq!(kept_finders.count(), kept.len());
    }

    #[test]
    fn who_comes_again_while_it_is_here_enters_another_lane() {
        let lanes = Lanes::default();
        let segment = Sole::new(Segment::resting());
        let held = lane::of_thread(&lanes).0.lock();
        enter_into(&lanes, segment.finder());
        drop(held);
        enter_into(&lanes, segment.finder());
        let entered = |lane: &Apart<ShortLock<Known>>| lane.0.lock().unwrap().finders.len();
        let mut counts: Vec<_> = lanes.iter().map(entered).collect();
        counts.sort_unstable();
        assert_eq!(counts, [0, 0, 1, 1]);
    }
}
