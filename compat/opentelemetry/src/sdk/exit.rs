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
static RUNNING: PerProcess<Mutex<Running>> = PerProcess::new();

#[derive(Debug, Default)]
struct Running {
    exporters: Vec<Weak<Shared>>,
    is_watched: bool,
}

/// What the exporter holds is to be submitted at the end of the process.
pub(super) fn watch(shared: &Arc<Shared>) {
    let running = RUNNING.get_or_make(Mutex::default).lock();
    let mut running = running.unwrap_or_else(PoisonError::into_inner);
    running.exporters.retain(|other| other.strong_count() > 0);
    running.exporters.push(Arc::downgrade(shared));
    if !mem::replace(&mut running.is_watched, true) {
        tracehound::before_exit(hand_over);
    }
}

fn hand_over(timeout: Duration) {
    let deadline = Deadline::after(timeout);
    // Held for a few instructions, by who builds an exporter: by this very thread, if it is not to be had.
    let running = match RUNNING.get().map(Mutex::try_lock) {
        Some(Ok(running)) => running,
        Some(Err(TryLockError::Poisoned(running))) => running.into_inner(),
        Some(Err(TryLockError::WouldBlock)) | None => return,
    };
    for shared in running.exporters.iter().filter_map(Weak::upgrade) {
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
