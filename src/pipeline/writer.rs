//! A turn of the worker: sends what there is, and decides what follows from each answer, or from none.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::http::StatusCode;

use super::backoff::Backoff;
use super::during_request::DuringRequest;
use super::inner::Inner;
use super::keep_rate::KeepRate;
use super::link::Link;
use super::long_running::LongRunning;
use super::negotiation::Negotiation;
use super::outbox::RetryReason;
use super::packer::Packer;
use super::problem;
use super::request_log;
use super::turns::Turns;
use crate::agent::{Outcome, Rates, SendError, SendErrorKind};
use crate::clock::{self, Ticks};
use crate::encode::{Format, Sealed};
use crate::text::Text;
use crate::trace::Chunk;
use crate::user_code::{self, UserCode};

/// An agent that did not answer a request is asked for `/info` before it gets another one. After so many requests for
/// `/info` without an answer, about half a minute, it gets a request with traces all the same.
const MAX_FAILED_PROBES: u32 = 10;
/// How often a flush tries to send, and the pause in between: a flush neither gives up at the first failure nor waits
/// for a long backoff.
const URGENT_ATTEMPTS: u32 = 3;
const URGENT_DELAY: Duration = Duration::from_millis(100);
/// The topic of the warning that the agent is away.
const AGENT_AWAY: &str = "agent-away";

/// The topic of the warning that another format is sent than was asked for, or announced.
const FORMAT: &str = "format";

/// Owns everything between the queue and the agent.
pub(super) struct Writer {
    inner: Arc<Inner>,
    packer: Packer,
    /// When to send again.
    backoff: Backoff,
    /// When to ask for `/info` again while there is nothing to send.
    asking: Backoff,
    link: Link,
    negotiation: Negotiation,
    keep_rate: KeepRate,
    long_running: LongRunning,
    /// The agent was reached, and did not answer the last request.
    is_silent: bool,
    /// How often it has not answered to `/info` since then.
    failed_probes: u32,
    /// The worker was told to stop. Its result covers everything that is lost from then on, so `has_lost` stays set.
    is_ending: bool,
}

/// The outcome of an attempt to send a request.
enum Attempt {
    /// The payloads are delivered, or lost.
    Settled,
    /// They are to be sent again later, or the agent should get a pause.
    Failed,
    /// The ledger is closed: nothing may be sent any more.
    Over,
}

impl Writer {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Writer {
            packer: Packer::new(Arc::clone(&inner)),
            backoff: Backoff::default(),
            asking: Backoff::default(),
            link: Link::new(&inner.settings, &inner.diag),
            negotiation: Negotiation::new(inner.settings.api_version),
            keep_rate: KeepRate::default(),
            long_running: LongRunning::new(inner.settings.long_running),
            is_silent: false,
            failed_probes: 0,
            is_ending: false,
            inner,
        }
    }

    /// Sends what has been taken, until nothing is left or the agent cannot be reached. Then the rest is encoded all
    /// the same, so that the vectors of the chunks can be used again.
    fn send(&mut self, is_urgent: bool) {
        let mut attempts = if is_urgent { URGENT_ATTEMPTS } else { 1 };
        if !is_urgent && !self.backoff.remaining().is_zero() {
            return self.packer.write_all();
        }
        loop {
            self.packer.write_next(is_urgent || self.is_ending);
            if self.packer.outbox.is_empty() {
                return;
            }
            match self.attempt(is_urgent) {
                Attempt::Settled => {}
                Attempt::Over => return,
                Attempt::Failed => {
                    attempts -= 1;
                    if attempts == 0 {
                        return self.packer.write_all();
                    }
                    self.inner.signal.rest(URGENT_DELAY);
                }
            }
        }
    }

    /// The agent, and the work to do during a request.
    fn talk(&mut self, is_urgent: bool) -> (&mut Link, DuringRequest<'_>) {
        let Writer { inner, packer, link, is_ending, .. } = self;
        let (is_cancellable, is_cancelled, is_called) = (false, false, false);
        let meanwhile = DuringRequest {
            inner,
            packer,
            is_ending,
            is_urgent,
            is_cancellable,
            is_cancelled,
            is_called,
        };
        (link, meanwhile)
    }

    fn attempt(&mut self, is_urgent: bool) -> Attempt {
        if self.is_silent && !self.is_awake(is_urgent) {
            return Attempt::Failed;
        }
        let terms = self.packer.terms();
        let Some(parcel) = self.packer.outbox.next(terms) else { return Attempt::Settled };
        if !self.inner.ledger.begin(parcel.spans()) {
            return Attempt::Over;
        }
        let start = Instant::now();
        let (format, chunks) = (parcel.format(), parcel.chunk_count());
        let body = Sealed::together(parcel.payloads());
        let bytes = body.iter().map(|part| part.len() as u64).sum();
        self.inner.counts.request(bytes);
        let (link, mut meanwhile) = self.talk(is_urgent);
        let outcome = link.post(format, chunks, body, &mut || meanwhile.work());
        meanwhile.end();
        self.inner.counts.answer(&outcome);
        let endpoint = self.link.endpoint();
        if let Some(parcel) = self.packer.outbox.on_its_way() {
            let line = || request_log::line(parcel, endpoint, start.elapsed(), &outcome);
            self.inner.diag.debug(line);
        }
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return self.unanswered(format, &error),
        };
        match outcome {
            Outcome::Accepted { rates } => {
                self.is_back();
                self.keep_rate.sent += self.packer.delivered(start.elapsed());
                if let Some(rates) = rates {
                    self.take_rates(&rates);
                }
                Attempt::Settled
            }
            Outcome::Busy(status) => {
                self.put_back(RetryReason::Refused, &problem::status(endpoint, format, status))
            }
            Outcome::TooLarge => {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                let problem = problem::status(endpoint, format, status);
                self.is_back();
                self.packer.too_large(|bytes| {
                    problem::rejected(&format!("{problem} ({bytes} bytes)"), status)
                });
                Attempt::Settled
            }
            Outcome::Unknown(status) if format != Format::V04 => {
                let problem = problem::status(endpoint, format, status);
                self.is_back();
                self.negotiation.refused();
                self.inner.diag.warn_once(FORMAT, || problem::not_taken(&problem));
                self.packer.not_taken(|| problem::rejected(&problem, status));
                Attempt::Settled
            }
            Outcome::Unknown(status) | Outcome::Refused(status) => {
                let problem = problem::status(endpoint, format, status);
                self.is_back();
                self.packer.rejected(|| problem::rejected(&problem, status));
                Attempt::Settled
            }
        }
    }

    /// No answer came. What follows depends on whether the agent may have the request anyway.
    fn unanswered(&mut self, format: Format, error: &SendError) -> Attempt {
        let problem = problem::no_answer(self.link.endpoint(), format, error);
        if let SendErrorKind::Invalid(_) = error.kind {
            self.packer.rejected(|| problem.clone());
            return Attempt::Settled;
        }
        self.is_silent |= !matches!(error.kind, SendErrorKind::Connect(_));
        if !error.may_have_arrived() {
            return self.put_back(RetryReason::NotSent, &problem);
        }
        if !matches!(error.kind, SendErrorKind::Timeout(_)) && !error.was_sent_twice() {
            return self.put_back(RetryReason::Unanswered, &problem);
        }
        self.has_failed(&problem);
        self.packer.unconfirmed(|| problem::unconfirmed(&problem));
        Attempt::Failed
    }

    /// Puts the request back to be sent again, as far as that is allowed.
    fn put_back(&mut self, why: RetryReason, problem: &str) -> Attempt {
        self.has_failed(problem);
        self.inner.counts.retry();
        self.packer.put_back(why, || match why {
            RetryReason::Unanswered => problem::unconfirmed(problem),
            RetryReason::NotSent | RetryReason::Refused => problem::kept_too_long(problem),
        });
        Attempt::Failed
    }

    fn has_failed(&mut self, problem: &str) {
        self.backoff.fail();
        let room = self.inner.settings.queue_bytes;
        self.inner.diag.warn_once(AGENT_AWAY, || problem::kept(problem, room));
    }

    /// Whether an agent that did not answer a request answers again. It is asked for `/info`, which costs nothing if
    /// there is no answer. A payload that it gets completely and does not confirm would be lost, or sent twice.
    fn is_awake(&mut self, is_urgent: bool) -> bool {
        if self.failed_probes >= MAX_FAILED_PROBES {
            // An agent that never answers to `/info` may accept payloads all the same.
            self.failed_probes = 0;
            return true;
        }
        let before = self.link.info_read;
        let (link, mut meanwhile) = self.talk(is_urgent);
        link.ask(&mut || meanwhile.work());
        meanwhile.end();
        self.is_silent = self.link.info_read == before;
        if self.is_silent {
            self.failed_probes += 1;
            self.backoff.fail();
        }
        !self.is_silent
    }

    /// Sends what is open for long, if the agent takes that and is there, and gives up what will never end.
    fn look_at_open_traces(&mut self, now: Ticks) {
        let takes = self.link.info.as_ref().is_some_and(|info| info.long_running_spans);
        let is_there = self.packer.outbox.is_empty() && self.backoff.remaining().is_zero();
        let Writer { inner, packer, long_running, .. } = self;
        let mut send = |chunk| packer.write_versions(chunk);
        let send: Option<&mut dyn FnMut(Chunk)> = Some(&mut send);
        long_running.look(&inner.diag, now, send.filter(|_| takes && is_there));
    }

    fn take_rates(&self, rates: &Rates) {
        let sampler = &self.inner.sampler;
        let diag = &self.inner.diag;
        // The sampler may be the user's.
        user_code::call(UserCode::Sampler, diag, || sampler.set_agent_rates(rates));
    }

    /// The agent has answered, with whatever status.
    fn is_back(&mut self) {
        self.backoff = Backoff::default();
        self.is_silent = false;
        self.failed_probes = 0;
        if self.inner.diag.forget(AGENT_AWAY) {
            // It may be another agent by now.
            self.link.forget();
            self.inner.diag.info(&format!("the agent at {} is back", self.link.endpoint()));
        }
    }

    /// Asks the agent for `/info`.
    ///
    /// Where the request `is_cancellable`, it is given up as soon as somebody waits for the worker.
    fn ask(&mut self, is_urgent: bool, is_cancellable: bool) {
        if self.link.info_read.is_none() {
            self.packer.hold();
        }
        let before = self.link.info.clone();
        let (link, mut meanwhile) = self.talk(is_urgent);
        meanwhile.is_cancellable = is_cancellable;
        let has_said = link.ask(&mut || meanwhile.work());
        let is_cancelled = meanwhile.is_cancelled;
        meanwhile.end();
        if is_cancelled {
            self.link.forget();
        }
        let info = self.link.info.as_ref();
        if has_said {
            let marker = info.and_then(|info| info.org_prop_marker.as_deref());
            self.inner.propagator.set_org_marker(marker.map(Text::copy));
        }
        if info != before.as_ref() {
            self.negotiation.reconsider();
        }
        if let Some(missing) = self.negotiation.missing(info) {
            let endpoint = self.link.endpoint();
            self.inner.diag.warn_once(FORMAT, || problem::not_announced(endpoint, missing));
        }
        let takes_events = info.is_some_and(|info| info.span_events);
        let native_events = self.inner.settings.native_events || takes_events;
        self.packer.release(self.negotiation.format(info), native_events);
        self.packer.bound_requests(info.and_then(|info| info.max_request_bytes));
    }
}

impl Turns for Writer {
    fn next_attempt(&self) -> Option<Duration> {
        let sending = (!self.packer.outbox.is_empty()).then(|| self.backoff.remaining());
        let asking = self.link.is_unasked().then(|| self.asking.remaining());
        sending.into_iter().chain(asking).min()
    }

    fn ask_when_idle(&mut self) -> bool {
        let is_due =
            self.packer.is_empty() && self.link.is_unasked() && self.asking.remaining().is_zero();
        if is_due {
            self.ask(false, true);
            if self.link.is_unasked() {
                self.asking.fail();
            } else {
                self.asking = Backoff::default();
            }
        }
        is_due
    }

    fn run(&mut self, is_urgent: bool) -> bool {
        if !self.is_ending {
            self.packer.has_lost = false;
            self.look_at_open_traces(clock::now());
        }
        self.packer.take();
        if !self.packer.is_empty() {
            // While the agent is away, one request for `/info` for each attempt to send is enough.
            if self.link.is_unknown() && self.backoff.remaining().is_zero() {
                self.ask(is_urgent, false);
            }
            self.send(is_urgent);
        }
        // After the ledger was closed, whoever waited has been told that something is lost.
        self.packer.is_empty() && !self.packer.has_lost && !self.inner.ledger.is_closed()
    }

    fn end_interval(&mut self) {
        let lost = self.inner.diag.losses().total();
        self.packer.encoder.common.keep_rate = self.keep_rate.end_interval(lost);
    }

    fn give_up(&mut self) {
        let endpoint = self.link.endpoint();
        let detail = format!("the program ended before the agent at {endpoint} had taken them");
        self.packer.give_up(&detail);
    }
}
