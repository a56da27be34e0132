//! The pipeline as the traces see it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tracehound_fork::PerProcess;

use super::exit;
use super::inner::{Inner, Plan};
use super::worker;
use crate::diag::LossReason;
use crate::error::FlushError;
use crate::sampling::ask;
use crate::trace::{Buffers, Chunk, Decision, Sink, SpanView};

/// Sends finished traces to the agent. Dropping it lets the worker send what it has and end.
///
/// A process that is forked has a queue, a worker and a connection of its own, from the first trace that
/// finishes there or the first flush on. Those of its parent stay where they are: the parent sends what is in
/// them.
pub(crate) struct Pipeline {
    plan: Plan,
    running: PerProcess<Running>,
    /// Also of the processes that are forked later.
    is_shut_down: AtomicBool,
}

/// The pipeline of one process.
struct Running {
    inner: Arc<Inner>,
    /// Whether the worker could be started. No other process waits for this: it has one of its own.
    has_worker: OnceLock<bool>,
}

impl Pipeline {
    /// Starts the worker.
    pub(crate) fn start(plan: Plan) -> Self {
        let pipeline =
            Pipeline { plan, running: PerProcess::new(), is_shut_down: AtomicBool::new(false) };
        pipeline.inner();
        pipeline
    }

    /// The pipeline of this process, with its worker; `None` where there can be no worker.
    fn inner(&self) -> Option<&Arc<Inner>> {
        let Running { inner, has_worker } = self.running.get_or_make(|| {
            let inner = Inner::new(self.plan.clone());
            if self.is_shut_down.load(Ordering::Relaxed) {
                inner.queue.close();
            }
            Running { inner: Arc::new(inner), has_worker: OnceLock::new() }
        });
        let mut failure = None;
        let has_worker = has_worker.get_or_init(|| {
            let started = worker::spawn(inner).map(|()| exit::watch(inner));
            started.map_err(|error| failure = Some(error)).is_ok()
        });
        if let Some(error) = failure {
            // Only now: the log function of the program may trace, and so come here.
            inner.diag.warn(&format!("the background worker does not start: {error}"));
        }
        has_worker.then_some(inner)
    }

    /// Sends everything that has finished, within a time.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let inner = self.inner().ok_or(FlushError::NO_WORKER)?;
        inner.signal.flush(timeout, || inner.wake.notify_one())
    }

    /// Sends everything that has finished, within a time, and nothing that finishes later.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        self.is_shut_down.store(true, Ordering::Relaxed);
        if self.running.get().is_none() {
            // A child that has made nothing has nothing to end.
            return Ok(());
        }
        let inner = self.inner().ok_or(FlushError::NO_WORKER)?;
        // Here and not by the worker, which may be waiting for the agent.
        inner.queue.close();
        let stopped = inner.signal.stop(timeout, || inner.wake.notify_one());
        if stopped.is_err_and(|error| error.is_timeout()) {
            inner.abandon();
        }
        stopped
    }
}

impl Sink for Pipeline {
    fn submit(&self, chunk: Chunk) {
        let running = self.running.get().filter(|running| running.has_worker.get() == Some(&true));
        if let Some(inner) = running.map(|running| &running.inner).or_else(|| self.inner()) {
            return inner.submit(chunk);
        }
        let spans = chunk.len() as u64;
        self.plan.diag.lose(LossReason::WorkerFailed, spans, || "there is no worker".into());
    }

    fn decide(&self, root: &SpanView<'_>) -> Decision {
        ask(&*self.plan.sampler, root, &self.plan.diag)
    }

    fn samples_with_user_code(&self) -> bool {
        self.plan.sampler.runs_user_code()
    }

    fn refill(&self, into: &mut Vec<Buffers>) {
        if let Some(Running { inner, .. }) = self.running.get() {
            inner.queue.refill(into);
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if let Some(Running { inner, .. }) = self.running.get() {
            inner.signal.stop_later();
            inner.wake.notify_one();
        }
    }
}
