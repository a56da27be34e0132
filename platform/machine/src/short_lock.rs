//! A lock for sections of a few instructions.
//!
//! What it buys over a `std::sync::Mutex` with a note of its holder, measured in one run: a span with five tags takes
//! 1,441 instructions in place of 1,639, a root alone 747 in place of 790, and 7 to 8 % less time; a tag on a
//! span that is at hand 15.7 ns in place of 17.1. A mutex is given back by a second locked operation, and looks for
//! panics before and after.
//! What it costs: three unsafe blocks, and a wait of its own. It is tried in every interleaving of a few threads
//! (`models/short_lock.rs`).

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::time::Duration;

use crate::primitives::{
    AtomicUsize, IS_MODEL, Ordering, UnsafeCell, const_fn, per_thread, sleep, spin_loop, yield_now,
};

/// A lock that is cheap where nobody else wants it, for sections that are over in nanoseconds.
///
/// To take it is one atomic operation, and to give it back is a plain store: there is nobody to wake, because
/// whoever finds it taken looks again, after pauses that grow from a few instructions to half a millisecond. So
/// it is for what threads seldom meet at, and wrong for what they queue up for.
///
/// It knows no poison: a panic of its holder gives it back. Who has waited for some two milliseconds gets it before
/// those who have not. It is not reentrant: whoever holds it and wants to take it again does not get it, and does not
/// wait. That is what code finds that runs on a thread inside of a section: an allocator's, or a signal handler's.
///
/// ```
/// use tracehound_machine::ShortLock;
///
/// let counts = ShortLock::new(vec![1]);
/// counts.lock().unwrap().push(2);
/// let held = counts.lock().unwrap();
/// assert_eq!(*held, [1, 2]);
/// assert!(counts.lock().is_none(), "this thread has it");
/// ```
#[derive(Default)]
pub struct ShortLock<T: ?Sized> {
    /// The thread that has it, by [`this_thread`]; [`FREE`] or [`KEPT`] where nobody has.
    holder: AtomicUsize,
    /// What the holder gives it back as: [`FREE`], or [`KEPT`] for a thread that has waited for long.
    next: AtomicUsize,
    value: UnsafeCell<T>,
}

const FREE: usize = 0;
/// Nobody has it, and only those who have waited for long may take it. No thread's: each has an address in memory.
const KEPT: usize = 1;

/// Access to what a [`ShortLock`] guards; gives it back when dropped.
#[must_use = "the lock is given back when this is dropped"]
pub struct ShortGuard<'a, T: ?Sized> {
    lock: &'a ShortLock<T>,
    /// Not `Sync` by the lock's being so, which says less of `T`.
    here: PhantomData<*const ()>,
}

// SAFETY: the value is reached through the lock, by one thread at a time, or through `&mut`.
#[expect(unsafe_code, reason = "what makes it a lock")]
unsafe impl<T: ?Sized + Send> Sync for ShortLock<T> {}

impl<T> ShortLock<T> {
    const_fn! {
        /// A lock that is free.
        #[must_use]
        pub const fn new(value: T) -> Self {
            ShortLock {
                holder: AtomicUsize::new(FREE),
                next: AtomicUsize::new(FREE),
                value: UnsafeCell::new(value),
            }
        }
    }
}

impl<T: ?Sized> ShortLock<T> {
    /// Takes the lock; waits while another thread has it. `None` where this thread has it already.
    #[inline]
    pub fn lock(&self) -> Option<ShortGuard<'_, T>> {
        (self.take() || self.wait()).then(|| ShortGuard { lock: self, here: PhantomData })
    }

    /// Whether this thread has the lock.
    #[inline]
    pub fn is_held_here(&self) -> bool {
        self.holder.load(Ordering::Relaxed) == this_thread()
    }

    /// Takes the lock if nobody has it.
    #[inline]
    pub fn try_lock(&self) -> Option<ShortGuard<'_, T>> {
        self.take().then(|| ShortGuard { lock: self, here: PhantomData })
    }

    /// The value, where nobody else can have the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// Whether nobody has it, and it is kept for nobody, nor is going to be.
    #[cfg(all(test, tracehound_model))]
    pub(crate) fn is_free_for_all(&self) -> bool {
        [&self.holder, &self.next].iter().all(|state| state.load(Ordering::Relaxed) == FREE)
    }

    #[inline]
    fn take(&self) -> bool {
        self.take_from(FREE)
    }

    #[inline]
    fn take_from(&self, state: usize) -> bool {
        let here = this_thread();
        self.holder.compare_exchange(state, here, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    #[inline(never)]
    fn wait(&self) -> bool {
        // Nobody else writes this thread down, or gives back what it has.
        if self.is_held_here() {
            return false;
        }
        for attempt in 0..SPINS + TURNS + SLEEPS {
            // Looking does not take the line away from the one who is about to give it back.
            if self.holder.load(Ordering::Relaxed) == FREE && self.take() {
                return true;
            }
            pause(attempt);
        }
        self.insist();
        true
    }

    /// Waits where others take the lock again and again: the next who gives it back keeps it for those who are here.
    ///
    /// It is never kept for nobody: who asks for that waits until it has the lock, and then takes the wish back before
    /// anybody can give the lock back, while others who are here repeat theirs.
    fn insist(&self) {
        loop {
            self.next.store(KEPT, Ordering::Relaxed);
            if self.take_from(KEPT) || self.take() {
                return self.next.store(FREE, Ordering::Relaxed);
            }
            // Not long: until this thread looks, nobody else gets it. A little, for those of a lower priority.
            yield_now();
            sleep(Duration::from_micros(1));
        }
    }
}

/// Pauses of 1, 2, 4, ... 64 instructions.
const SPINS: u32 = if IS_MODEL { 1 } else { 7 };

/// Turns that are left to other threads then.
const TURNS: u32 = if IS_MODEL { 0 } else { 8 };

/// Pauses of 1, 2, 4, ... 512 microseconds after that.
const SLEEPS: u32 = if IS_MODEL { 1 } else { 10 };

/// One of longer and longer pauses. The last make sure that whoever is waited for gets a processor, whatever the
/// priorities of the threads.
fn pause(attempt: u32) {
    if attempt < SPINS {
        (0..1 << attempt).for_each(|_| spin_loop());
    } else if attempt < SPINS + TURNS {
        yield_now();
    } else {
        sleep(Duration::from_micros(1 << (attempt - SPINS - TURNS)));
    }
}

/// What no other thread has as long as this one lives, and no thread has zero of: the address of what is its own.
///
/// Two instructions, and nothing that could be missing in an allocator, in a signal handler, or at the end of the
/// thread.
#[inline]
fn this_thread() -> usize {
    per_thread! {
        static OWN: Cell<u8> = const { Cell::new(0) };
    }
    OWN.with(|own| ptr::from_ref(own).addr())
}

impl<T: ?Sized> Deref for ShortGuard<'_, T> {
    type Target = T;

    #[inline]
    #[expect(unsafe_code, reason = "what makes it a lock")]
    fn deref(&self) -> &T {
        // SAFETY: the lock is this guard's until it is dropped, and the borrow ends before that.
        unsafe { &*self.lock.value.to_read() }
    }
}

impl<T: ?Sized> DerefMut for ShortGuard<'_, T> {
    #[inline]
    #[expect(unsafe_code, reason = "what makes it a lock")]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; the guard is borrowed by nobody else.
        unsafe { &mut *self.lock.value.to_write() }
    }
}

impl<T: ?Sized> Drop for ShortGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let next = self.lock.next.load(Ordering::Relaxed);
        self.lock.holder.store(next, Ordering::Release);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ShortLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(value) => f.debug_tuple("ShortLock").field(&&*value).finish(),
            None => f.write_str("ShortLock(<taken>)"),
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ShortGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    #[test]
    fn no_change_of_any_thread_is_lost() {
        let (threads, times) = if cfg!(miri) { (3, 20) } else { (8, 20_000) };
        let sum = ShortLock::new((0u64, 0u64));
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..times {
                        let mut sum = sum.lock().unwrap();
                        assert_eq!(sum.0, sum.1);
                        sum.0 += 1;
                        sum.1 += 1;
                    }
                });
            }
        });
        assert_eq!(*sum.lock().unwrap(), (threads * times, threads * times));
    }

    #[test]
    fn who_finds_it_taken_waits_for_it() {
        let lock = ShortLock::new(1);
        let (taken, is_taken) = std::sync::mpsc::channel();
        thread::scope(|scope| {
            let held = lock.lock().unwrap();
            assert!(lock.try_lock().is_none());
            let waiting = scope.spawn(|| {
                taken.send(()).unwrap();
                *lock.lock().unwrap()
            });
            is_taken.recv().unwrap();
            let mut held = held;
            *held = 2;
            drop(held);
            assert_eq!(waiting.join().unwrap(), 2);
        });
    }

    #[test]
    fn who_takes_it_again_and_again_lets_others_have_it() {
        let (rounds, limit) = (std::sync::atomic::AtomicU32::new(0), 3_000);
        let (lock, done) = (ShortLock::new(0u32), ShortLock::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                // Nearly always held: a look at any moment finds it taken.
                while !*done.lock().unwrap() && rounds.fetch_add(1, Ordering::Relaxed) < limit {
                    let mut held = lock.lock().unwrap();
                    *held += 1;
                    let start = std::time::Instant::now();
                    while start.elapsed() < std::time::Duration::from_millis(1) {
                        std::hint::spin_loop();
                    }
                }
            });
            for _ in 0..3 {
                scope.spawn(|| {
                    while *lock.lock().unwrap() == 0 {
                        thread::yield_now();
                    }
                    for _ in 0..5 {
                        *lock.lock().unwrap() += 1;
                    }
                });
            }
            while *lock.lock().unwrap() < 5 {
                thread::yield_now();
            }
            *done.lock().unwrap() = true;
        });
        assert!(
            rounds.into_inner() < limit,
            "it was given up by itself, and not by who waited for it"
        );
    }

    #[test]
    fn who_has_it_does_not_wait_for_itself() {
        let lock = ShortLock::new(1);
        let held = lock.lock().unwrap();
        assert!(lock.is_held_here() && lock.lock().is_none() && lock.try_lock().is_none());
        thread::scope(|scope| {
            let elsewhere = scope.spawn(|| (lock.is_held_here(), lock.try_lock().is_none()));
            assert_eq!(elsewhere.join().unwrap(), (false, true));
        });
        drop(held);
        assert!(!lock.is_held_here() && lock.lock().is_some());
    }

    #[test]
    fn the_longest_pause_leaves_the_processor_for_half_a_millisecond() {
        let start = std::time::Instant::now();
        (0..SPINS + TURNS + SLEEPS).for_each(pause);
        assert!(start.elapsed() >= Duration::from_micros(1023));
    }

    #[test]
    fn threads_are_told_apart() {
        let both = thread::scope(|scope| {
            let other = scope.spawn(|| (this_thread(), thread::park()).0);
            let own = this_thread();
            assert_eq!(own, this_thread());
            other.thread().unpark();
            (own, other.join().unwrap())
        });
        assert!(both.0 != 0 && both.1 != 0 && both.0 != both.1);
    }

    #[test]
    fn a_panic_gives_it_back() {
        let mut lock = ShortLock::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _held = lock.lock().unwrap();
            panic!("inside");
        }));
        assert!(panicked.is_err());
        assert!(lock.try_lock().is_some());
        assert_eq!(*lock.get_mut(), 1);
    }

    #[test]
    fn to_print_it_takes_nothing() {
        let lock = ShortLock::new(1);
        assert_eq!(format!("{lock:?}"), "ShortLock(1)");
        let held = lock.lock().unwrap();
        assert_eq!(format!("{lock:?} {held:?}"), "ShortLock(<taken>) 1");
    }
}
