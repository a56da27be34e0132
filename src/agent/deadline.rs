//! How long the agent may keep the worker waiting.

use std::io;
use std::time::{Duration, Instant};

/// A moment after which nothing more is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    started: Instant,
    timeout: Duration,
}

impl Deadline {
    /// `timeout` from now.
    pub(super) fn after(timeout: Duration) -> Self {
        Deadline { started: Instant::now(), timeout }
    }

    pub(super) fn remaining(&self) -> Duration {
        self.timeout.saturating_sub(self.started.elapsed())
    }

    pub(super) fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }

    #[cfg(feature = "tls")]
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The error for a connection that was not made in time.
    pub(super) fn error(&self) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {:?}", self.timeout))
    }
}

/// How long an answer may take from its first byte on, as a multiple of the limit. Without this, an answer that comes
/// byte by byte would hold the worker for ever.
const LIMITS_OF_AN_ANSWER: u32 = 5;

/// A deadline that is put off whenever bytes are written or read, so that a large request has more time than a small
/// one.
#[derive(Clone, Copy, Debug)]
pub(super) struct MoveDeadline {
    next_move: Deadline,
    /// The deadline of the whole answer, once it has begun.
    end: Option<Deadline>,
}

impl MoveDeadline {
    pub(super) fn new(limit: Duration) -> Self {
        MoveDeadline { next_move: Deadline::after(limit), end: None }
    }

    /// How long nothing may be written or read.
    pub(super) fn limit(&self) -> Duration {
        self.next_move.timeout
    }

    /// Bytes were written or read. `answers` is whether a byte of an answer has been read by now.
    pub(super) fn renew(&mut self, answers: bool) {
        let limit = self.limit();
        self.next_move = Deadline::after(limit);
        if answers && self.end.is_none() {
            self.end = Some(Deadline::after(limit.saturating_mul(LIMITS_OF_AN_ANSWER)));
        }
    }

    pub(super) fn remaining(&self) -> Duration {
        let next_move = self.next_move.remaining();
        self.end.map_or(next_move, |end| end.remaining().min(next_move))
    }

    pub(super) fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn whatever_moves_gives_the_whole_limit_again() {
        let mut deadline = MoveDeadline::new(LONG);
        deadline.next_move.started = Instant::now().checked_sub(LONG / 2).unwrap();
        assert!(deadline.remaining() <= LONG / 2 && !deadline.has_passed());
        deadline.renew(false);
        assert!(deadline.remaining() > LONG / 2);
        deadline.next_move.started = Instant::now().checked_sub(LONG).unwrap();
        assert!(deadline.has_passed());
    }

    #[test]
    fn an_answer_ends_however_it_moves() {
        let mut deadline = MoveDeadline::new(LONG / 10);
        deadline.renew(true);
        let begun = deadline.end.unwrap();
        deadline.renew(true);
        assert_eq!(deadline.end.unwrap().started, begun.started, "from its first byte");
        deadline.end.as_mut().unwrap().started = Instant::now().checked_sub(LONG / 2).unwrap();
        assert!(deadline.has_passed());
    }
}
