//! All styles together: which context is followed, and what becomes of the others.

use super::carrier::Extractor;
use super::digits::push_hex;
use super::headers::Headers;
use super::scratch::Scratch;
use super::settings::Settings;
use super::tracecontext;
use super::{b3, baggage, datadog, org_guard};
use crate::config::{ExtractBehavior, Style};
use crate::id::TraceId;
use crate::text::Text;
use crate::trace::{Baggage, Priority, SpanContext, SpanLink};

/// What the headers say, by the settings. `marker` is the own organisation, where it is known.
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
        org_guard::enforce(&mut context, &settings.org_guard, marker);
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

/// Fills an empty context: with that of the first style that has one. The others add to it where they name the
/// same trace, and become links where they do not. What is not to be followed leaves it empty.
fn resolve(headers: &Headers<'_>, settings: &Settings, context: &mut SpanContext) -> Option<()> {
    let mut styles = settings.extract.iter().copied();
    let style = styles.find(|style| fill(*style, headers, settings, context).is_some())?;
    if !settings.extract_first {
        for other_style in styles {
            let Some(other) = Found::parse(other_style, headers, settings) else { continue };
            if other.trace_id() != context.trace_id {
                let link = other.link("terminated_context", other_style);
                context.links.extend(link);
            } else if let Found::TraceContext(other) = other {
                merge(context, style, &other);
            }
        }
    }
    if settings.behavior == ExtractBehavior::Restart {
        let followed = std::mem::take(context);
        let own = Some(headers).filter(|_| style == Style::TraceContext);
        let own = own.and_then(tracecontext::Incoming::parse);
        let tracestate = own.as_ref().and_then(tracecontext::Incoming::tracestate);
        let link = link(&followed, "propagation_behavior_extract", style, tracestate)?;
        context.remote = true;
        context.links.push(link);
    }
    Some(())
}

/// Fills an empty context with what a style says. `None`, and it stays empty, where that is nothing.
fn fill(
    style: Style,
    headers: &Headers<'_>,
    settings: &Settings,
    context: &mut SpanContext,
) -> Option<()> {
    match style {
        Style::Datadog => return datadog::extract(headers, settings.datadog_tags_max, context),
        Style::TraceContext => tracecontext::Incoming::parse(headers)?.fill(context),
        Style::B3Single => *context = b3::extract_single(headers)?,
        Style::B3Multi => *context = b3::extract_multi(headers)?,
        Style::Baggage => return None,
    }
    Some(())
}

/// Trace Context in the same trace: services between ours that know only this family have renewed it, so
/// its parent is the nearer one.
fn merge(context: &mut SpanContext, style: Style, other: &tracecontext::Incoming<'_>) {
    other.pass_on(context);
    if context.span_id == Some(other.span_id) {
        return;
    }
    // Then the last Datadog span is the one that this family names, or else the one Datadog's own did.
    let datadog = || {
        let id = context.span_id.filter(|_| style == Style::Datadog)?;
        Some(Scratch::with(|scratch| scratch.text(|text| push_hex(text, id.get()))))
    };
    context.last_parent = other.last_parent().or_else(datadog);
    context.span_id = Some(other.span_id);
}

/// A context of one style that is not the one that is followed.
enum Found<'h> {
    /// Read as far as it is needed: beside Datadog's headers that is not far.
    TraceContext(tracecontext::Incoming<'h>),
    Other(SpanContext),
}

impl<'h> Found<'h> {
    fn parse(style: Style, headers: &'h Headers<'_>, settings: &Settings) -> Option<Self> {
        if style == Style::TraceContext {
            return tracecontext::Incoming::parse(headers).map(Found::TraceContext);
        }
        let mut context = SpanContext::default();
        fill(style, headers, settings, &mut context)?;
        Some(Found::Other(context))
    }

    fn trace_id(&self) -> Option<TraceId> {
        match self {
            Found::TraceContext(incoming) => Some(incoming.trace_id),
            Found::Other(context) => context.trace_id,
        }
    }

    fn link(&self, reason: &'static str, style: Style) -> Option<SpanLink> {
        match self {
            Found::TraceContext(incoming) => {
                let mut context = SpanContext::new(incoming.trace_id, Some(incoming.span_id));
                context.priority = incoming.priority();
                link(&context, reason, style, incoming.tracestate())
            }
            Found::Other(context) => link(context, reason, style, None),
        }
    }
}

/// A link to what came in and is not followed; `None` where it names no span.
fn link(
    context: &SpanContext,
    reason: &'static str,
    style: Style,
    tracestate: Option<&str>,
) -> Option<SpanLink> {
    let link = SpanLink::new(context.trace_id?, context.span_id?)
        .attribute("reason", reason)
        .attribute("context_headers", style.as_str())
        .sampled(context.priority.is_some_and(Priority::is_keep));
    Some(match tracestate {
        Some(tracestate) => link.tracestate(Text::copy(tracestate)),
        None => link,
    })
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

    fn settings(styles: &[Style]) -> Settings {
        let config = Config::builder().environment(Environment::empty());
        (&config.propagation_styles(styles.iter().copied()).build()).into()
    }

    fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
        [&DATADOG, more].concat()
    }

    #[test]
    fn the_order_of_styles_says_who_is_followed() {
        let carrier = with(&[
            ("traceparent", "00-00000000000000000000000000000007-0000000000000009-00"),
            ("tracestate", "dd=s:0,a=1"),
        ]);
        let context = |styles: &[Style]| extract(&carrier, &settings(styles), None).unwrap();

        let datadog = context(&[Style::Datadog, Style::TraceContext]);
        assert_eq!(datadog.trace_id.unwrap().low(), 2);
        assert_eq!(datadog.vendors, None);
        assert_eq!(datadog.links.len(), 1);
        assert_eq!(datadog.links[0].tracestate.as_deref(), Some("dd=s:0,a=1"));
        assert_eq!(datadog.links[0].flags, Some(0));

        let w3c = context(&[Style::TraceContext, Style::Datadog]);
        assert_eq!(w3c.trace_id.unwrap().low(), 7);
        assert_eq!(w3c.vendors.as_deref(), Some("a=1"));
        assert_eq!(w3c.links[0].trace_id.low(), 2);
        assert_eq!(w3c.links[0].tracestate, None);

        assert_eq!(context(&[Style::Datadog]).links, []);
        assert_eq!(extract(&carrier, &settings(&[Style::B3Multi]), None), None);
        assert_eq!(extract(&carrier, &settings(&[]), None), None);
    }

    #[test]
    fn trace_context_in_the_same_trace_names_the_nearer_parent() {
        let both = [Style::Datadog, Style::TraceContext];
        for (tracestate, last_parent) in [
            ("a=1", Some("000000000000000a")),
            ("dd=s:1,a=1", Some("000000000000000a")),
            ("dd=p:00ff,a=1", Some("00ff")),
            ("a=1,B", Some("000000000000000a")),
        ] {
            let carrier = with(&[("traceparent", TRACEPARENT), ("tracestate", tracestate)]);
            let context = extract(&carrier, &settings(&both), None).unwrap();
            assert_eq!(context.span_id, SpanId::new(0xab));
            assert_eq!(context.last_parent.as_deref(), last_parent, "{tracestate}");
            assert_eq!(context.priority, None);

            let reversed = [Style::TraceContext, Style::Datadog];
            let context = extract(&carrier, &settings(&reversed), None).unwrap();
            assert_eq!(context.span_id, SpanId::new(0xab));
            assert_eq!(context.last_parent.as_deref(), last_parent.filter(|p| *p == "00ff"));
        }
    }

    #[test]
    fn b3_names_no_datadog_span() {
        let carrier = [
            ("b3", "11111111111111110000000000000002-0000000000000003"),
            ("traceparent", TRACEPARENT),
        ];
        let styles = [Style::B3Single, Style::TraceContext];
        let context = extract(&carrier, &settings(&styles), None).unwrap();
        assert_eq!((context.span_id, context.last_parent), (SpanId::new(0xab), None));
    }

    #[test]
    fn high_bits_that_are_missing_make_another_trace() {
        let carrier = [DATADOG[0], DATADOG[1], ("traceparent", TRACEPARENT)];
        let styles = [Style::Datadog, Style::TraceContext];
        let context = extract(&carrier, &settings(&styles), None).unwrap();
        assert_eq!((context.trace_id.unwrap().high(), context.links.len()), (0, 1));
    }

    #[test]
    fn a_context_without_a_span_is_never_linked() {
        let carrier = [DATADOG[0], ("traceparent", TRACEPARENT)];
        let styles = [Style::TraceContext, Style::Datadog];
        assert_eq!(extract(&carrier, &settings(&styles), None).unwrap().links, []);

        let mut settings = settings(&[Style::Datadog]);
        settings.behavior = ExtractBehavior::Restart;
        assert_eq!(extract(&[DATADOG[0]], &settings, None), None);
    }

    #[test]
    fn a_restarted_trace_links_with_the_tracestate_of_its_own_style_only() {
        let carrier = with(&[("traceparent", TRACEPARENT), ("tracestate", "a=1")]);
        for (styles, tracestate) in [
            ([Style::Datadog, Style::TraceContext], None),
            ([Style::TraceContext, Style::Datadog], Some("a=1")),
        ] {
            let mut settings = settings(&styles);
            settings.behavior = ExtractBehavior::Restart;
            let context = extract(&carrier, &settings, None).unwrap();
            assert_eq!((context.trace_id, context.vendors), (None, None));
            assert_eq!(context.links.len(), 1);
            assert_eq!(context.links[0].tracestate.as_deref(), tracestate);
        }
    }

    #[test]
    fn legacy_baggage_joins_the_other_when_it_is_on() {
        let carrier = [("baggage", "user.id=1"), ("ot-baggage-a", "2")];
        let mut settings = settings(&[Style::Baggage]);
        let items = |settings: &Settings| {
            let context = extract(&carrier, settings, None).unwrap();
            assert_eq!(context.root_tags, [("baggage.user.id".into(), "1".into())]);
            assert!(context.remote && context.trace_id.is_none());
            context.baggage.unwrap().iter().count()
        };
        assert_eq!(items(&settings), 1);
        settings.http_baggage = true;
        assert_eq!(items(&settings), 2);
    }
}
