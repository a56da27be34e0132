//! Reads the headers of all styles. One context is followed; the others add to it, or become links.

use std::cell::LazyCell;

use super::carrier::Extractor;
use super::digits::push_hex;
use super::headers::Headers;
use super::scratch;
use super::settings::Settings;
use super::tracecontext::Incoming;
use super::{b3, baggage, datadog, org_guard};
use crate::config::{ExtractBehavior, Style};
use crate::text::Text;
use crate::trace::{Baggage, SamplingPriority, SpanContext, SpanLink};

/// Reads the context that came in; `None` where there is none. `marker` names the own organisation, where it is known
/// and the guard is on.
pub(super) fn extract(
    carrier: &dyn Extractor,
    settings: &Settings,
    marker: Option<&str>,
) -> Option<SpanContext> {
    if settings.behavior == ExtractBehavior::Ignore || settings.extract.is_empty() {
        return None;
    }
    let headers = match settings.http_baggage {
        true => Headers::collect_all(carrier),
        false => Headers::collect(carrier, &settings.extracted),
    };
    // Filled where it is: it is large to move.
    let mut context = SpanContext::default();
    let mut is_there = resolve(&headers, settings, &mut context).is_some();
    if let (true, Some(marker)) = (is_there, marker) {
        org_guard::enforce(&mut context, settings, marker);
    }

    let mut baggage = match settings.extract.contains(&Style::Baggage) {
        true => baggage::extract(&headers),
        false => Baggage::new(),
    };
    baggage::extract_legacy(&headers, &mut baggage);
    if !baggage.is_empty() {
        is_there = true;
        context.remote = true;
        context.root_tags = baggage::tags(&baggage, &settings.baggage_tag_keys);
        context.baggage = baggage.into_shared();
    }
    is_there.then_some(context)
}

/// Fills an empty context with that of the first style that has one. Other styles add to it where they name the same
/// trace, and become links where they name another. `None`, and the context stays empty, where there is nothing to
/// follow or to link to.
fn resolve(headers: &Headers<'_>, settings: &Settings, context: &mut SpanContext) -> Option<()> {
    // Parsed once, by whoever needs it first.
    let trace_context = LazyCell::new(|| Incoming::parse(headers));
    let of_trace_context = |style| trace_context.as_ref().filter(|_| style == Style::TraceContext);
    // Fills an empty context with what one style says. `None`, and it stays empty, where that is nothing.
    let fill = |style, context: &mut SpanContext| {
        match style {
            Style::Datadog => return datadog::extract(headers, settings.datadog_tags_max, context),
            Style::TraceContext => trace_context.as_ref()?.fill(context),
            Style::B3Single => *context = b3::extract_single(headers)?,
            Style::B3Multi => *context = b3::extract_multi(headers)?,
            Style::Baggage => return None,
        }
        Some(())
    };
    // A link to a context that is not followed; `None` where that names no span.
    let link = |context: &SpanContext, reason: &'static str, style: Style| {
        let mut link = SpanLink::new(context.trace_id?, context.span_id?)
            .attribute("reason", reason)
            .attribute("context_headers", style.as_str())
            .sampled(context.priority.is_some_and(SamplingPriority::is_keep));
        let tracestate = of_trace_context(style).and_then(Incoming::tracestate);
        link.tracestate = tracestate.map(Text::copy);
        Some(link)
    };
    let mut styles = settings.extract.iter().copied();
    let followed = styles.find(|style| fill(*style, context).is_some())?;
    for style in styles.filter(|_| !settings.extract_first) {
        match of_trace_context(style) {
            Some(same) if context.trace_id == Some(same.trace_id) => merge(context, followed, same),
            _ => {
                let mut other = SpanContext::default();
                if fill(style, &mut other).is_some() && other.trace_id != context.trace_id {
                    context.links.extend(link(&other, "terminated_context", style));
                }
            }
        }
    }
    if settings.behavior == ExtractBehavior::Restart {
        let link = link(&std::mem::take(context), "propagation_behavior_extract", followed)?;
        context.remote = true;
        context.links.push(link);
    }
    Some(())
}

/// Adds Trace Context that names the same trace. Services in between that know only these headers have replaced the
/// parent in them, so that one is nearer to us.
fn merge(context: &mut SpanContext, style: Style, other: &Incoming<'_>) {
    other.pass_on(context);
    if context.span_id == Some(other.span_id) {
        return;
    }
    // The last Datadog span above us is the one in the `dd` member, or else the parent in Datadog's own headers.
    let datadog = || {
        let id = context.span_id.filter(|_| style == Style::Datadog)?;
        Some(scratch::text(|text| push_hex(text, id.get())))
    };
    context.last_parent = other.last_parent().or_else(datadog);
    context.span_id = Some(other.span_id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment};
    use crate::id::SpanId;

    const TRACEPARENT: &str = "00-11111111111111110000000000000002-00000000000000ab-01";
    const DATADOG: [(&str, &str); 3] = [
        ("x-datadog-trace-id", "2"),
        ("x-datadog-parent-id", "10"),
        ("x-datadog-tags", "_dd.p.tid=1111111111111111"),
    ];
    const DATADOG_FIRST: [Style; 2] = [Style::Datadog, Style::TraceContext];
    const W3C_FIRST: [Style; 2] = [Style::TraceContext, Style::Datadog];

    fn settings(styles: &[Style]) -> Settings {
        let config = Config::builder().environment(Environment::empty());
        (&config.propagation_styles(styles.iter().copied()).build()).into()
    }

    fn read(styles: &[Style], headers: &[(&str, &str)]) -> Option<SpanContext> {
        extract(&headers, &settings(styles), None)
    }

    fn restarted(styles: &[Style], headers: &[(&str, &str)]) -> Option<SpanContext> {
        let settings = Settings { behavior: ExtractBehavior::Restart, ..settings(styles) };
        extract(&headers, &settings, None)
    }

    fn with<'h>(more: &[(&'h str, &'h str)]) -> Vec<(&'h str, &'h str)> {
        [&DATADOG, more].concat()
    }

    #[test]
    fn the_order_of_styles_says_who_is_followed() {
        let other = "00-00000000000000000000000000000007-0000000000000009-00";
        let carrier = with(&[("traceparent", other), ("tracestate", "dd=s:0,a=1")]);
        for (styles, followed, vendors, linked) in [
            (&DATADOG_FIRST[..], 2, None, Some((7, Some("dd=s:0,a=1"), Some(0)))),
            (&W3C_FIRST, 7, Some("a=1"), Some((2, None, Some(0)))),
            (&[Style::Datadog], 2, None, None),
        ] {
            let context = read(styles, &carrier).unwrap();
            assert_eq!(context.trace_id.unwrap().low(), followed);
            assert_eq!(context.vendors.as_deref(), vendors);
            let link = |link: &SpanLink| (link.trace_id.low(), link.tracestate.clone(), link.flags);
            let linked = linked.map(|(id, state, flags)| (id, state.map(Text::from), flags));
            assert!(context.links.iter().map(link).eq(linked), "{context:?}");
        }
        assert_eq!(read(&[Style::B3Multi], &carrier), None);
        assert_eq!(read(&[], &carrier), None);
    }

    #[test]
    fn trace_context_in_the_same_trace_names_the_nearer_parent() {
        for (tracestate, last_parent) in [
            ("a=1", "000000000000000a"),
            ("dd=s:1,a=1", "000000000000000a"),
            ("dd=p:00ff,a=1", "00ff"),
            ("a=1,B", "000000000000000a"),
        ] {
            let carrier = with(&[("traceparent", TRACEPARENT), ("tracestate", tracestate)]);
            let own = Some(last_parent).filter(|parent| *parent == "00ff");
            for (styles, last_parent) in [(DATADOG_FIRST, Some(last_parent)), (W3C_FIRST, own)] {
                let context = read(&styles, &carrier).unwrap();
                assert_eq!(context.span_id, SpanId::new(0xab));
                assert_eq!(context.last_parent.as_deref(), last_parent, "{tracestate}");
                assert_eq!(context.priority.is_some(), styles == W3C_FIRST);
            }
        }
        // B3 names no span of Datadog.
        let b3 = "11111111111111110000000000000002-0000000000000003";
        let styles = [Style::B3Single, Style::TraceContext];
        let context = read(&styles, &[("b3", b3), ("traceparent", TRACEPARENT)]).unwrap();
        assert_eq!((context.span_id, context.last_parent), (SpanId::new(0xab), None));
        // High bits that are missing make another trace.
        let carrier = [DATADOG[0], DATADOG[1], ("traceparent", TRACEPARENT)];
        let context = read(&DATADOG_FIRST, &carrier).unwrap();
        assert_eq!((context.trace_id.unwrap().high(), context.links.len()), (0, 1));
    }

    #[test]
    fn a_context_without_a_span_is_never_linked() {
        let carrier = [DATADOG[0], ("traceparent", TRACEPARENT)];
        assert_eq!(read(&W3C_FIRST, &carrier).unwrap().links, []);
        assert_eq!(restarted(&[Style::Datadog], &[DATADOG[0]]), None);
    }

    #[test]
    fn a_restarted_trace_links_with_the_tracestate_of_its_own_style_only() {
        let carrier = with(&[("traceparent", TRACEPARENT), ("tracestate", "a=1")]);
        for (styles, tracestate) in [(DATADOG_FIRST, None), (W3C_FIRST, Some("a=1"))] {
            let context = restarted(&styles, &carrier).unwrap();
            assert_eq!((context.trace_id, context.vendors), (None, None));
            assert_eq!(context.links.len(), 1);
            assert_eq!(context.links[0].tracestate.as_deref(), tracestate);
        }
    }

    #[test]
    fn legacy_baggage_joins_the_other_when_it_is_on() {
        let carrier = [("baggage", "user.id=1"), ("ot-baggage-a", "2")];
        for (http_baggage, items) in [(false, 1), (true, 2)] {
            let settings = Settings { http_baggage, ..settings(&[Style::Baggage]) };
            let context = extract(&carrier, &settings, None).unwrap();
            assert_eq!(context.root_tags, [("baggage.user.id".into(), "1".into())]);
            assert!(context.remote && context.trace_id.is_none());
            assert_eq!(context.baggage.unwrap().iter().count(), items);
        }
    }
}
