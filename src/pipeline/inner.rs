//! What the application's threads and the worker share.

use std::sync::Arc;
use std::time::Duration;

use super::ledger::Ledger;
use super::pool::Pool;
use super::queue::{Pushed, Queue};
use super::signal::Signal;
use crate::config::Endpoint;
use crate::diag::{Diag, LossReason};
use crate::encode::{Process, SourceCode};
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
    /// Ask the agent about itself before there is something to send.
    pub(crate) asks_early: bool,
    /// Send span events natively, whatever the agent says.
    pub(crate) native_events: bool,
    /// The agent is not to count the spans.
    pub(crate) no_stats: bool,
    pub(crate) external_env: Option<String>,
    /// Said of the process, where it is to be said.
    pub(crate) hostname: Option<Text>,
    pub(crate) source_code: SourceCode,
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
    pub(crate) pool: Pool,
    pub(crate) signal: Signal,
    /// Of the spans that the queue has accepted, those that are neither delivered nor lost.
    pub(crate) ledger: Ledger,
    pub(crate) sampler: Arc<dyn Sampler>,
    pub(crate) span_sampler: Arc<SpanSampler>,
    pub(crate) propagator: Arc<HttpPropagator>,
}

impl Inner {
    pub(crate) fn new(plan: Plan) -> Self {
        let Plan { settings, diag, sampler, span_sampler, propagator } = plan;
        Inner {
            queue: Queue::new(settings.queue_bytes),
            pool: Pool::default(),
            process: Process::current(settings.hostname.clone(), settings.source_code.clone()),
            ledger: Ledger::new(Arc::clone(&diag)),
            settings,
            diag,
            signal: Signal::default(),
            sampler,
            span_sampler,
            propagator,
        }
    }

    /// Takes a chunk from an application thread; never waits.
    #[inline]
    pub(crate) fn submit(&self, chunk: Chunk) {
        let spans = chunk.len() as u64;
        let pushed = self.queue.push(chunk);
        if pushed != Pushed::Queued {
            self.follow_up(pushed, spans);
        }
    }

    /// What there is to do about a chunk that was not just queued.
    #[cold]
    #[inline(never)]
    fn follow_up(&self, pushed: Pushed, spans: u64) {
        match pushed {
            Pushed::Queued => {}
            Pushed::QueuedWake => self.signal.call(),
            Pushed::Full => self.diag.lose(LossReason::QueueFull, spans, || {
                let most = self.settings.queue_bytes;
                format!(
                    "finished traces and payloads that wait for the agent hold {most} bytes, which is the most \
                     (DD_TRACE_WRITER_BUFFER_SIZE_BYTES)"
                )
            }),
            Pushed::Closed => {
                self.diag.lose(LossReason::Shutdown, spans, || self.diag.after_shutdown());
            }
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

    /// There is no worker any more to take what is left: that is lost.
    pub(crate) fn end(&self, why: &str) {
        self.ledger.close(&self.queue, LossReason::WorkerFailed, why);
    }
}
