//! The end of the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracehound_machine::{AtExit, at_exit, is_background};

use crate::diag::{Diag, LINES_WAIT, drain_lines};
use crate::pipeline::{end_all, exit_timeout};
use crate::suppression::suppress;
use crate::trace::end_open_traces;

/// Sends what is left when the process ends by `exit`, or by returning from `main` without a guard.
struct EndOfProcess;

impl AtExit for EndOfProcess {
    fn at_exit() {
        // A thread of ours that runs code of the program, which ends the process, would wait for itself.
        end_within(if is_background() { Duration::ZERO } else { exit_timeout() });
    }
}

/// Sends what all tracers of this process have left, within a time, and says what was lost.
pub(super) fn end_within(timeout: Duration) {
    // Spans that an allocator of the program made meanwhile would come to locks that this thread has.
    let _off = suppress();
    let start = Instant::now();
    end_open_traces();
    end_all(timeout.saturating_sub(start.elapsed()));
    drain_lines(LINES_WAIT);
}

/// Registers it, once for this process and those that are forked from it.
pub(super) fn watch(diag: &Diag) {
    static IS_WATCHED: AtomicBool = AtomicBool::new(false);
    if IS_WATCHED.swap(true, Ordering::Relaxed) {
        return;
    }
    if let Err(error) = at_exit::<EndOfProcess>() {
        diag.warn(&format!("what is left at the end of the process will not be sent: {error}"));
    }
}
