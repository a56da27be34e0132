//! Payloads to the agent: retried, split, or counted as lost; and the next ones written meanwhile.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::http::StatusCode;

use super::backoff::Backoff;
use super::inner::Inner;
use super::keep_rate::KeepRate;
use super::link::{Link, TRACES_PATH};
use super::outbox::Setback;
use super::packer::Packer;
use super::problem;
use crate::agent::{Outcome, Rates, SendError};
use crate::clock::Anchor;
use crate::encode::Sealed;
use crate::text::Text;

/// An agent that stalled is asked so often whether it answers before it gets another payload.
const MAX_UNHEARD: u32 = 5;
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
    /// It has got a whole request and not answered in time, and nothing since.
    is_stalled: bool,
    /// How often it has been asked in vain since then.
    unheard: u32,
    /// The end has been asked for: what is lost from now on is what it has to tell.
    is_ending: bool,
}

/// What became of one attempt.
enum Attempt {
    /// Nothing more to do with this payload.
    Settled,
    /// To be tried again later.
    Failed,
    /// Nothing is to be sent any more.
    Over,
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
            is_stalled: false,
            unheard: 0,
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

    /// What is left now, at the end, is lost.
    pub(super) fn give_up(&mut self) {
        let endpoint = self.link.endpoint();
        let detail = format!("the program ended before the agent at {endpoint} had taken them");
        self.packer.give_up(&detail);
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
            match self.attempt(insist).await {
                Attempt::Settled => {}
                Attempt::Over => return,
                Attempt::Failed => {
                    attempts = attempts.saturating_sub(1);
                    if attempts == 0 {
                        return self.packer.write_all();
                    }
                    tokio::time::sleep(INSIST_DELAY).await;
                }
            }
        }
    }

    async fn attempt(&mut self, insist: bool) -> Attempt {
        if self.is_stalled && !self.is_awake(insist).await {
            return Attempt::Failed;
        }
        let Writer { inner, packer, link, is_ending, .. } = self;
        let most = packer.pace.bytes();
        let Some(parcel) = packer.outbox.next(most) else { return Attempt::Settled };
        if !inner.ledger.begin(parcel.spans()) {
            return Attempt::Over;
        }
        let sending = link.post(parcel.chunk_count(), Sealed::together(parcel.payloads()));
        let outcome = beside(inner, packer, is_ending, insist, sending).await;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => return self.unanswered(&error),
        };
        let endpoint = self.link.endpoint();
        match outcome {
            Outcome::Accepted { rates } => {
                self.is_back();
                self.sent = self.sent.saturating_add(self.packer.delivered());
                if let Some(rates) = rates {
                    self.take_rates(&rates);
                }
                Attempt::Settled
            }
            Outcome::Busy(status) => {
                let problem = problem::status(endpoint, TRACES_PATH, status);
                self.put_back(Setback::Refused, &problem)
            }
            Outcome::TooLarge => {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                let problem = problem::status(endpoint, TRACES_PATH, status);
                self.is_back();
                self.packer.too_large(|bytes| {
                    problem::rejected(&format!("{problem} ({bytes} bytes)"), status)
                });
                Attempt::Settled
            }
            Outcome::Unsupported(status) | Outcome::Refused(status) => {
                let problem = problem::status(endpoint, TRACES_PATH, status);
                self.is_back();
                self.packer.rejected(|| problem::rejected(&problem, status));
                Attempt::Settled
            }
        }
    }

    /// No answer came. What follows depends on whether the agent may have the request all the same.
    fn unanswered(&mut self, error: &SendError) -> Attempt {
        let problem = problem::no_answer(self.link.endpoint(), TRACES_PATH, error);
        match error {
            SendError::Invalid(_) => {
                self.packer.rejected(|| problem.clone());
                Attempt::Settled
            }
            error if !may_have_arrived(error) => self.put_back(Setback::NotSent, &problem),
            SendError::Timeout(_) => {
                self.is_stalled = true;
                self.has_failed(&problem);
                self.packer.unconfirmed(|| problem::unconfirmed(&problem));
                Attempt::Failed
            }
            _ => self.put_back(Setback::Unanswered, &problem),
        }
    }

    /// What was sent is sent again, as far as it may be.
    fn put_back(&mut self, setback: Setback, problem: &str) -> Attempt {
        self.has_failed(problem);
        self.packer.put_back(setback, || match setback {
            Setback::Unanswered => problem::unconfirmed(problem),
            Setback::NotSent | Setback::Refused => problem::kept_too_long(problem),
        });
        Attempt::Failed
    }

    fn has_failed(&mut self, problem: &str) {
        self.backoff.fail();
        let room = self.inner.settings.queue_bytes;
        self.inner.diag.warn_once(AGENT_AWAY, || problem::kept(problem, room));
    }

    /// Whether an agent that has let a request wait for too long answers again. It is asked what costs nothing if
    /// it does not: each payload that it takes and does not confirm is lost.
    async fn is_awake(&mut self, insist: bool) -> bool {
        let before = self.link.last_heard();
        if before.is_none() || self.unheard >= MAX_UNHEARD {
            // One that never says anything of itself may take payloads all the same.
            self.unheard = 0;
            return true;
        }
        let Writer { inner, packer, link, is_ending, .. } = self;
        beside(inner, packer, is_ending, insist, link.ask()).await;
        let heard = link.last_heard() != before;
        self.unheard = if heard { 0 } else { self.unheard.saturating_add(1) };
        self.is_stalled = !heard;
        if !heard {
            self.backoff.fail();
        }
        heard
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
        self.is_stalled = false;
        self.unheard = 0;
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
        packer.bound_requests(info.and_then(|info| info.config.max_request_bytes));
    }
}

fn may_have_arrived(error: &SendError) -> bool {
    matches!(error, SendError::Timeout(_) | SendError::Broken(_))
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
            if state.stop || !(insist || inner.signal.is_awaited(state)) && packer.may_take() {
                Anchor::renew();
                packer.take();
            }
        }
        if packer.write_ahead() {
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
