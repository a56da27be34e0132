//! The end of the process: what pipelines that were not shut down still hold is sent, or counted as lost.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tracehound_fork::PerProcess;

use super::inner::Inner;
use crate::diag::ShutdownCause;
use crate::sync::lock_soon;

/// The pipelines of this process that have a worker.
static RUNNING: PerProcess<Mutex<Vec<Weak<Inner>>>> = PerProcess::new();

/// How long the end of the process waits for all of them together, in milliseconds. The default is that of the guard.
static TIMEOUT_MS: AtomicU64 = AtomicU64::new(2000);

/// How often it checks whether they are done.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Registers a pipeline, so that it is shut down at the end of the process.
pub(super) fn watch(inner: &Arc<Inner>) {
    if let Some(mut running) = lock_soon(RUNNING.get_or_make(Mutex::default)) {
        running.retain(|other| other.strong_count() > 0);
        running.push(Arc::downgrade(inner));
    }
}

/// How long the end of the process waits at the most.
pub(crate) fn set_exit_timeout(timeout: Duration) {
    TIMEOUT_MS.store(timeout.as_millis().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
}

pub(crate) fn exit_timeout() -> Duration {
    Duration::from_millis(TIMEOUT_MS.load(Ordering::Relaxed))
}

/// Lets each pipeline send what it has, and waits for that until the timeout. What is not sent by then is counted as
/// lost, and reported.
///
/// `exit` may be called in a signal handler, so this thread may have been interrupted anywhere, with any lock held. So
/// it waits for no lock, and as long as everything is delivered it neither allocates nor frees.
pub(crate) fn end_all(timeout: Duration) {
    let Some(running) = RUNNING.get().and_then(lock_soon) else { return };
    let deadline = Instant::now().checked_add(timeout);
    let each = |work: fn(&Inner) -> bool| {
        running.iter().filter_map(Weak::upgrade).fold(true, |all, inner| {
            let done = work(&inner);
            // If this is the last reference, dropping it would free memory.
            mem::forget(inner);
            all & done
        })
    };
    each(|inner| {
        if !is_done(inner) {
            inner.diag.shut_down_by(ShutdownCause::ProcessExit);
            inner.signal.stop_soon();
        }
        true
    });
    while !each(is_done) && deadline.is_none_or(|deadline| Instant::now() < deadline) {
        thread::sleep(LOOK_EVERY);
    }
    each(|inner| {
        if !inner.signal.has_ended() && inner.ledger.is_free(&inner.queue) {
            inner.abandon();
        }
        inner.diag.report_total();
        true
    });
}

/// Whether every span is settled, or nobody is left to settle it.
fn is_done(inner: &Inner) -> bool {
    inner.ledger.is_settled() || inner.signal.has_ended()
}
