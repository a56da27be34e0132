//! Whatever comes in and whatever the program sets, no header goes out that a strict receiver refuses, or that
//! another one could hide in.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

use std::process::Command;

use http::header::{HeaderName, HeaderValue};
use proptest::prelude::*;
use tracehound::bridge::SpanContextExt as _;
use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound::{
    ActiveContext, Baggage, EnvInjector, SamplingMechanism, SamplingPriority, SpanContext, SpanId,
    TraceId, Tracer,
};

/// Every style there is, legacy baggage included.
fn tracer() -> Tracer {
    let styles = "datadog,tracecontext,b3,b3multi,baggage";
    let variables = [
        ("DD_TRACE_PROPAGATION_STYLE", styles),
        ("DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED", "true"),
    ];
    let builder = Tracer::builder().environment(Environment::from_pairs(variables));
    builder.capture(&Captured::default()).build()
}

/// The rules of `http`, of gRPC's metadata and of HTTP/2 together.
#[track_caller]
fn is_strict(name: &str, value: &str) {
    assert!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name:?}");
    let strict = HeaderValue::from_str(value);
    assert!(strict.is_ok_and(|value| value.to_str().is_ok()), "{name}: {value:?}");
    assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{name}: {value:?}");
    assert_eq!(value, value.trim(), "{name}: HTTP/2 refuses blanks around a value");
    assert!(!value.is_empty(), "{name}");
}

fn check(tracer: &Tracer, context: &ActiveContext) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    tracer.inject_context(context, &mut headers);
    headers.iter().for_each(|(name, value)| is_strict(name, value));

    let mut command = Command::new("true");
    tracer.inject_context(context, &mut EnvInjector::new(&mut command));
    for (name, value) in command.get_envs() {
        let texts = [Some(name), value].map(|text| text.unwrap_or_default().as_encoded_bytes());
        assert!(!texts.concat().contains(&0), "{name:?}: {value:?}");
    }
    headers
}

/// Passed on as it is, and from a span below it, with the program's own words on top.
fn check_all(tracer: &Tracer, context: &SpanContext) {
    check(tracer, &context.into());
    let span = tracer.span("work").child_of(context).start();
    check(tracer, &span.handle().into());
    span.set_baggage_item("user name", "a\r\nb");
    span.keep_trace();
    check(tracer, &span.handle().into());
}

const NAMES: [&str; 15] = [
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
    "x-datadog-tags",
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "ot-baggage-userId",
    "ot-baggage-\u{fc} a",
];

/// What a header may bring: nearly right, with a foreign byte somewhere.
fn values() -> impl Strategy<Value = Vec<u8>> {
    let parts = prop_oneof![
        Just("dd=s:2;o:rum;p:000000000000000a;t.dm:-4;t.usr:u,".to_owned()),
        Just("ot=rv:ef284ace7a91e1;th:8;x:y ;th:zz,".to_owned()),
        Just("_dd.p.usr=u,_dd.p.dm=-4,_dd.p.a= ".to_owned()),
        Just("vendor=1 , a@b=x:y".to_owned()),
        Just("key=value;p=1,other=%0d%0a%00%ff".to_owned()),
        "[ -~]{0,12}",
        "[\\x00-\\x1f\\x7f-\\xff\u{202e}\u{1f600}]{0,2}",
    ];
    let text = prop::collection::vec(parts, 0..4).prop_map(|parts| parts.concat().into_bytes());
    prop_oneof![text, prop::collection::vec(any::<u8>(), 0..24)]
}

proptest! {
    #[test]
    fn what_came_in_goes_out_as_strict_headers(
        named in prop::collection::vec((prop::sample::select(&NAMES[..]), values()), 0..8),
    ) {
        let tracer = tracer();
        let mut headers: Vec<(&str, &[u8])> = vec![
            ("x-datadog-trace-id", b"7"),
            ("x-datadog-parent-id", b"9"),
            ("traceparent", b"00-00000000000000000000000000000007-0000000000000009-01"),
            ("b3", b"0000000000000007-0000000000000009-1"),
        ];
        // Of several the first counts, but for lists.
        headers.extend(named.iter().map(|(name, value)| (*name, &value[..])));
        if let Some(context) = tracer.extract(&headers) {
            check_all(&tracer, &context);
        }
        // The same where nothing good stands before it.
        if let Some(context) = tracer.extract(&headers[4..].to_vec()) {
            check_all(&tracer, &context);
        }
    }

    #[test]
    fn what_the_program_sets_goes_out_as_strict_headers(
        ids in any::<(u128, u64)>(),
        priority: i32,
        mechanism: Option<u8>,
        origin in prop_oneof!["\\PC{0,8}", any::<String>(), "[ -~]{0,8}"],
        tags in prop::collection::vec((prop_oneof!["[a-z.]{1,5}", any::<String>()], any::<String>()), 0..4),
        blanks in prop::collection::vec("[a ]{1,4}", 0..3),
        baggage in prop::collection::vec((any::<String>(), any::<String>()), 0..4),
    ) {
        let tracer = tracer();
        let trace_id = TraceId::new(ids.0.max(1)).unwrap();
        let baggage: Baggage = baggage.into_iter().collect();
        let mut context = SpanContext::new(trace_id, SpanId::new(ids.1))
            .with_priority(SamplingPriority::new(priority))
            .with_origin(origin)
            .with_baggage(baggage);
        if let Some(mechanism) = mechanism {
            context = context.with_mechanism(SamplingMechanism::new(mechanism));
        }
        for (name, value) in tags {
            context = context.with_tag(format!("_dd.p.{name}"), value);
        }
        for (number, value) in blanks.into_iter().enumerate() {
            context = context.with_tag(format!("_dd.p.blank{number}"), value);
        }
        check_all(&tracer, &context);
        check_all(&tracer, &context.in_this_process());
    }
}

/// What becomes of one value, in each header that carries it.
#[test]
fn a_value_that_cannot_be_carried_is_left_out() {
    let tracer = tracer();
    for (origin, sent) in [
        (&b"rum"[..], Some("rum")),
        (b" rum ", Some("rum")),
        ("r\u{fc}m".as_bytes(), None),
        ("\u{202e}rum".as_bytes(), None),
        ("rum\u{1f600}".as_bytes(), None),
        (b"r\xfcm", None),
        (b"rum\tx", None),
        (b"rum\r\nx-evil: 1", None),
        (b"rum\x7f", None),
    ] {
        let headers: [(&str, &[u8]); 3] = [
            ("x-datadog-trace-id", b"7"),
            ("x-datadog-parent-id", b"9"),
            ("x-datadog-origin", origin),
        ];
        let context = tracer.extract(&headers).unwrap();
        assert_eq!(context.trace_id(), TraceId::new(7), "the trace goes on");
        assert_eq!(context.origin().map(str::trim), sent, "{origin:?}");
        let headers = check(&tracer, &context.into());
        let header = |name: &str| headers.iter().find(|(key, _)| key == name);
        assert_eq!(header("x-datadog-origin").map(|(_, value)| value.as_str()), sent, "{origin:?}");
        let tracestate = header("tracestate").map_or("", |(_, value)| value);
        assert_eq!(tracestate.contains("o:"), sent.is_some(), "{tracestate}");
    }
}

#[test]
fn names_of_baggage_that_are_no_names_of_headers_travel_as_baggage_only() {
    let tracer = tracer();
    let names = [
        "userId",
        "a!#$%&'*+-.^_`|~9",
        "a b",
        "a:b",
        "a(b",
        "a\r\nx-evil",
        "\u{fc}",
        "a=b",
        "a\"b",
    ];
    let baggage: Baggage = names.iter().map(|name| (*name, "1")).collect();
    let headers = check(&tracer, &SpanContext::baggage_only(baggage.clone()).into());
    let legacy: Vec<_> =
        headers.iter().filter_map(|(name, _)| name.strip_prefix("ot-baggage-")).collect();
    assert_eq!(legacy, &names[..2]);
    let back = tracer.extract(&headers).unwrap();
    assert_eq!(back.baggage(), Some(&baggage), "percent-encoded");
}
