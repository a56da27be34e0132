//! What all targets share: headers cut out of the input, and what must hold for any of them.

#![allow(dead_code, reason = "each target uses a part of it")]

use std::cell::RefCell;

use http::header::{HeaderName, HeaderValue};
use tracehound::config::{Config, Environment, Style};
use tracehound::{HttpPropagator, SpanContext, TraceId};

thread_local! {
    static PROPAGATOR: RefCell<Option<HttpPropagator>> = const { RefCell::new(None) };
}

/// Runs with the propagator of this target, which is built once.
pub fn with_styles(styles: &[Style], run: impl FnOnce(&HttpPropagator)) {
    PROPAGATOR.with_borrow_mut(|propagator| {
        run(propagator.get_or_insert_with(|| {
            let config = Config::builder().environment(Environment::empty());
            HttpPropagator::new(&config.propagation_styles(styles.iter().copied()).build())
        }));
    });
}

/// One header for each line of the input, for as many names as there are.
pub fn lines<'a>(names: &[&'static str], data: &'a [u8]) -> Vec<(&'static str, &'a [u8])> {
    names.iter().copied().zip(data.split(|byte| *byte == b'\n')).collect()
}

/// Reads; then what is sent must be understood, keep the ids, be sendable over HTTP, and come to rest.
pub fn check(propagator: &HttpPropagator, headers: &[(&str, &[u8])]) {
    let Some(context) = propagator.extract(&headers) else { return };
    let Some(once) = hop(propagator, &context) else {
        // Only Datadog's headers can say that there is no span.
        let ids = context.trace_id().zip(context.span_id());
        assert!(ids.is_none(), "a trace was lost: {context:?}");
        return;
    };
    if once.trace_id() != context.trace_id() {
        // `x-datadog-tags`, which carries the high half, is omitted whole where the tags are too long for it.
        assert_eq!(once.trace_id().map(TraceId::low), context.trace_id().map(TraceId::low));
        let tags = context.tags().map(|(name, value)| name.len() + value.len() + 2).sum::<usize>();
        assert!(
            tags + "_dd.p.dm=-255,_dd.p.tid=".len() + 16 > 512,
            "half an id was lost: {context:?}"
        );
        return;
    }
    assert_eq!(once.span_id(), context.span_id());
    // More than 512 bytes of other vendors may come in; cut down to 32 members they may be fewer, and then are
    // cut down to what fits into 512 bytes beside ours.
    let Some(twice) = hop(propagator, &once) else { panic!("nothing was sent of {once:?}") };
    assert_eq!(hop(propagator, &twice).as_ref(), Some(&twice));
    if twice.vendor_tracestate() == once.vendor_tracestate() {
        assert_eq!(twice, once);
    }
}

/// What the strictest receivers take: `http`'s rules for names and visible values, and HTTP/2's for blanks.
pub fn assert_strict(name: &str, value: &str) {
    assert!(HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name:?}");
    let visible = HeaderValue::from_str(value).is_ok_and(|value| value.to_str().is_ok());
    assert!(visible && !value.contains('\t') && value.trim() == value, "{name}: {value:?}");
}

fn hop(propagator: &HttpPropagator, context: &SpanContext) -> Option<SpanContext> {
    let mut headers = Vec::<(String, String)>::new();
    propagator.inject_context(context, &mut headers);
    for (name, value) in &headers {
        assert_strict(name, value);
        let limit = match name.as_str() {
            "x-datadog-tags" => 512,
            "baggage" => 8192,
            _ => usize::MAX,
        };
        assert!(value.len() <= limit, "{name}: {} bytes", value.len());
    }
    propagator.extract(&headers)
}
