//! The one place of this crate where a panic is caught: `tests/one_catch.rs` refuses any other.

use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; `None` where it panicked. What it panicked with is gone, too: it is a value of the program, and may
/// panic when it is dropped; then so may what it panicked with.
pub(crate) fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(payload) => {
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                forget(second);
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::resume_unwind;

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
        for length in 0..4 {
            assert_eq!(catch(|| resume_unwind(Box::new(Chain(length)))), None::<()>);
        }
    }
}
