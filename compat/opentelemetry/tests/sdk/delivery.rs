//! Whole traces of the SDK, as Datadog's own test agent receives them.

use std::collections::HashSet;
use std::time::Duration;

use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SimpleSpanProcessor,
    TracerProviderBuilder,
};
use tracehound::config::Environment;
use tracehound_opentelemetry::SpanExporter;
use tracehound_test_support::span::tree;
use tracehound_test_support::{TestAgent, within};

use super::support::LIMIT;

fn exporter(agent: &TestAgent) -> SpanExporter {
    let tracer = tracehound::Tracer::builder().environment(Environment::empty());
    SpanExporter::builder().tracer(tracer.agent_url(agent.url())).build()
}

fn provider(exporter: &SpanExporter) -> TracerProviderBuilder {
    let resource = Resource::builder_empty().with_attributes([
        KeyValue::new("service.name", "shop"),
        KeyValue::new("service.version", "1.4"),
        KeyValue::new("deployment.environment.name", "test"),
        KeyValue::new("host.name", "here"),
    ]);
    SdkTracerProvider::builder().with_sampler(exporter.sampler()).with_resource(resource.build())
}

fn checkout(provider: &SdkTracerProvider) {
    let otel = provider.tracer("web");
    let server = otel
        .span_builder("checkout")
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", "/orders"),
        ])
        .start(&otel);
    let cx = Context::new().with_span(server);
    let query = otel
        .span_builder("SELECT orders")
        .with_kind(SpanKind::Client)
        .with_attributes([
            KeyValue::new("db.system", "postgresql"),
            KeyValue::new("db.statement", "SELECT 1"),
            KeyValue::new("service.name", "orders-db"),
        ])
        .start_with_context(&otel, &cx);
    let below = Context::new().with_span(query);
    drop(otel.start_with_context("row", &below));
    below.span().add_event("connected", vec![KeyValue::new("tries", 2)]);
    below.span().end();
    cx.span().set_status(Status::error("unavailable"));
    cx.span().end();
}

fn assert_checkout(agent: &TestAgent) {
    let traces = agent.wait_for_spans(3, LIMIT);
    assert_eq!(traces.len(), 1);
    assert_eq!(
        tree(&traces[0]),
        "http.server.request  shop | POST /orders | web | error\n  \
           postgresql.query  orders-db | SELECT 1 | sql\n    \
             internal  shop | row | custom\n"
    );
    let [server, query, row] = &traces[0][..] else { panic!("{traces:?}") };
    assert_ne!(server.full_trace_id() >> 64, 0);
    assert_eq!(server.meta("error.message"), Some("unavailable"));
    assert_eq!(query.meta("_dd.base_service"), Some("shop"));
    assert_eq!(query.span_events[0].name, "connected");
    for span in [server, query, row] {
        // The resource is on every span, and the version on those of its own service.
        assert_eq!(span.meta("env"), Some("test"));
        assert_eq!(span.meta("host.name"), Some("here"));
        assert_eq!(span.meta("version").is_some(), span.service == "shop");
        assert_eq!(span.meta("otel.scope.name"), Some("web"));
        assert_eq!(span.meta("runtime-id").is_some(), span.span_id == server.span_id);
        assert_eq!(span.metric("_dd.top_level"), Some(1.0));
    }
    agent.assert_no_check_failures();
}

#[test]
fn a_batch_processor_in_one_line() {
    within(LIMIT, || {
        let agent = TestAgent::start();
        let exporter = exporter(&agent);
        let provider = provider(&exporter).with_batch_exporter(exporter.clone()).build();
        checkout(&provider);
        provider.shutdown().unwrap();
        assert_checkout(&agent);
        assert_eq!(exporter.losses().total(), 0);
    });
}

#[test]
fn a_simple_processor_hands_over_the_root_last() {
    within(LIMIT, || {
        let agent = TestAgent::start();
        let exporter = exporter(&agent);
        let provider = provider(&exporter)
            .with_span_processor(SimpleSpanProcessor::new(exporter.clone()))
            .build();
        checkout(&provider);
        exporter.flush(LIMIT).unwrap();
        let chunks: Vec<_> = agent
            .requests()
            .iter()
            .filter(|request| request.path.ends_with("/traces"))
            .map(|request| request.headers.get("X-Datadog-Trace-Count").unwrap().to_owned())
            .collect();
        assert_eq!(chunks, ["1"]);
        assert_checkout(&agent);
    });
}

const TRACES: usize = 1_000;
const THREADS: usize = 4;
const SPANS: usize = 10;

/// Several threads and several batches, which part traces: every span arrives, and once.
#[test]
fn a_burst_arrives_whole_and_once() {
    within(LIMIT, || {
        let agent = TestAgent::start();
        let exporter = exporter(&agent);
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(2 * TRACES * SPANS)
            .with_scheduled_delay(Duration::from_millis(20))
            .build();
        let processor = BatchSpanProcessor::builder(exporter.clone()).with_batch_config(config);
        let provider = provider(&exporter).with_span_processor(processor.build()).build();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let otel = provider.tracer("burst");
                    for _ in 0..TRACES / THREADS {
                        let cx = Context::new().with_span(otel.start("root"));
                        for _ in 1..SPANS {
                            drop(otel.start_with_context("child", &cx));
                        }
                    }
                });
            }
        });
        provider.force_flush().unwrap();
        exporter.flush(LIMIT).unwrap();
        assert_eq!(exporter.losses().total(), 0);
        let traces = agent.wait_for_spans(TRACES * SPANS, LIMIT);
        assert_eq!(traces.len(), TRACES);
        let ids: HashSet<_> = traces.iter().flatten().map(|span| span.span_id).collect();
        assert_eq!(ids.len(), TRACES * SPANS);
        for trace in &traces {
            assert_eq!(trace.len(), SPANS);
            let roots = trace.iter().filter(|span| span.parent_id == 0).count();
            let top = trace.iter().filter(|span| span.metric("_dd.top_level").is_some()).count();
            assert_eq!((roots, top), (1, 1));
        }
        agent.assert_no_check_failures();
    });
}
