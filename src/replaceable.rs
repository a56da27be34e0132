//! Values that are read all the time and that a reconfiguration of the tracer replaces.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracehound_fork::WriteOnce;

use crate::shard::{self, CachePadded, SHARDS};
use crate::sync::Snapshot;

/// A value that is replaced as a whole, perhaps often.
///
/// As long as it was never replaced, reading it is one load. After that, it is a lock that few threads share, because
/// an old value has to be freed at some time. The first one stays, and the last one before the newest.
///
/// A forked child has the value of its parent, or one that the parent has replaced before, if a thread of it was
/// replacing one at that moment.
#[derive(Debug)]
pub(crate) struct Replaceable<T: ?Sized> {
    first: Arc<T>,
    newest: WriteOnce<[CachePadded<Snapshot<Arc<T>>>; SHARDS]>,
}

/// What is read of a [`Replaceable`].
pub(crate) enum Current<'a, T: ?Sized> {
    First(&'a Arc<T>),
    Newer(Arc<Arc<T>>),
}

impl<T: ?Sized> Replaceable<T> {
    pub(crate) fn new(first: Arc<T>) -> Self {
        Replaceable { first, newest: WriteOnce::new() }
    }

    #[inline]
    pub(crate) fn get(&self) -> Current<'_, T> {
        match self.newest.get() {
            None => Current::First(&self.first),
            Some(newest) => Current::Newer(shard::of_thread(newest).0.load()),
        }
    }

    /// The first value, as long as it was never replaced.
    #[inline(always)]
    pub(crate) fn if_first(&self) -> Option<&T> {
        self.newest.get().is_none().then_some(&*self.first)
    }

    /// Replaces the value: who asks after this has returned gets the new one. One call at a time.
    pub(crate) fn replace(&self, value: &Arc<T>) {
        // A snapshot keeps its very first value as well, so that is one that stays anyway.
        let all = || std::array::from_fn(|_| CachePadded(Snapshot::new(Arc::clone(&self.first))));
        for newest in self.newest.get_or_make(all) {
            newest.0.store(Arc::clone(value));
        }
    }
}

impl<T: ?Sized> Current<'_, T> {
    /// Whether the same value is there, and not only an equal one.
    pub(crate) fn is_same_as(&self, other: &Current<'_, T>) -> bool {
        Arc::ptr_eq(self.arc(), other.arc())
    }

    #[inline]
    fn arc(&self) -> &Arc<T> {
        match self {
            Current::First(value) => value,
            Current::Newer(value) => value,
        }
    }
}

impl<T: ?Sized> Deref for Current<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.arc()
    }
}

/// Values that take the place of one another, none at first and a few in all: each stays, so that reading takes no
/// lock, also in a signal handler.
#[derive(Debug)]
pub(crate) struct Succession<T> {
    values: [WriteOnce<T>; MAX_VALUES],
    /// How many there are.
    count: AtomicUsize,
}

/// How many values a [`Succession`] can have.
pub(crate) const MAX_VALUES: usize = 16;

impl<T> Default for Succession<T> {
    fn default() -> Self {
        let values = std::array::from_fn(|_| WriteOnce::new());
        Succession { values, count: AtomicUsize::new(0) }
    }
}

impl<T> Succession<T> {
    /// The one in force.
    #[inline]
    pub(crate) fn newest(&self) -> Option<&T> {
        match self.count.load(Ordering::Acquire) {
            0 => None,
            count => self.values.get(count.saturating_sub(1))?.get(),
        }
    }

    /// Whether another value can take the place of this one.
    pub(crate) fn has_room(&self) -> bool {
        self.count.load(Ordering::Relaxed) < MAX_VALUES
    }

    /// Puts another value in the place of the current one; gives it back where there is no room. One call at a time.
    pub(crate) fn replace(&self, value: T) -> Result<(), T> {
        let count = self.count.load(Ordering::Relaxed);
        let Some(place) = self.values.get(count) else { return Err(value) };
        place.set(value)?;
        self.count.store(count.saturating_add(1), Ordering::Release);
        Ok(())
    }
}

impl<T> From<Option<T>> for Succession<T> {
    fn from(first: Option<T>) -> Self {
        let values = Succession::default();
        // There is room for the first one.
        let _ = first.map(|first| values.replace(first));
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_has_the_new_value_and_the_old_one_is_freed_with_its_reader() {
        let [first, second, third] = [1, 2, 3].map(Arc::new);
        let value = Replaceable::new(first);
        assert_eq!(*value.get(), 1);
        value.replace(&second);
        let read = value.get();
        assert!(*read == 2 && read.is_same_as(&value.get()));
        for _ in 0..2 {
            value.replace(&third);
        }
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS {
                scope.spawn(|| assert_eq!(*value.get(), 3));
            }
        });
        assert_eq!(*read, 2);
        drop(read);
        assert_eq!(Arc::strong_count(&second), 1);
    }

    #[test]
    fn a_succession_ends_where_it_has_no_room() {
        let values = Succession::default();
        assert_eq!(values.newest(), None);
        for value in 1..=MAX_VALUES {
            assert!(values.has_room());
            assert_eq!(values.replace(value), Ok(()));
            assert_eq!(values.newest(), Some(&value));
        }
        assert!(!values.has_room());
        assert_eq!((values.replace(77), values.newest()), (Err(77), Some(&MAX_VALUES)));
    }
}
