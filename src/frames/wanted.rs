//! Whether errors and panics come with a stack.

use std::env::var_os;

use tracehound_fork::WriteOnce;

/// As std decides, once in a process: whether `RUST_LIB_BACKTRACE`, or else `RUST_BACKTRACE`, is set and not `0`.
///
/// Std does not tell without taking a stack, under its lock.
#[expect(clippy::disallowed_methods, reason = "settings of std, which are none of the tracer's")]
pub(crate) fn are_wanted() -> bool {
    static ANSWER: WriteOnce<bool> = WriteOnce::new();
    *ANSWER.get_or_make(|| {
        let value = var_os("RUST_LIB_BACKTRACE").or_else(|| var_os("RUST_BACKTRACE"));
        value.is_some_and(|value| value != "0")
    })
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
