//! The pipeline as the traces see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracehound_fork::PerProcess;

use super::flush_future::FlushFuture;
use super::inner::{Inner, Plan};
use super::worker::Starter;
use crate::error::FlushError;
use crate::sampling::ask;
use crate::suppression::suppress;
use crate::text::Text;
use crate::trace::{Buffers, Chunk, SamplingDecision, Sink, SpanView};

/// Sends finished traces to the agent. Dropping it lets the worker send what it has and end.
///
/// A process that is forked has a queue, a worker and a connection of its own, from the first trace that
/// finishes there or the first flush on. Those of its parent stay where they are: the parent sends what is in
/// them.
pub(crate) struct Pipeline {
    plan: Plan,
    running: PerProcess<Running>,
    /// Holds in the processes that are forked later, too.
    is_shut_down: AtomicBool,
}

/// The pipeline of one process.
struct Running {
    inner: Arc<Inner>,
    /// Where the system has no room for the worker, what finishes waits in the queue, and whatever finishes next, a
    /// second later at the earliest, tries again. No other process waits for this: it has one of its own.
    starter: Starter,
}

impl Pipeline {
    /// Starts the worker.
    pub(crate) fn start(plan: Plan) -> Self {
        let pipeline =
            Pipeline { plan, running: PerProcess::new(), is_shut_down: AtomicBool::new(false) };
        pipeline.running();
        pipeline
    }

    /// The pipeline of this process, with its worker if there can be one.
    fn running(&self) -> &Running {
        let running = self.running.get_or_make(|| {
            let inner = Inner::new(self.plan.clone());
            if self.is_shut_down.load(Ordering::Relaxed) {
                inner.queue.close();
            }
            Running { inner: Arc::new(inner), starter: Starter::default() }
        });
        running.starter.try_start(&running.inner);
        running
    }

    /// The same for somebody who waits for the worker; `None` where there can be none now.
    fn with_worker(&self) -> Option<&Arc<Inner>> {
        let Running { inner, starter } = self.running();
        starter.start(inner).then_some(inner)
    }

    /// Sends everything that has finished, within a time.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let _off = suppress();
        let inner = self.with_worker().ok_or(FlushError::NO_WORKER)?;
        inner.signal.wait(inner.signal.flush(), timeout)
    }

    /// The same for a task.
    pub(crate) async fn flush_async(&self, timeout: Duration) -> Result<(), FlushError> {
        let inner = self.with_worker().ok_or(FlushError::NO_WORKER)?;
        FlushFuture::new(Arc::clone(inner), inner.signal.flush(), timeout).await
    }

    /// Sends everything that has finished, within a time, and nothing that finishes later.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        // Spans that an allocator of the program made meanwhile would come to locks that this thread has.
        let _off = suppress();
        let Some(inner) = self.stop()? else { return Ok(()) };
        let stopped = inner.signal.wait(inner.signal.stop(), timeout);
        if stopped.is_err_and(|error| error.is_timeout()) {
            inner.abandon();
        }
        stopped
    }

    /// The same for a task.
    pub(crate) async fn shutdown_async(&self, timeout: Duration) -> Result<(), FlushError> {
        let Some(inner) = self.stop()? else { return Ok(()) };
        FlushFuture::new(Arc::clone(inner), inner.signal.stop(), timeout).await
    }

    /// Takes no more from now on; whose worker is to end, where there is one.
    fn stop(&self) -> Result<Option<&Arc<Inner>>, FlushError> {
        self.is_shut_down.store(true, Ordering::Relaxed);
        let Some(Running { inner, starter }) = self.running.get() else {
            // A child that has made nothing has nothing to end.
            return Ok(None);
        };
        // Here and not by the worker, which may be waiting for the agent.
        inner.queue.close();
        if !starter.start(inner) {
            inner.end("there is no worker");
            return Err(FlushError::NO_WORKER);
        }
        Ok(Some(inner))
    }
}

impl Sink for Pipeline {
    fn submit(&self, chunk: Chunk) {
        self.running().inner.submit(chunk);
    }

    fn decide(&self, root: &SpanView<'_>) -> SamplingDecision {
        ask(&*self.plan.sampler, root, &self.plan.diag)
    }

    fn decide_in_place(&self, root: &SpanView<'_>) -> Option<SamplingDecision> {
        // What is said of a decision is not put together under a lock.
        let built_in = self.plan.sampler.built_in().filter(|_| !self.plan.diag.is_debug())?;
        built_in.decide_in_place(root)
    }

    fn needed_tags(&self) -> Option<&[Text]> {
        self.plan.sampler.built_in()?.needed_tags()
    }

    fn refill(&self, into: &mut Vec<Buffers>) {
        if let Some(Running { inner, .. }) = self.running.get() {
            inner.pool.refill(into);
        }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _off = suppress();
        if let Some(Running { inner, starter }) = self.running.get() {
            inner.signal.stop();
            if !starter.try_start(inner) {
                inner.end("there is no worker");
            }
        }
    }
}
