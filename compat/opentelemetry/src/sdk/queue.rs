//! The bounded queue between the SDK's threads and the assembler. Only a flush or a shutdown waits at it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::SpanData;
use tracehound::LossReason;

/// Spans that wake the assembler at once; fewer wait for it to look.
const WAKE_SPANS: usize = 512;
/// How often the assembler looks while there is something to do. Where it would be woken for each span, the
/// thread that ends one would pay for a system call.
const LOOK: Duration = Duration::from_millis(50);
/// A wait for something that is announced.
const LONG: Duration = Duration::from_secs(3600);

/// Batches on their way to the assembler, and requests to it.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes the assembler.
    work: Condvar,
    /// Wakes callers of `flush` and `stop`.
    done: Condvar,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct State {
    batches: Vec<Vec<SpanData>>,
    /// Spans in `batches`, and what they hold in memory.
    queued: usize,
    queued_bytes: usize,
    /// Spans that were accepted and are neither submitted nor lost, those in `batches` among them.
    unsettled: usize,
    unsettled_bytes: usize,
    /// The assembler sleeps for longer than [`LOOK`].
    is_asleep: bool,
    closed: bool,
    stop: bool,
    ended: bool,
    /// The time for the assembler is over: what was unsettled has been counted as lost.
    abandoned: bool,
    /// Flushes so far.
    requested: u64,
    completed: u64,
}

/// What the assembler is to do.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) batches: Vec<Vec<SpanData>>,
    /// Everything is to be submitted now.
    pub(super) flush: bool,
    pub(super) stop: bool,
    requested: u64,
}

impl Queue {
    /// `max_bytes`: what spans may hold before they are submitted.
    pub(super) fn new(max_bytes: usize) -> Self {
        Queue { state: Mutex::default(), work: Condvar::new(), done: Condvar::new(), max_bytes }
    }

    // ===== the SDK's threads =====

    /// The error is the reason for which the batch is lost.
    pub(super) fn push(&self, batch: Vec<SpanData>, bytes: usize) -> Result<(), LossReason> {
        let mut state = self.lock();
        if state.closed {
            return Err(LossReason::Shutdown);
        }
        // A batch that is larger than all the room still gets its chance when nothing else waits.
        if state.unsettled_bytes + bytes > self.max_bytes && state.unsettled > 0 {
            return Err(LossReason::QueueFull);
        }
        let before = state.queued;
        state.queued += batch.len();
        state.queued_bytes += bytes;
        state.unsettled += batch.len();
        state.unsettled_bytes += bytes;
        state.batches.push(batch);
        let is_much = before < WAKE_SPANS && state.queued >= WAKE_SPANS;
        let wake = std::mem::take(&mut state.is_asleep) || is_much;
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Has everything submitted, and waits for that; `false` if the time was over before.
    pub(super) fn flush(&self, deadline: Deadline) -> bool {
        self.flush_locked(self.lock(), deadline)
    }

    fn flush_locked(&self, mut state: MutexGuard<'_, State>, deadline: Deadline) -> bool {
        state.requested += 1;
        let mine = state.requested;
        self.work.notify_one();
        self.wait(state, deadline, |state| state.completed >= mine || state.ended)
    }

    /// Refuses what comes from now on; `false` where it did already.
    pub(super) fn close(&self) -> bool {
        !std::mem::replace(&mut self.lock().closed, true)
    }

    /// Has everything submitted and the assembler end, and waits until it has.
    pub(super) fn stop(&self, deadline: Deadline) -> bool {
        self.stop_later();
        self.wait(self.lock(), deadline, |state| state.ended)
    }

    /// The same without waiting.
    pub(super) fn stop_later(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.stop = true;
        self.work.notify_one();
    }

    /// Gives up what is unsettled; returns how many spans are lost. Frees nothing: this may run inside an allocator.
    pub(super) fn abandon(&self) -> usize {
        let mut state = self.lock();
        state.abandoned = true;
        std::mem::take(&mut state.unsettled)
    }

    /// At the end of the process: has everything submitted; returns how many spans are lost if the time was over before.
    /// The thread may have been interrupted anywhere, so it waits for no lock that it may hold itself.
    pub(super) fn end_of_process(&self, deadline: Deadline) -> usize {
        let Some(state) = self.lock_by(deadline) else { return 0 };
        if state.unsettled == 0 || state.ended || self.flush_locked(state, deadline) {
            return 0;
        }
        self.abandon()
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
    pub(super) fn take(&self, next: Option<Instant>, has_spans: bool) -> Work {
        let mut state = self.lock();
        let is_called = |state: &State| state.stop || state.requested != state.completed;
        if !is_called(&state) && state.queued < WAKE_SPANS {
            let is_short = has_spans || state.queued > 0;
            let most = if is_short { LOOK } else { LONG };
            let left = next.map(|next| next.saturating_duration_since(Instant::now()));
            state.is_asleep = !is_short;
            let woken = self.work.wait_timeout(state, left.map_or(most, |left| left.min(most)));
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
            state.is_asleep = false;
        }
        state.queued = 0;
        state.queued_bytes = 0;
        Work {
            batches: std::mem::take(&mut state.batches),
            flush: is_called(&state),
            stop: state.stop,
            requested: state.requested,
        }
    }

    /// The assembler has submitted or lost so many spans. `false` if they were abandoned, and so counted already.
    pub(super) fn settle(&self, spans: usize, bytes: usize) -> bool {
        let mut state = self.lock();
        if state.abandoned {
            return false;
        }
        state.unsettled -= spans;
        state.unsettled_bytes -= bytes;
        true
    }

    /// The assembler has lost what it had taken; returns how many spans that is.
    pub(super) fn lose_taken(&self) -> usize {
        let mut state = self.lock();
        if state.abandoned {
            return 0;
        }
        let lost = state.unsettled - state.queued;
        state.unsettled = state.queued;
        state.unsettled_bytes = state.queued_bytes;
        lost
    }

    /// Whether the assembler is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stop
    }

    /// The work is done.
    pub(super) fn answer(&self, work: &Work) {
        let mut state = self.lock();
        if state.completed != work.requested {
            state.completed = work.requested;
            self.done.notify_all();
        }
    }

    /// The assembler ends; returns how many spans it leaves behind.
    pub(super) fn end(&self) -> usize {
        let mut state = self.lock();
        state.closed = true;
        state.ended = true;
        state.batches = Vec::new();
        self.done.notify_all();
        if state.abandoned { 0 } else { std::mem::take(&mut state.unsettled) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When a wait ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// A time beyond the clock's range is no limit.
    pub(super) fn after(time: Duration) -> Self {
        Deadline(Instant::now().checked_add(time))
    }

    pub(super) fn left(self) -> Duration {
        self.0.map_or(LONG, |moment| moment.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(5);

    fn spans(count: usize) -> Vec<SpanData> {
        (0..count).map(|_| crate::sdk::pending::tests::span(1, 1, 0)).collect()
    }

    #[test]
    fn what_does_not_fit_is_refused_unless_it_is_alone() {
        let queue = Queue::new(100);
        assert_eq!(queue.push(spans(1), 500), Ok(()));
        assert_eq!(queue.push(spans(1), 1), Err(LossReason::QueueFull));
        // Room is made when it is submitted, not when it is taken.
        drop(queue.take(None, true));
        assert_eq!(queue.push(spans(1), 1), Err(LossReason::QueueFull));
        assert!(queue.settle(1, 500));
        assert_eq!(queue.push(spans(1), 1), Ok(()));
        assert!(queue.close());
        assert_eq!(queue.push(spans(1), 1), Err(LossReason::Shutdown));
    }

    #[test]
    fn nobody_waits_longer_than_told_for_an_assembler_that_is_not_there() {
        let queue = Queue::new(100);
        assert!(!queue.flush(Deadline::after(SOON)));
        assert!(!queue.stop(Deadline::after(SOON)));
        assert_eq!(queue.end(), 0);
        assert!(queue.flush(Deadline::after(Duration::MAX)), "it has ended");
    }

    #[test]
    fn spans_are_counted_as_lost_once() {
        let queue = Queue::new(1_000);
        queue.push(spans(3), 30).unwrap();
        let _taken = queue.take(None, false);
        queue.push(spans(2), 20).unwrap();
        assert_eq!(queue.lose_taken(), 3);
        assert_eq!(queue.lose_taken(), 0);
        assert_eq!(queue.abandon(), 2);
        assert!(!queue.settle(2, 20));
        assert_eq!((queue.abandon(), queue.end()), (0, 0));

        let queue = Queue::new(1_000);
        queue.push(spans(2), 20).unwrap();
        let at_the_end = || queue.end_of_process(Deadline::after(SOON));
        assert_eq!((at_the_end(), at_the_end(), queue.end()), (2, 0, 0));
    }

    #[test]
    fn a_flush_is_answered_when_its_work_is_done() {
        let queue = Queue::new(1_000);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                loop {
                    let work = queue.take(None, true);
                    queue.answer(&work);
                    if work.stop {
                        return queue.end();
                    }
                }
            });
            assert!(queue.flush(Deadline::after(Duration::from_secs(60))));
            assert!(queue.stop(Deadline::after(Duration::from_secs(60))));
        });
    }
}
