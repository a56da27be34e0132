//! Whether errors and panics come with a stack.

use std::env::var_os;
use std::sync::atomic::{AtomicU8, Ordering};

/// As std decides, once in a process: `RUST_LIB_BACKTRACE`, or else `RUST_BACKTRACE`, is set and not `0`.
///
/// Std itself would take a stack to say so, under its lock.
pub(crate) fn are_wanted() -> bool {
    const YES: u8 = 1;
    const NO: u8 = 2;
    static ANSWER: AtomicU8 = AtomicU8::new(0);
    match ANSWER.load(Ordering::Relaxed) {
        0 => {
            let is_wanted = is_asked_for();
            ANSWER.store(if is_wanted { YES } else { NO }, Ordering::Relaxed);
            is_wanted
        }
        answer => answer == YES,
    }
}

#[expect(clippy::disallowed_methods, reason = "settings of std, which are none of the tracer's")]
fn is_asked_for() -> bool {
    let value = var_os("RUST_LIB_BACKTRACE").or_else(|| var_os("RUST_BACKTRACE"));
    value.is_some_and(|value| value != "0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::backtrace::{Backtrace, BacktraceStatus};

    #[test]
    fn the_answer_is_that_of_std() {
        let stds = Backtrace::capture().status() == BacktraceStatus::Captured;
        assert_eq!((are_wanted(), are_wanted()), (stds, stds));
    }
}
