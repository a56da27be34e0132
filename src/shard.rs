//! Shards: copies of what all threads write, so that few threads meet at one of them.
//!
//! What they buy, for the count of a tracer's traces: a counter that two threads change every 60 to 100 ns takes 50 to
//! 100 ns more each time than one of their own (two cores of an AMD EPYC). With one counter for all, traces of one span
//! and of ten took about a tenth longer on two threads.
//! What they cost: a trace takes 16 instructions, to find the shard of its thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many there are. Threads take them in turn, so that of four that start together no two meet.
///
/// Two where every interleaving of threads is tried: there are fewer then.
pub(crate) const SHARDS: usize = if cfg!(all(test, tracehound_model)) { 2 } else { 4 };

/// A value with two cache lines of its own, as processors fetch them in pairs: threads that write it do not slow down
/// those that read what lies beside it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct CachePadded<T>(pub(crate) T);

/// The shard of the thread that takes the next one.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The shard of this thread; the first one while its thread-locals are torn down.
#[inline]
pub(crate) fn of_thread<T>(shards: &[T; SHARDS]) -> &T {
    let own = OWN.try_with(|own| own.get().unwrap_or_else(|| choose(own))).unwrap_or_default();
    let [first, ..] = shards;
    shards.get(own).unwrap_or(first)
}

#[cold]
fn choose(own: &Cell<Option<usize>>) -> usize {
    let next = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    own.set(Some(next));
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_spread_and_keep_to_their_shards() {
        let shards: [usize; SHARDS] = std::array::from_fn(|shard| shard);
        let here = || *of_thread(&shards);
        assert_eq!(here(), here());
        // So many that each shard comes up whatever other tests take meanwhile.
        let others = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(|| (here(), here()))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(others.iter().all(|(first, again)| first == again), "{others:?}");
        assert!((0..SHARDS).all(|shard| others.contains(&(shard, shard))), "{others:?}");
    }
}
