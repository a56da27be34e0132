//! Where the segments of this process are found by who has no handle of them.

use std::sync::Mutex;

use tracehound_fork::PerProcess;
use tracehound_machine::{Counted, Finder, Sole};

use super::layout::Segment;
use crate::shard::{self, CachePadded, SHARDS};
use crate::sync::lock;
#[cfg(feature = "agent")]
use crate::sync::lock_soon;

/// Every segment is entered when it is allocated, which is seldom: it serves one trace after the other. So a trace
/// pays nothing for being known.
static SEGMENTS: PerProcess<[CachePadded<Mutex<Known>>; SHARDS]> = PerProcess::new();

/// Nothing is allocated or freed under its lock: the program's allocator may trace as well, and would come back to it.
#[derive(Debug, Default)]
struct Known {
    finders: Vec<Finder<Segment>>,
}

const LEAST_ROOM: usize = 64;

/// Lets a segment be found as long as it lives.
#[cold]
pub(crate) fn enter(segment: &Sole<Segment>) {
    let lanes = SEGMENTS.get_or_make(Default::default);
    enter_into(&shard::of_thread(lanes).0, segment.finder());
}

fn enter_into(known: &Mutex<Known>, mut finder: Finder<Segment>) {
    let mut room = Vec::new();
    loop {
        let (unentered, wanted) = match lock(known).enter(finder, &mut room) {
            Ok(()) => break,
            Err(full) => full,
        };
        finder = unentered;
        room = Vec::with_capacity(wanted);
    }
    // With those that have gone, whose memory goes as well.
    drop(room);
}

impl Known {
    /// Enters it where there is room; moves to the given room, if that is enough, and leaves there what has gone.
    /// Else says how much it takes: twice what lives, so that to look for what has gone is seldom.
    fn enter(
        &mut self,
        finder: Finder<Segment>,
        room: &mut Vec<Finder<Segment>>,
    ) -> Result<(), (Finder<Segment>, usize)> {
        if self.finders.len() == self.finders.capacity() {
            let living = self.finders.iter().filter(|finder| !finder.is_gone()).count();
            if room.capacity() <= living {
                return Err((finder, living.saturating_mul(2).max(LEAST_ROOM)));
            }
            let mut at = 0_usize;
            while let Some(known) = self.finders.get(at) {
                if known.is_gone() {
                    at = at.saturating_add(1);
                } else {
                    room.push(self.finders.swap_remove(at));
                }
            }
            std::mem::swap(&mut self.finders, room);
        }
        self.finders.push(finder);
        Ok(())
    }
}

/// The segments of this process that have a trace.
///
/// One that gets its trace at this moment is missed. Whoever has begun that trace sees afterwards what was stored,
/// sequentially consistent, before this was called.
pub(crate) fn all() -> Vec<Counted<Segment>> {
    let mut all = Vec::new();
    for lane in SEGMENTS.get().into_iter().flatten() {
        loop {
            let known = lock(&lane.0);
            let wanted = known.finders.len();
            if all.capacity().saturating_sub(all.len()) >= wanted {
                all.extend(known.finders.iter().filter_map(Finder::find));
                break;
            }
            drop(known);
            all.reserve(wanted);
        }
    }
    all
}

/// Whether this thread holds none of the locks.
#[cfg(feature = "agent")]
pub(super) fn is_free() -> bool {
    SEGMENTS.get().into_iter().flatten().all(|lane| lock_soon(&lane.0).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_gone_is_forgotten_when_there_are_twice_as_many() {
        let known = Mutex::new(Known::default());
        let segments = || Sole::new(Segment::resting());
        let kept: Vec<_> = (0..100).map(|_| segments()).collect();
        kept.iter().for_each(|segment| enter_into(&known, segment.finder()));
        for _ in 0..10_000 {
            enter_into(&known, segments().finder());
            assert!(lock(&known).finders.capacity() <= 4 * kept.len());
        }
        let known = lock(&known);
        let kept_finders = known.finders.iter().filter(|finder| !finder.is_gone());
        assert_eq!(kept_finders.count(), kept.len());
    }
}
