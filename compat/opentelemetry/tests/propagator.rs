//! Headers through OpenTelemetry's propagator say what the core knows at that moment.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use opentelemetry::baggage::BaggageExt as _;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{Span as _, TraceContextExt, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use tracehound::testing::{self, Captured};
use tracehound::{SamplingMechanism, SamplingPriority};
use tracehound_opentelemetry::{Propagator, TracerProvider, share_context};

struct Fixture {
    native: tracehound::Tracer,
    captured: Captured,
    otel: tracehound_opentelemetry::Tracer,
    propagator: Propagator,
}

fn fixture() -> Fixture {
    assert!(share_context());
    let (native, captured) = testing::tracer();
    let provider = TracerProvider::new(native.clone());
    let propagator = provider.propagator();
    Fixture { native, captured, otel: provider.tracer("test"), propagator }
}

fn inject(propagator: &Propagator, context: &Context) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    propagator.inject_context(context, &mut headers);
    headers
}

#[test]
fn the_decision_is_the_live_one_and_not_the_one_of_the_start() {
    let Fixture { captured, otel, propagator, .. } = fixture();
    captured.decide(SamplingPriority::USER_REJECT, SamplingMechanism::RULE);
    otel.in_span("client", |cx| {
        assert!(cx.span().span_context().is_sampled(), "not decided yet");
        let headers = inject(&propagator, &cx);
        assert_eq!(headers["x-datadog-sampling-priority"], "-1");
        assert!(headers["traceparent"].ends_with("-00"));
        cx.span().set_attribute(KeyValue::new("manual.keep", true));
        let headers = inject(&propagator, &cx);
        assert_eq!(headers["x-datadog-sampling-priority"], "2");
        assert!(headers["tracestate"].contains("t.dm:-4"), "{}", headers["tracestate"]);
    });
    assert_eq!(captured.span("internal").priority, Some(SamplingPriority::USER_KEEP));
}

#[test]
fn a_server_goes_on_with_what_the_client_sent() {
    let Fixture { native, captured, otel, propagator } = fixture();
    let incoming = HashMap::from([
        ("x-datadog-trace-id".to_owned(), "7".to_owned()),
        ("x-datadog-parent-id".to_owned(), "9".to_owned()),
        ("x-datadog-sampling-priority".to_owned(), "2".to_owned()),
        ("x-datadog-origin".to_owned(), "rum".to_owned()),
        ("x-datadog-tags".to_owned(), "_dd.p.usr=u,_dd.p.dm=-4".to_owned()),
    ]);
    let parent = propagator.extract_with_context(&Context::new(), &incoming);
    assert!(parent.span().span_context().is_remote());
    let span = otel.start_with_context("server", &parent);
    let scope = parent.with_span(span).attach();
    drop(native.trace("below"));
    let outgoing = inject(&propagator, &Context::current());
    drop(scope);

    let (server, below) = (captured.span("internal"), captured.span("below"));
    assert_eq!(server.trace_id.get(), 7);
    assert_eq!(server.parent_id.map(|id| id.get()), Some(9));
    assert_eq!(below.parent_id, server.span_id);
    assert_eq!(outgoing["x-datadog-trace-id"], "7");
    assert_eq!(outgoing["x-datadog-origin"], "rum");
    assert_eq!(outgoing["x-datadog-parent-id"], server.span_id.unwrap().get().to_string());
    assert!(outgoing["x-datadog-tags"].contains("_dd.p.usr=u"));
}

#[test]
fn a_context_that_came_in_is_passed_on_without_a_span() {
    let Fixture { propagator, .. } = fixture();
    let incoming = HashMap::from([(
        "traceparent".to_owned(),
        "00-640cfd8d00000000abcdef0123456789-00000000000004d2-01".to_owned(),
    )]);
    let parent = propagator.extract_with_context(&Context::new(), &incoming);
    let outgoing = inject(&propagator, &parent);
    assert_eq!(outgoing["traceparent"], incoming["traceparent"]);
}

#[test]
fn baggage_is_one_whichever_api_set_it() {
    let Fixture { native, otel, propagator, .. } = fixture();
    let incoming = HashMap::from([
        (
            "traceparent".to_owned(),
            "00-00000000000000000000000000000001-0000000000000002-01".to_owned(),
        ),
        ("baggage".to_owned(), "user=7,region=eu".to_owned()),
    ]);
    let parent = propagator.extract_with_context(&Context::new(), &incoming);
    assert_eq!(parent.baggage().get("user").unwrap().as_str(), "7");
    let mut span = otel.start_with_context("server", &parent);
    let scope = parent.with_baggage([KeyValue::new("user", "8")]).attach();
    let native_span = native.span("below").start();
    // A baggage takes the place of the whole one before it.
    assert_eq!(native_span.baggage_item("region"), None);
    let headers = inject(&propagator, &Context::current());
    assert_eq!(headers["baggage"], "user=8");
    drop(scope);
    span.end();
}

#[test]
fn nothing_active_writes_nothing_and_reads_nothing() {
    let Fixture { propagator, .. } = fixture();
    assert!(inject(&propagator, &Context::new()).is_empty());
    let none = propagator.extract_with_context(&Context::new(), &HashMap::new());
    assert!(!none.has_active_span());
    let fields: Vec<_> = propagator.fields().collect();
    assert!(fields.contains(&"traceparent") && fields.contains(&"x-datadog-trace-id"));
}

/// Headers whose names have to be asked for exactly as they came in.
struct Exact {
    headers: Vec<(&'static str, &'static str)>,
    asked: RefCell<Vec<String>>,
    listed: Cell<bool>,
}

impl Exact {
    fn new(headers: &[(&'static str, &'static str)]) -> Self {
        Exact { headers: headers.to_vec(), asked: RefCell::default(), listed: Cell::default() }
    }
}

impl Extractor for Exact {
    fn get(&self, key: &str) -> Option<&str> {
        self.asked.borrow_mut().push(key.to_owned());
        self.headers.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    fn keys(&self) -> Vec<&str> {
        self.listed.set(true);
        self.headers.iter().map(|(name, _)| *name).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        self.asked.borrow_mut().push(key.to_owned());
        let has_name = |(name, _): &&(&str, &'static str)| *name == key;
        let all: Vec<_> = self.headers.iter().filter(has_name).map(|(_, value)| *value).collect();
        (!all.is_empty()).then_some(all)
    }
}

const TRACEPARENT: &str = "00-00000000000000000000000000000007-0000000000000009-01";

#[test]
fn a_carrier_is_asked_by_name_for_what_the_styles_read() {
    let Fixture { propagator, .. } = fixture();
    let carrier = Exact::new(&[("host", "shop.example"), ("traceparent", TRACEPARENT)]);
    let context = propagator.extract(&carrier);
    assert_eq!(context.span().span_context().trace_id(), 7.into());
    assert!(!carrier.listed.get());
    let asked = carrier.asked.into_inner();
    let fields: Vec<_> = propagator.fields().collect();
    assert_eq!(asked, fields);
}

#[test]
fn a_carrier_that_keeps_the_case_of_its_keys_is_read_all_the_same() {
    let Fixture { propagator, .. } = fixture();
    let carrier = Exact::new(&[("Host", "shop.example"), ("Traceparent", TRACEPARENT)]);
    let context = propagator.extract(&carrier);
    assert_eq!(context.span().span_context().trace_id(), 7.into());
    assert!(!carrier.asked.borrow().contains(&"Host".to_owned()));
}

#[test]
fn repeated_headers_are_seen() {
    let Fixture { propagator, .. } = fixture();
    let traceparent = ("traceparent", TRACEPARENT);
    let twice = Exact::new(&[traceparent, traceparent]);
    assert!(!propagator.extract(&twice).has_active_span());
    let list = Exact::new(&[traceparent, ("tracestate", "a=1"), ("tracestate", "b=2")]);
    let context = propagator.extract(&list);
    assert_eq!(context.span().span_context().trace_state().header(), "dd=s:1;t.dm:-0,a=1,b=2");
}

#[test]
fn a_carrier_is_told_how_many_headers_come() {
    #[derive(Default)]
    struct Counting {
        reserved: Option<usize>,
        set: usize,
    }
    impl Injector for Counting {
        fn set(&mut self, _: &str, _: String) {
            assert!(self.reserved.is_some(), "before the first of them");
            self.set += 1;
        }

        fn reserve(&mut self, additional: usize) {
            self.reserved = Some(additional);
        }
    }
    let Fixture { otel, propagator, .. } = fixture();
    let mut carrier = Counting::default();
    otel.in_span("client", |cx| propagator.inject_context(&cx, &mut carrier));
    assert_eq!(carrier.reserved, Some(carrier.set));
    assert!(carrier.set > 5);
}
