//! Which cause becomes the parent, and what becomes of the others.

#![allow(clippy::unwrap_used)]

mod common;

use opentracing_rs::mock::MockTracer;
use opentracing_rs::{Format, Reference, Span, SpanContext};
use tracehound::testing::CapturedSpan;
use tracehound::{SamplingPriority, SpanId, SpanLink, TraceId};

use common::tracers;

/// Which span it is linked to, and by which type of reference.
fn link(span: &Span, kind: &'static str) -> SpanLink {
    let native = tracehound_opentracing::native_span(span).unwrap();
    SpanLink::new(native.trace_id().unwrap(), native.span_id().unwrap())
        .sampled(true)
        .attribute("opentracing.ref_type", kind)
}

fn is_child(child: &CapturedSpan, parent: &Span) -> bool {
    Some(child.parent_id.unwrap().to_string()) == parent.context().span_id()
        && Some(child.trace_id.to_string()) == parent.context().trace_id()
}

#[test]
fn the_parent_is_the_first_cause_and_the_others_are_links() {
    let (tracer, _, captured) = tracers();
    let [a, b] = ["a", "b"].map(|name| tracer.start_span(name));
    let child_of = |span: &Span| Reference::child_of(span);
    let follows = |span: &Span| Reference::follows_from(span);
    let _active = tracer.start_active_span("active");

    let build = |name: &'static str| tracer.build_span(name);
    build("child_of").child_of(&a).start().finish();
    build("child_of and b").child_of(&a).reference(follows(&b)).start().finish();
    build("first").reference(child_of(&a)).reference(child_of(&b)).start().finish();
    build("follower").reference(follows(&a)).start().finish();
    build("follower and b").reference(follows(&a)).reference(child_of(&b)).start().finish();
    build("ignoring").ignore_active_span().reference(child_of(&a)).start().finish();
    a.finish();
    b.finish();

    let expected = [
        ("child_of", vec![]),
        ("child_of and b", vec![link(&b, "follows_from")]),
        ("first", vec![link(&b, "child_of")]),
        // That it does not depend on its parent is not said by being its child.
        ("follower", vec![link(&a, "follows_from")]),
        ("follower and b", vec![link(&a, "follows_from"), link(&b, "child_of")]),
        ("ignoring", vec![]),
    ];
    for (name, links) in expected {
        let span = captured.span(name);
        assert!(is_child(&span, &a), "{name}");
        assert_eq!(span.links, links, "{name}");
    }
}

#[test]
fn without_a_cause_it_is_the_active_span_or_none() {
    let (tracer, native, captured) = tracers();
    tracer.start_span("nothing").finish();
    let active = tracer.start_active_span("active");
    tracer.start_span("child").finish();
    tracer.build_span("empty").child_of(SpanContext::empty()).start().finish();
    tracer.build_span("apart").ignore_active_span().start().finish();
    active.close();
    // What came in and was made active natively counts as well.
    let remote = tracehound::SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(8));
    let scope = native.activate(remote.with_priority(SamplingPriority::AUTO_KEEP));
    assert!(tracer.active_span().is_none());
    tracer.start_span("below remote").finish();
    drop(scope);
    assert_eq!(captured.tree(), "nothing\napart\nactive\n  child\n  empty\nbelow remote\n");
    let below = captured.span("below remote");
    assert_eq!((below.trace_id.get(), below.parent_id), (7, SpanId::new(8)));
}

#[test]
fn contexts_of_another_tracer_are_ignored() {
    let (tracer, _, captured) = tracers();
    let foreign = MockTracer::new().tracer().start_span("foreign");
    let own = tracer.start_span("own");
    tracer.in_span("active", |_| {
        tracer.build_span("a").child_of(&foreign).start().finish();
        let builder = tracer.build_span("b").child_of(&foreign);
        builder.reference(Reference::child_of(&own)).start().finish();
        tracer.build_span("c").child_of(&foreign).ignore_active_span().start().finish();
    });
    own.finish();
    assert_eq!(captured.tree(), "c\nactive\n  a\nown\n  b\n");
    assert!(captured.spans().iter().all(|span| span.links.is_empty()));
}

#[test]
fn a_link_can_be_to_what_came_in() {
    let (tracer, _, captured) = tracers();
    let headers = |sampled: &'static str| {
        [("traceparent", format!("00-000000000000000000000000000000aa-00000000000000bb-{sampled}"))]
    };
    let read = |sampled| tracer.extract(Format::HttpHeaders, &headers(sampled)).unwrap();
    for (name, sampled) in [("kept", "01"), ("dropped", "00")] {
        let parent = tracer.start_span("batch");
        let reference = Reference::follows_from(read(sampled));
        tracer.build_span(name).child_of(&parent).reference(reference).start().finish();
        parent.finish();
        let expected = SpanLink::new(TraceId::new(0xaa).unwrap(), SpanId::new(0xbb).unwrap())
            .sampled(sampled == "01")
            .attribute("opentracing.ref_type", "follows_from");
        assert_eq!(captured.span(name).links, [expected]);
    }
    // One that carries baggage only names no span.
    let baggage = tracer.extract(Format::TextMap, &[("ot-baggage-a", "1")]).unwrap();
    let parent = tracer.start_span("parent");
    let reference = Reference::follows_from(baggage);
    tracer.build_span("unlinked").child_of(&parent).reference(reference).start().finish();
    parent.finish();
    assert!(captured.span("unlinked").links.is_empty());
}

#[test]
fn the_service_is_the_tracers() {
    let (tracer, native, captured) = tracers();
    let (shop, billing) = (tracer.with_service("shop"), tracer.with_service("billing"));
    shop.in_span("order", |order| {
        shop.in_span("price", |_| ());
        billing.in_span("invoice", |_| {
            native.in_span("native inherits", |_| ());
            shop.build_span("db").tag("service.name", "postgres").in_span(|_| ());
            tracer.in_span("plain", |_| ());
        });
        billing.build_span("mail").child_of(order).start().finish();
    });
    assert_eq!(
        captured.tree(),
        "order @shop\n  \
           price @shop\n  \
           invoice @billing\n    \
             native inherits @billing\n    \
             db @postgres\n    \
             plain\n  \
           mail @billing\n"
    );
    assert_eq!((shop.service(), shop.native() == billing.native()), ("shop", true));
}
