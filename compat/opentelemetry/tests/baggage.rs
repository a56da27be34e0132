//! Baggage of both APIs is one, whichever has set or removed an item.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, HashMap};

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use tracehound::{Baggage, SpanContext, SpanId, TraceId};
use tracehound_opentelemetry::TracerProvider;

use common::tracers;

/// `a=1,b=2` in the order of the names.
fn written<'a>(items: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let items: BTreeMap<_, _> = items.collect();
    items.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

fn read(items: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    items.split(',').filter_map(|item| item.split_once('='))
}

/// What everybody says of the baggage here: OpenTelemetry, the native context, headers, and a child that
/// starts natively or through OpenTelemetry.
struct Seen {
    otel: String,
    native: String,
    header: String,
    native_child: String,
    otel_child: String,
}

fn look(native: &tracehound::Tracer, otel: &tracehound_opentelemetry::Tracer) -> Seen {
    let pairs = |baggage: &Baggage| written(baggage.iter());
    let of = |span: &tracehound::SpanRef| {
        tracehound::ActiveContext::from(span).baggage().map(|all| pairs(&all)).unwrap_or_default()
    };
    let cx = Context::current();
    let shown = cx.baggage();
    let mut headers = HashMap::new();
    TracerProvider::new(native.clone()).propagator().inject_context(&cx, &mut headers);
    let mut native_headers = HashMap::new();
    native.inject(&mut native_headers);
    assert_eq!(headers.get("baggage"), native_headers.get("baggage"));
    let header = headers.get("baggage").map(String::as_str).unwrap_or_default();
    Seen {
        otel: written(shown.iter().map(|(name, (value, _))| (name.as_str(), value.as_str()))),
        native: native.context().baggage().map(|all| pairs(&all)).unwrap_or_default(),
        header: written(header.split(',').filter_map(|item| item.split_once('='))),
        native_child: of(&native.span("child").start()),
        otel_child: of(otel.start("child").handle()),
    }
}

/// Whether all say the same.
#[track_caller]
fn all_say(tracers: (&tracehound::Tracer, &tracehound_opentelemetry::Tracer), expected: &str) {
    let Seen { otel, native, header, native_child, otel_child } = look(tracers.0, tracers.1);
    let seen = [otel, native, header, native_child, otel_child];
    assert_eq!(seen, [expected; 5], "OpenTelemetry, native, header, native child, otel child");
}

fn set_otel(items: &'static str) -> opentelemetry::ContextGuard {
    Context::current_with_baggage(read(items).map(|(name, value)| KeyValue::new(name, value)))
        .attach()
}

/// OpenTelemetry's way to remove: a baggage without the item in the place of the one before.
fn remove_otel(name: &str) -> opentelemetry::ContextGuard {
    let cx = Context::current();
    let left = cx.baggage().iter().filter(|(key, _)| key.as_str() != name);
    let left: Vec<_> =
        left.map(|(key, (value, _))| KeyValue::new(key.clone(), value.clone())).collect();
    cx.with_baggage(left).attach()
}

fn upstream(items: &'static str) -> SpanContext {
    SpanContext::new(TraceId::new(1).unwrap(), SpanId::new(2)).with_baggage(read(items).collect())
}

#[test]
fn an_item_set_by_either_is_the_others() {
    let (native, otel, _) = tracers();
    let both = (&native, &otel);
    all_say(both, "");
    let _set = set_otel("user=7");
    all_say(both, "user=7");
    native.in_span("native", |_| {
        all_say(both, "user=7");
        native.current_span().unwrap().set_baggage_item("region", "eu");
        native.in_span("below", |_| all_say(both, "region=eu,user=7"));
        otel.in_span("below, too", |_| {
            native.in_span("and below that", |_| all_say(both, "region=eu,user=7"));
        });
    });
    all_say(both, "user=7");
}

#[test]
fn what_comes_in_is_seen_by_both_and_what_is_removed_stays_away() {
    type Enter = fn(&tracehound::Tracer) -> Box<dyn std::any::Any>;
    let ways: [Enter; 3] = [
        |native| {
            let propagator = TracerProvider::new(native.clone()).propagator();
            let headers = HashMap::from([
                ("x-datadog-trace-id".to_owned(), "1".to_owned()),
                ("x-datadog-parent-id".to_owned(), "2".to_owned()),
                ("baggage".to_owned(), "user=7,region=eu".to_owned()),
            ]);
            Box::new(propagator.extract(&headers).attach())
        },
        |native| Box::new(native.activate(upstream("user=7,region=eu"))),
        |native| Box::new(native.span("server").child_of(upstream("user=7,region=eu")).enter()),
    ];
    for enter in ways {
        let (native, otel, _) = tracers();
        let both = (&native, &otel);
        let _inside = enter(&native);
        all_say(both, "region=eu,user=7");
        otel.in_span("otel", |_| {
            all_say(both, "region=eu,user=7");
            {
                let _removed = remove_otel("user");
                all_say(both, "region=eu");
                native.in_span("below", |_| all_say(both, "region=eu"));
                otel.in_span("below, too", |_| all_say(both, "region=eu"));
                let _none = remove_otel("region");
                all_say(both, "");
                native.in_span("with nothing", |_| all_say(both, ""));
            }
            all_say(both, "region=eu,user=7");
        });
    }
}

#[test]
fn where_both_change_an_item_opentelemetrys_value_counts() {
    let (native, otel, _) = tracers();
    native.in_span("root", |root| {
        root.set_baggage_item("user", "native");
        let _otels = set_otel("user=otel");
        all_say((&native, &otel), "user=otel");
    });
}

/// A context of OpenTelemetry cannot change: it shows what was set natively from the next activation on.
#[test]
fn what_is_set_natively_on_the_active_span_counts_at_once_and_is_shown_from_the_next_on() {
    let (native, otel, _) = tracers();
    let _set = set_otel("user=7");
    otel.in_span("otel", |_| {
        let span = native.current_span().unwrap();
        span.set_baggage_item("region", "eu");
        span.remove_baggage_item("user");
        let seen = look(&native, &otel);
        assert_eq!(seen.otel, "user=7");
        assert_eq!(
            [seen.native, seen.header, seen.native_child, seen.otel_child],
            ["region=eu"; 4]
        );
        native.in_span("next", |_| all_say((&native, &otel), "region=eu"));
    });
}

#[test]
fn what_is_removed_as_a_whole_from_the_active_span_stays_away() {
    let (native, otel, _) = tracers();
    let _set = set_otel("user=7,region=eu");
    otel.in_span("otel", |_| {
        let span = native.current_span().unwrap();
        assert_eq!(span.baggage_items().len(), 2);
        span.remove_all_baggage_items();
        assert!(span.baggage_items().is_empty());
        let seen = look(&native, &otel);
        assert_eq!([seen.native, seen.header, seen.native_child, seen.otel_child], [""; 4]);
        native.in_span("next", |_| all_say((&native, &otel), ""));
    });
}

/// A span that two contexts hold, which have shown different baggage of it.
#[test]
fn what_is_removed_from_a_span_that_is_active_twice_stays_away() {
    let (native, otel, _) = tracers();
    let both = (&native, &otel);
    native.in_span("root", |root| {
        let _before = Context::current();
        root.set_baggage_item("user", "7");
        {
            let _again = root.activate();
            all_say(both, "user=7");
            let _removed = remove_otel("user");
            all_say(both, "");
        }
        // Where OpenTelemetry was shown none, the span's counts.
        assert_eq!(look(&native, &otel).native, "user=7");
    });
}

#[test]
fn a_span_of_opentelemetry_has_the_baggage_it_started_with() {
    let (native, otel, _) = tracers();
    let parent = Context::new().with_baggage([KeyValue::new("user", "7")]);
    let span = otel.start_with_context("n", &parent);
    assert_eq!(span.handle().baggage_item("user").as_deref(), Some("7"));
    let child = native.span("child").child_of(span.handle()).start();
    assert_eq!(child.baggage_item("user").as_deref(), Some("7"));
}

#[test]
fn what_comes_in_without_baggage_leaves_anothers() {
    let (native, _, _) = tracers();
    let propagator = TracerProvider::new(native).propagator();
    let before = Context::new().with_baggage([KeyValue::new("user", "7")]);
    let headers = HashMap::from([
        ("x-datadog-trace-id".to_owned(), "1".to_owned()),
        ("x-datadog-parent-id".to_owned(), "2".to_owned()),
    ]);
    let cx = propagator.extract_with_context(&before, &headers);
    assert!(cx.span().span_context().is_remote());
    assert_eq!(cx.baggage().get("user").unwrap().as_str(), "7");
}

/// OpenTelemetry refuses some names, and more than 64 items.
#[test]
fn what_opentelemetry_cannot_hold_is_not_lost() {
    let (native, otel, _) = tracers();
    let mut all: Baggage = (0..70).map(|n| (format!("item{n:02}"), "x")).collect();
    all.set("with space", "y");
    let upstream = upstream("").with_baggage(all);
    native.span("server").child_of(upstream).in_scope(|span| {
        assert_eq!(Context::map_current(|cx| cx.baggage().len()), 64);
        otel.in_span("otel", |_| {
            let child = native.span("child").start();
            assert_eq!(child.baggage_item("with space").as_deref(), Some("y"));
            let count = |span: &tracehound::SpanRef| {
                tracehound::ActiveContext::from(span).baggage().map_or(0, |baggage| baggage.len())
            };
            assert_eq!((count(&child), count(span)), (71, 71));
        });
    });
}
