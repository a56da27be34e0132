//! What becomes of a chunk behind an agent: `_sampling_priority_v1`, and who decided, `_dd.p.dm`.

use std::fmt;
use std::sync::Arc;

use super::Span;

/// What an agent does with a chunk, as its sampling priority says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sampling {
    /// A priority above 0: it is sent on.
    Kept(i64),
    /// 0 or below: it is counted and dropped, but for spans that a span rule keeps.
    Dropped(i64),
    /// No priority, or none that is a number: it is sent on, as if it were 1.
    Undecided,
}

/// The mechanism of a rule for single spans, which are kept whatever becomes of their trace.
const SPAN_RULE: f64 = 8.0;

impl Sampling {
    /// Of the spans of a chunk: the first that has a priority says it for all.
    pub fn of<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Self {
        let mut said = spans.into_iter().filter_map(|span| span.metric("_sampling_priority_v1"));
        match said.next().filter(|priority| priority.is_finite()) {
            #[expect(clippy::cast_possible_truncation, reason = "an agent reads an integer, too")]
            Some(priority) => match priority as i64 {
                kept @ 1.. => Sampling::Kept(kept),
                dropped => Sampling::Dropped(dropped),
            },
            None => Sampling::Undecided,
        }
    }

    /// Of a chunk as a trace keeps it.
    pub(crate) fn of_chunk(chunk: &[Arc<Span>]) -> Self {
        Self::of(chunk.iter().map(|span| &**span))
    }

    /// Whether an agent drops the chunk.
    pub fn is_dropped(self) -> bool {
        matches!(self, Sampling::Dropped(_))
    }
}

/// `dropped: priority -1`
impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sampling::Kept(priority) => write!(f, "kept: priority {priority}"),
            Sampling::Dropped(priority) => write!(f, "dropped: priority {priority}"),
            Sampling::Undecided => f.write_str("no sampling priority"),
        }
    }
}

impl Span {
    /// Whether a rule for single spans keeps it where its trace is dropped.
    pub fn is_kept_alone(&self) -> bool {
        self.metric("_dd.span_sampling.mechanism") == Some(SPAN_RULE)
    }
}

/// Who took the decision of a chunk that is dropped: its mechanism where one is known, else what the priority stands
/// for.
pub(crate) fn who_dropped(priority: i64, mechanism: Option<&str>) -> &'static str {
    match mechanism {
        Some("-1") => "by a rate of the agent",
        Some("-3") => "by a sampling rule or the rate limit",
        Some("-4") => "by hand",
        Some("-5") => "by a security product",
        Some("-11" | "-12") => "by a rule of remote configuration",
        _ if priority < 0 => "by a rule, the rate limit or by hand",
        _ => "by a rate of the agent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(priority: Option<f64>) -> Span {
        let metrics = priority.map(|priority| ("_sampling_priority_v1".into(), priority));
        Span { metrics: metrics.into_iter().collect(), ..Span::default() }
    }

    #[test]
    fn each_priority_says_what_becomes_of_a_chunk() {
        for (priority, expected) in [
            (Some(2.0), Sampling::Kept(2)),
            (Some(1.0), Sampling::Kept(1)),
            (Some(9.0), Sampling::Kept(9)),
            (Some(0.0), Sampling::Dropped(0)),
            (Some(0.5), Sampling::Dropped(0)),
            (Some(-1.0), Sampling::Dropped(-1)),
            (Some(-7.0), Sampling::Dropped(-7)),
            (Some(-1e300), Sampling::Dropped(i64::MIN)),
            (Some(f64::NAN), Sampling::Undecided),
            (None, Sampling::Undecided),
        ] {
            assert_eq!(Sampling::of([&span(priority)]), expected, "{priority:?}");
        }
    }

    #[test]
    fn the_first_span_that_has_a_priority_says_it() {
        let chunk = [span(None), span(Some(-1.0)), span(Some(2.0))];
        assert_eq!(Sampling::of(&chunk), Sampling::Dropped(-1));
    }

    #[test]
    fn the_mechanism_says_who_dropped_it_and_else_the_priority() {
        assert_eq!(who_dropped(-1, Some("-4")), "by hand");
        assert_eq!(who_dropped(-1, Some("-3")), "by a sampling rule or the rate limit");
        assert_eq!(who_dropped(-1, None), "by a rule, the rate limit or by hand");
        assert_eq!(who_dropped(0, None), "by a rate of the agent");
        assert_eq!(who_dropped(0, Some("junk")), "by a rate of the agent");
    }
}
