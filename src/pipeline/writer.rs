//! Payloads to the agent: retried, split, or counted as lost; and the next ones written meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::inner::Inner;
use super::keep_rate::KeepRate;
use super::link::{Link, TRACES_PATH};
use super::outbox::Backoff;
use super::packer::Packer;
use crate::agent::{Outcome, Rates, SendErrorKind, Step};
use crate::clock::Anchor;
use crate::diag::LossReason;
use crate::encode::Sealed;
use crate::text::Text;

/// A flush does not give up at the first failure, and does not wait out a long pause either.
const INSIST_ATTEMPTS: u32 = 3;
const INSIST_DELAY: Duration = Duration::from_millis(100);
/// The topic of the warning that the agent is away.
const AGENT_AWAY: &str = "agent-away";

/// Owns everything between the queue and the agent.
pub(super) struct Writer {
    inner: Arc<Inner>,
    packer: Packer,
    backoff: Backoff,
    /// For asking the agent about itself while there is nothing to send.
    asking: Backoff,
    link: Link,
    keep_rate: KeepRate,
    sent: u64,
    lost_before: u64,
    /// The end has been asked for: what is lost from now on is what it has to tell.
    is_ending: bool,
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
        Writer {
            packer: Packer::new(Arc::clone(&inner)),
            backoff: Backoff::default(),
            asking: Backoff::default(),
            link: Link::new(&inner.settings, &inner.diag),
            keep_rate: KeepRate::default(),
            sent: 0,
            lost_before: 0,
            is_ending: false,
            inner,
        }
    }

    /// Writes and sends what is there; `insist` tries several times within a short time.
    ///
    /// Says whether the agent has everything.
    pub(super) fn run(&mut self, insist: bool) -> bool {
        if !self.is_ending {
            self.packer.has_lost = false;
        }
        self.packer.take();
        if self.packer.is_empty() && !insist {
            self.learn_meanwhile();
        }
        if !self.packer.is_empty() {
            self.learn_about_agent(insist);
            self.send(insist);
        }
        self.packer.is_empty() && !self.packer.has_lost
    }

    /// Ends an interval of the keep rate.
    pub(super) fn tick(&mut self) {
        let lost = self.inner.diag.losses().total();
        self.keep_rate.record(self.sent, lost.saturating_sub(self.lost_before));
        self.sent = 0;
        self.lost_before = lost;
        self.packer.keep_rate = self.keep_rate.get();
    }

    /// How long until the next attempt is due to send something, or to ask an agent that was away, where one is.
    pub(super) fn next_attempt(&self) -> Option<Duration> {
        let sending = (!self.packer.outbox.is_empty()).then(|| self.backoff.remaining());
        let asking = self.link.is_unasked().then(|| self.asking.remaining());
        sending.into_iter().chain(asking).min()
    }

    /// What is left now is lost for this reason.
    pub(super) fn give_up(&mut self, reason: LossReason) {
        self.packer.give_up(reason);
    }

    /// Sends what has been taken, and ends when all of it has gone or the agent is not to be had. Also then
    /// everything is written, so that the vectors of the chunks serve other traces.
    fn send(&mut self, insist: bool) {
        let mut attempts = if insist { INSIST_ATTEMPTS } else { 1 };
        if !insist && !self.backoff.remaining().is_zero() {
            return self.packer.write_all();
        }
        loop {
            self.packer.write_next(insist || self.is_ending);
            if self.packer.outbox.is_empty() {
                return;
            }
            if let Attempt::Failed = self.attempt(insist) {
                attempts = attempts.saturating_sub(1);
                if attempts == 0 {
                    return self.packer.write_all();
                }
                self.inner.signal.rest(INSIST_DELAY);
            }
        }
    }

    fn attempt(&mut self, insist: bool) -> Attempt {
        let Writer { inner, packer, link, is_ending, .. } = self;
        let Some(parcel) = packer.outbox.next() else { return Attempt::Settled };
        let spans = parcel.span_count();
        let (chunks, body) = (parcel.chunk_count(), Sealed::together(&parcel.payloads));
        let mut aside = Aside::new(inner, packer, is_ending, insist);
        let outcome = link.post(chunks, body, &mut || aside.work());
        aside.end();
        let (problem, reached) = match outcome {
            Ok(Outcome::Accepted { rates }) => {
                self.sent = self.sent.saturating_add(spans);
                self.inner.settled(spans);
                self.is_back();
                if let Some(rates) = rates {
                    self.take_rates(&rates);
                }
                if let Some(parcel) = self.packer.outbox.settle() {
                    self.packer.recycle(parcel);
                }
                return Attempt::Settled;
            }
            Ok(Outcome::TooLarge) => {
                self.is_back();
                if let Err(whole) = self.packer.outbox.split() {
                    self.packer.lose(LossReason::AgentRejected, whole.span_count(), || {
                        "a single chunk is too large for the agent (413)".into()
                    });
                }
                return Attempt::Settled;
            }
            Ok(Outcome::Unsupported(status) | Outcome::Refused(status)) => {
                self.is_back();
                return self.refused(|| format!("the agent answered {status} to {TRACES_PATH}"));
            }
            Ok(Outcome::Busy(status)) => (format!("the agent answered {status}"), true),
            Err(error) if matches!(error.kind, SendErrorKind::Invalid(_)) => {
                return self.refused(|| format!("{error:#}"));
            }
            Err(error) => (format!("{error:#}"), error.may_have_arrived()),
        };
        self.backoff.fail();
        self.inner.diag.warn_once(AGENT_AWAY, || {
            format!("cannot send traces to {}: {problem}; trying again", self.link.endpoint())
        });
        for parcel in self.packer.outbox.put_back(reached) {
            let detail = || problem.clone();
            self.packer.lose(LossReason::AgentUnreachable, parcel.span_count(), detail);
        }
        Attempt::Failed
    }

    /// The payload that was sent is lost: it would not be taken the next time either.
    fn refused(&mut self, detail: impl FnOnce() -> String) -> Attempt {
        if let Some(parcel) = self.packer.outbox.settle() {
            self.packer.lose(LossReason::AgentRejected, parcel.span_count(), detail);
        }
        Attempt::Settled
    }

    fn take_rates(&self, rates: &Rates) {
        let sampler = &self.inner.sampler;
        // The sampler may be the user's.
        if catch_unwind(AssertUnwindSafe(|| sampler.set_agent_rates(rates))).is_err() {
            self.inner.diag.warn_once("sampler-rates", || "the sampler panicked".into());
        }
    }

    /// The agent answers, whatever it thinks of the payload.
    fn is_back(&mut self) {
        self.backoff = Backoff::default();
        if self.inner.diag.forget(AGENT_AWAY) {
            // It may be another one.
            self.link.forget();
            self.inner.diag.info(&format!("the agent at {} is back", self.link.endpoint()));
        }
    }

    /// Asks the agent what it can do, where that is not known or out of date.
    fn learn_about_agent(&mut self, insist: bool) {
        // While the agent is away, one attempt for each attempt to send is enough.
        if !self.link.is_unknown() || !self.backoff.remaining().is_zero() {
            return;
        }
        self.ask(insist, false);
    }

    /// The same while there is nothing to send, so that it is known before there is: at the start, and when an agent
    /// that was away may be back. What it says matters to who reads headers, and never sends anything.
    fn learn_meanwhile(&mut self) {
        if self.link.is_unasked() && self.asking.remaining().is_zero() {
            self.ask(false, true);
            if self.link.is_unasked() {
                self.asking.fail();
            } else {
                self.asking = Backoff::default();
            }
        }
    }

    /// `is_idle`: nobody who waits for something else is to wait for this.
    fn ask(&mut self, insist: bool, is_idle: bool) {
        let Writer { inner, packer, link, is_ending, .. } = self;
        packer.hold_events();
        let mut aside = Aside { is_idle, ..Aside::new(inner, packer, is_ending, insist) };
        let has_said = link.ask(&mut || aside.work());
        let has_left = aside.has_left;
        aside.end();
        if has_left {
            link.forget();
        }
        let info = link.info.as_ref();
        if has_said {
            let marker = info.and_then(|info| info.org_prop_marker.as_deref());
            inner.propagator.set_org_marker(marker.map(Text::copy));
        }
        let takes_events = info.is_some_and(|info| info.span_events);
        packer.release_events(inner.settings.native_events || takes_events);
    }
}

/// What is done while the agent is waited for: chunks are written.
///
/// Somebody may call in the meantime. What has come into the queue is taken then, so that there is no pause
/// between two batches, unless somebody waits for those that were taken before.
struct Aside<'a> {
    inner: &'a Inner,
    packer: &'a mut Packer,
    is_ending: &'a mut bool,
    insist: bool,
    /// Nothing waits for what the agent says: it is left when somebody waits for the worker.
    is_idle: bool,
    has_left: bool,
    is_called: bool,
}

impl<'a> Aside<'a> {
    fn new(
        inner: &'a Inner,
        packer: &'a mut Packer,
        is_ending: &'a mut bool,
        insist: bool,
    ) -> Self {
        Aside {
            inner,
            packer,
            is_ending,
            insist,
            is_idle: false,
            has_left: false,
            is_called: false,
        }
    }

    /// Does a little of it.
    fn work(&mut self) -> Step {
        let signal = &self.inner.signal;
        if signal.hear() {
            self.is_called = true;
            let state = signal.read();
            if state.stop {
                self.inner.queue.close();
                *self.is_ending = true;
            }
            let is_awaited = self.insist || signal.is_awaited(state);
            if self.is_idle && (state.stop || is_awaited) {
                self.has_left = true;
                return Step::Leave;
            }
            if state.stop || !is_awaited && self.packer.outbox.has_room() {
                Anchor::renew();
                self.packer.take();
            }
        }
        if self.packer.write_some() { Step::More } else { Step::Idle }
    }

    fn end(self) {
        if self.is_called {
            // The loop looks as well when this is over.
            self.inner.signal.call();
        }
    }
}
