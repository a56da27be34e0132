//! The pipeline as the traces see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::inner::{Inner, Settings};
use super::worker;
use crate::diag::{Diag, LossReason};
use crate::error::FlushError;
use crate::propagation::HttpPropagator;
use crate::sampling::{Sampler, SpanSampler, ask};
use crate::trace::{Buffers, Chunk, Decision, Sink, SpanView};

/// Sends finished traces to the agent. Dropping it lets the worker send what it has and end.
pub(crate) struct Pipeline {
    inner: Arc<Inner>,
    running: AtomicBool,
}

impl Pipeline {
    /// Starts the worker.
    pub(crate) fn start(
        settings: Settings,
        diag: Arc<Diag>,
        sampler: Arc<dyn Sampler>,
        span_sampler: SpanSampler,
        propagator: Arc<HttpPropagator>,
    ) -> Self {
        let inner = Inner::new(settings, diag, sampler, span_sampler, propagator);
        let inner = Arc::new(inner);
        let started = worker::spawn(&inner);
        if let Err(error) = &started {
            inner.diag.warn(&format!("the background worker does not start: {error}"));
        }
        Pipeline { inner, running: AtomicBool::new(started.is_ok()) }
    }

    /// Sends everything that has finished, within a time.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        if !self.running.load(Ordering::Relaxed) {
            return Err(FlushError::NO_WORKER);
        }
        self.inner.signal.flush(timeout, || self.inner.wake.notify_one())
    }

    /// Sends everything that has finished, within a time, and nothing that finishes later.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        if !self.running.load(Ordering::Relaxed) {
            return Err(FlushError::NO_WORKER);
        }
        // Here and not by the worker, which may be waiting for the agent.
        self.inner.queue.close();
        let stopped = self.inner.signal.stop(timeout, || self.inner.wake.notify_one());
        if stopped.is_err_and(|error| error.is_timeout()) {
            self.inner.abandon();
        }
        stopped
    }
}

impl Sink for Pipeline {
    fn submit(&self, chunk: Chunk) {
        if self.running.load(Ordering::Relaxed) {
            return self.inner.submit(chunk);
        }
        let spans = chunk.len() as u64;
        self.inner.diag.lose(LossReason::WorkerFailed, spans, || "there is no worker".into());
    }

    fn decide(&self, root: &SpanView<'_>) -> Decision {
        ask(&*self.inner.sampler, root, &self.inner.diag)
    }

    fn samples_with_user_code(&self) -> bool {
        self.inner.sampler.runs_user_code()
    }

    fn refill(&self, into: &mut Vec<Buffers>) {
        self.inner.queue.refill(into);
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.inner.signal.stop_later();
        self.inner.wake.notify_one();
    }
}
