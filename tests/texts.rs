//! Every text of the API may be borrowed for as long as the call takes: keys, names, values.

#![allow(clippy::unwrap_used)]

use std::borrow::Cow;
use std::sync::Arc;

use tracehound::config::Environment;
use tracehound::{Baggage, SpanEvent, SpanId, SpanLink, Text, TraceId, Tracer, testing};

/// Calls `make` with texts of each kind that live no longer than the call.
fn with_texts(mut make: impl FnMut(&str)) {
    for text in ["short", "a text that is longer than what is copied in place"] {
        let owned = String::from(text);
        make(&owned);
    }
}

#[test]
fn what_names_a_span_may_be_borrowed() {
    with_texts(|text| {
        let (tracer, captured) = testing::tracer();
        drop(tracer.trace(text));
        drop(tracer.start_span(text));
        tracer.in_span(text, |_| ());
        drop(
            tracer.span(text).service(text).resource(text).span_type(text).tag(text, text).start(),
        );
        let span = tracer.start_span("later");
        span.set_name(text);
        span.set_service(text);
        span.set_resource(text);
        span.set_type(text);
        drop(span);
        let spans = captured.spans();
        assert_eq!(spans.len(), 5);
        assert!(spans.iter().all(|span| span.name == text && span.resource == text));
        for span in &spans[3..] {
            assert_eq!((&*span.service, span.span_type.as_deref()), (text, Some(text)));
        }
        assert_eq!(spans[3].tags[text], text);
    });
}

#[test]
fn keys_may_be_borrowed_as_values_may() {
    with_texts(|key| {
        let (tracer, captured) = testing::tracer();
        let span = tracer.start_span("span");
        span.set_tag(format!("{key}.1").as_str(), key);
        span.set_tags([(format!("{key}.2").as_str(), key)]);
        span.set_metric(format!("{key}.3").as_str(), 3.0);
        span.set_metrics([(format!("{key}.4").as_str(), 4.0)]);
        span.set_struct_bytes(key, vec![0xc0]);
        span.set_baggage_item(key, key);
        span.add_event(SpanEvent::new(key).attribute(key, key));
        let link = SpanLink::new(TraceId::new(1).unwrap(), SpanId::new(2).unwrap());
        let link = link.attribute(key, key).tracestate(key);
        span.add_link(link.clone());
        assert_eq!(span.struct_bytes(key), Some(vec![0xc0]));
        assert_eq!(span.baggage_item(key).as_deref(), Some(key));
        drop(span);
        let span = captured.span("span");
        assert_eq!(span.tags[&format!("{key}.1")], key);
        assert_eq!(span.tags[&format!("{key}.2")], key);
        assert_eq!(span.metrics[&format!("{key}.3")], 3.0);
        assert_eq!(span.metrics[&format!("{key}.4")], 4.0);
        assert_eq!(span.events, [span.events[0].clone().attribute(key, key)]);
        assert_eq!(span.links, [link]);
    });
}

#[test]
fn what_is_not_of_a_span_may_be_borrowed_too() {
    with_texts(|text| {
        let baggage: Baggage = [(text, text)].into_iter().collect();
        assert_eq!(baggage.get(text), Some(text));
        let builder = Tracer::builder()
            .environment(Environment::empty())
            .service(text)
            .env(text)
            .version(text)
            .tag(text, text);
        let tracer = builder.enabled(false).build();
        tracer.set_tags([(text, text)]);
        assert_eq!(tracer.service(), Some(text));
    });
}

#[test]
fn every_type_of_text_is_one() {
    let text = "a text that is longer than what is copied in place";
    let owned = text.to_owned();
    let shared: Arc<str> = text.into();
    let kept = Text::copy(text);
    let (tracer, captured) = testing::tracer();
    let span = tracer.start_span("span");
    span.set_tag("literal", text);
    span.set_tag(&owned, 1);
    span.set_tag(owned.as_str(), 2);
    span.set_tag(owned.clone(), 3);
    span.set_tag(owned.clone().into_boxed_str(), 4);
    span.set_tag(Cow::Borrowed(owned.as_str()), 5);
    span.set_tag(Cow::<str>::Owned(owned.clone()), 6);
    span.set_tag(shared, 7);
    span.set_tag(&kept, 8);
    span.set_tag(kept, 9);
    span.set_tag(text, 10);
    drop(span);
    assert_eq!(captured.span("span").metrics[text], 10.0, "one tag");
}

#[test]
fn a_key_that_was_borrowed_does_not_change_with_what_it_was_borrowed_from() {
    let (tracer, captured) = testing::tracer();
    let span = tracer.start_span("span");
    let mut key = String::with_capacity(64);
    for number in 0..3 {
        key.clear();
        key.push_str("a key that is written again and again: ");
        key.push_str(&number.to_string());
        span.set_tag(key.as_str(), number);
    }
    drop(span);
    let kept = captured.span("span").metrics;
    let keys = (0..3).map(|number| format!("a key that is written again and again: {number}"));
    assert_eq!(kept.into_keys().collect::<Vec<_>>(), keys.collect::<Vec<_>>());
}
