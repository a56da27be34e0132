//! The one place where a panic is caught: `tests/one_catch.rs` refuses any other.

use std::any::Any;
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

/// Runs `work`; `None` if it panicked. The payload of the panic is dropped, and a panic of its `Drop` is caught as
/// well.
///
/// For calls into code that is not ours. Whoever calls this counts the panic and says it.
pub fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    match hold(work) {
        Ok(done) => Some(done),
        Err(payload) => {
            discard(payload);
            None
        }
    }
}

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send>;

/// Runs `work`, and holds its panic up. For a panic that is the program's own: whoever calls this lets it go on.
pub(crate) fn hold<T>(work: impl FnOnce() -> T) -> Result<T, Payload> {
    catch_unwind(AssertUnwindSafe(work))
}

/// Drops the payload of a panic. It is a value of the program, so its `Drop` may panic as well; the payload of that
/// second panic is leaked, because its `Drop` may panic again.
#[cold]
fn discard(payload: Payload) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        forget(second);
    }
}

/// Counts the panics of the program's functions, and remembers for which kinds a warning is still due.
#[derive(Debug, Default)]
pub(crate) struct Caught {
    count: AtomicU64,
    /// The kinds for which a warning is due, one bit for each. It is not written where the panic was caught, under a
    /// lock, because that can run code of the program as well.
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

    /// The kinds for which a warning is due; none is from then on.
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
