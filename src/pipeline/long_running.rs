//! Spans that stay open for long: sent as they are now and then, named, and given up where nothing happens any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Ticks;
use crate::diag::{Diag, LossReason};
use crate::id::{SpanId, TraceId};
use crate::trace::{Chunk, Found, OpenTrace};

/// The longest time between two looks at the open traces.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A span that is open for so long is named in a warning.
pub(super) const NAMED_AFTER: Duration = Duration::from_secs(10 * 60);
/// The spans of a trace in which nothing has happened for so long are given up.
pub(super) const GIVEN_UP_AFTER: Duration = Duration::from_secs(12 * 60 * 60);
/// So many open traces in which nothing has happened for [`NAMED_AFTER`] are kept; beyond that the oldest are given up.
pub(super) const MOST_IDLE: usize = 10_000;
/// The pause between two lines, and how many spans one line names.
const LINE_PAUSE: Duration = Duration::from_secs(60);
const NAMED: usize = 5;

/// When spans that are open are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// The age at which it is sent first.
    pub(crate) first: Duration,
    /// The time from one version to the next.
    pub(crate) interval: Duration,
}

/// Looks at the open traces of one tracer.
pub(super) struct LongRunning {
    schedule: Schedule,
    looked: Option<Ticks>,
    /// The traces with a span that is older than [`NAMED_AFTER`].
    followed: HashMap<(TraceId, SpanId), Followed>,
    /// What the next line has to name, and how many more there are.
    unnamed: Vec<String>,
    more: u64,
    said: Option<Ticks>,
}

/// A trace that is looked at again and again.
struct Followed {
    found: Found,
    /// When something has happened in it last, as far as is known.
    active: Ticks,
    looked: Ticks,
}

impl LongRunning {
    pub(super) fn new(schedule: Schedule) -> Self {
        LongRunning {
            schedule,
            looked: None,
            followed: HashMap::new(),
            unnamed: Vec::new(),
            more: 0,
            said: None,
        }
    }

    /// Looks at all open traces, unless that was just done. `send` gets the versions of open spans, if the agent takes
    /// such.
    pub(super) fn look(
        &mut self,
        diag: &Arc<Diag>,
        now: Ticks,
        mut send: Option<&mut dyn FnMut(Chunk)>,
    ) {
        let pause = LONGEST_PAUSE.min(self.schedule.first);
        if self.looked.is_some_and(|looked| since(looked, now) < pause) {
            return;
        }
        let before = self.looked.replace(now);
        let mut idle = Vec::new();
        for trace in OpenTrace::all_of(diag) {
            let Some(found) = trace.look() else { continue };
            let age = since(found.start, now);
            if age < self.schedule.first {
                continue;
            }
            // What is old at the first look was looked after by another pipeline, which this one has replaced.
            if let Some(before) = before.filter(|_| trace.goes_in_parts()) {
                self.send(&trace, &found, before, now, &mut send);
            }
            if age >= NAMED_AFTER {
                let active = self.follow(&trace, found, before.map_or(now, |_| found.newest), now);
                let was_named =
                    before.is_none_or(|before| since(found.start, before) >= NAMED_AFTER);
                if !was_named {
                    self.name(&trace, &found, age);
                }
                if since(active, now) >= NAMED_AFTER {
                    idle.push((active, found, trace));
                }
            }
        }
        self.followed.retain(|_, followed| followed.looked == now);
        give_up(diag, now, idle);
        self.say(diag, now);
    }

    /// How many traces are followed.
    #[cfg(test)]
    fn followed(&self) -> usize {
        self.followed.len()
    }

    /// Sends versions of the spans that are open, and what has finished.
    fn send(
        &self,
        trace: &OpenTrace,
        found: &Found,
        before: Ticks,
        now: Ticks,
        send: &mut Option<&mut dyn FnMut(Chunk)>,
    ) {
        let Schedule { first, interval } = self.schedule;
        let version = |start: Ticks, at: Ticks| number(since(start, at), first, interval);
        let due = |start: Ticks| {
            let (then, now) = (version(start, before), version(start, now));
            (now > then).then_some(now)
        };
        if let Some(send) = send {
            if trace.is_kept() {
                trace.versions(now, due).into_iter().for_each(send);
            }
        }
        // What has finished waits longer than what is open, because its sampling decision would be taken with it.
        let parts = |at| number(since(found.start, at), interval, interval);
        if found.finished > 0 && parts(now) > parts(before) {
            trace.flush_finished();
        }
    }

    /// Returns when something has happened last in the trace; `active` where it is not followed yet.
    fn follow(&mut self, trace: &OpenTrace, found: Found, active: Ticks, now: Ticks) -> Ticks {
        let new = Followed { found, active, looked: now };
        let followed = self.followed.entry(trace.key()).or_insert(new);
        if followed.found != found {
            (followed.found, followed.active) = (found, now);
        }
        followed.looked = now;
        followed.active
    }

    fn name(&mut self, trace: &OpenTrace, found: &Found, age: Duration) {
        if self.unnamed.len() >= NAMED {
            self.more += 1;
        } else if let Some(name) = trace.describe(found.oldest) {
            self.unnamed.push(format!("{name} (for {} min)", age.as_secs() / 60));
        }
    }

    /// Says which spans are open for so long, once a minute at the most.
    fn say(&mut self, diag: &Diag, now: Ticks) {
        if self.unnamed.is_empty() || self.said.is_some_and(|said| since(said, now) < LINE_PAUSE) {
            return;
        }
        self.said = Some(now);
        let names = std::mem::take(&mut self.unnamed).join(", ");
        let more = match std::mem::take(&mut self.more) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        diag.warn(&format!(
            "spans are open for long: {names}{more}; if they never finish, what is in their traces is never complete: \
             finish them, or let go of them"
        ));
    }
}

/// Gives up the traces in which nothing happens, where that is so for too long or there are too many of them.
fn give_up(diag: &Diag, now: Ticks, mut idle: Vec<(Ticks, Found, OpenTrace)>) {
    idle.sort_by_key(|(active, ..)| *active);
    let too_many = idle.len().saturating_sub(MOST_IDLE);
    let mut given_up = 0;
    let mut first = None;
    for (number, (active, found, trace)) in idle.into_iter().enumerate() {
        if number >= too_many && since(active, now) < GIVEN_UP_AFTER {
            break;
        }
        first = first.or_else(|| trace.describe(found.oldest));
        given_up += trace.give_up(&found);
    }
    diag.lose(LossReason::Abandoned, given_up, || {
        format!(
            "they are open, and nothing has happened in their traces for {} h, or in more than {MOST_IDLE} traces for \
             {} min; one of them: {}",
            GIVEN_UP_AFTER.as_secs() / 3600,
            NAMED_AFTER.as_secs() / 60,
            first.unwrap_or_default()
        )
    });
}

/// The number of the version of a span of this age: 0 before there is any.
fn number(age: Duration, first: Duration, interval: Duration) -> i64 {
    let Some(after) = age.checked_sub(first) else { return 0 };
    let intervals = after.as_nanos().checked_div(interval.as_nanos()).unwrap_or_default();
    i64::try_from(intervals).unwrap_or(i64::MAX).saturating_add(1)
}

fn since(start: Ticks, now: Ticks) -> Duration {
    Duration::from_nanos(u64::try_from(now.0.saturating_sub(start.0)).unwrap_or_default())
}

#[cfg(test)]
mod tests;
