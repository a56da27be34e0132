//! Contexts in carriers: the styles of the native propagators, and OpenTracing's baggage.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::collections::{BTreeMap, HashMap};

use opentracing_rs::{ErrorKind, Format, SpanContext, TextMapReader, TextMapWriter};
use tracehound::SamplingPriority;
use tracehound::config::{Config, Environment, Style};
use tracehound::testing::Captured;
use tracehound_opentracing::Tracer;

use common::tracers;

type Headers = BTreeMap<String, String>;

const FORMATS: [Format; 2] = [Format::TextMap, Format::HttpHeaders];

fn with_styles(styles: &[Style]) -> (Tracer, Captured) {
    let captured = Captured::default();
    let config = Config::builder().environment(Environment::empty()).service("test");
    let config = config.propagation_styles(styles.iter().copied());
    let native = tracehound::Tracer::builder().config(config).capture(&captured).build();
    (Tracer::new(native), captured)
}

fn inject(tracer: &Tracer, context: &SpanContext) -> Headers {
    let mut headers = Headers::new();
    tracer.inject(context, Format::HttpHeaders, &mut headers).unwrap();
    headers
}

fn names(headers: &Headers) -> Vec<&str> {
    headers.keys().map(String::as_str).collect()
}

#[test]
fn every_style_carries_the_trace_and_the_decision() {
    let styles: [(Style, &[&str]); 4] = [
        (
            Style::Datadog,
            &[
                "x-datadog-parent-id",
                "x-datadog-sampling-priority",
                "x-datadog-tags",
                "x-datadog-trace-id",
            ],
        ),
        (Style::TraceContext, &["traceparent", "tracestate"]),
        (Style::B3Single, &["b3"]),
        (Style::B3Multi, &["x-b3-sampled", "x-b3-spanid", "x-b3-traceid"]),
    ];
    for (style, expected) in styles {
        for format in FORMATS {
            let (tracer, captured) = with_styles(&[style]);
            let client = tracer.start_span("client");
            // Any text in a message, and in HTTP what every receiver takes.
            let user = if format == Format::TextMap { "é 42" } else { "e, 42%" };
            client.set_tag("sampling.priority", 0).set_baggage_item("userId", user);
            let mut carrier = Headers::new();
            tracer.inject(&client.context(), format, &mut carrier).unwrap();
            // Neither name nor value is encoded.
            assert_eq!(carrier["ot-baggage-userId"], user);
            let headers = names(&carrier);
            let own = |name: &&&str| !name.starts_with("ot-baggage-");
            assert_eq!(
                headers.iter().filter(own).collect::<Vec<_>>(),
                expected.iter().collect::<Vec<_>>()
            );
            assert_eq!(headers.len(), expected.len() + 1);

            let caller = tracer.extract(format, &carrier).unwrap().unwrap();
            assert_eq!(caller.trace_id(), client.context().trace_id());
            assert_eq!(caller.span_id(), client.context().span_id());
            assert_eq!(caller.baggage().iter().collect::<Vec<_>>(), [("userId", user)]);
            let server = tracer.build_span("server").child_of(&caller).start();
            assert_eq!(server.baggage_item("userId").as_deref(), Some(user));
            server.finish();
            client.finish();
            let server = captured.span("server");
            assert!(server.is_local_root);
            assert!(!server.priority.unwrap().is_keep(), "{style:?}");
        }
    }
}

#[test]
fn the_decision_is_that_of_the_span() {
    let (tracer, _, captured) = tracers();
    captured.decide(SamplingPriority::AUTO_REJECT, tracehound::SamplingMechanism::AGENT_RATE);
    let span = tracer.start_span("client");
    let early = span.context();
    span.set_tag("manual.keep", true);
    assert_eq!(inject(&tracer, &early)["x-datadog-sampling-priority"], "2");
}

#[test]
fn a_context_that_came_in_goes_on_as_it_is() {
    let (tracer, _, _) = tracers();
    let incoming: Headers = [
        ("traceparent", "00-640cfd8d00000000abcdef0123456789-00000000000004d2-01"),
        ("tracestate", "dd=s:2;o:synthetics;t.usr.id:42,other=1"),
        ("ot-baggage-tenant", "acme"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let caller = tracer.extract(Format::HttpHeaders, &incoming).unwrap().unwrap();
    let outgoing = inject(&tracer, &caller);
    assert_eq!(outgoing["tracestate"], "dd=s:2;o:synthetics;t.usr.id:42,other=1");
    assert_eq!(outgoing["x-datadog-parent-id"], "1234");
    assert_eq!(outgoing["x-datadog-origin"], "synthetics");
    assert_eq!(outgoing["ot-baggage-tenant"], "acme");
}

#[test]
fn extracting_has_no_side_effect() {
    let (tracer, native, captured) = tracers();
    let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "8")];
    assert!(tracer.extract(Format::TextMap, &headers).unwrap().is_some());
    assert!(native.context().is_empty() && tracer.active_span().is_none());
    tracer.start_span("unrelated").finish();
    assert_ne!(captured.span("unrelated").trace_id.get(), 7);
}

#[test]
fn baggage_alone_begins_a_trace_that_has_it() {
    let (tracer, _, captured) = tracers();
    let headers = [("OT-Baggage-Tenant", "acme"), ("accept", "*/*")];
    let caller = tracer.extract(Format::HttpHeaders, &headers).unwrap().unwrap();
    assert_eq!((caller.trace_id(), caller.span_id()), (None, None));
    assert_eq!(caller.baggage().get("Tenant"), Some("acme"), "in the case in which it came");
    assert_eq!(names(&inject(&tracer, &caller)), ["baggage", "ot-baggage-Tenant"]);
    let span = tracer.build_span("root").child_of(caller).start();
    assert_eq!(span.baggage_item("Tenant").as_deref(), Some("acme"));
    span.finish();
    assert_eq!(captured.span("root").parent_id, None);
}

#[test]
fn headers_that_are_malformed_count_as_missing() {
    let (tracer, _, captured) = tracers();
    let malformed: [&[(&str, &str)]; 6] = [
        &[("x-datadog-trace-id", "x"), ("x-datadog-parent-id", "8")],
        &[("x-datadog-trace-id", "0"), ("x-datadog-parent-id", "0")],
        &[("x-datadog-trace-id", "99999999999999999999999999")],
        &[("traceparent", "00-zz-zz-00")],
        &[("traceparent", "")],
        &[("ot-baggage-", "nameless"), ("ot-baggage", "1")],
    ];
    for headers in malformed {
        for format in FORMATS {
            let read = tracer.extract(format, &headers);
            assert!(matches!(read, Ok(None)), "{headers:?}: {read:?}");
            tracer.build_span("next").child_of(read.unwrap()).start().finish();
        }
    }
    assert!(captured.spans().iter().all(|span| span.parent_id.is_none()));
}

#[test]
fn what_could_forge_a_header_does_not_get_into_http() {
    let (tracer, _, _) = tracers();
    let span = tracer.start_span("client").finish_on_drop();
    span.set_baggage_item("a", "1\r\nx-admin: 1").set_baggage_item("b c", "2");
    span.set_baggage_item("ok", "3");
    let headers = inject(&tracer, &span.context());
    let own: Vec<_> = headers.keys().filter(|name| name.starts_with("ot-")).collect();
    assert_eq!(own, ["ot-baggage-ok"]);
    assert_eq!(headers["baggage"], "a=1%0D%0Ax-admin:%201,b%20c=2,ok=3", "W3C's are encoded");
    let mut text = Headers::new();
    tracer.inject(&span.context(), Format::TextMap, &mut text).unwrap();
    assert_eq!(text["ot-baggage-a"], "1\r\nx-admin: 1");
    assert_eq!(text["ot-baggage-b c"], "2");
}

#[test]
fn nothing_travels_where_propagation_is_off() {
    let (tracer, _) = with_styles(&[]);
    let span = tracer.start_span("client").finish_on_drop();
    span.set_baggage_item("a", "1");
    assert!(inject(&tracer, &span.context()).is_empty());
    let headers = [("x-datadog-trace-id", "7"), ("ot-baggage-a", "1")];
    assert!(tracer.extract(Format::TextMap, &headers).unwrap().is_none());
}

#[test]
fn http_headers_are_a_carrier() {
    let (tracer, _, _) = tracers();
    let span = tracer.start_span("client").finish_on_drop();
    span.set_baggage_item("tenant", "acme");
    let mut headers = http::HeaderMap::new();
    headers.insert("traceparent", http::HeaderValue::from_static("old"));
    tracer.inject(&span.context(), Format::HttpHeaders, &mut headers).unwrap();
    let read = tracer.extract(Format::HttpHeaders, &headers).unwrap().unwrap();
    assert_eq!(read.span_id(), span.context().span_id());
    assert_eq!(read.baggage().get("tenant"), Some("acme"));
}

#[test]
fn formats_and_carriers_that_cannot_be_used_are_errors_and_nothing_is_written() {
    struct Message(HashMap<String, String>);
    impl TextMapWriter for Message {
        fn set(&mut self, key: &str, value: &str) {
            self.0.insert(key.to_owned(), value.to_owned());
        }
    }
    impl TextMapReader for Message {
        fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a str)) {
            self.0.iter().for_each(|(key, value)| visit(key, value));
        }
    }
    let (tracer, _, _) = tracers();
    let context = tracer.start_span("client").finish_on_drop().context();
    let kind = |result: Result<(), opentracing_rs::Error>| result.unwrap_err().kind();
    let mut message = Message(HashMap::new());
    let mut bytes: Vec<u8> = Vec::new();

    let unknown = Format::Custom("smoke signals");
    assert_eq!(kind(tracer.inject(&context, unknown, &mut message)), ErrorKind::UnsupportedFormat);
    assert_eq!(kind(tracer.extract(unknown, &message).map(drop)), ErrorKind::UnsupportedFormat);
    let binary = Format::Binary;
    assert_eq!(kind(tracer.inject(&context, binary, &mut bytes)), ErrorKind::UnsupportedFormat);
    assert_eq!(kind(tracer.extract(binary, &bytes).map(drop)), ErrorKind::UnsupportedFormat);
    for format in FORMATS {
        assert_eq!(kind(tracer.inject(&context, format, &mut bytes)), ErrorKind::InvalidCarrier);
        assert_eq!(kind(tracer.extract(format, &bytes).map(drop)), ErrorKind::InvalidCarrier);
    }
    let mock = opentracing_rs::mock::MockTracer::new().tracer();
    let foreign = mock.start_span("foreign").context();
    let written = tracer.inject(&foreign, Format::TextMap, &mut message);
    assert_eq!(kind(written), ErrorKind::ForeignSpanContext);
    assert!(message.0.is_empty() && bytes.is_empty());
    tracer.inject(&context, Format::TextMap, &mut message).unwrap();
    assert!(tracer.extract(Format::TextMap, &message).unwrap().is_some());
}
