//! The state that the application's threads and the worker share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::counts::Counts;
use super::destination::Destination;
use super::ledger::Ledger;
use super::long_running::Schedule;
use super::pool::Pool;
use super::queue::{Pushed, Queue};
use super::signal::Signal;
use crate::config::{ApiVersion, Endpoint, StatsSettings};
use crate::diag::{Diag, LossReason, Statistics};
use crate::encode::{Process, SourceCode};
use crate::filter::Filters;
use crate::primitives::{AtomicBool, Ordering};
use crate::propagation::HttpPropagator;
use crate::sampling::{Sampler, SpanSampler};
use crate::text::Text;
use crate::trace::Chunk;

/// Where payloads are sent, and within which limits.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) endpoint: Endpoint,
    /// Who may sign the certificate of an agent behind TLS; `None` for the roots of the platform.
    pub(crate) agent_ca_file: Option<PathBuf>,
    /// The longest time in which no byte of a request or its answer moves.
    pub(crate) timeout: Duration,
    /// The longest time that finished traces wait before they are sent.
    pub(crate) interval: Duration,
    /// The byte budget for finished traces that wait for the worker and payloads that wait for the agent, together.
    pub(crate) queue_bytes: usize,
    pub(crate) max_payload_bytes: usize,
    /// The format of payloads that was asked for.
    pub(crate) api_version: Option<ApiVersion>,
    /// Ask the agent for `/info` before there is anything to send.
    pub(crate) asks_early: bool,
    /// Send span events in their own field, whether or not the agent announces that it knows it.
    pub(crate) native_events: bool,
    /// The agent must not compute stats from the spans.
    pub(crate) no_stats: bool,
    /// How spans are counted here.
    pub(crate) stats: StatsSettings,
    /// When spans that are open for long are sent.
    pub(crate) long_running: Schedule,
    pub(crate) external_env: Option<String>,
    /// The host name to report; `None` where it is not reported.
    pub(crate) hostname: Option<Text>,
    pub(crate) source_code: SourceCode,
}

/// What a pipeline is made from. A forked child makes its own from the same plan.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) destination: Destination,
    pub(crate) diag: Arc<Diag>,
    pub(crate) sampler: Arc<dyn Sampler>,
    pub(crate) span_sampler: Arc<SpanSampler>,
    /// The program's own, asked about each finished trace.
    pub(crate) filters: Filters,
    /// Is told which organisation the agent belongs to.
    pub(crate) propagator: Arc<HttpPropagator>,
}

/// The state that the application's threads and the worker share.
pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) destination: Destination,
    pub(crate) process: Process,
    pub(crate) diag: Arc<Diag>,
    pub(crate) queue: Queue,
    pub(crate) pool: Pool,
    pub(crate) signal: Signal,
    /// See [`Inner::retire`].
    is_replaced: AtomicBool,
    /// The accepted spans that are neither delivered nor lost yet.
    pub(crate) ledger: Ledger,
    /// What was sent.
    pub(crate) counts: Counts,
    pub(crate) sampler: Arc<dyn Sampler>,
    pub(crate) span_sampler: Arc<SpanSampler>,
    pub(crate) filters: Filters,
    pub(crate) propagator: Arc<HttpPropagator>,
}

impl Inner {
    pub(crate) fn new(plan: Plan) -> Self {
        let Plan { settings, destination, diag, sampler, span_sampler, filters, propagator } = plan;
        Inner {
            queue: Queue::new(settings.queue_bytes),
            pool: Pool::default(),
            process: Process::current(settings.hostname.clone(), settings.source_code.clone()),
            ledger: Ledger::new(Arc::clone(&diag)),
            counts: Counts::default(),
            settings,
            destination,
            diag,
            signal: Signal::default(),
            is_replaced: AtomicBool::new(false),
            sampler,
            span_sampler,
            filters,
            propagator,
        }
    }

    /// Takes a chunk from an application thread; never waits. Gives it back where another pipeline has taken the place
    /// of this one.
    #[inline]
    pub(crate) fn submit(&self, chunk: Chunk) -> Option<Chunk> {
        let spans = chunk.len() as u64;
        match self.queue.push(chunk) {
            Ok(Pushed::Queued) => None,
            Ok(pushed) => {
                self.follow_up(pushed, spans);
                None
            }
            Err(chunk) => self.refuse(chunk),
        }
    }

    /// After a push into the closed queue.
    #[cold]
    #[inline(never)]
    fn refuse(&self, chunk: Chunk) -> Option<Chunk> {
        if self.is_replaced() {
            return Some(chunk);
        }
        let spans = chunk.len() as u64;
        self.diag.lose(LossReason::Shutdown, spans, || self.diag.after_shutdown());
        None
    }

    /// Another pipeline takes the place of this one: what comes from now on is for that, and the worker ends when
    /// everything that is here is delivered or lost.
    pub(crate) fn retire(&self) {
        // Before the queue is closed: who finds it closed sees this.
        self.is_replaced.store(true, Ordering::Release);
        self.queue.close();
        self.signal.call();
    }

    pub(crate) fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Acquire)
    }

    /// The rare outcomes of a push: wake the worker, or count the chunk as lost.
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
        }
    }

    /// What has become of the spans that were handed over, and what was sent. Waits for nobody but for who holds a lock
    /// for an instant.
    pub(crate) fn statistics(&self) -> Statistics {
        let mut statistics = self.ledger.statistics(&self.queue);
        statistics.queued_bytes = self.queue.room.used() as u64;
        self.counts.read_into(&mut statistics);
        statistics
    }

    /// Counts everything that is not settled as lost, because the timeout of a shutdown is over. The worker does not
    /// send what it still holds.
    pub(crate) fn abandon(&self) {
        self.ledger.close(
            &self.queue,
            LossReason::ShutdownTimeout,
            "the time given to the shutdown was over before the agent had answered; a longer one is to be had \
             with `tracehound::shutdown` or the guard's `timeout`",
        );
        self.signal.call();
    }

    /// Counts everything that is not settled as lost, because there is no worker any more.
    pub(crate) fn end(&self, why: &str) {
        self.ledger.close(&self.queue, LossReason::WorkerFailed, why);
    }
}
