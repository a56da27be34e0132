//! A chunk by itself (trace-payload §2, §3, §11).

use super::span::span;
use crate::decode::high_bits;
use crate::model::{Chunk, Finding, Findings, Quoted, Rule, Span};

/// Checks a chunk and each span of it.
pub fn chunk(chunk: &Chunk, findings: &mut Findings) {
    let Some(first) = chunk.spans.first() else {
        findings.push(Finding::new(Rule::EmptyChunk, "a chunk has no spans"));
        return;
    };
    if first.metric("_sampling_priority_v1").is_none() {
        let text = "the first span of a chunk has no metric `_sampling_priority_v1`";
        findings.push(Finding::new(Rule::SamplingPriority, text).in_span(first));
    }
    trace_ids(first, chunk, findings);
    let roots = chunk.spans.iter().filter(|span| span.parent_id == 0).count();
    if roots > 1 {
        let text = format!("a chunk has {roots} spans without a parent, not one");
        findings.push(Finding::new(Rule::SeveralRoots, text).in_trace(first.trace_id));
    }
    for one in &chunk.spans {
        span(one, findings);
    }
}

fn trace_ids(first: &Span, chunk: &Chunk, findings: &mut Findings) {
    if let Some(other) = chunk.spans.iter().find(|span| span.trace_id != first.trace_id) {
        let text = format!("a span is in a chunk of another trace, {:032x}", first.trace_id);
        findings.push(Finding::new(Rule::MixedTraceIds, text).in_span(other));
    }
    let high = first.meta("_dd.p.tid");
    if let Some(text) = high.filter(|text| high_bits(text).is_none()) {
        let text = Quoted(text);
        let text = format!("`_dd.p.tid` is {text}, not 16 lower-case hexadecimal digits");
        findings.push(Finding::new(Rule::TraceIdHighBits, text).in_span(first));
    }
    let differs = |span: &&Span| span.meta("_dd.p.tid").is_some_and(|text| Some(text) != high);
    if let Some(other) = chunk.spans.iter().find(differs) {
        let text = "`_dd.p.tid` differs from that of the chunk's first span";
        findings.push(Finding::new(Rule::TraceIdHighBits, text).in_span(other));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::valid_span;

    fn good(span_id: u64, parent_id: u64) -> Span {
        valid_span(1, span_id, parent_id)
    }

    fn rules(spans: &[Span]) -> Vec<Rule> {
        let mut findings = Findings::default();
        chunk(&Chunk { spans: spans.to_vec() }, &mut findings);
        findings.into_vec().into_iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn a_good_chunk_passes() {
        assert_eq!(rules(&[good(1, 0), good(2, 1)]), []);
    }

    #[test]
    fn an_empty_chunk_is_reported() {
        assert_eq!(rules(&[]), [Rule::EmptyChunk]);
    }

    #[test]
    fn the_priority_is_wanted_on_the_first_span_only() {
        let mut bare = good(2, 1);
        bare.metrics.clear();
        assert_eq!(rules(&[good(1, 0), bare.clone()]), []);
        assert_eq!(rules(&[bare, good(1, 0)]), [Rule::SamplingPriority]);
    }

    #[test]
    fn a_second_root_or_another_trace_is_reported() {
        assert_eq!(rules(&[good(1, 0), good(2, 0)]), [Rule::SeveralRoots]);
        let stranger = Span { trace_id: 2, ..good(2, 1) };
        assert_eq!(rules(&[good(1, 0), stranger]), [Rule::MixedTraceIds]);
    }

    #[test]
    fn malformed_or_differing_high_bits_are_reported() {
        let with = |id, parent, tid: &str| {
            let mut span = good(id, parent);
            span.meta.insert("_dd.p.tid".into(), tid.into());
            span
        };
        let (a, b) = ("640cfd8d00000000", "640cfd8d00000001");
        assert_eq!(rules(&[with(1, 0, a), with(2, 1, a)]), []);
        assert_eq!(rules(&[with(1, 0, a), with(2, 1, b)]), [Rule::TraceIdHighBits]);
        assert_eq!(rules(&[with(1, 0, "640CFD8D00000000")]), [Rule::TraceIdHighBits]);
        assert_eq!(rules(&[good(1, 0), with(2, 1, a)]), [Rule::TraceIdHighBits]);
    }
}
