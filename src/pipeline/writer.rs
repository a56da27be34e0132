//! Chunks into payloads, payloads to the agent: retried, split, or counted as lost.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use hyper::http::HeaderMap;
use tokio::time::Instant;

use super::inner::Inner;
use super::keep_rate::KeepRate;
use super::outbox::{Backoff, Outbox};
use crate::agent::{
    AgentInfo, AgentState, Client, ContainerOrigin, Outcome, Rates, RatesVersion, Request,
    SendError, common_headers, trace_headers,
};
use crate::diag::LossReason;
use crate::encode::{Common, Encoder, NotAdded, Payload};
use crate::text::Text;
use crate::trace::Chunk;

const TRACES_PATH: &str = "/v0.4/traces";
/// How old the knowledge about the agent may become where its answers do not say that it is news.
const INFO_PERIOD: Duration = Duration::from_secs(300);
/// An agent that does not answer to `/info` is not asked again so soon: each time costs the whole timeout.
const INFO_PAUSE: Duration = Duration::from_secs(60);

/// A flush does not give up at the first failure, and does not wait out a long pause either.
const INSIST_ATTEMPTS: u32 = 3;
const INSIST_DELAY: Duration = Duration::from_millis(100);
/// Places for chunks that are kept after a burst.
const MAX_KEPT_CHUNKS: usize = 4096;
/// Memory of a sent payload that is kept for the next one.
const MAX_KEPT_BYTES: usize = 2 * 1024 * 1024;
/// The topic of the warning that the agent is away.
const AGENT_AWAY: &str = "agent-away";

/// Owns everything between the queue and the agent.
pub(super) struct Writer {
    inner: Arc<Inner>,
    /// For the queue to fill: it and the queue's own change places.
    spare: Vec<Chunk>,
    /// Taken from the queue, and not yet written.
    batch: VecDeque<Chunk>,
    encoder: Encoder,
    payload: Payload,
    /// Of a payload that was sent, for the next one.
    memory: Vec<u8>,
    outbox: Outbox,
    backoff: Backoff,
    client: Client,
    headers: HeaderMap,
    rates: RatesVersion,
    info: Option<AgentInfo>,
    info_read: Option<Instant>,
    info_failed: Option<Instant>,
    info_state: AgentState,
    keep_rate: KeepRate,
    sent: u64,
    lost_before: u64,
    /// Something was lost in the current run.
    has_lost: bool,
    /// Why what is still here is lost, if it is.
    end: LossReason,
}

/// What became of one attempt.
enum Attempt {
    /// Nothing more to do with this payload.
    Settled,
    /// To be tried again later.
    Failed,
}

impl Writer {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let settings = &inner.settings;
        let origin = ContainerOrigin::of_process();
        Writer {
            spare: Vec::new(),
            batch: VecDeque::new(),
            encoder: Encoder::new(inner.process.clone(), settings.max_payload_bytes),
            payload: Payload::default(),
            memory: Vec::new(),
            outbox: Outbox::new(settings.queue_bytes),
            backoff: Backoff::default(),
            client: Client::new(settings.endpoint.clone(), settings.timeout),
            headers: common_headers(origin, settings.external_env.as_deref(), &inner.diag),
            rates: RatesVersion::default(),
            info: None,
            info_read: None,
            info_failed: None,
            info_state: AgentState::default(),
            keep_rate: KeepRate::default(),
            sent: 0,
            lost_before: 0,
            has_lost: false,
            end: LossReason::WorkerFailed,
            inner,
        }
    }

    /// Writes and sends what is there; `insist` tries several times within a short time.
    ///
    /// Says whether the agent has everything.
    pub(super) async fn run(&mut self, insist: bool) -> bool {
        self.has_lost = false;
        let mut chunks = self.inner.queue.take(std::mem::take(&mut self.spare));
        self.batch.extend(chunks.drain(..));
        chunks.shrink_to(MAX_KEPT_CHUNKS);
        self.spare = chunks;
        if self.batch.is_empty() && self.outbox.is_empty() {
            return true;
        }
        self.learn_about_agent().await;
        self.encode();
        self.send(insist).await && !self.has_lost
    }

    /// Ends an interval of the keep rate.
    pub(super) fn tick(&mut self) {
        let lost = self.inner.diag.losses().total();
        self.keep_rate.record(self.sent, lost.saturating_sub(self.lost_before));
        self.sent = 0;
        self.lost_before = lost;
    }

    /// How long until the next attempt is due, where one is.
    pub(super) fn next_attempt(&self) -> Option<Duration> {
        (!self.outbox.is_empty()).then(|| self.backoff.remaining())
    }

    /// What is left now is lost for this reason.
    pub(super) fn give_up(mut self, reason: LossReason) {
        self.end = reason;
    }

    // ===== encoding =====

    fn encode(&mut self) {
        let inner = Arc::clone(&self.inner);
        let common = Common { keep_rate: self.keep_rate.get(), span_sampler: &inner.span_sampler };
        while let Some(mut chunk) = self.batch.pop_front() {
            chunk.settle();
            let mut added = self.encoder.add(&mut self.payload, &chunk, &common);
            if added == Err(NotAdded::Full) {
                self.seal();
                added = self.encoder.add(&mut self.payload, &chunk, &common);
            }
            if added.is_err() {
                self.lose(LossReason::TooLarge, chunk.len() as u64, || {
                    "a chunk exceeds the largest payload".into()
                });
            }
            self.inner.queue.give_back(chunk.into_buffers());
        }
        self.seal();
    }

    fn seal(&mut self) {
        if self.payload.is_empty() {
            return;
        }
        let memory = std::mem::take(&mut self.memory);
        let payload = std::mem::replace(&mut self.payload, Payload::reusing(memory));
        for evicted in self.outbox.push(payload.seal()) {
            self.lose(LossReason::AgentUnreachable, evicted.span_count(), || {
                "the buffer for what the agent did not take is full".into()
            });
        }
    }

    // ===== sending =====

    async fn send(&mut self, insist: bool) -> bool {
        let mut attempts = if insist { INSIST_ATTEMPTS } else { 1 };
        if !insist && !self.backoff.remaining().is_zero() {
            return self.outbox.is_empty();
        }
        while !self.outbox.is_empty() {
            match self.attempt().await {
                Attempt::Settled => {}
                Attempt::Failed => {
                    attempts = attempts.saturating_sub(1);
                    if attempts == 0 {
                        return false;
                    }
                    tokio::time::sleep(INSIST_DELAY).await;
                }
            }
        }
        true
    }

    async fn attempt(&mut self) -> Attempt {
        let Some(waiting) = self.outbox.pop() else { return Attempt::Settled };
        let (chunks, spans) = (waiting.payload.chunk_count(), waiting.payload.span_count());
        let headers =
            trace_headers(&self.headers, chunks, &self.rates, self.inner.settings.no_stats);
        let request = Request {
            method: Method::POST,
            path: TRACES_PATH,
            headers: &headers,
            body: waiting.payload.body(),
        };
        let outcome = match self.client.send(request).await {
            Ok(response) => {
                self.info_state.observe(&response.headers);
                Ok(Outcome::read(&response, &mut self.rates))
            }
            Err(error) => Err(error),
        };
        let (problem, reached) = match outcome {
            Ok(Outcome::Accepted { rates }) => {
                self.accepted(spans);
                if let Some(rates) = rates {
                    self.take_rates(&rates);
                }
                self.memory = waiting
                    .payload
                    .into_memory()
                    .filter(|memory| memory.capacity() <= MAX_KEPT_BYTES)
                    .unwrap_or_default();
                return Attempt::Settled;
            }
            Ok(Outcome::TooLarge) => {
                self.is_back();
                match waiting.payload.split() {
                    Ok((first, second)) => self.outbox.put_parts(first, second),
                    Err(whole) => self.lose(LossReason::AgentRejected, whole.span_count(), || {
                        "a single chunk is too large for the agent (413)".into()
                    }),
                }
                return Attempt::Settled;
            }
            Ok(Outcome::Unsupported(status) | Outcome::Refused(status)) => {
                self.is_back();
                self.lose(LossReason::AgentRejected, spans, || {
                    format!("the agent answered {status} to {TRACES_PATH}")
                });
                return Attempt::Settled;
            }
            Ok(Outcome::Busy(status)) => (format!("the agent answered {status}"), true),
            Err(error @ SendError::Invalid(_)) => {
                self.lose(LossReason::AgentRejected, spans, || format!("{error:#}"));
                return Attempt::Settled;
            }
            Err(error @ SendError::Connect(_)) => (format!("{error:#}"), false),
            Err(error) => (format!("{error:#}"), true),
        };
        self.backoff.fail();
        self.inner.diag.warn_once(AGENT_AWAY, || {
            format!("cannot send traces to {}: {problem}; trying again", self.client.endpoint())
        });
        if let Err(payload) = self.outbox.put_back(waiting, reached) {
            self.lose(LossReason::AgentUnreachable, payload.span_count(), || problem);
        }
        Attempt::Failed
    }

    fn take_rates(&self, rates: &Rates) {
        let sampler = &self.inner.sampler;
        // The sampler may be the user's.
        if catch_unwind(AssertUnwindSafe(|| sampler.set_agent_rates(rates))).is_err() {
            self.inner.diag.warn_once("sampler-rates", || "the sampler panicked".into());
        }
    }

    fn accepted(&mut self, spans: u64) {
        self.sent = self.sent.saturating_add(spans);
        self.inner.settled(spans);
        self.is_back();
    }

    /// The agent answers, whatever it thinks of the payload.
    fn is_back(&mut self) {
        self.backoff = Backoff::default();
        if self.inner.diag.forget(AGENT_AWAY) {
            self.inner.diag.info(&format!("the agent at {} is back", self.client.endpoint()));
        }
    }

    fn lose(&mut self, reason: LossReason, spans: u64, detail: impl FnOnce() -> String) {
        self.has_lost = true;
        self.inner.settled(spans);
        if !self.inner.abandoned.load(Ordering::Relaxed) {
            self.inner.diag.lose(reason, spans, detail);
        }
    }

    // ===== what the agent can do =====

    /// Asks the agent what it can do, where that is not known or out of date.
    async fn learn_about_agent(&mut self) {
        let fresh = self.info_read.is_some_and(|read| read.elapsed() < INFO_PERIOD);
        if fresh && !self.info_state.is_news() {
            return;
        }
        // While the agent is away, one attempt for each attempt to send is enough.
        let failed = self.info_failed.is_some_and(|failed| failed.elapsed() < INFO_PAUSE);
        if failed || !self.backoff.remaining().is_zero() {
            return;
        }
        let request = Request {
            method: Method::GET,
            path: "/info",
            headers: &self.headers,
            body: Bytes::new(),
        };
        match self.client.send(request).await {
            Ok(response) => {
                self.info_state.observe(&response.headers);
                self.info_state.refreshed();
                self.info_read = Some(Instant::now());
                if let Some(info) = AgentInfo::read(&response) {
                    let marker = info.org_prop_marker.as_deref().map(Text::copy);
                    self.inner.propagator.set_org_marker(marker);
                    self.info = Some(info);
                }
            }
            // It is away as a whole: when it is back it can be asked.
            Err(SendError::Connect(_)) => {}
            Err(_) => self.info_failed = Some(Instant::now()),
        }
        let takes_events = self.info.as_ref().is_some_and(|info| info.span_events);
        self.encoder.native_events = self.inner.settings.native_events || takes_events;
    }
}

/// What is not settled when the writer goes is lost, also when it goes by a panic.
impl Drop for Writer {
    fn drop(&mut self) {
        let mut left = self.payload.span_count();
        for chunk in self.batch.drain(..) {
            left = left.saturating_add(chunk.len() as u64);
        }
        while let Some(waiting) = self.outbox.pop() {
            left = left.saturating_add(waiting.payload.span_count());
        }
        if left > 0 {
            let reason = self.end;
            self.lose(reason, left, || "the pipeline ended before they were sent".into());
        }
    }
}
