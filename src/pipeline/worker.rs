//! The background thread: its loop, its supervision.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tracehound_machine::spawn_background;

use super::inner::Inner;
use super::writer::Writer;
use crate::clock;
use crate::trace::suppress;

const THREAD_NAME: &str = "tracehound-worker";
/// A worker that fails this often does not start again: the cause is not one that passes.
const MAX_FAILURES: u32 = 5;

/// Starts the thread.
pub(super) fn spawn(inner: &Arc<Inner>) -> io::Result<()> {
    let inner = Arc::clone(inner);
    // Detached: nothing ever waits for the thread itself, only for what it signals.
    spawn_background(THREAD_NAME, move || supervise(&inner)).map(drop)
}

/// Runs the loop, again if it panics; the queue is shared and outlives it.
fn supervise(inner: &Arc<Inner>) {
    // Our own client must not be traced by our own integrations.
    let _off = suppress();
    let mut delivered = false;
    let mut rest = None;
    let mut has_ended = false;
    for failure in 0..MAX_FAILURES {
        match catch_unwind(AssertUnwindSafe(|| serve(inner))) {
            Ok((all, writer)) => {
                delivered = all;
                has_ended = true;
                // Nobody waits while connection and memory are given back.
                rest = Some(writer);
                break;
            }
            Err(_) => inner.diag.warn(&format!("the background worker failed ({failure})")),
        }
    }
    inner.end(has_ended);
    inner.signal.end(delivered);
    drop(rest);
}

/// Sends at each interval, and earlier when woken; ends when told to. Says whether all was delivered.
fn serve(inner: &Arc<Inner>) -> (bool, Writer) {
    let mut writer = Writer::new(Arc::clone(inner));
    loop {
        let woken = pause(inner, writer.next_attempt());
        clock::keep();
        // Read before the queue is: what was submitted before the request is in what is taken.
        let state = inner.signal.read();
        if state.stop {
            inner.queue.close();
        }
        let insist = state.stop || inner.signal.is_awaited(state);
        let delivered = writer.run(insist);
        if !woken {
            writer.tick();
        }
        if state.stop {
            writer.give_up();
            return (delivered, writer);
        }
        inner.signal.done(state.asked, delivered);
    }
}

/// Waits for the interval to end, or for somebody to call; says whether somebody did.
fn pause(inner: &Inner, next_attempt: Option<Duration>) -> bool {
    let interval = inner.settings.interval;
    let time = next_attempt.map_or(interval, |next| next.min(interval));
    inner.signal.wait_for_call(time)
}
