//! A trace of both APIs, as Datadog's own test agent receives it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags, Tracer as _,
    TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use tracehound::config::Environment;
use tracehound_opentelemetry::{TracerProvider, share_context};
use tracehound_test_support::span::tree;
use tracehound_test_support::{Span, TestAgent};

const LIMIT: Duration = Duration::from_secs(60);

fn tracer(agent: &TestAgent) -> tracehound::Tracer {
    assert!(share_context());
    tracehound::Tracer::builder()
        .environment(Environment::empty())
        .agent_url(agent.url())
        .service("shop")
        .env("test")
        .version("1.0")
        .build()
}

#[test]
fn a_trace_of_both_apis_arrives_as_one() {
    let agent = TestAgent::start();
    let native = tracer(&agent);
    let provider = TracerProvider::new(native.clone());
    let otel = provider.tracer("shop");

    let server = otel
        .span_builder("GET /cart")
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.response.status_code", 503),
        ])
        .start(&otel);
    let cx = Context::current_with_span(server);
    {
        let _active = cx.clone().attach();
        native.in_span("cart.load", |span| {
            span.set_tag("cart.items", 3);
            let linked = SpanContext::new(
                (7u128 << 64).into(),
                8.into(),
                TraceFlags::SAMPLED,
                true,
                Default::default(),
            );
            let query = otel
                .span_builder("SELECT")
                .with_kind(SpanKind::Client)
                .with_attributes([
                    KeyValue::new("db.system", "postgresql"),
                    KeyValue::new("service.name", "shop-db"),
                ])
                .with_links(vec![Link::with_context(linked)])
                .with_events(vec![Event::with_name("connected")]);
            otel.in_span_with_builder(query, |_| {
                let here = native.context();
                let (native, otel) = (native.clone(), otel.clone());
                std::thread::spawn(move || {
                    let _there = native.activate(here);
                    otel.in_span("row", |_| ());
                })
                .join()
                .unwrap();
            });
        });
        cx.span().set_status(Status::error("unavailable"));
    }
    drop(cx);
    provider.force_flush(LIMIT).unwrap();

    let traces = agent.wait_for_spans(4, LIMIT);
    assert_eq!(traces.len(), 1);
    let spans = &traces[0];
    assert_eq!(
        tree(spans),
        "http.server.request  shop | GET /cart | web | error\n  \
           cart.load  shop | cart.load\n    \
             postgresql.query  shop-db | SELECT | sql\n      \
               internal  shop-db | row | custom\n"
    );
    let [server, load, query, row] = &spans[..] else { return assert_eq!(spans.len(), 4) };
    assert_eq!(server.meta("span.kind"), Some("server"));
    assert_eq!(server.meta("http.status_code"), Some("503"));
    assert_eq!(server.meta("error.message"), Some("unavailable"));
    assert_eq!(server.parent_id, 0);
    assert_ne!(server.full_trace_id() >> 64, 0, "the id has 128 bits");
    assert_eq!(load.metric("cart.items"), Some(3.0));
    assert_eq!(query.meta("span.kind"), Some("client"));
    assert_eq!(query.metric("_dd.top_level"), Some(1.0));
    assert_eq!(query.span_links[0].trace_id_high, 7);
    assert_eq!(query.span_links[0].flags, Some(0x8000_0001));
    assert_eq!(events_of(query), ["connected"]);
    assert_eq!(row.meta("span.kind"), Some("internal"));
    agent.assert_no_check_failures();
}

fn events_of(span: &Span) -> Vec<&str> {
    span.span_events.iter().map(|event| event.name.as_str()).collect()
}

#[test]
fn nothing_arrives_of_what_starts_after_the_shutdown() {
    let agent = TestAgent::start();
    let provider = TracerProvider::new(tracer(&agent));
    let otel = provider.tracer("shop");
    drop(otel.start("before"));
    provider.shutdown(LIMIT).unwrap();
    drop(otel.start("after"));
    provider.shutdown(LIMIT).unwrap();
    let spans = agent.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].resource, "before");
    agent.assert_no_check_failures();
}
