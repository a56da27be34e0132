//! Lanes: places for what threads write when they all do the same, so that few of them meet at one.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many there are. Threads meet only where there are more of them than lanes.
pub(crate) const LANES: usize = 4;

/// Two cache lines of its own, which processors fetch together: the threads that write here disturb nobody
/// who reads beside it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);

/// The lane of the thread that takes the next one.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The place of this thread's lane.
#[inline]
pub(crate) fn of_thread<T>(lanes: &[T; LANES]) -> &T {
    let own = OWN.try_with(|own| own.get().unwrap_or_else(|| choose(own))).unwrap_or_default();
    let [first, ..] = lanes;
    lanes.get(own).unwrap_or(first)
}

#[cold]
fn choose(own: &Cell<Option<usize>>) -> usize {
    let next = NEXT.fetch_add(1, Ordering::Relaxed) % LANES;
    own.set(Some(next));
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_to_its_lane() {
        let lanes: [usize; LANES] = std::array::from_fn(|lane| lane);
        let here = || *of_thread(&lanes);
        assert_eq!(here(), here());
        let others = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| (here(), here()))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(others.iter().all(|(first, again)| first == again), "{others:?}");
    }
}
