//! What the application's threads and the worker share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::ledger::Ledger;
use super::queue::{Pushed, Queue};
use super::signal::Signal;
use crate::agent::Endpoint;
use crate::diag::{Diag, LossReason};
use crate::encode::Process;
use crate::propagation::HttpPropagator;
use crate::sampling::{Sampler, SpanSampler};
use crate::text::Text;
use crate::trace::Chunk;

/// Where payloads go and how.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) endpoint: Endpoint,
    /// Without a byte that the agent takes or says.
    pub(crate) timeout: Duration,
    /// How long finished traces wait at the most.
    pub(crate) interval: Duration,
    /// What finished traces that wait for the worker and payloads that wait for the agent may hold together.
    pub(crate) queue_bytes: usize,
    pub(crate) max_payload_bytes: usize,
    /// Send span events natively, whatever the agent says.
    pub(crate) native_events: bool,
    /// The agent is not to count the spans.
    pub(crate) no_stats: bool,
    pub(crate) external_env: Option<String>,
    /// Said of the process, where it is to be said.
    pub(crate) hostname: Option<Text>,
}

/// What a pipeline is made from, in each process anew.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) diag: Arc<Diag>,
    pub(crate) sampler: Arc<dyn Sampler>,
    pub(crate) span_sampler: Arc<SpanSampler>,
    /// Learns from the agent which organisation this is.
    pub(crate) propagator: Arc<HttpPropagator>,
}

/// What the application's threads and the worker share.
pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) process: Process,
    pub(crate) diag: Arc<Diag>,
    pub(crate) queue: Queue,
    pub(crate) signal: Signal,
    /// Of the spans that the queue has accepted, those that are neither delivered nor lost.
    pub(crate) ledger: Ledger,
    /// There is no worker any more, and nobody has asked it to end.
    has_failed: AtomicBool,
    pub(crate) sampler: Arc<dyn Sampler>,
    pub(crate) span_sampler: Arc<SpanSampler>,
    pub(crate) propagator: Arc<HttpPropagator>,
}

impl Inner {
    pub(crate) fn new(plan: Plan) -> Self {
        let Plan { settings, diag, sampler, span_sampler, propagator } = plan;
        Inner {
            queue: Queue::new(settings.queue_bytes),
            process: Process::current(settings.hostname.clone()),
            ledger: Ledger::new(Arc::clone(&diag)),
            settings,
            diag,
            signal: Signal::default(),
            has_failed: AtomicBool::new(false),
            sampler,
            span_sampler,
            propagator,
        }
    }

    /// Takes a chunk from an application thread; never waits.
    pub(crate) fn submit(&self, chunk: Chunk) {
        let spans = chunk.len() as u64;
        match self.queue.push(chunk) {
            Pushed::Queued => {}
            Pushed::QueuedWake => self.signal.call(),
            Pushed::Full => self.diag.lose(LossReason::QueueFull, spans, || {
                let most = self.settings.queue_bytes;
                format!(
                    "finished traces and payloads that wait for the agent hold {most} bytes, which is the most \
                     (DD_TRACE_WRITER_BUFFER_SIZE_BYTES)"
                )
            }),
            Pushed::Closed if self.has_failed.load(Ordering::Relaxed) => {
                self.diag.lose(LossReason::WorkerFailed, spans, || "the worker has ended".into());
            }
            Pushed::Closed => self.diag.lose(LossReason::Shutdown, spans, || {
                "they finished after the tracer had been shut down".into()
            }),
        }
    }

    /// Counts all that is pending as lost: nobody waits for the worker any more. What it still has it does not
    /// send.
    pub(crate) fn abandon(&self) {
        self.ledger.close(
            &self.queue,
            LossReason::ShutdownTimeout,
            "the time given to the shutdown was over before the agent had answered; a longer one is to be had \
             with `tracehound::shutdown` or the guard's `timeout`",
        );
        self.signal.call();
    }

    /// The worker has ended, `asked` to or not: what is left is lost.
    pub(crate) fn end(&self, asked: bool) {
        self.has_failed.store(!asked, Ordering::Relaxed);
        self.ledger.close(&self.queue, LossReason::WorkerFailed, "the worker has ended");
    }
}
