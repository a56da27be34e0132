//! The end of the process, where exporters were not shut down.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError, TryLockError, Weak};
use std::time::Duration;

use tracehound::LossReason;
use tracehound_fork::PerProcess;

use super::queue::Deadline;
use super::shared::Shared;

/// The exporters of this process. A child of a fork has none of the threads that put their spans together, and what
/// they hold is its parent's.
static EXPORTERS: PerProcess<Mutex<Vec<Weak<Shared>>>> = PerProcess::new();

/// What the exporter holds is to be submitted at the end of the process.
pub(super) fn watch(shared: &Arc<Shared>) {
    let exporters = EXPORTERS.get_or_make(|| {
        tracehound::before_exit(hand_over);
        Mutex::default()
    });
    let mut exporters = exporters.lock().unwrap_or_else(PoisonError::into_inner);
    exporters.retain(|other| other.strong_count() > 0);
    exporters.push(Arc::downgrade(shared));
}

fn hand_over(timeout: Duration) {
    let deadline = Deadline::after(timeout);
    // Held for a few instructions, by who builds an exporter: by this very thread, if it is not to be had.
    let exporters = match EXPORTERS.get().map(Mutex::try_lock) {
        Some(Ok(exporters)) => exporters,
        Some(Err(TryLockError::Poisoned(exporters))) => exporters.into_inner(),
        Some(Err(TryLockError::WouldBlock)) | None => return,
    };
    for shared in exporters.iter().filter_map(Weak::upgrade) {
        // Without a thread there is nobody to wait for.
        let is_started = shared.starter.is_started();
        let deadline = if is_started { deadline } else { Deadline::after(Duration::ZERO) };
        let lost = shared.queue.end_of_process(deadline);
        shared.lose(
            LossReason::ShutdownTimeout,
            lost,
            "the process ended before they were put together",
        );
        // Not freed here if it is the last.
        mem::forget(shared);
    }
}
