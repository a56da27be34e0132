//! A turn of the worker: sends what there is, and decides what follows from each answer, or from none.

use std::fmt::Display;
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
use super::problem::{self, Peer, Role};
use super::recipient::Recipient;
use super::request_log;
use super::turns::Turns;
use crate::agent::{ClientStats, Outcome, Rates, SendError, SendErrorKind};
use crate::clock::{self, Ticks};
use crate::diag::LossReason;
use crate::encode::{Format, Sealed};
use crate::text::Text;
use crate::trace::Chunk;
use crate::user_code::{self, UserCode};

mod statistics;

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
    recipient: Recipient,
    negotiation: Negotiation,
    keep_rate: KeepRate,
    long_running: LongRunning,
    /// The last request has failed: it is kept to be sent again.
    is_away: bool,
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
            recipient: Recipient::new(&inner.destination, &inner.settings, &inner.diag),
            negotiation: Negotiation::new(inner.settings.api_version),
            keep_rate: KeepRate::default(),
            long_running: LongRunning::new(inner.settings.long_running),
            is_away: false,
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

    /// Who gets the payloads, and the work to do during a request.
    fn talk(&mut self, is_urgent: bool) -> (&mut Recipient, DuringRequest<'_>) {
        let Writer { inner, packer, recipient, is_ending, .. } = self;
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
        (recipient, meanwhile)
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
        let is_computed = parcel.is_counted();
        let stats = ClientStats { is_computed, dropped: self.packer.dropped.tell() };
        let (recipient, mut meanwhile) = self.talk(is_urgent);
        let outcome = recipient.post(format, chunks, body, stats, &mut || meanwhile.work());
        meanwhile.end();
        self.inner.counts.answer(&outcome);
        let took = start.elapsed();
        let Some(Peer { role, endpoint }) = self.recipient.peer() else {
            return self.written(outcome, took);
        };
        if let Some(parcel) = self.packer.outbox.on_its_way() {
            let line = || request_log::line(parcel, endpoint, took, &outcome);
            self.inner.diag.debug(line);
        }
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return self.unanswered(role, format, &error),
        };
        match outcome {
            Outcome::Accepted { rates } => {
                self.is_back();
                self.keep_rate.sent += self.packer.delivered(took);
                if let Some(rates) = rates {
                    self.take_rates(&rates);
                }
                Attempt::Settled
            }
            Outcome::Busy(status) => {
                let problem = self.answered(format, status);
                self.put_back(role, RetryReason::Refused, &problem)
            }
            Outcome::TooLarge => {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                let problem = self.answered(format, status);
                self.is_back();
                self.packer.too_large(|bytes| {
                    problem::rejected(role, &format!("{problem} ({bytes} bytes)"), status)
                });
                Attempt::Settled
            }
            Outcome::Unknown(status) if format != Format::V04 => {
                let problem = self.answered(format, status);
                self.is_back();
                self.negotiation.refused();
                self.inner.diag.warn_once(FORMAT, || problem::not_taken(&problem));
                self.packer.not_taken(|| problem::rejected(role, &problem, status));
                Attempt::Settled
            }
            Outcome::Unknown(status) | Outcome::Refused(status) => {
                let problem = self.answered(format, status);
                self.is_back();
                self.packer.rejected(|| problem::rejected(role, &problem, status));
                Attempt::Settled
            }
            Outcome::Failed { said, again: true } => {
                let problem = self.answered(format, said);
                self.put_back(role, RetryReason::Refused, &problem)
            }
            Outcome::Failed { said, again: false } => {
                let problem = self.answered(format, said);
                self.is_back();
                self.packer.rejected(|| problem::refused(role, &problem));
                Attempt::Settled
            }
            Outcome::Partial { rejected, said } => {
                let problem =
                    self.answered(format, format_args!("that it rejects spans ({said:?})"));
                self.is_back();
                let detail = || problem::refused(role, &problem);
                self.keep_rate.sent += self.packer.delivered_but(rejected, took, detail);
                Attempt::Settled
            }
        }
    }

    /// For lines: who has answered this.
    fn answered(&self, format: Format, status: impl Display) -> String {
        let peer = self.recipient.peer();
        peer.map(|peer| problem::status(peer, format.path(), status)).unwrap_or_default()
    }

    /// What follows where there is no other end, but a stream. It is not tried again: part of a line may be there.
    fn written(&mut self, outcome: Result<Outcome, SendError>, took: Duration) -> Attempt {
        match outcome {
            Ok(_) => self.keep_rate.sent += self.packer.delivered(took),
            Err(error) => self.packer.given_up(LossReason::StreamFailed, || format!("{error:#}")),
        }
        Attempt::Settled
    }

    /// No answer came. What follows depends on whether the agent may have the request anyway.
    fn unanswered(&mut self, role: Role, format: Format, error: &SendError) -> Attempt {
        let peer = self.recipient.peer();
        let problem =
            peer.map(|peer| problem::no_answer(peer, format.path(), error)).unwrap_or_default();
        if let SendErrorKind::Invalid(_) = error.kind {
            self.packer.rejected(|| problem.clone());
            return Attempt::Settled;
        }
        self.is_silent |= !matches!(error.kind, SendErrorKind::Connect(_));
        if !error.may_have_arrived() {
            return self.put_back(role, RetryReason::NotSent, &problem);
        }
        if !matches!(error.kind, SendErrorKind::Timeout(_)) && !error.was_sent_twice() {
            return self.put_back(role, RetryReason::Unanswered, &problem);
        }
        self.has_failed(role, &problem);
        self.packer.unconfirmed(|| problem::unconfirmed(role, &problem));
        Attempt::Failed
    }

    /// Puts the request back to be sent again, as far as that is allowed.
    fn put_back(&mut self, role: Role, why: RetryReason, problem: &str) -> Attempt {
        self.has_failed(role, problem);
        self.inner.counts.retry();
        self.packer.put_back(why, || match why {
            RetryReason::Unanswered => problem::unconfirmed(role, problem),
            RetryReason::NotSent | RetryReason::Refused => problem::kept_too_long(role, problem),
        });
        Attempt::Failed
    }

    fn has_failed(&mut self, role: Role, problem: &str) {
        self.is_away = true;
        self.backoff.fail();
        if let Some(pause) = self.recipient.pause() {
            self.backoff.hold(pause);
        }
        let room = self.inner.settings.queue_bytes;
        self.inner.diag.warn_once(AGENT_AWAY, || problem::kept(role, problem, room));
    }

    /// Whether an agent that did not answer a request answers again. It is asked for `/info`, which costs nothing if
    /// there is no answer. A payload that it gets completely and does not confirm would be lost, or sent twice.
    fn is_awake(&mut self, is_urgent: bool) -> bool {
        if self.failed_probes >= MAX_FAILED_PROBES {
            // An agent that never answers to `/info` may accept payloads all the same.
            self.failed_probes = 0;
            return true;
        }
        let (recipient, mut meanwhile) = self.talk(is_urgent);
        // There is nothing that a collector could be asked.
        let Some(agent) = recipient.agent_mut() else { return true };
        let before = agent.info_read;
        agent.ask(&mut || meanwhile.work());
        let has_answered = agent.info_read != before;
        meanwhile.end();
        self.is_silent = !has_answered;
        if self.is_silent {
            self.failed_probes += 1;
            self.backoff.fail();
        }
        !self.is_silent
    }

    /// Sends what is open for long, if the agent takes that and is there, and gives up what will never end.
    fn look_at_open_traces(&mut self, now: Ticks) {
        if self.inner.is_replaced() {
            // Whatever took its place does it.
            return;
        }
        let info = self.recipient.agent().and_then(|agent| agent.info.as_ref());
        let takes = info.is_some_and(|info| info.long_running_spans);
        let is_there = self.packer.outbox.is_empty() && self.backoff.remaining().is_zero();
        let Writer { inner, packer, long_running, .. } = self;
        let mut send = |chunk| packer.write_versions(chunk);
        let send: Option<&mut dyn FnMut(Chunk)> = Some(&mut send);
        long_running.look(&inner.diag, now, send.filter(|_| takes && is_there));
    }

    fn take_rates(&self, rates: &Rates) {
        if self.inner.is_replaced() {
            // The sampler may be that of another agent now.
            return;
        }
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
        if std::mem::take(&mut self.is_away) {
            if let Some(agent) = self.recipient.agent_mut() {
                // It may be another agent by now.
                agent.forget();
            }
        }
        if self.inner.diag.forget(AGENT_AWAY) {
            if let Some(Peer { role, endpoint }) = self.recipient.peer() {
                self.inner.diag.info(&format!("the {} at {endpoint} is back", role.name()));
            }
        }
    }

    /// Asks the agent for `/info`.
    ///
    /// Where the request `is_cancellable`, it is given up as soon as somebody waits for the worker.
    fn ask(&mut self, is_urgent: bool, is_cancellable: bool) {
        let is_new = self.recipient.agent().is_some_and(|agent| agent.info_read.is_none());
        if is_new {
            self.packer.hold();
        }
        let (recipient, mut meanwhile) = self.talk(is_urgent);
        let Some(agent) = recipient.agent_mut() else { return };
        let before = agent.info.clone();
        meanwhile.is_cancellable = is_cancellable;
        let has_said = agent.ask(&mut || meanwhile.work());
        if meanwhile.is_cancelled {
            agent.forget();
        }
        meanwhile.end();
        let info = self.recipient.agent().and_then(|agent| agent.info.as_ref());
        if has_said && !self.inner.is_replaced() {
            let marker = info.and_then(|info| info.org_prop_marker.as_deref());
            self.inner.propagator.set_org_marker(marker.map(Text::copy));
        }
        if info != before.as_ref() {
            self.negotiation.reconsider();
        }
        if let Some(missing) = self.negotiation.missing(info) {
            if let Some(Peer { endpoint, .. }) = self.recipient.peer() {
                self.inner.diag.warn_once(FORMAT, || problem::not_announced(endpoint, missing));
            }
        }
        let takes_events = info.is_some_and(|info| info.span_events);
        let native_events = self.inner.settings.native_events || takes_events;
        self.packer.release(self.negotiation.format(info), native_events);
        self.packer.bound_requests(info.and_then(|info| info.max_request_bytes));
        self.packer.follow(info);
    }

    /// Whether the agent is to be asked for `/info` even when there is nothing to send.
    fn is_unasked(&self) -> bool {
        self.recipient.agent().is_some_and(Link::is_unasked)
    }
}

impl Turns for Writer {
    fn next_attempt(&self) -> Option<Duration> {
        let sending = (!self.packer.outbox.is_empty()).then(|| self.backoff.remaining());
        let asking = self.is_unasked().then(|| self.asking.remaining());
        let counting = self.packer.statistics.wakes_in();
        sending.into_iter().chain(asking).chain(counting).min()
    }

    fn ask_when_idle(&mut self) -> bool {
        let is_due =
            self.packer.is_empty() && self.is_unasked() && self.asking.remaining().is_zero();
        if is_due {
            self.ask(false, true);
            if self.is_unasked() {
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
        // Where nothing is sampled there is nothing to send, and the agent is looked after all the same.
        if !self.packer.is_empty() || self.packer.statistics.is_on() {
            // While the agent is away, one request for `/info` for each attempt to send is enough.
            let is_unknown = self.recipient.agent().is_some_and(Link::is_unknown);
            if is_unknown && self.backoff.remaining().is_zero() {
                self.ask(is_urgent, false);
            }
        }
        if !self.packer.is_empty() {
            self.send(is_urgent);
        }
        let has_statistics = self.send_statistics(is_urgent);
        // After the ledger was closed, whoever waited has been told that something is lost.
        let is_open = !self.inner.ledger.is_closed();
        self.packer.is_empty() && !self.packer.has_lost && has_statistics && is_open
    }

    fn end_interval(&mut self) {
        let lost = self.inner.diag.losses().total();
        self.packer.encoder.common.keep_rate = self.keep_rate.end_interval(lost);
    }

    fn give_up(&mut self) {
        let detail = match self.recipient.peer() {
            Some(Peer { role, endpoint }) => {
                let name = role.name();
                format!("the program ended before the {name} at {endpoint} had taken them")
            }
            None => "the program ended before they were written".to_owned(),
        };
        self.packer.give_up(&detail);
    }
}
