//! What the handles are: small, for any thread, and usable beyond a panic.

use std::panic::{RefUnwindSafe, UnwindSafe};

use opentracing_rs::mock::MockTracer;
use opentracing_rs::{
    Baggage, Error, FinishGuard, FutureExt, OwnedValue, Reference, Span, SpanContext, Tracer,
};

fn any_thread<T: Send + Sync + Unpin>() {}
fn beyond_a_panic<T: UnwindSafe + RefUnwindSafe>() {}

#[test]
fn handles_go_anywhere() {
    any_thread::<Tracer>();
    any_thread::<Span>();
    any_thread::<SpanContext>();
    any_thread::<FinishGuard>();
    any_thread::<Baggage>();
    any_thread::<OwnedValue>();
    any_thread::<Error>();
    beyond_a_panic::<Tracer>();
    beyond_a_panic::<Span>();
    beyond_a_panic::<SpanContext>();
    beyond_a_panic::<FinishGuard>();
}

#[test]
fn a_future_in_a_span_goes_where_the_future_goes() {
    fn is_send(_: impl Send) {}
    is_send(async {}.in_span(Span::noop()));
    is_send(async {}.with_active_span(Span::noop()));
}

#[test]
fn a_handle_knows_what_it_holds() {
    let mock = MockTracer::new();
    let tracer = mock.tracer();
    assert!(tracer.downcast_ref::<MockTracer>().is_some() && !tracer.is_noop());
    assert!(Tracer::noop().downcast_ref::<MockTracer>().is_none());
    let span = tracer.start_span("one");
    assert!(span.tracer().downcast_ref::<MockTracer>().is_some());
    span.finish();
}

#[test]
fn a_guard_is_a_parent_as_its_span_is() {
    let mock = MockTracer::new();
    let tracer = mock.tracer();
    let scope = tracer.start_active_span("scope");
    let guard = tracer.build_span("guard").child_of(&scope).start().finish_on_drop();
    let builder = tracer.build_span("leaf").child_of(&guard);
    builder.reference(Reference::follows_from(&scope)).start().finish();
    drop((guard, scope));
    let parents: Vec<_> = mock.finished_spans().iter().map(|span| span.parent_id).collect();
    assert_eq!(parents, [Some(2), Some(1), None]);
}

#[test]
fn a_scope_of_the_noop_tracer_finishes_its_span_if_it_is_to() {
    let mock = MockTracer::new();
    let span = mock.tracer().start_span("one");
    Tracer::noop().scope_manager().activate(&span, false).close();
    assert_eq!(mock.open_spans().len(), 1);
    Tracer::noop().scope_manager().activate(&span, true).close();
    assert!(mock.open_spans().is_empty() && mock.misuses().is_empty());
}

#[test]
fn the_noop_tracer_allocates_nothing() {
    let tracer = Tracer::noop();
    let parent = tracer.start_span("parent");
    let used = allocation_counter::measure(|| {
        let span = tracer.build_span("one").tag("key", "value").child_of(&parent).start_active();
        span.set_tag("count", 3).log(&[("event", "one".into())]).set_baggage_item("a", "b");
        span.log_error(&std::fmt::Error);
        drop(span);
        tracer.in_span("two", |span| span.activate().close());
        drop(tracer.start_span("three").finish_on_drop());
    });
    assert_eq!(used.count_total, 0);
}
