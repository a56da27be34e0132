//! What the application's threads and the worker share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

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
    /// For a whole request.
    pub(crate) timeout: Duration,
    /// How long finished traces wait at the most.
    pub(crate) interval: Duration,
    /// What chunks that wait for the worker may hold, and also what payloads that wait for the agent may.
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
    pub(crate) wake: Notify,
    /// Of the spans that the queue has accepted, those sent or lost. Only the worker writes here.
    settled: AtomicU64,
    /// Nobody waits for the worker any more: what is pending has been counted as lost.
    abandoned: AtomicBool,
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
            settings,
            diag,
            signal: Signal::default(),
            wake: Notify::new(),
            settled: AtomicU64::new(0),
            abandoned: AtomicBool::new(false),
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
            Pushed::QueuedWake => self.wake.notify_one(),
            Pushed::Full => self.diag.lose(LossReason::QueueFull, spans, || {
                format!("{} bytes of finished traces wait to be sent", self.settings.queue_bytes)
            }),
            Pushed::Closed => {
                self.diag.lose(LossReason::Shutdown, spans, || self.diag.after_shutdown());
            }
        }
    }

    /// So many spans are sent or lost.
    pub(crate) fn settled(&self, spans: u64) {
        self.settled.fetch_add(spans, Ordering::Relaxed);
    }

    /// So many spans are lost. Once nobody waits for the worker any more, they have been counted.
    pub(crate) fn lose(&self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        self.settled(spans);
        if !self.abandoned.load(Ordering::Relaxed) {
            self.diag.lose(reason, spans, detail);
        }
    }

    /// Whether what is pending has been counted as lost.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// Counts what is pending as lost, once: nobody waits for the worker any more.
    pub(crate) fn abandon(&self) {
        if self.abandoned.swap(true, Ordering::Relaxed) {
            return;
        }
        let pending = self.queue.accepted().saturating_sub(self.settled.load(Ordering::Relaxed));
        if pending > 0 {
            self.diag.lose(LossReason::ShutdownTimeout, pending, || {
                "the time for the shutdown was over".into()
            });
        }
    }
}
