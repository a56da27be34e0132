//! Payloads to the agent: retried, split, or counted as lost; and the next ones written meanwhile.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::inner::Inner;
use super::keep_rate::KeepRate;
use super::link::{Link, TRACES_PATH};
use super::outbox::Backoff;
use super::packer::Packer;
use crate::agent::{Outcome, Rates, SendError};
use crate::clock::Anchor;
use crate::diag::LossReason;
use crate::encode::Sealed;
use crate::text::Text;
use crate::user_code::{self, UserCode};

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
    pub(super) async fn run(&mut self, insist: bool) -> bool {
        if !self.is_ending {
            self.packer.has_lost = false;
        }
        self.packer.take();
        if !self.packer.is_empty() {
            self.learn_about_agent(insist).await;
            self.send(insist).await;
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

    /// How long until the next attempt is due, where one is.
    pub(super) fn next_attempt(&self) -> Option<Duration> {
        (!self.packer.outbox.is_empty()).then(|| self.backoff.remaining())
    }

    /// What is left now is lost for this reason.
    pub(super) fn give_up(&mut self, reason: LossReason) {
        self.packer.give_up(reason);
    }

    /// Sends what has been taken, and ends when all of it has gone or the agent is not to be had. Also then
    /// everything is written, so that the vectors of the chunks serve other traces.
    async fn send(&mut self, insist: bool) {
        let mut attempts = if insist { INSIST_ATTEMPTS } else { 1 };
        if !insist && !self.backoff.remaining().is_zero() {
            return self.packer.write_all();
        }
        loop {
            self.packer.write_next(insist || self.is_ending);
            if self.packer.outbox.is_empty() {
                return;
            }
            if let Attempt::Failed = self.attempt(insist).await {
                attempts = attempts.saturating_sub(1);
                if attempts == 0 {
                    return self.packer.write_all();
                }
                tokio::time::sleep(INSIST_DELAY).await;
            }
        }
    }

    async fn attempt(&mut self, insist: bool) -> Attempt {
        let Writer { inner, packer, link, is_ending, .. } = self;
        let Some(parcel) = packer.outbox.next() else { return Attempt::Settled };
        let spans = parcel.span_count();
        let sending = link.post(parcel.chunk_count(), Sealed::together(&parcel.payloads));
        let outcome = beside(inner, packer, is_ending, insist, sending).await;
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
            Err(error @ SendError::Invalid(_)) => return self.refused(|| format!("{error:#}")),
            Err(error @ SendError::Connect(_)) => (format!("{error:#}"), false),
            Err(error) => (format!("{error:#}"), true),
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
        let diag = &self.inner.diag;
        // The sampler may be the user's.
        user_code::call(UserCode::Sampler, diag, || sampler.set_agent_rates(rates));
        user_code::say_rest(diag);
    }

    /// The agent answers, whatever it thinks of the payload.
    fn is_back(&mut self) {
        self.backoff = Backoff::default();
        if self.inner.diag.forget(AGENT_AWAY) {
            self.inner.diag.info(&format!("the agent at {} is back", self.link.endpoint()));
        }
    }

    /// Asks the agent what it can do, where that is not known or out of date.
    async fn learn_about_agent(&mut self, insist: bool) {
        // While the agent is away, one attempt for each attempt to send is enough.
        if !self.link.is_unknown() || !self.backoff.remaining().is_zero() {
            return;
        }
        let Writer { inner, packer, link, is_ending, .. } = self;
        packer.hold_events();
        let has_said = beside(inner, packer, is_ending, insist, link.ask()).await;
        let info = link.info.as_ref();
        if has_said {
            let marker = info.and_then(|info| info.org_prop_marker.as_deref());
            inner.propagator.set_org_marker(marker.map(Text::copy));
        }
        let takes_events = info.is_some_and(|info| info.span_events);
        packer.release_events(inner.settings.native_events || takes_events);
    }
}

/// Awaits `talk`; whenever that waits for the agent, chunks are written.
///
/// Somebody may call in the meantime. What has come into the queue is taken then, so that there is no pause
/// between two batches, unless somebody waits for those that were taken before.
async fn beside<T>(
    inner: &Inner,
    packer: &mut Packer,
    is_ending: &mut bool,
    insist: bool,
    talk: impl Future<Output = T>,
) -> T {
    let mut talk = pin!(talk);
    let mut call = pin!(inner.wake.notified());
    let mut is_called = false;
    let outcome = poll_fn(|cx| {
        if let Poll::Ready(outcome) = talk.as_mut().poll(cx) {
            return Poll::Ready(outcome);
        }
        while call.as_mut().poll(cx).is_ready() {
            call.set(inner.wake.notified());
            is_called = true;
            let state = inner.signal.read();
            if state.stop {
                inner.queue.close();
                *is_ending = true;
            }
            if state.stop || !(insist || inner.signal.is_awaited(state)) && packer.outbox.has_room()
            {
                Anchor::renew();
                packer.take();
            }
        }
        if packer.write_some() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
    if is_called {
        // The loop looks as well when this is over.
        inner.wake.notify_one();
    }
    outcome
}
