//! Shards: several copies of a value that all threads write, so that few threads write the same one.
//!
//! What they buy, for the count of a tracer's traces: a counter that two threads change every 60 to 100 ns takes 50 to
//! 100 ns more each time than one of their own (two cores of an AMD EPYC). With one counter for all, traces of one span
//! and of ten took about a tenth longer on two threads.
//! What they cost: a trace takes 16 instructions, to find the shard of its thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many shards there are. Threads take them in turn, so four threads that start together have one each.
///
/// Two in the models that try every interleaving of threads, to keep the number of interleavings small.
pub(crate) const SHARDS: usize = if cfg!(all(test, tracehound_model)) { 2 } else { 4 };

/// A value with two cache lines of its own, because processors fetch them in pairs. So threads that write it do not
/// slow down threads that read what is beside it in memory.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct CachePadded<T>(pub(crate) T);

/// How many threads have taken a shard.
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The shard of this thread. The first one while the thread-locals of the thread are destroyed.
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
