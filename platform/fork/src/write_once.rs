//! A value that is written once, for this process and all that are forked from it.
//!
//! Who asks `std::sync::OnceLock` for a value while another thread makes it waits for that thread, which a child does not
//! have. Here nobody waits. The `unsafe` is that of `slot`.

use std::fmt;

use crate::slot::Slot;

/// A value that is written once, for this process and all that are forked from it.
///
/// As `std::sync::OnceLock`, but nobody ever waits: a thread that was just writing when the process was
/// forked, and does not exist in the child, keeps nobody there. For values that hold no lock.
///
/// ```
/// use tracehound_fork::WriteOnce;
///
/// static NAME: WriteOnce<String> = WriteOnce::new();
///
/// assert_eq!(NAME.set("first".into()), Ok(()));
/// assert_eq!(NAME.set("second".into()), Err("second".into()));
/// assert_eq!(NAME.get().unwrap(), "first");
/// ```
pub struct WriteOnce<T>(Slot<T>);

/// The epoch of a value that is for all of them.
const ALL: u32 = 0;

impl<T> WriteOnce<T> {
    /// No value yet.
    #[must_use]
    pub const fn new() -> Self {
        WriteOnce(Slot::new())
    }

    /// The value, if there is one.
    #[must_use]
    #[inline]
    pub fn get(&self) -> Option<&T> {
        self.0.any()
    }

    /// Writes the value, if there is none.
    ///
    /// # Errors
    ///
    /// When there is one; the other is given back.
    pub fn set(&self, value: T) -> Result<(), T> {
        self.0.put(ALL, value).map(drop).map_err(|(_, value)| value)
    }

    /// The value; made now if there is none. Threads that come at the same time each make one, and all but
    /// the first are dropped.
    #[inline]
    pub fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        match self.get() {
            Some(value) => value,
            None => self.make(make),
        }
    }

    #[cold]
    fn make(&self, make: impl FnOnce() -> T) -> &T {
        self.0.put(ALL, make()).unwrap_or_else(|(there, _)| there)
    }
}

impl<T> Default for WriteOnce<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for WriteOnce<T> {
    #[inline]
    fn drop(&mut self) {
        self.0.clear(ALL);
    }
}

impl<T: fmt::Debug> fmt::Debug for WriteOnce<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteOnce").field(&self.get()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;

    #[test]
    fn the_first_value_stays() {
        let once = WriteOnce::new();
        assert_eq!(once.get(), None);
        assert_eq!(*once.get_or_make(|| 1), 1);
        assert_eq!(*once.get_or_make(|| 2), 1);
        assert_eq!(once.set(3), Err(3));
    }

    #[test]
    fn one_of_many_threads_is_the_first() {
        let once = WriteOnce::new();
        let won = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (once, won) = (&once, &won);
                scope.spawn(move || won.fetch_add(once.set(number).is_ok().into(), Relaxed));
            }
        });
        assert_eq!(won.into_inner(), 1);
    }
}
