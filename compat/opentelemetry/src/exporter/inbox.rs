//! The hand-over from the SDK's threads to the assembler: bounded, and nobody waits but who flushes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::SpanData;

/// Spans that wake the assembler at once; fewer wait for it to look.
const WAKE_SPANS: usize = 512;
/// How often the assembler looks while there is something to do. Where it would be woken for each span, the
/// thread that ends one would pay for a system call.
const LOOK: Duration = Duration::from_millis(50);

/// Batches on their way to the assembler, and what it is asked for.
#[derive(Debug)]
pub(super) struct Inbox {
    state: Mutex<State>,
    /// For the assembler.
    work: Condvar,
    /// For those who flush.
    done: Condvar,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    batches: Vec<Vec<SpanData>>,
    /// Spans in `batches`.
    waiting: usize,
    waiting_bytes: usize,
    /// Spans taken over and neither submitted nor lost.
    held: usize,
    /// What they hold in memory.
    bytes: usize,
    /// The assembler sleeps for longer than a look.
    is_asleep: bool,
    closed: bool,
    stop: bool,
    ended: bool,
    /// Nobody waits for the assembler any more: what it held has been counted.
    abandoned: bool,
    asked: u64,
    answered: u64,
}

/// Why a batch was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Closed,
}

/// What the assembler is to do.
#[derive(Debug)]
pub(super) struct Orders {
    pub(super) batches: Vec<Vec<SpanData>>,
    /// Nothing is to wait: everything is to be submitted now.
    pub(super) flush: bool,
    pub(super) stop: bool,
    asked: u64,
}

impl Inbox {
    /// `max_bytes`: what spans may hold before they are submitted.
    pub(super) fn new(max_bytes: usize) -> Self {
        Inbox { state: Mutex::default(), work: Condvar::new(), done: Condvar::new(), max_bytes }
    }

    // ===== the SDK's threads =====

    pub(super) fn push(&self, batch: Vec<SpanData>, bytes: usize) -> Result<(), Refused> {
        let spans = batch.len();
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        let held = state.bytes.saturating_add(bytes);
        // A batch that is larger than all the room still gets its chance when nothing else waits.
        if held > self.max_bytes && state.held > 0 {
            return Err(Refused::Full);
        }
        let before = state.waiting;
        state.batches.push(batch);
        state.waiting = before.saturating_add(spans);
        state.waiting_bytes = state.waiting_bytes.saturating_add(bytes);
        state.held = state.held.saturating_add(spans);
        state.bytes = held;
        let is_much = before < WAKE_SPANS && state.waiting >= WAKE_SPANS;
        let wake = std::mem::take(&mut state.is_asleep) || is_much;
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Has everything submitted, and waits until it is; says whether it was within the time.
    pub(super) fn flush(&self, deadline: Deadline) -> bool {
        let mut state = self.lock();
        state.asked = state.asked.wrapping_add(1);
        let mine = state.asked;
        self.work.notify_one();
        self.wait(state, deadline, |state| state.answered >= mine || state.ended)
    }

    /// Refuses what comes from now on; `false` where it did already.
    pub(super) fn close(&self) -> bool {
        !std::mem::replace(&mut self.lock().closed, true)
    }

    /// Has everything submitted and the assembler end, and waits until it has.
    pub(super) fn stop(&self, deadline: Deadline) -> bool {
        let mut state = self.lock();
        state.closed = true;
        state.stop = true;
        self.work.notify_one();
        self.wait(state, deadline, |state| state.ended)
    }

    /// The same without waiting.
    pub(super) fn stop_later(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.stop = true;
        self.work.notify_one();
    }

    /// What is still here is lost; how many spans that is.
    pub(super) fn abandon(&self) -> usize {
        let mut state = self.lock();
        state.abandoned = true;
        state.batches = Vec::new();
        std::mem::take(&mut state.held)
    }

    /// At the end of the process: has everything submitted, within a time; how many spans are lost where that was not
    /// enough. The thread may be in the midst of anything, so it waits for no lock that it may hold itself.
    pub(super) fn end_of_process(&self, deadline: Deadline) -> usize {
        let Some(mut state) = self.lock_by(deadline) else { return 0 };
        if state.held == 0 || state.ended {
            return 0;
        }
        state.asked = state.asked.wrapping_add(1);
        let mine = state.asked;
        self.work.notify_one();
        if self.wait(state, deadline, |state| state.answered >= mine || state.ended) {
            return 0;
        }
        // Not freed: this may be inside of an allocator.
        let mut state = self.lock();
        state.abandoned = true;
        std::mem::take(&mut state.held)
    }

    fn lock_by(&self, deadline: Deadline) -> Option<MutexGuard<'_, State>> {
        loop {
            match self.state.try_lock() {
                Ok(state) => return Some(state),
                Err(TryLockError::Poisoned(state)) => return Some(state.into_inner()),
                Err(TryLockError::WouldBlock) if deadline.left().is_zero() => return None,
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    fn wait<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
        deadline: Deadline,
        reached: impl Fn(&State) -> bool,
    ) -> bool {
        while !reached(&state) {
            let left = deadline.left();
            if left.is_zero() {
                return false;
            }
            let woken = self.done.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    // ===== the assembler =====

    /// Waits for something to do: until `next` at the latest, and not for long while spans wait.
    pub(super) fn take(&self, next: Option<Instant>, has_spans: bool) -> Orders {
        let mut state = self.lock();
        let is_called = |state: &State| state.stop || state.asked != state.answered;
        let time = next.map(|next| next.saturating_duration_since(Instant::now()));
        if !is_called(&state) && state.waiting < WAKE_SPANS {
            let is_short = has_spans || state.waiting > 0;
            let time = if is_short { Some(time.map_or(LOOK, |time| time.min(LOOK))) } else { time };
            state.is_asleep = !is_short;
            state = match time {
                Some(time) => {
                    self.work.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            state.is_asleep = false;
        }
        state.waiting = 0;
        state.waiting_bytes = 0;
        Orders {
            batches: std::mem::take(&mut state.batches),
            flush: is_called(&state),
            stop: state.stop,
            asked: state.asked,
        }
    }

    /// So many spans are submitted or lost by the assembler. `false`: they have been counted as lost.
    pub(super) fn settle(&self, spans: usize, bytes: usize) -> bool {
        let mut state = self.lock();
        if state.abandoned {
            return false;
        }
        state.held = state.held.saturating_sub(spans);
        state.bytes = state.bytes.saturating_sub(bytes);
        true
    }

    /// The assembler has lost what it had taken; how many spans that is.
    pub(super) fn forget_taken(&self) -> usize {
        let mut state = self.lock();
        if state.abandoned {
            return 0;
        }
        let lost = state.held.saturating_sub(state.waiting);
        state.held = state.waiting;
        state.bytes = state.waiting_bytes;
        lost
    }

    /// Whether it is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stop
    }

    /// What was ordered is done.
    pub(super) fn answer(&self, orders: &Orders) {
        let mut state = self.lock();
        if state.answered != orders.asked {
            state.answered = orders.asked;
            self.done.notify_all();
        }
    }

    /// The assembler ends; how many spans it leaves behind.
    pub(super) fn end(&self) -> usize {
        let mut state = self.lock();
        state.closed = true;
        state.ended = true;
        state.batches = Vec::new();
        self.done.notify_all();
        if state.abandoned { 0 } else { std::mem::take(&mut state.held) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The moment by which somebody has waited long enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// A time beyond the clock's range is no limit.
    pub(super) fn after(time: Duration) -> Self {
        Deadline(Instant::now().checked_add(time))
    }

    pub(super) fn left(self) -> Duration {
        match self.0 {
            Some(moment) => moment.saturating_duration_since(Instant::now()),
            None => Duration::from_secs(3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(5);

    fn spans(count: usize) -> Vec<SpanData> {
        (0..count).map(|_| crate::exporter::waiting::tests::span(1, 1, 0)).collect()
    }

    #[test]
    fn what_does_not_fit_is_refused_unless_it_is_alone() {
        let inbox = Inbox::new(100);
        assert_eq!(inbox.push(spans(1), 500), Ok(()));
        assert_eq!(inbox.push(spans(1), 1), Err(Refused::Full));
        // Room is made when it is submitted, not when it is taken.
        drop(inbox.take(None, true));
        assert_eq!(inbox.push(spans(1), 1), Err(Refused::Full));
        assert!(inbox.settle(1, 500));
        assert_eq!(inbox.push(spans(1), 1), Ok(()));
        assert!(inbox.close());
        assert_eq!(inbox.push(spans(1), 1), Err(Refused::Closed));
    }

    #[test]
    fn nobody_waits_longer_than_told_for_an_assembler_that_is_not_there() {
        let inbox = Inbox::new(100);
        assert!(!inbox.flush(Deadline::after(SOON)));
        assert!(!inbox.stop(Deadline::after(SOON)));
        assert_eq!(inbox.end(), 0);
        assert!(inbox.flush(Deadline::after(Duration::MAX)), "it has ended");
    }

    #[test]
    fn spans_are_counted_as_lost_once() {
        let inbox = Inbox::new(1_000);
        inbox.push(spans(3), 30).unwrap();
        let _taken = inbox.take(None, false);
        inbox.push(spans(2), 20).unwrap();
        assert_eq!(inbox.forget_taken(), 3);
        assert_eq!(inbox.forget_taken(), 0);
        assert_eq!(inbox.abandon(), 2);
        assert!(!inbox.settle(2, 20));
        assert_eq!((inbox.abandon(), inbox.end()), (0, 0));
    }

    #[test]
    fn a_flush_is_answered_when_its_orders_are_done() {
        let inbox = Inbox::new(1_000);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                loop {
                    let orders = inbox.take(None, true);
                    inbox.answer(&orders);
                    if orders.stop {
                        return inbox.end();
                    }
                }
            });
            assert!(inbox.flush(Deadline::after(Duration::from_secs(60))));
            assert!(inbox.stop(Deadline::after(Duration::from_secs(60))));
        });
    }
}
