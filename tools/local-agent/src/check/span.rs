//! A span by itself (trace-payload §1, §2, §11).

use crate::model::{Finding, Findings, Quoted, Rule, Span};

/// 2000-01-01; agents take an earlier start for a mistake in units.
const EARLIEST_START_NS: i64 = 946_684_800_000_000_000;

/// Characters in a text; tracers cut what is longer.
const LONGEST_TEXT: usize = 25_000;

pub(super) fn span(span: &Span, findings: &mut Findings) {
    let mut report = |rule, text: String| findings.push(Finding::new(rule, text).in_span(span));

    if span.trace_id.trailing_zeros() >= 64 {
        report(Rule::ZeroId, "the low 64 bits of the trace id are 0".into());
    }
    if span.span_id == 0 {
        report(Rule::ZeroId, "the span id is 0".into());
    }
    let fields = [("name", &span.name), ("service", &span.service), ("resource", &span.resource)];
    for (field, text) in fields {
        if text.is_empty() {
            report(Rule::EmptyField, format!("`{field}` is empty"));
        }
    }
    if span.start_ns < EARLIEST_START_NS {
        report(Rule::Time, format!("`start` is {} ns, before the year 2000", span.start_ns));
    }
    if span.duration_ns < 0 {
        report(Rule::Time, format!("`duration` is negative: {} ns", span.duration_ns));
    } else if span.start_ns.checked_add(span.duration_ns).is_none() {
        report(Rule::Time, "the end is out of range".into());
    }
    if !matches!(span.error, 0 | 1) {
        report(Rule::ErrorFlag, format!("`error` is {}, neither 0 nor 1", span.error));
    }
    for key in span.meta.keys().filter(|key| span.metrics.contains_key(*key)) {
        let key = Quoted(key);
        report(Rule::AmbiguousTag, format!("the tag {key} is in `meta` and in `metrics`"));
    }
    let tags = span.meta.iter().map(|(key, value)| (&**key, value));
    for (key, value) in fields.into_iter().chain(tags) {
        // Counting characters is for the few texts that have enough bytes.
        if value.len() > LONGEST_TEXT && value.chars().count() > LONGEST_TEXT {
            let key = Quoted(key);
            report(Rule::TooLong, format!("{key} has more than {LONGEST_TEXT} characters"));
        }
    }
    for (key, bytes) in &span.meta_struct {
        let mut rest = &**bytes;
        let is_map = rmp::decode::read_map_len(&mut rest).is_ok();
        if !is_map || !crate::decode::is_one_value(bytes) {
            let key = Quoted(key);
            report(Rule::MetaStruct, format!("`meta_struct` {key} is not one MessagePack map"));
        }
    }
    peer_service(span, &mut report);
}

fn peer_service(span: &Span, report: &mut impl FnMut(Rule, String)) {
    let Some(source) = span.meta("_dd.peer.service.source") else { return };
    if span.meta.contains_key("_dd.peer.service.remapped_from") {
        return;
    }
    let peer = span.meta("peer.service");
    if peer.is_none() || peer != span.meta(source) {
        let (peer, source) = (Quoted(peer.unwrap_or_default()), Quoted(source));
        let text = format!("`peer.service` is {peer}, not the value of {source}, its source");
        report(Rule::PeerService, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::valid_span;

    fn rules(change: impl FnOnce(&mut Span)) -> Vec<Rule> {
        let mut one = valid_span(1, 1, 0);
        change(&mut one);
        let mut findings = Findings::default();
        span(&one, &mut findings);
        findings.into_vec().into_iter().map(|finding| finding.rule).collect()
    }

    fn tag(span: &mut Span, key: &str, value: &str) {
        span.meta.insert(key.into(), value.into());
    }

    #[test]
    fn each_rule_is_reported_alone() {
        assert_eq!(rules(|_| {}), []);
        assert_eq!(rules(|span| span.trace_id = 1 << 64), [Rule::ZeroId]);
        assert_eq!(rules(|span| span.span_id = 0), [Rule::ZeroId]);
        assert_eq!(rules(|span| span.service = "".into()), [Rule::EmptyField]);
        assert_eq!(rules(|span| span.start_ns = 1_700_000_000), [Rule::Time]);
        assert_eq!(rules(|span| span.duration_ns = -1), [Rule::Time]);
        assert_eq!(rules(|span| span.duration_ns = i64::MAX), [Rule::Time]);
        assert_eq!(rules(|span| span.error = 2), [Rule::ErrorFlag]);
        assert_eq!(rules(|span| tag(span, "long", &"é".repeat(25_000))), []);
        assert_eq!(rules(|span| tag(span, "long", &"é".repeat(25_001))), [Rule::TooLong]);
    }

    #[test]
    fn a_tag_of_two_types_is_reported() {
        let found = rules(|span| {
            tag(span, "k", "1");
            span.metrics.insert("k".into(), 1.0);
        });
        assert_eq!(found, [Rule::AmbiguousTag]);
    }

    #[test]
    fn structured_tags_are_one_map_each() {
        let with = |bytes: &'static [u8]| {
            rules(|span| {
                span.meta_struct.insert("k".into(), bytes.into());
            })
        };
        assert_eq!(with(b"\x81\xa1a\x92\x01\xa1x"), []);
        for bad in [&b""[..], b"\x01", b"\x81\xa1a", b"\x80\x80"] {
            assert_eq!(with(bad), [Rule::MetaStruct], "{bad:?}");
        }
    }

    #[test]
    fn the_peer_service_is_its_source() {
        let with = |tags: &[(&str, &str)]| {
            rules(|span| tags.iter().for_each(|(key, value)| tag(span, key, value)))
        };
        let source = ("_dd.peer.service.source", "db.name");
        assert_eq!(with(&[source, ("db.name", "a"), ("peer.service", "a")]), []);
        assert_eq!(with(&[source, ("db.name", "a"), ("peer.service", "b")]), [Rule::PeerService]);
        assert_eq!(with(&[source]), [Rule::PeerService]);
        let remapped = ("_dd.peer.service.remapped_from", "a");
        assert_eq!(with(&[source, remapped, ("db.name", "a"), ("peer.service", "b")]), []);
    }
}
