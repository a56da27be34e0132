//! The end of the process.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tracehound_fork::PerProcess;
use tracehound_machine::{AtExit, at_exit, is_background};

use crate::catch::catch;
use crate::diag::{Diag, LINES_WAIT, drain_lines};
use crate::pipeline::{end_all, exit_timeout};
use crate::suppression::suppress;
use crate::sync::lock_soon;
use crate::trace::end_open_traces;

/// The functions of libraries that hold spans back. A forked child starts with none: the threads that they need are not
/// there.
static BEFORE: PerProcess<Mutex<Vec<HandOver>>> = PerProcess::new();

type HandOver = fn(Duration);

/// Has `hand_over` called before the tracers send what they have left at the end of the process.
///
/// For a library that holds spans back which are to go through a [`Tracer`](crate::Tracer), as an exporter does that
/// waits for the rest of a trace. It is told how long it may take: by default 2 s for all at the end together, and
/// nothing where nobody may wait. It is called where the guard of [`init`](crate::init) was not dropped, in the same
/// cases as those in which the tracers send the rest.
///
/// The thread may be in the midst of anything: `hand_over` must not wait for a lock that this thread may hold. It
/// is forgotten in a child that is forked afterwards. A panic of it ends there.
///
/// ```
/// fn hand_over(timeout: std::time::Duration) {
///     # let _ = timeout;
///     // Submit what waits, and be back in time.
/// }
/// tracehound::before_exit(hand_over);
/// ```
pub fn before_exit(hand_over: fn(Duration)) {
    if let Some(mut before) = lock_soon(BEFORE.get_or_make(Mutex::default)) {
        before.push(hand_over);
    }
}

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
    let start = Instant::now();
    if let Some(before) = BEFORE.get().and_then(lock_soon) {
        for hand_over in before.iter() {
            catch(|| hand_over(timeout.saturating_sub(start.elapsed())));
        }
    }
    // Spans that an allocator of the program made meanwhile would come to locks that this thread has.
    let _off = suppress();
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
