//! A value that each process makes for itself.
//!
//! With `std::sync::OnceLock` a child would find its parent's value, with locks that may be held for ever; or wait for
//! ever for a thread that was just making it. The `unsafe` is that of `slot`.

use std::fmt;

use crate::epoch::epoch;
use crate::slot::Slot;

/// A value that each process makes for itself.
///
/// For what must not be touched in a child: locks, queues, counters, handles of threads. In a child that was
/// forked the value of the parent is out of reach and stays as it is: it is neither used nor dropped.
///
/// Nobody ever waits here, so nobody can be left waiting: threads that need the value at the same time each
/// make one, and all but the first are dropped.
///
/// ```
/// use std::sync::Mutex;
/// use tracehound_fork::PerProcess;
///
/// static WAITING: PerProcess<Mutex<Vec<u8>>> = PerProcess::new();
///
/// WAITING.get_or_make(Mutex::default).lock().unwrap().push(1);
/// assert_eq!(*WAITING.get().unwrap().lock().unwrap(), [1]);
/// ```
pub struct PerProcess<T>(Slot<T>);

impl<T> PerProcess<T> {
    /// No value yet.
    #[must_use]
    pub const fn new() -> Self {
        PerProcess(Slot::new())
    }

    /// A value of this process.
    #[must_use]
    pub fn of(value: T) -> Self {
        let place = Self::new();
        place.get_or_make(|| value);
        place
    }

    /// The value of this process, if it has one.
    #[must_use]
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.0.get(epoch())
    }

    /// The value of this process; made now if it has none.
    #[inline]
    pub fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        match self.get() {
            Some(value) => value,
            None => self.make(|_| make()),
        }
    }

    /// As [`PerProcess::get_or_make`]; `make` sees the value of the process that this one was forked from.
    ///
    /// What other threads could change there may be half changed, and their locks are locked for ever: look
    /// at what never changes, and at plain data behind `try_lock`.
    #[inline]
    pub fn get_or_inherit(&self, make: impl FnOnce(Option<&T>) -> T) -> &T {
        match self.get() {
            Some(value) => value,
            None => self.make(make),
        }
    }

    #[cold]
    fn make(&self, make: impl FnOnce(Option<&T>) -> T) -> &T {
        let value = make(self.0.any());
        self.0.put(epoch(), value).unwrap_or_else(|(there, _)| there)
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        self.0.clear(epoch());
    }
}

impl<T: fmt::Debug> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PerProcess").field(&self.get()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn all_threads_see_one_value_and_the_others_are_dropped() {
        let place = PerProcess::new();
        let made: Vec<Arc<usize>> = std::thread::scope(|scope| {
            let place = &place;
            let make = |number| move || Arc::clone(place.get_or_make(|| Arc::new(number)));
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(make(number))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(made.iter().all(|value| Arc::ptr_eq(value, &made[0])));
        let value = Arc::clone(&made[0]);
        drop(made);
        assert_eq!(Arc::strong_count(&value), 2);
        drop(place);
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
