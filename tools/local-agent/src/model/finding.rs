//! What is wrong with what was received.

use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Unusual or lossy; an agent accepts it.
    Warning,
    /// Against the protocol: an agent refuses it, or shows something else than was meant.
    Error,
}

/// Which expectation was not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The body does not decode; it was answered with 400 and dropped.
    MalformedPayload,
    /// The body is neither plain MessagePack nor labelled so; answered with 415 if unreadable.
    ContentType,
    /// The body is larger than an agent accepts; it was answered with 413 and dropped.
    PayloadTooLarge,
    /// `X-Datadog-Trace-Count` is missing or is not the number of chunks.
    TraceCount,
    /// `Datadog-Meta-Tracer-Version` is missing.
    TracerVersion,
    /// A map has a field no agent knows.
    UnknownField,
    /// A map has the same key twice.
    DuplicateKey,
    /// The v0.5 string table does not begin with the empty string.
    StringTable,
    /// A chunk has no spans.
    EmptyChunk,
    /// Spans of one chunk belong to different traces.
    MixedTraceIds,
    /// A trace or span id is 0.
    ZeroId,
    /// `_dd.p.tid` is not 16 lower-case hexadecimal digits, or differs within the chunk.
    TraceIdHighBits,
    /// A chunk has several spans without any parent.
    SeveralRoots,
    /// Several spans of one chunk have parents that never arrived.
    MissingParents,
    /// The same span id was used for two different spans of one trace.
    DuplicateSpan,
    /// A chunk's first span does not say the sampling priority.
    SamplingPriority,
    /// A tag is both a text and a number.
    AmbiguousTag,
    /// A required text is empty.
    EmptyField,
    /// A text is longer than tracers may send.
    TooLong,
    /// Start or duration is out of range.
    Time,
    /// `error` is neither 0 nor 1.
    ErrorFlag,
    /// Links are malformed, or were sent in two forms.
    SpanLinks,
    /// Events are malformed, or were sent in two forms.
    SpanEvents,
    /// A `meta_struct` value is not one MessagePack map.
    MetaStruct,
    /// `peer.service` is not the value of the tag that is said to be its source.
    PeerService,
    /// The local agent itself dropped something to stay within its memory.
    Lost,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The expectation that was not met.
    pub rule: Rule,
    /// One line for people; carries text from the wire, so escape it before it meets a terminal.
    pub detail: String,
    /// The trace concerned, if it is one.
    pub trace_id: Option<u128>,
    /// The span concerned, if it is one.
    pub span_id: Option<u64>,
}

/// Collects findings up to a limit, so that a payload of bad spans cannot fill the memory.
#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
    more: usize,
}

impl Rule {
    /// How bad breaking it is.
    pub fn severity(self) -> Severity {
        let is_error = matches!(
            self,
            Self::MalformedPayload
                | Self::PayloadTooLarge
                | Self::TraceCount
                | Self::TracerVersion
                | Self::DuplicateKey
                | Self::EmptyChunk
                | Self::MixedTraceIds
                | Self::ZeroId
                | Self::TraceIdHighBits
                | Self::SeveralRoots
                | Self::AmbiguousTag
                | Self::SpanLinks
                | Self::SpanEvents
                | Self::MetaStruct
                | Self::PeerService
        );
        if is_error { Severity::Error } else { Severity::Warning }
    }
}

impl Finding {
    /// A finding about no span in particular.
    pub fn new(rule: Rule, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into(), trace_id: None, span_id: None }
    }

    /// The same finding, about this trace.
    #[must_use]
    pub fn in_trace(mut self, trace_id: u128) -> Self {
        self.trace_id = Some(trace_id);
        self
    }

    /// The same finding, about this span.
    #[must_use]
    pub fn in_span(mut self, span: &super::Span) -> Self {
        self.trace_id = Some(span.trace_id);
        self.span_id = Some(span.span_id);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.rule.severity() {
            Severity::Warning => "warning: ",
            Severity::Error => "error: ",
        })?;
        f.write_str(&self.detail)?;
        match (self.trace_id, self.span_id) {
            (Some(trace), Some(span)) => write!(f, " (span {span:016x} of trace {trace:032x})"),
            (Some(trace), None) => write!(f, " (trace {trace:032x})"),
            (None, Some(span)) => write!(f, " (span {span:016x})"),
            (None, None) => Ok(()),
        }
    }
}

impl Findings {
    /// How many findings one payload can add.
    pub const LIMIT: usize = 100;

    /// Adds one, or counts it when there are enough.
    pub fn push(&mut self, finding: Finding) {
        if self.list.len() < Self::LIMIT {
            self.list.push(finding);
        } else {
            self.more += 1;
        }
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The list, ended by a line that counts what was left out.
    pub fn into_vec(mut self) -> Vec<Finding> {
        if self.more > 0 {
            let text = format!("{} more findings in the same payload are not listed", self.more);
            self.list.push(Finding::new(Rule::Lost, text));
        }
        self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_bounded_and_says_what_it_left_out() {
        let mut findings = Findings::default();
        for _ in 0..Findings::LIMIT + 3 {
            findings.push(Finding::new(Rule::ZeroId, "a span id is 0"));
        }
        let list = findings.into_vec();
        assert_eq!(list.len(), Findings::LIMIT + 1);
        assert_eq!(
            list.last().unwrap().detail,
            "3 more findings in the same payload are not listed"
        );
    }

    #[test]
    fn a_finding_names_its_span() {
        let finding = Finding {
            trace_id: Some(0xab),
            span_id: Some(0xcd),
            ..Finding::new(Rule::ZeroId, "a span id is 0")
        };
        assert_eq!(
            finding.to_string(),
            "error: a span id is 0 (span 00000000000000cd of trace 000000000000000000000000000000ab)"
        );
    }
}
