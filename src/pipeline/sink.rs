//! The pipeline as traces and the tracer see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracehound_fork::PerProcess;

use super::flush_future::FlushFuture;
use super::inner::{Inner, Plan};
use super::worker::Starter;
use crate::catch::catch;
use crate::diag::Statistics;
use crate::error::FlushError;
use crate::sampling::ask;
use crate::suppression::suppress;
use crate::text::Text;
use crate::trace::{Buffers, Chunk, SamplingDecision, Sink, SpanView};

/// Sends finished traces to the agent. When it is dropped, the worker sends what it has, and ends.
///
/// A forked child has a queue, a worker and a connection of its own, made by the first trace that finishes there or the
/// first flush. It never touches those of its parent, which sends what is in them itself.
pub(crate) struct Pipeline {
    plan: Plan,
    running: PerProcess<Running>,
    /// Inherited by children that are forked later: they send nothing either.
    is_shut_down: AtomicBool,
}

/// The pipeline of one process.
struct Running {
    inner: Arc<Inner>,
    /// Where the system cannot start the worker's thread, finished traces wait in the queue, and each further one tries
    /// again, once a second at most.
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

    /// As [`Pipeline::running`], for a caller that waits for the worker. `None` where it cannot be started.
    fn with_worker(&self) -> Option<&Arc<Inner>> {
        let Running { inner, starter } = self.running();
        starter.start(inner).then_some(inner)
    }

    /// Sends everything that has finished, and waits for that until the timeout.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let _off = suppress();
        let inner = self.with_worker().ok_or(FlushError::NO_WORKER)?;
        inner.signal.wait(inner.signal.flush(), timeout)
    }

    /// As [`Pipeline::flush`], for a task.
    pub(crate) async fn flush_async(&self, timeout: Duration) -> Result<(), FlushError> {
        let inner = self.with_worker().ok_or(FlushError::NO_WORKER)?;
        FlushFuture::new(Arc::clone(inner), inner.signal.flush(), timeout).await
    }

    /// Another pipeline has taken the place of this one: gives back what comes from now on, and sends in the background
    /// what is here.
    pub(crate) fn retire(&self) {
        let _off = suppress();
        // A child that has made nothing has nothing to send.
        if let Some(Running { inner, .. }) = self.running.get() {
            inner.retire();
        }
    }

    /// Has a pipeline that was retired end soon: what the agent does not take now is lost.
    pub(crate) fn hurry(&self) {
        if let Some(Running { inner, .. }) = self.running.get() {
            inner.signal.stop();
        }
    }

    /// Whether everything that this process has handed over is delivered or lost, and nothing can come any more.
    pub(crate) fn is_drained(&self) -> bool {
        self.running.get().is_none_or(|Running { inner, .. }| inner.signal.has_ended())
    }

    /// Sends everything that has finished, waits for that until the timeout, and accepts nothing that finishes later.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        // An allocator of the program may trace. Its spans would need locks that this thread holds.
        let _off = suppress();
        let Some(inner) = self.stop()? else { return Ok(()) };
        let stopped = inner.signal.wait(inner.signal.stop(), timeout);
        if stopped.is_err_and(|error| error.is_timeout()) {
            inner.abandon();
        }
        stopped
    }

    /// As [`Pipeline::shutdown`], for a task.
    pub(crate) async fn shutdown_async(&self, timeout: Duration) -> Result<(), FlushError> {
        let Some(inner) = self.stop()? else { return Ok(()) };
        FlushFuture::new(Arc::clone(inner), inner.signal.stop(), timeout).await
    }

    /// What this process has handed over so far, and what has become of it. Starts nothing.
    pub(crate) fn statistics(&self) -> Statistics {
        match self.running.get() {
            Some(Running { inner, .. }) => inner.statistics(),
            None => self.plan.diag.statistics(),
        }
    }

    /// Accepts nothing from now on. Returns what has a worker that must end; `None` where there is nothing to end.
    fn stop(&self) -> Result<Option<&Arc<Inner>>, FlushError> {
        self.is_shut_down.store(true, Ordering::Relaxed);
        let Some(Running { inner, starter }) = self.running.get() else {
            // A child that has made nothing has nothing to end.
            return Ok(None);
        };
        // Closed here, because the worker may be waiting for the agent and would do it late.
        inner.queue.close();
        if !starter.start(inner) {
            inner.end("there is no worker");
            return Err(FlushError::NO_WORKER);
        }
        Ok(Some(inner))
    }
}

impl Sink for Pipeline {
    fn submit(&self, chunk: Chunk) -> Option<Chunk> {
        self.running().inner.submit(chunk)
    }

    fn decide(&self, root: &SpanView<'_>) -> SamplingDecision {
        ask(&*self.plan.sampler, root, &self.plan.diag)
    }

    fn decide_in_place(&self, root: &SpanView<'_>) -> Option<SamplingDecision> {
        // The caller holds the lock of the trace, under which the debug line about the decision is not made.
        let built_in = self.plan.sampler.built_in().filter(|_| !self.plan.diag.is_debug())?;
        // A fault of ours must not reach the program: what panics here is asked again, on a copy, where it is counted.
        catch(|| built_in.decide_in_place(root))?
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
