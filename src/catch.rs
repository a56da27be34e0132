//! The one place where a panic is caught: `tests/one_catch.rs` refuses any other.

use std::any::Any;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

/// Runs `work`; `None` where it panicked. What it panicked with is gone, too, whatever its `Drop` does.
///
/// For calls into code that is not ours. Nothing is counted or said: that is for whoever calls.
pub fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(payload) => {
            discard(payload);
            None
        }
    }
}

/// A payload is a value of the program, and may panic when it is dropped; then so may what it panicked with.
#[cold]
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        forget(second);
    }
}

/// Counts the panics of the program's functions, and remembers for which kinds a warning is still due.
#[derive(Debug, Default)]
pub(crate) struct Caught {
    count: AtomicU64,
    /// One bit for each kind. It is set where a lock is held: what says it may be the program's, too.
    unsaid: AtomicU16,
}

impl Caught {
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, panics: u64) {
        self.count.fetch_add(panics, Ordering::Relaxed);
    }

    pub(crate) fn put_off(&self, kind: u16) {
        self.unsaid.fetch_or(kind, Ordering::Relaxed);
    }

    /// The kinds that are to be said now.
    #[inline]
    pub(crate) fn take_unsaid(&self) -> u16 {
        if self.unsaid.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        self.unsaid.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{panic_any, resume_unwind};

    /// Panics with another one of these when it is dropped, as often as it says.
    struct Chain(u32);

    impl Drop for Chain {
        fn drop(&mut self) {
            if let Some(left) = self.0.checked_sub(1) {
                resume_unwind(Box::new(Chain(left)));
            }
        }
    }

    #[test]
    fn no_panic_leaves_whatever_its_payload_does() {
        assert_eq!(catch(|| 1), Some(1));
        assert_eq!(catch(|| panic_any("text")), None::<()>);
        for length in 0..4 {
            assert_eq!(catch(|| resume_unwind(Box::new(Chain(length)))), None::<()>);
        }
    }

    #[test]
    fn a_kind_is_said_once_each_time_it_is_put_off() {
        let caught = Caught::default();
        caught.put_off(1);
        caught.put_off(4);
        assert_eq!((caught.take_unsaid(), caught.take_unsaid()), (5, 0));
    }
}
