//! A lock for sections of a few instructions.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU8, Ordering};

use crate::pause::Pause;

/// A lock that is cheap where nobody else wants it, for sections that are over in nanoseconds.
///
/// To take it is one atomic operation, and to give it back is a plain store: there is nobody to wake, because
/// whoever finds it taken looks again, after pauses that grow from a few instructions to half a millisecond. So
/// it is for what threads seldom meet at, and wrong for what they queue up for.
///
/// It knows no poison: a panic of its holder gives it back. Who has waited for some two milliseconds gets it before
/// those who have not. It is not reentrant: who holds it and takes it again waits for ever.
///
/// ```
/// use tracehound_machine::ShortLock;
///
/// let counts = ShortLock::new(vec![1]);
/// counts.lock().push(2);
/// assert_eq!(*counts.lock(), [1, 2]);
/// ```
#[derive(Default)]
pub struct ShortLock<T: ?Sized> {
    state: AtomicU8,
    /// What the holder gives it back as: [`FREE`], or [`KEPT`] for a thread that has waited for long.
    next: AtomicU8,
    value: UnsafeCell<T>,
}

const FREE: u8 = 0;
const TAKEN: u8 = 1;
/// Nobody has it, and only those who have waited for long may take it.
const KEPT: u8 = 2;

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
    /// A lock that is free.
    #[must_use]
    pub const fn new(value: T) -> Self {
        ShortLock {
            state: AtomicU8::new(FREE),
            next: AtomicU8::new(FREE),
            value: UnsafeCell::new(value),
        }
    }
}

impl<T: ?Sized> ShortLock<T> {
    /// Takes the lock; waits while somebody else has it.
    #[inline]
    pub fn lock(&self) -> ShortGuard<'_, T> {
        if !self.take() {
            self.wait();
        }
        ShortGuard { lock: self, here: PhantomData }
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

    #[inline]
    fn take(&self) -> bool {
        self.take_from(FREE)
    }

    #[inline]
    fn take_from(&self, state: u8) -> bool {
        self.state.compare_exchange(state, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    #[inline(never)]
    fn wait(&self) {
        let mut pause = Pause::default();
        loop {
            if pause.is_long() {
                return self.insist();
            }
            // Looking does not take the line away from the one who is about to give it back.
            if self.state.load(Ordering::Relaxed) == FREE && self.take() {
                return;
            }
            pause.next();
        }
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
            std::thread::yield_now();
            std::thread::sleep(std::time::Duration::from_micros(1));
        }
    }
}

impl<T: ?Sized> Deref for ShortGuard<'_, T> {
    type Target = T;

    #[inline]
    #[expect(unsafe_code, reason = "what makes it a lock")]
    fn deref(&self) -> &T {
        // SAFETY: the lock is this guard's until it is dropped, and the borrow ends before that.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for ShortGuard<'_, T> {
    #[inline]
    #[expect(unsafe_code, reason = "what makes it a lock")]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; the guard is borrowed by nobody else.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for ShortGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let next = self.lock.next.load(Ordering::Relaxed);
        self.lock.state.store(next, Ordering::Release);
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
                        let mut sum = sum.lock();
                        assert_eq!(sum.0, sum.1);
                        sum.0 += 1;
                        sum.1 += 1;
                    }
                });
            }
        });
        assert_eq!(*sum.lock(), (threads * times, threads * times));
    }

    #[test]
    fn who_finds_it_taken_waits_for_it() {
        let lock = ShortLock::new(1);
        let (taken, is_taken) = std::sync::mpsc::channel();
        thread::scope(|scope| {
            let held = lock.lock();
            assert!(lock.try_lock().is_none());
            let waiting = scope.spawn(|| {
                taken.send(()).unwrap();
                *lock.lock()
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
                while !*done.lock() && rounds.fetch_add(1, Ordering::Relaxed) < limit {
                    let mut held = lock.lock();
                    *held += 1;
                    let start = std::time::Instant::now();
                    while start.elapsed() < std::time::Duration::from_millis(1) {
                        std::hint::spin_loop();
                    }
                }
            });
            for _ in 0..3 {
                scope.spawn(|| {
                    while *lock.lock() == 0 {
                        thread::yield_now();
                    }
                    for _ in 0..5 {
                        *lock.lock() += 1;
                    }
                });
            }
            while *lock.lock() < 5 {
                thread::yield_now();
            }
            *done.lock() = true;
        });
        assert!(
            rounds.into_inner() < limit,
            "it was given up by itself, and not by who waited for it"
        );
    }

    #[test]
    fn a_panic_gives_it_back() {
        let mut lock = ShortLock::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _held = lock.lock();
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
        let held = lock.lock();
        assert_eq!(format!("{lock:?} {held:?}"), "ShortLock(<taken>) 1");
    }
}
