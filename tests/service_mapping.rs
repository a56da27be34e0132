//! `DD_SERVICE_MAPPING` holds for every service, the configured one included, whichever way it came to be; what is
//! top-level, the base service and the source follow from the name that is sent.

#![cfg(all(feature = "agent", unix))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
use tracehound::bridge::Identity;
use tracehound::bridge::TracerExt as _;
use tracehound::config::Environment;
use tracehound::{SpanContext, SpanId, TraceId, Tracer, TracerBuilder};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Span, within};

use common::{LIMIT, Said};

const MAPPING: &str = "shop:store,grpc.client:store,db:store-db,back:shop";
const SOURCE: &str = "opt.service_mapping";

/// What a span says of its service: its name, whether it is top-level, the base service and the source.
type Told<'a> = (&'a str, bool, Option<&'a str>, Option<&'a str>);

fn told(span: &Span) -> Told<'_> {
    let top_level = span.metric("_dd.top_level") == Some(1.0);
    (&span.service, top_level, span.meta("_dd.base_service"), span.meta("_dd.svc_src"))
}

/// The spans that a tracer sends which has the mapping and these variables.
fn sent(
    variables: &[(&str, &str)],
    build: impl FnOnce(TracerBuilder) -> TracerBuilder,
    trace: impl FnOnce(&Tracer),
) -> Vec<Span> {
    let agent = FaultAgent::start(scripts::healthy);
    let said = Said::default();
    let pairs = variables.iter().copied().chain([("DD_SERVICE_MAPPING", MAPPING)]);
    let builder = Tracer::builder()
        .environment(Environment::from_pairs(pairs))
        .agent_url(agent.url())
        .log(said.listener());
    let tracer = build(builder).build();
    trace(&tracer);
    tracer.shutdown(LIMIT).unwrap();
    agent.spans()
}

fn of<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|span| span.name == name || span.resource == name).unwrap()
}

#[test]
fn the_configured_service_is_mapped_whoever_named_it() {
    within(LIMIT, || {
        let as_it_is: fn(TracerBuilder) -> TracerBuilder = |builder| builder;
        for (variables, build) in [
            (&[("DD_SERVICE", "shop")][..], as_it_is),
            (&[("DD_TAGS", "service:shop")], as_it_is),
            (&[("OTEL_SERVICE_NAME", "shop")], as_it_is),
            (&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=shop")], as_it_is),
            (&[("K_SERVICE", "shop")], as_it_is),
            (&[], |builder| builder.service("shop")),
        ] {
            let spans = sent(variables, build, |tracer| tracer.in_span("root", |_| ()));
            let expected = ("store", true, Some("shop"), Some(SOURCE));
            assert_eq!(told(&spans[0]), expected, "{variables:?}");
        }
    });
}

#[test]
fn what_follows_from_the_service_follows_from_the_mapped_one() {
    within(LIMIT, || {
        let build = |builder: TracerBuilder| builder.service("shop").version("1.4.2");
        let spans = sent(&[], build, |tracer| {
            let root = tracer.trace("root");
            tracer.in_span("child", |_| ());
            tracer.span("mapped to the same").service("grpc.client").in_scope(|_| ());
            tracer.span("named as mapped").service("store").in_scope(|_| ());
            tracer.in_span("by setter", |span| span.set_service("db"));
            tracer.in_span("by tag", |span| span.set_tag("service.name", "db"));
            tracer.in_span("empty", |span| span.set_service(""));
            tracer.in_span("configured name", |span| span.set_service("shop"));
            tracer.span("other").service("cart").in_scope(|_| {
                tracer.in_span("below the other", |_| ());
                tracer.span("back again").service("shop").in_scope(|_| ());
            });
            tracer.span("mapped to the configured").service("back").in_scope(|_| ());
            assert_eq!(root.service().as_deref(), Some("store"));
        });
        let (base, mapped) = (Some("shop"), Some(SOURCE));
        for (name, expected) in [
            ("root", ("store", true, base, mapped)),
            ("child", ("store", false, base, mapped)),
            ("mapped to the same", ("store", false, base, mapped)),
            ("named as mapped", ("store", false, base, mapped)),
            ("by setter", ("store-db", true, base, mapped)),
            ("by tag", ("store-db", true, base, mapped)),
            ("empty", ("store", false, base, mapped)),
            ("configured name", ("store", false, base, mapped)),
            ("other", ("cart", true, base, Some("m"))),
            ("below the other", ("cart", false, base, Some("m"))),
            ("back again", ("store", true, base, mapped)),
            ("mapped to the configured", ("shop", true, None, None)),
        ] {
            let span = of(&spans, name);
            assert_eq!(told(span), expected, "{name}");
            // The version is that of the configured service alone.
            let version = (span.service == "shop").then_some("1.4.2");
            assert_eq!(span.meta("version"), version, "{name}");
        }
    });
}

#[test]
fn the_other_apis_are_mapped_alike() {
    within(LIMIT, || {
        let spans = sent(
            &[],
            |builder| builder.service("shop"),
            |tracer| {
                let provider = tracehound_opentelemetry::TracerProvider::new(tracer.clone());
                let otel = provider.tracer("");
                drop(otel.start("otel"));
                let named = otel.span_builder("otel at start");
                drop(named.with_attributes([KeyValue::new("service.name", "db")]).start(&otel));
                let mut later = otel.start("otel later");
                later.set_attribute(KeyValue::new("service.name", "db"));
                drop(later);

                let opentracing = tracehound_opentracing::Tracer::new(tracer.clone());
                opentracing.in_span("opentracing", |_| ());
                opentracing.in_span("opentracing by tag", |span| {
                    span.set_tag("service.name", "db");
                });
                opentracing.with_service("grpc.client").in_span("opentracing service", |_| ());

                let identity = Identity { service: Some("db".into()), ..Identity::default() };
                tracer.with_identity(identity).in_span("identity", |_| ());

                let context = SpanContext::new(TraceId::new(7).unwrap(), None);
                let mut chunk = tracer.chunk(context).unwrap();
                let now = std::time::SystemTime::now();
                chunk.span(SpanId::new(1).unwrap(), now, now).set_name("recorded");
                let mut child = chunk.span(SpanId::new(2).unwrap(), now, now);
                child.set_name("recorded child");
                child.set_parent(SpanId::new(1).unwrap());
                child.set_service("grpc.client");
                chunk.submit();
            },
        );
        let base = Some("shop");
        for (name, expected) in [
            ("otel", ("store", true, base, Some(SOURCE))),
            ("otel at start", ("store-db", true, base, Some(SOURCE))),
            ("otel later", ("store-db", true, base, Some(SOURCE))),
            ("opentracing", ("store", true, base, Some(SOURCE))),
            ("opentracing by tag", ("store-db", true, base, Some(SOURCE))),
            ("opentracing service", ("store", true, base, Some(SOURCE))),
            ("identity", ("store-db", true, Some("db"), Some(SOURCE))),
            ("recorded", ("store", true, base, Some(SOURCE))),
            ("recorded child", ("store", false, base, Some(SOURCE))),
        ] {
            assert_eq!(told(of(&spans, name)), expected, "{name}");
        }
    });
}

#[test]
fn rules_and_the_agents_rates_are_for_the_mapped_service() {
    within(LIMIT, || {
        let rules = r#"[{"service": "store", "sample_rate": 0}]"#;
        let build = |builder: TracerBuilder| builder.service("shop");
        let spans = sent(&[("DD_TRACE_SAMPLING_RULES", rules)], build, |tracer| {
            tracer.in_span("a", |_| ())
        });
        assert_eq!(spans[0].metric("_sampling_priority_v1"), Some(-1.0));
    });
}
