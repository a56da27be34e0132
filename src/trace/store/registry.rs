//! The segments of this process, for code that holds no handle: the end of a tracer finds its open traces here.

use std::sync::Mutex;

use tracehound_fork::PerProcess;
use tracehound_machine::{Counted, Finder, Sole};

use super::layout::Segment;
use crate::sync::lock;
#[cfg(feature = "agent")]
use crate::sync::lock_soon;

/// Every segment is entered when it is allocated, which is seldom: it serves one trace after the other. So starting a
/// trace does nothing here, and one lock is enough for all threads.
///
/// Nothing is allocated or freed under the lock: the program's allocator may trace as well, and would wait for it.
static SEGMENTS: PerProcess<Known> = PerProcess::new();

type Known = Mutex<Vec<Finder<Segment>>>;

const LEAST_ROOM: usize = 64;

/// Lets a segment be found as long as it lives.
#[cold]
pub(super) fn enter(segment: &Sole<Segment>) {
    enter_into(SEGMENTS.get_or_make(Default::default), segment.finder());
}

fn enter_into(known: &Known, finder: Finder<Segment>) {
    let mut room = Vec::new();
    loop {
        let mut finders = lock(known);
        if finders.len() < finders.capacity() {
            return finders.push(finder);
        }
        let living = finders.iter().filter(|finder| !finder.is_gone()).count();
        if room.capacity() <= living {
            drop(finders);
            // Twice what lives: to look for what has gone is seldom.
            room = Vec::with_capacity((2 * living).max(LEAST_ROOM));
            continue;
        }
        // Those that have gone stay where they are: their memory goes with `room`, outside of the lock.
        let mut index = 0;
        while let Some(finder) = finders.get(index) {
            if finder.is_gone() {
                index += 1;
            } else {
                room.push(finders.swap_remove(index));
            }
        }
        std::mem::swap(&mut *finders, &mut room);
    }
}

/// The segments of this process that have a trace.
///
/// One that gets its trace at this moment is missed. Whoever has begun that trace sees afterwards what was stored,
/// sequentially consistent, before this was called.
pub(super) fn all() -> Vec<Counted<Segment>> {
    let Some(known) = SEGMENTS.get() else { return Vec::new() };
    let mut all = Vec::new();
    loop {
        let finders = lock(known);
        let wanted = finders.len();
        if all.capacity() >= wanted {
            all.extend(finders.iter().filter_map(Finder::find));
            return all;
        }
        drop(finders);
        all.reserve(wanted);
    }
}

/// Whether this thread does not hold the lock.
#[cfg(feature = "agent")]
pub(super) fn is_free() -> bool {
    SEGMENTS.get().is_none_or(|known| lock_soon(known).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_gone_is_forgotten_when_there_are_twice_as_many() {
        let known = Known::default();
        let segments = || Sole::new(Segment::vacant());
        let kept: Vec<_> = (0..100).map(|_| segments()).collect();
        kept.iter().for_each(|segment| enter_into(&known, segment.finder()));
        for _ in 0..10_000 {
            enter_into(&known, segments().finder());
            assert!(lock(&known).capacity() <= 4 * kept.len());
        }
        let known = lock(&known);
        let kept_finders = known.iter().filter(|finder| !finder.is_gone());
        assert_eq!(kept_finders.count(), kept.len());
    }
}
