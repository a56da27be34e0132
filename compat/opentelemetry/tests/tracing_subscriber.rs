//! Programs instrumented with `tracing`, through `tracing-opentelemetry`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::error::Error;
use std::fmt;

use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    SpanContext, TraceContextExt, TraceFlags, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use tokio::task::yield_now;
use tracehound::testing::{Captured, CapturedSpan};
use tracehound::{SamplingPriority, SpanEvent, SpanId, TraceId};
use tracehound_opentelemetry::TracerProvider;
use tracing::{Instrument as _, info_span, instrument};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::layer::SubscriberExt as _;

/// Runs a program under `tracing`, whose spans go to a tracer of its own.
fn traced(program: impl FnOnce(&tracehound::Tracer)) -> Captured {
    let (native, otel, captured) = common::tracers();
    let layer = OpenTelemetryLayer::new(otel).with_location(false).with_threads(false);
    let subscriber = tracing_subscriber::registry()
        .with(layer.with_target(false).with_tracked_inactivity(false));
    tracing::subscriber::with_default(subscriber, || program(&native));
    captured
}

/// In the order of their starts, by the name that `tracing` gave.
fn of(captured: &Captured, resource: &str) -> CapturedSpan {
    let mut spans = captured.spans();
    spans.retain(|span| span.resource == resource);
    assert_eq!(spans.len(), 1, "{resource} in\n{}", captured.tree());
    spans.remove(0)
}

#[instrument(fields(otel.kind = "server", http.request.method = "GET"))]
fn handle(user: u32) -> u32 {
    load(user, true)
}

#[instrument]
fn load(user: u32, cached: bool) -> u32 {
    user + u32::from(cached)
}

#[test]
fn functions_are_spans_with_their_arguments() {
    let captured = traced(|_| assert_eq!(handle(41), 42));
    assert_eq!(
        captured.tree(),
        "http.server.request [handle] http.request.method=GET user=41\n  \
           internal [load] cached=true user=41\n"
    );
    assert_eq!(of(&captured, "handle").span_type.as_deref(), Some("web"));
    assert!(of(&captured, "load").start_ns >= of(&captured, "handle").start_ns);
}

#[instrument]
async fn fetch(depth: u32) -> u32 {
    yield_now().await;
    if depth == 0 {
        return 0;
    }
    let (a, b) = tokio::join!(Box::pin(fetch(depth - 1)), leaf());
    yield_now().await;
    a + b
}

#[instrument]
async fn leaf() -> u32 {
    yield_now().await;
    1
}

#[test]
fn async_functions_are_spans_across_their_awaits() {
    let captured = traced(|_| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(fetch(2)), 2);
    });
    let mut tree: Vec<_> = captured.tree().lines().map(str::to_owned).collect();
    assert_eq!(tree.remove(0), "internal [fetch] depth=2");
    tree.sort();
    assert_eq!(
        tree,
        [
            "    internal [fetch] depth=0",
            "    internal [leaf]",
            "  internal [fetch] depth=1",
            "  internal [leaf]",
        ]
    );
    assert_eq!(captured.chunks().len(), 1);
}

#[test]
fn native_spans_mix_with_those_of_tracing() {
    let captured = traced(|native| {
        let _root = native.trace("native root");
        let span = info_span!("tracing");
        span.in_scope(|| {
            native.current_span().unwrap().set_tag("seen", true);
            let _child = native.trace("native child");
            info_span!("innermost").in_scope(|| ());
        });
    });
    assert_eq!(
        captured.tree(),
        "native root\n  internal [tracing] seen=true\n    native child\n      internal [innermost]\n"
    );
    assert_eq!(captured.chunks().len(), 1);
}

#[test]
fn native_futures_mix_with_those_of_tracing() {
    use tracehound::FutureExt as _;
    let captured = traced(|native| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            async {
                yield_now().await;
                native.in_span("native child", |_| ());
                async {
                    yield_now().await;
                    leaf().await;
                }
                .in_span(native.span("native future").start())
                .await;
            }
            .instrument(info_span!("instrumented"))
            .await;
        });
    });
    assert_eq!(
        captured.tree(),
        "internal [instrumented]\n  native child\n  native future\n    internal [leaf]\n"
    );
}

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such port")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[instrument(err)]
fn failing() -> Result<u16, Outer> {
    "x".parse().map_err(Outer)
}

#[test]
fn an_error_of_a_function_marks_its_span() {
    let captured = traced(|_| {
        info_span!("caller").in_scope(|| failing().unwrap_err());
    });
    let failed = of(&captured, "failing");
    assert!(failed.is_error);
    assert_eq!(failed.tags["error.message"], "no such port");
    assert_eq!(failed.events.len(), 1);
    assert!(!of(&captured, "caller").is_error);
}

#[test]
fn an_error_as_a_field_describes_the_span() {
    let captured = traced(|_| {
        let error = "x".parse::<u16>().map_err(Outer).unwrap_err();
        info_span!("n").in_scope(|| {
            tracing::error!(error = &error as &dyn Error, "cannot listen");
        });
    });
    let span = of(&captured, "n");
    assert!(span.is_error);
    assert_eq!(span.tags["error.message"], "no such port");
    assert!(span.tags["error.stack"].contains("invalid digit"), "{:?}", span.tags);
}

#[test]
fn a_status_is_set_by_fields() {
    let captured = traced(|_| {
        let failed =
            info_span!("failed", otel.status_code = "ERROR", otel.status_description = "why");
        failed.in_scope(|| ());
        let fine = info_span!("fine", otel.status_code = tracing::field::Empty);
        fine.in_scope(|| {
            tracing::error!("handled");
            fine.record("otel.status_code", "OK");
        });
    });
    let failed = of(&captured, "failed");
    assert!(failed.is_error);
    assert_eq!(failed.tags["error.message"], "why");
    assert!(!of(&captured, "fine").is_error);
}

#[test]
fn log_records_are_events() {
    let captured = traced(|_| {
        info_span!("n").in_scope(|| tracing::info!(tries = 3, "retrying"));
    });
    let event = &of(&captured, "n").events[0];
    let shown = format!("{event:?}");
    assert!(shown.contains("name: \"retrying\""), "{shown}");
    assert!(shown.contains("\"tries\", I64(3)"), "{shown}");
    assert!(shown.contains("\"level\", Text(\"INFO\")"), "{shown}");
}

#[test]
fn a_field_recorded_later_is_a_tag_and_names_come_from_fields() {
    let captured = traced(|_| {
        let span = info_span!("n", otel.name = "GET /users", rows = tracing::field::Empty);
        span.in_scope(|| {
            span.record("rows", 7);
            span.set_attribute("db.system", "redis");
            span.add_event("by hand", vec![KeyValue::new("k", "v")]);
        });
    });
    let span = of(&captured, "GET /users");
    assert_eq!(span.metrics["rows"], 7.0);
    assert_eq!(span.tags["db.system"], "redis");
    assert_eq!(span.events.len(), 1);
    assert_ne!(span.events[0], SpanEvent::new("by hand"), "it has an attribute");
}

#[test]
fn a_remote_parent_set_by_hand_is_followed() {
    let captured = traced(|_| {
        let remote = SpanContext::new(
            77.into(),
            88.into(),
            TraceFlags::NOT_SAMPLED,
            true,
            Default::default(),
        );
        let span = info_span!("n");
        span.set_parent(Context::new().with_remote_span_context(remote)).unwrap();
        span.in_scope(|| info_span!("child").in_scope(|| ()));
    });
    let span = of(&captured, "n");
    assert_eq!((span.trace_id, span.parent_id), (TraceId::new(77).unwrap(), SpanId::new(88)));
    assert_eq!(of(&captured, "child").parent_id, span.span_id);
    assert_eq!(span.priority, Some(SamplingPriority::AUTO_REJECT));
}

#[test]
fn an_otel_context_set_as_the_parent_is_the_live_span() {
    let (native, otel, captured) = common::tracers();
    let traced = traced(|_| {
        let parent = Context::new().with_span(otel.start_with_context("parent", &Context::new()));
        let span = info_span!("n");
        span.set_parent(parent.clone()).unwrap();
        span.in_scope(|| assert!(native.current_span().is_some()));
        drop(span);
    });
    // The parent's tracer has the child, too.
    assert!(traced.spans().is_empty());
    assert_eq!(captured.tree(), "internal [parent]\n  internal [n]\n");
}

#[test]
fn a_span_can_follow_from_another() {
    let captured = traced(|_| {
        let cause = info_span!("cause");
        let effect = info_span!("effect");
        effect.follows_from(cause.id());
        effect.in_scope(|| ());
        cause.in_scope(|| ());
    });
    let cause = of(&captured, "cause");
    let links = of(&captured, "effect").links;
    assert_eq!(links.len(), 1);
    assert_eq!((links[0].trace_id(), Some(links[0].span_id())), (cause.trace_id, cause.span_id));
}

#[test]
fn a_span_that_was_never_entered_is_sent() {
    let captured = traced(|_| drop(info_span!("never entered", k = 1)));
    assert_eq!(captured.tree(), "internal [never entered] k=1\n");
}

#[test]
fn spans_of_another_thread_keep_their_tracing_parent() {
    let captured = traced(|_| {
        let parent = info_span!("parent");
        let _entered = parent.clone().entered();
        tracing::dispatcher::get_default(|dispatch| {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    tracing::dispatcher::with_default(dispatch, || {
                        info_span!(parent: &parent, "child").in_scope(|| ());
                    });
                });
            });
        });
    });
    assert_eq!(captured.tree(), "internal [parent]\n  internal [child]\n");
}

/// `tracing-opentelemetry` may leave OpenTelemetry's context alone; then its parents are tracing's.
#[test]
fn without_context_activation_the_tree_is_the_same() {
    let (native, captured) = tracehound::testing::tracer();
    let otel = TracerProvider::new(native).tracer("");
    let layer = OpenTelemetryLayer::new(otel)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || handle(1));
    assert_eq!(
        captured.tree(),
        "http.server.request [handle] http.request.method=GET user=1\n  \
           internal [load] cached=true user=1\n"
    );
}

// ===== errors, in the terms of error tracking =====

#[derive(Clone, Copy)]
enum How {
    Function(fn()),
    InSpan(fn(&tracing::Span)),
}

#[instrument(err)]
fn displayed() -> Result<u16, Outer> {
    "x".parse().map_err(Outer)
}

#[instrument(err(Debug))]
fn debugged() -> Result<u16, std::num::ParseIntError> {
    "x".parse()
}

fn an_error() -> Outer {
    Outer("x".parse::<u16>().unwrap_err())
}

/// Every way in which a program says that something went wrong, and what is said of the span.
#[test]
fn an_error_is_described_however_it_was_recorded() {
    use How::{Function, InSpan};
    let ways: [(&str, How, &str); 10] = [
        ("err", Function(|| _ = displayed()), "no such port"),
        ("err(Debug)", Function(|| _ = debugged()), "ParseIntError { kind: InvalidDigit }"),
        (
            "a record with an error",
            InSpan(|_| tracing::error!(error = &an_error() as &dyn Error, "cannot listen")),
            "no such port",
        ),
        (
            "a record with an error in words",
            InSpan(|_| tracing::error!(error = %an_error())),
            "no such port",
        ),
        ("a record", InSpan(|_| tracing::error!(port = 80, "cannot listen")), "cannot listen"),
        (
            "two records",
            InSpan(|_| {
                tracing::error!("first");
                tracing::error!("second");
            }),
            "first",
        ),
        (
            "a record, and an exception that says more",
            InSpan(|_| {
                tracing::error!("cannot listen");
                tracing::info!(exception.message = "refused", "details");
            }),
            "refused",
        ),
        (
            "a field with an error",
            InSpan(|span| _ = span.record("error", &an_error() as &dyn Error)),
            "no such port",
        ),
        (
            "a field in words",
            InSpan(|span| _ = span.record("error", "no such port")),
            "no such port",
        ),
        (
            "a field that is displayed",
            InSpan(|span| _ = span.record("error", tracing::field::display(an_error()))),
            "no such port",
        ),
    ];
    for (way, how, message) in ways {
        let captured = traced(|_| match how {
            Function(function) => function(),
            InSpan(work) => {
                let span = info_span!("n", error = tracing::field::Empty);
                span.in_scope(|| work(&span));
            }
        });
        let span = &captured.spans()[0];
        assert!(span.is_error, "{way}: {span:?}");
        let seen = span.tags.get("error.message").map(|text| text.trim_matches('"'));
        assert_eq!(seen, Some(message), "{way}: {span:?}");
    }
}

#[test]
fn a_record_that_is_no_error_describes_none() {
    let captured = traced(|_| {
        info_span!("n").in_scope(|| {
            tracing::warn!("slow");
            tracing::info!(error = false, "fine");
        });
    });
    let span = of(&captured, "n");
    assert!(!span.is_error && !span.tags.contains_key("error.message"), "{span:?}");
}

#[test]
fn a_panic_marks_the_span_it_goes_through() {
    let captured = traced(|_| {
        let work = || info_span!("n").in_scope(|| std::panic::resume_unwind(Box::new("no hook")));
        std::panic::catch_unwind(work).unwrap_err();
        info_span!("next").in_scope(|| ());
    });
    let span = of(&captured, "n");
    assert!(span.is_error);
    assert_eq!(span.tags["error.type"], "panic");
    assert!(!of(&captured, "next").is_error);
}

// ===== a service =====

#[instrument(
    skip_all,
    fields(
        otel.name = "POST /orders",
        otel.kind = "server",
        http.request.method = "POST",
        http.response.status_code = tracing::field::Empty,
    )
)]
async fn order(lamps: u32) -> Result<f64, Outer> {
    let price = price(lamps).await;
    let charged = charge(price).await;
    let status = if charged.is_ok() { 201 } else { 502 };
    tracing::Span::current().record("http.response.status_code", status);
    charged
}

#[instrument]
async fn price(lamps: u32) -> f64 {
    yield_now().await;
    f64::from(lamps) * 40.0
}

#[instrument(
    skip_all,
    err,
    fields(otel.kind = "client", db.system = "postgresql", otel.name = "UPDATE accounts")
)]
async fn charge(price: f64) -> Result<f64, Outer> {
    yield_now().await;
    if price > 100.0 { Err(an_error()) } else { Ok(price) }
}

/// As a server does: a task for each request, on threads between which they move.
#[test]
fn requests_of_a_server_are_what_the_pages_of_datadog_show() {
    let (native, otel, captured) = common::tracers();
    let layer = OpenTelemetryLayer::new(otel).with_location(false).with_threads(false);
    let subscriber = tracing_subscriber::registry()
        .with(layer.with_target(false).with_tracked_inactivity(false));
    let dispatch = tracing::Dispatch::new(subscriber);
    let propagator = TracerProvider::new(native).propagator();
    tracehound_test_support::within(std::time::Duration::from_secs(20), move || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder
            .worker_threads(2)
            .on_thread_start({
                let dispatch = dispatch.clone();
                // For the life of the thread.
                move || std::mem::forget(tracing::dispatcher::set_default(&dispatch))
            })
            .build()
            .unwrap();
        runtime.block_on(async move {
            let requests: Vec<_> = [(1u32, 2u32), (2, 3)]
                .map(|(trace, lamps)| {
                    let headers = std::collections::HashMap::from([
                        ("x-datadog-trace-id".to_owned(), trace.to_string()),
                        ("x-datadog-parent-id".to_owned(), "88".to_owned()),
                        ("x-datadog-sampling-priority".to_owned(), "2".to_owned()),
                        ("x-datadog-origin".to_owned(), "synthetics".to_owned()),
                    ]);
                    let parent = propagator.extract(&headers);
                    tokio::spawn(async move {
                        let span = info_span!("connection", otel.name = "accept");
                        span.set_parent(parent).unwrap();
                        order(lamps).instrument(span).await.is_ok()
                    })
                })
                .into_iter()
                .collect();
            let mut done = Vec::new();
            for request in requests {
                done.push(request.await.unwrap());
            }
            assert_eq!(done, [true, false]);
        });
    });

    assert_eq!(captured.chunks().len(), 2);
    for (trace, is_error) in [(1u128, false), (2, true)] {
        let spans: Vec<_> =
            captured.spans().into_iter().filter(|span| span.trace_id.get() == trace).collect();
        let of = |resource: &str| spans.iter().find(|span| span.resource == resource).unwrap();
        let (accept, order) = (of("accept"), of("POST /orders"));
        let (price, charge) = (of("price"), of("UPDATE accounts"));
        let shown = |span: &CapturedSpan| {
            format!("{} {}", span.name, span.span_type.as_deref().unwrap_or_default())
        };
        assert_eq!(shown(order), "http.server.request web");
        assert_eq!(shown(charge), "postgresql.query sql");
        assert_eq!(shown(price), "internal custom");
        assert_eq!(accept.parent_id, SpanId::new(88));
        assert_eq!(order.parent_id, accept.span_id);
        assert_eq!((price.parent_id, charge.parent_id), (order.span_id, order.span_id));
        assert_eq!(order.tags["http.status_code"], if is_error { "502" } else { "201" });
        assert_eq!(charge.is_error, is_error);
        assert_eq!(charge.tags.contains_key("error.message"), is_error);
        assert!(spans.iter().all(|span| span.priority == Some(SamplingPriority::USER_KEEP)));
    }
}

#[test]
fn headers_are_written_from_the_context_of_a_span_of_tracing() {
    let (native, otel, captured) = common::tracers();
    let propagator = TracerProvider::new(native).propagator();
    let subscriber = tracing_subscriber::registry().with(OpenTelemetryLayer::new(otel));
    tracing::subscriber::with_default(subscriber, || {
        let span = info_span!("client");
        let mut headers = std::collections::HashMap::new();
        propagator.inject_context(&span.context(), &mut headers);
        drop(span);
        let sent = &captured.spans()[0];
        let id = sent.span_id.unwrap().get().to_string();
        assert_eq!(headers["x-datadog-parent-id"], id);
        assert_eq!(headers["x-datadog-sampling-priority"], "1");
    });
}
