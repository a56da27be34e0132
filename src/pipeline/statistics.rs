//! Statistics between two chunks and two requests: whether they are on, and what waits to be sent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hyper::body::Bytes;

use super::inner::Inner;
use crate::agent::AgentInfo;
use crate::clock;
use crate::diag::StatsCounters;
use crate::stats::{BUCKET, Concentrator, Payload, Terms};
use crate::trace::Chunk;

/// The topics of the warnings that statistics were lost, and that the agent has filters that cannot be read.
const LOST: &str = "statistics-lost";
const UNREADABLE: &str = "agent-filters";

/// The statistics of one process.
pub(super) struct Statistics {
    inner: Arc<Inner>,
    on: Option<On>,
    /// What waits to be sent, the oldest first. It never waits for more than one further interval.
    waiting: VecDeque<Waiting>,
    /// When buckets are sent again.
    due: Instant,
    /// The number of the next payload.
    sequence: u64,
    default_env: Option<String>,
}

/// What there is while they are on.
struct On {
    terms: Terms,
    concentrator: Concentrator,
}

/// A payload that waits to be sent.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) body: Bytes,
    /// How many spans are counted in it.
    pub(super) spans: u64,
    pub(super) groups: usize,
    pub(super) is_obfuscated: bool,
    /// It was tried to send it.
    has_failed: bool,
}

fn unix_now() -> u64 {
    u64::try_from(clock::unix_ns(SystemTime::now())).unwrap_or_default()
}

impl Statistics {
    /// Off, until the agent has said that it takes them.
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Statistics {
            inner,
            on: None,
            waiting: VecDeque::new(),
            due: Instant::now() + BUCKET,
            sequence: 0,
            default_env: None,
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.on.is_some()
    }

    // ===== what the agent says =====

    /// The agent has said this about itself.
    pub(super) fn follow(&mut self, info: Option<&AgentInfo>) {
        let terms = info.and_then(|info| Terms::of(info, &self.inner.settings.stats));
        let (was, is) =
            (self.on.as_ref().map(is_obfuscated), terms.as_ref().map(Terms::obfuscates));
        if was != is {
            // What was counted in other terms does not go together with what follows.
            self.collect(true);
        }
        self.default_env = info.and_then(|info| info.default_env.clone());
        let Some(terms) = terms else {
            self.on = None;
            return;
        };
        self.warn_of_filters(&terms);
        match &mut self.on {
            Some(on) => on.terms = terms,
            None => {
                let limits = self.inner.settings.stats.limits;
                self.on = Some(On { terms, concentrator: Concentrator::new(limits, unix_now()) });
            }
        }
    }

    /// Whether [`Statistics::follow`] would switch them on or off.
    pub(super) fn would_switch(&self, info: Option<&AgentInfo>) -> bool {
        let will_be_on =
            info.is_some_and(|info| Terms::are_there(info, &self.inner.settings.stats));
        will_be_on != self.is_on()
    }

    fn warn_of_filters(&self, terms: &Terms) {
        if terms.filters.unreadable.is_empty() {
            self.inner.diag.forget(UNREADABLE);
            return;
        }
        self.inner.diag.warn_once(UNREADABLE, || {
            let patterns = terms.filters.unreadable.join(", ");
            format!(
                "the agent has filters that are no regular expressions here, and have no effect on what this \
                 process sends (apm_config.ignore_resources, apm_config.filter_tags_regex): {patterns}"
            )
        });
    }

    // ===== chunks =====

    /// Whether the agent wants a trace neither counted nor sent.
    pub(super) fn rejects(&self, chunk: &Chunk) -> bool {
        self.on.as_ref().is_some_and(|on| on.terms.filters.reject(chunk))
    }

    /// Counts a settled chunk.
    pub(super) fn count(&mut self, chunk: &Chunk) {
        if let Some(On { terms, concentrator }) = &mut self.on {
            if concentrator.is_empty() {
                concentrator.resume(unix_now());
                self.due = Instant::now() + BUCKET;
            }
            concentrator.count(chunk, terms);
        }
    }

    // ===== requests =====

    /// How long until the next buckets are to be sent, where there are any.
    pub(super) fn due(&self) -> Option<Duration> {
        let is_empty = self.on.as_ref().is_none_or(|on| on.concentrator.is_empty());
        let is_nothing = is_empty && self.waiting.is_empty();
        (!is_nothing).then(|| self.due.saturating_duration_since(Instant::now()))
    }

    /// As [`Statistics::due`], where the worker's interval is too long for that.
    pub(super) fn wakes_in(&self) -> Option<Duration> {
        self.due().filter(|_| self.inner.settings.interval > BUCKET)
    }

    /// Writes the buckets that are over, all of them where that `is_forced`.
    pub(super) fn collect(&mut self, is_forced: bool) {
        self.due = Instant::now() + BUCKET;
        let Some(On { terms, concentrator }) = &mut self.on else { return };
        let collapsed = concentrator.take_collapsed();
        if !collapsed.is_none() {
            let all = collapsed.named().iter().map(|(_, spans)| spans).sum();
            StatsCounters::add(&self.inner.diag.stats().collapsed, all);
            self.inner.diag.debug(|| {
                let parts = collapsed.named().map(|(name, spans)| format!("{name} {spans}"));
                format!("too many different values to count spans by each: {}", parts.join(", "))
            });
        }
        for book in concentrator.take(unix_now(), is_forced) {
            let env = self.default_env.as_deref();
            let payload = Payload::write(book, &self.inner.process, env, self.sequence);
            self.sequence += 1;
            let Payload { body, spans, groups } = payload;
            let (body, is_obfuscated, has_failed) = (body.into(), terms.obfuscates(), false);
            self.waiting.push_back(Waiting { body, spans, groups, is_obfuscated, has_failed });
        }
    }

    /// The next to be sent.
    pub(super) fn next(&self) -> Option<&Waiting> {
        self.waiting.front()
    }

    /// The agent has it.
    pub(super) fn sent(&mut self) {
        let Some(sent) = self.waiting.pop_front() else { return };
        let counters = self.inner.diag.stats();
        StatsCounters::add(&counters.requests, 1);
        StatsCounters::add(&counters.sent, sent.spans);
        self.inner.diag.forget(LOST);
    }

    /// The agent does not have it, and may take it another time: it is tried once more. Returns whether it is.
    pub(super) fn failed(&mut self, problem: impl FnOnce() -> String) -> bool {
        let is_again = self.waiting.front().is_some_and(|waiting| !waiting.has_failed);
        if is_again {
            self.waiting.iter_mut().take(1).for_each(|waiting| waiting.has_failed = true);
        } else {
            self.lost(problem);
        }
        is_again
    }

    /// It is not tried again.
    pub(super) fn lost(&mut self, problem: impl FnOnce() -> String) {
        if let Some(lost) = self.waiting.pop_front() {
            self.lose(lost.spans, problem);
        }
    }

    /// Counts all that is here as lost.
    pub(super) fn give_up(&mut self, problem: &str) {
        self.collect(true);
        let spans = self.waiting.drain(..).map(|waiting| waiting.spans).sum();
        self.lose(spans, || problem.to_owned());
    }

    fn lose(&self, spans: u64, problem: impl FnOnce() -> String) {
        if spans == 0 {
            return;
        }
        StatsCounters::add(&self.inner.diag.stats().lost, spans);
        self.inner.diag.warn_once(LOST, || {
            format!(
                "lost the statistics of {spans} spans: {}; traces are not affected, but hits, errors and latencies in \
                 Datadog are short of these",
                problem()
            )
        });
    }
}

fn is_obfuscated(on: &On) -> bool {
    on.terms.obfuscates()
}
