//! Decisions at the start of a trace, through the SDK's own provider.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Span as _, SpanContext, TraceContextExt, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SdkTracer, SdkTracerProvider, SimpleSpanProcessor,
};
use tracehound::SamplingRule;
use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound_opentelemetry::{Propagator, SpanExporter};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Reply, Span, within};

use super::support::{LIMIT, patient, tracer};

/// An agent, an exporter, a provider with the exporter's sampler.
struct Sdk {
    agent: FaultAgent,
    exporter: SpanExporter,
    provider: SdkTracerProvider,
}

impl Sdk {
    fn new(tracer: impl FnOnce(tracehound::TracerBuilder) -> tracehound::TracerBuilder) -> Self {
        let agent = FaultAgent::start(scripts::healthy);
        let exporter = patient(tracer(super::support::tracer().agent_url(agent.url()))).build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(exporter.sampler())
            .with_span_processor(BatchSpanProcessor::builder(exporter.clone()).build())
            .build();
        Sdk { agent, exporter, provider }
    }

    fn tracer(&self) -> SdkTracer {
        self.provider.tracer("test")
    }

    /// What the agent has, the first started first.
    fn sent(&self) -> Vec<Span> {
        self.provider.force_flush().unwrap();
        self.exporter.flush(LIMIT).unwrap();
        let mut spans = self.agent.spans();
        spans.sort_by_key(|span| span.start);
        spans
    }

    fn only(&self) -> Span {
        let mut spans = self.sent();
        assert_eq!(spans.len(), 1);
        spans.remove(0)
    }
}

fn state(context: &SpanContext) -> String {
    context.trace_state().header()
}

fn priority(span: &Span) -> f64 {
    span.metric("_sampling_priority_v1").unwrap()
}

#[test]
fn a_trace_is_kept_by_default_and_its_children_follow() {
    within(LIMIT, || {
        let sdk = Sdk::new(|tracer| tracer);
        let root = sdk.tracer().start("root");
        let context = root.span_context().clone();
        assert!(context.is_sampled() && root.is_recording());
        assert_eq!(state(&context), "dd=s:1;t.dm:-0");
        let cx = Context::new().with_span(root);
        let child = sdk.tracer().start_with_context("child", &cx);
        assert_eq!(state(child.span_context()), "dd=s:1;t.dm:-0");
        drop((child, cx));
        let spans = sdk.sent();
        assert_eq!(spans.len(), 2);
        assert_eq!(priority(&spans[0]), 1.0);
        assert_eq!(spans[0].meta("_dd.p.dm"), Some("-0"));
    });
}

#[test]
fn a_rule_that_drops_leaves_the_span_recorded_and_sent() {
    within(LIMIT, || {
        let rule = SamplingRule::new(0.0).unwrap().resource("GET /ping").tag("http.method", "GET");
        let sdk = Sdk::new(|tracer| tracer.sampling_rule(rule));
        let builder =
            sdk.tracer().span_builder("ping").with_kind(opentelemetry::trace::SpanKind::Server);
        let builder = builder.with_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.route", "/ping"),
        ]);
        let span = builder.start(&sdk.tracer());
        assert!(!span.span_context().is_sampled() && span.is_recording());
        assert_eq!(state(span.span_context()), "dd=s:-1;t.dm:-3");
        drop(span);
        let span = sdk.only();
        assert_eq!(priority(&span), -1.0);
        assert_eq!(span.metric("_dd.rule_psr"), Some(0.0));
    });
}

#[test]
fn a_rate_explains_itself_to_other_samplers_and_to_datadog() {
    within(LIMIT, || {
        let sdk = Sdk::new(|tracer| tracer.sample_rate(1.0).rate_limit(1));
        let first = sdk.tracer().start("first");
        let said = state(first.span_context());
        assert!(said.starts_with("dd=s:2;t.dm:-3,ot=rv:") && said.ends_with(";th:0"), "{said}");
        let second = sdk.tracer().start("second");
        assert_eq!(state(second.span_context()), "dd=s:-1;t.dm:-3", "one trace a second");
        drop(first);
        drop(second);
        let spans = sdk.sent();
        assert_eq!((priority(&spans[0]), priority(&spans[1])), (2.0, -1.0));
        assert_eq!(spans[0].metric("_dd.rule_psr"), Some(1.0));
        assert_eq!(spans[0].metric("_dd.limit_psr"), Some(1.0));
        assert_eq!(spans[1].metric("_dd.limit_psr"), Some(0.5));
        assert_eq!(spans[0].meta("_dd.p.ksr"), Some("1"));
    });
}

#[test]
fn the_agents_answers_are_followed() {
    within(LIMIT, || {
        let sdk = Sdk::new(|tracer| tracer);
        sdk.agent.answer(|request| match &*request.path {
            "/info" => scripts::healthy(request),
            _ => Reply::rates(&[("service:shop,env:", 0.0)]),
        });
        drop(sdk.tracer().start("before"));
        assert_eq!(priority(&sdk.only()), 1.0);
        let span = sdk.tracer().start("after");
        assert_eq!(state(span.span_context()), "dd=s:0;t.dm:-1");
        drop(span);
        let after = sdk.sent().remove(1);
        assert_eq!((priority(&after), after.metric("_dd.agent_psr")), (0.0, Some(0.0)));
    });
}

#[test]
fn the_users_word_at_the_start_counts_for_what_is_below() {
    within(LIMIT, || {
        let sdk = Sdk::new(|tracer| tracer.sample_rate(0.0));
        let root = sdk.tracer().start("root");
        assert!(!root.span_context().is_sampled());
        let cx = Context::new().with_span(root);
        let kept =
            sdk.tracer().span_builder("kept").with_attributes([KeyValue::new("manual.keep", true)]);
        let kept = kept.start_with_context(&sdk.tracer(), &cx);
        assert!(kept.span_context().is_sampled());
        assert_eq!(state(kept.span_context()), "dd=s:2;t.dm:-4");
        let dropped = sdk.tracer().span_builder("drop");
        let dropped = dropped.with_attributes([KeyValue::new("sampling.priority", 0)]);
        let dropped = dropped.start_with_context(&sdk.tracer(), &Context::new());
        assert_eq!(state(dropped.span_context()), "dd=s:0;t.dm:-4");
        drop((kept, cx, dropped));
        let spans = sdk.sent();
        let maker = |name: &str| {
            let trace = spans.iter().find(|span| span.resource == name).unwrap();
            (priority(trace), trace.meta("_dd.p.dm").map(str::to_owned))
        };
        assert_eq!(maker("root"), (2.0, Some("-4".into())));
        assert_eq!(maker("drop"), (0.0, Some("-4".into())));
    });
}

/// Headers in, and what the SDK's span then says.
fn continued(propagator: &Propagator, sdk: &Sdk, headers: &[(&str, &str)]) -> SpanContext {
    let headers: HashMap<String, String> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let parent = propagator.extract_with_context(&Context::new(), &headers);
    sdk.tracer().start_with_context("server", &parent).span_context().clone()
}

#[test]
fn a_parent_decides_whichever_headers_it_came_with() {
    within(LIMIT, || {
        // By itself it would drop everything.
        let sdk = Sdk::new(|tracer| {
            use tracehound::config::Style;
            let styles = [Style::Datadog, Style::TraceContext, Style::B3Multi, Style::B3Single];
            tracer.sample_rate(0.0).propagation_styles(styles)
        });
        let propagator = sdk.exporter.propagator();
        let traceparent = "00-0102030405060708090a0b0c0d0e0f10-00000000000000aa-01";
        for (headers, sampled, said) in [
            (
                &[
                    ("x-datadog-trace-id", "7"),
                    ("x-datadog-parent-id", "9"),
                    ("x-datadog-sampling-priority", "2"),
                    ("x-datadog-origin", "rum"),
                    ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.usr.id=u1"),
                ][..],
                true,
                "dd=s:2;o:rum;t.dm:-4;t.usr.id:u1",
            ),
            (
                &[
                    ("x-datadog-trace-id", "7"),
                    ("x-datadog-parent-id", "9"),
                    ("x-datadog-sampling-priority", "-1"),
                ][..],
                false,
                "dd=s:-1",
            ),
            (
                &[("traceparent", traceparent), ("tracestate", "dd=s:2;t.dm:-4,a=1")][..],
                true,
                "dd=s:2;p:0000000000000000;t.dm:-4,a=1",
            ),
            (&[("b3", "00000000000000070000000000000007-0000000000000009-0")][..], false, "dd=s:0"),
            (
                &[
                    ("x-b3-traceid", "0000000000000007"),
                    ("x-b3-spanid", "0000000000000009"),
                    ("x-b3-sampled", "1"),
                ][..],
                true,
                "dd=s:1",
            ),
            // No decision came in: it is taken here.
            (
                &[("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9")][..],
                false,
                "dd=s:-1;t.dm:-3",
            ),
        ] {
            let context = continued(&propagator, &sdk, headers);
            assert_eq!(context.is_sampled(), sampled, "{headers:?}");
            let parts = |state: &str| {
                let mut parts: Vec<_> = state.split([';', ',']).map(str::to_owned).collect();
                parts.retain(|part| part != "p:0000000000000000");
                parts
            };
            assert_eq!(parts(&state(&context)), parts(said), "{headers:?}");
        }
    });
}

/// A parent that OpenTelemetry's own propagator has read.
#[test]
fn a_parent_of_the_sdks_own_propagator_decides() {
    within(LIMIT, || {
        let sdk = Sdk::new(|tracer| tracer.sample_rate(0.0));
        let headers = HashMap::from([(
            "traceparent".to_owned(),
            "00-0102030405060708090a0b0c0d0e0f10-00000000000000aa-01".to_owned(),
        )]);
        let w3c = opentelemetry_sdk::propagation::TraceContextPropagator::new();
        let parent = w3c.extract_with_context(&Context::new(), &headers);
        drop(sdk.tracer().start_with_context("server", &parent));
        let span = sdk.only();
        assert_eq!((priority(&span), span.meta("_dd.p.dm")), (1.0, None));
        assert_eq!(span.parent_id, 0xaa);
    });
}

/// What the SDK's processors make of a trace that is not kept.
#[test]
fn a_simple_processor_leaves_out_what_is_not_kept() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let exporter = patient(tracer().agent_url(agent.url()).sample_rate(0.0)).build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(exporter.sampler())
            .with_span_processor(SimpleSpanProcessor::new(exporter.clone()))
            .build();
        let otel = provider.tracer("test");
        drop(otel.start("dropped"));
        let builder =
            otel.span_builder("kept").with_attributes([KeyValue::new("manual.keep", true)]);
        drop(builder.start(&otel));
        exporter.flush(LIMIT).unwrap();
        let resources: Vec<_> = agent.spans().into_iter().map(|span| span.resource).collect();
        assert_eq!(resources, ["kept"]);
    });
}

/// A rule that nobody asks is no rule: the user is told.
#[test]
fn rules_without_the_sampler_are_warned_of_once() {
    within(LIMIT, || {
        let warned = |setting: (&'static str, &'static str), ask: bool| {
            let said = Arc::new(Mutex::new(Vec::new()));
            let lines = Arc::clone(&said);
            let captured = Captured::default();
            let tracer = tracehound::Tracer::builder()
                .environment(Environment::from_pairs([setting]))
                .capture(&captured)
                .log(move |_, line: &str| lines.lock().unwrap().push(line.to_owned()));
            let exporter = patient(tracer).build();
            if ask {
                let _ = exporter.sampler();
            }
            for id in 1..=2 {
                super::support::export(&exporter, vec![super::support::span(id, 0)]).unwrap();
                exporter.flush(LIMIT).unwrap();
            }
            tracehound::testing::wait_for_lines();
            let said = said.lock().unwrap();
            said.iter().filter(|line| line.contains("has no effect")).count()
        };
        assert_eq!(warned(("DD_TRACE_SAMPLE_RATE", "0.5"), false), 1);
        assert_eq!(warned(("DD_TRACE_SAMPLE_RATE", "0.5"), true), 0);
        assert_eq!(warned(("DD_ENV", "prod"), false), 0);
        // The SDK follows this one itself.
        assert_eq!(warned(("OTEL_TRACES_SAMPLER", "always_off"), false), 0);
    });
}
