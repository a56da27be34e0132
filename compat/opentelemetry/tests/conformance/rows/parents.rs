//! Parents: local, remote, invalid, and what a span context hands on.

use std::collections::HashMap;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry_sdk::propagation::TraceContextPropagator;

use crate::table::{ALL, Row, row};
use crate::world::{Notes, PROGRAM};

const RECORDED: &str = "Every span is recorded and sent, of traces that are not kept, too, with their priority: \
                        statistics and the rules for single spans need them.";
const STATE: &str = "The member `dd` of the trace state says the priority.";
const OWN_STATE: &str = "In a trace that is decided on, below a remote parent for example, every span has a member \
                         `dd` of its own, which names it.";
const LATE: &str = "The sampling decision is late: it is taken when headers are written or the trace ends. From \
                    then on a span context says it, in its flags and in the member `dd` of its trace state.";
const FLAGS: &str = "Of the trace flags only `sampled` is handed on.";
const STRANGER: &str =
    "A parent of this process that no tracer of this crate has started is above a local root.";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row!(a_family),
        row!(remote_and_sampled),
        row!(remote_and_not_sampled).provider_differs(RECORDED, |world| {
            world.set(PROGRAM, "recording", true);
            world.add_plain("child", "0x7", "0x8", 0);
            world.add_plain("grandchild", "0x7", "child", 0);
        }),
        row!(invalid_parents),
        row!(a_parent_that_is_not_a_span)
            .provider_differs(STRANGER, |world| world.set("below", "local root", true)),
        row!(trace_state_of_others).provider_differs(OWN_STATE, |world| {
            world.set(PROGRAM, "state", "dd=p:own;s:1;t.dm:-0,other=1,another=2");
        }),
        row!(trace_state_of_datadog)
            .provider_differs(OWN_STATE, |world| {
                world.set(PROGRAM, "state", "dd=p:own;s:2,other=1");
            })
            .differs(ALL, STATE, |world| {
                world.set("span", "priority", 2);
            }),
        row!(flags_of_others)
            .provider_differs(FLAGS, |world| world.set(PROGRAM, "flags", "TraceFlags(1)")),
        row!(through_headers).provider_differs(OWN_STATE, |world| {
            world.set(PROGRAM, "tracestate", "dd=p:own;s:1;t.dm:-0,other=1");
        }),
        row!(a_span_context_is_one_of_this_process).provider_differs(LATE, |world| {
            world.set(PROGRAM, "the same after the end", false);
        }),
    ]
}

fn remote(trace: u128, span: u64, flags: TraceFlags, state: &str) -> Context {
    let (trace, span) = (TraceId::from(trace), SpanId::from(span));
    let state: TraceState = state.parse().unwrap();
    Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, true, state))
}

fn a_family<T: Tracer>(tracer: &T, _: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let grandmother = Context::new().with_span(tracer.start("grandmother"));
    let mother = tracer.start_with_context("mother", &grandmother);
    let mother = Context::new().with_span(mother);
    tracer.start_with_context("aunt", &grandmother).end();
    tracer.start_with_context("child", &mother).end();
    // Younger than her parent's end.
    grandmother.span().end();
    tracer.start_with_context("late", &grandmother).end();
    mother.span().end();
    tracer.start_with_context("stranger", &Context::new()).end();
}

fn remote_and_sampled<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    below_remote(tracer, notes, TraceFlags::SAMPLED);
}

fn remote_and_not_sampled<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    below_remote(tracer, notes, TraceFlags::NOT_SAMPLED);
}

fn below_remote<T: Tracer>(tracer: &T, notes: &mut Notes, flags: TraceFlags)
where
    T::Span: Send + Sync + 'static,
{
    let child = tracer.start_with_context("child", &remote(7, 8, flags, ""));
    let context = child.span_context();
    notes.see("recording", child.is_recording());
    notes.see("sampled", context.is_sampled());
    notes.see("trace", context.trace_id());
    notes.see("another id", context.span_id() != SpanId::from(8));
    let cx = Context::new().with_span(child);
    tracer.start_with_context("grandchild", &cx).end();
    cx.span().end();
}

fn invalid_parents<T: Tracer>(tracer: &T, notes: &mut Notes) {
    for (name, trace, span) in [("no trace", 0, 8), ("no span", 7, 0), ("neither", 0, 0)] {
        let parent = remote(trace, span, TraceFlags::SAMPLED, "other=1");
        let mut below = tracer.start_with_context(name, &parent);
        notes.see(name, below.span_context().is_valid());
        notes.see(&format!("{name}: trace"), below.span_context().trace_id() == TraceId::from(7));
        below.end();
    }
}

fn a_parent_that_is_not_a_span<T: Tracer>(tracer: &T, _: &mut Notes) {
    let local = SpanContext::new(
        TraceId::from(7),
        SpanId::from(8),
        TraceFlags::SAMPLED,
        false,
        TraceState::NONE,
    );
    let parent = Context::new().with_remote_span_context(local);
    tracer.start_with_context("below", &parent).end();
}

fn state_below<T: Tracer>(tracer: &T, state: &str) -> (String, TraceFlags) {
    let parent = remote(7, 8, TraceFlags::SAMPLED, state);
    let mut span = tracer.start_with_context("span", &parent);
    let id = span.span_context().span_id().to_string();
    let seen = span.span_context().trace_state().header().replace(&id, "own");
    span.end();
    (seen, span.span_context().trace_flags())
}

fn trace_state_of_others<T: Tracer>(tracer: &T, notes: &mut Notes) {
    let (state, flags) = state_below(tracer, "other=1,another=2");
    notes.see("state", state);
    notes.see("flags", format!("{flags:?}"));
}

fn trace_state_of_datadog<T: Tracer>(tracer: &T, notes: &mut Notes) {
    notes.see("state", state_below(tracer, "other=1,dd=s:2").0);
}

fn flags_of_others<T: Tracer>(tracer: &T, notes: &mut Notes) {
    // The second says that the trace id is random.
    let parent = remote(7, 8, TraceFlags::new(0x03), "");
    let mut span = tracer.start_with_context("span", &parent);
    notes.see("flags", format!("{:?}", span.span_context().trace_flags()));
    span.end();
}

/// By OpenTelemetry's own propagator, in and out.
fn through_headers<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let w3c = TraceContextPropagator::new();
    let traceparent = "00-00000000000000000000000000000007-0000000000000008-01";
    let headers = [("traceparent", traceparent), ("tracestate", "other=1")];
    let headers: HashMap<_, _> =
        headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let parent = w3c.extract(&headers);
    let cx = parent.with_span(tracer.start_with_context("span", &parent));
    let mut written = HashMap::new();
    w3c.inject_context(&cx, &mut written);
    let id = cx.span().span_context().span_id().to_string();
    for name in ["traceparent", "tracestate"] {
        notes.see(name, written[name].replace(&id, "own"));
    }
    cx.span().end();
}

fn a_span_context_is_one_of_this_process<T: Tracer>(tracer: &T, notes: &mut Notes) {
    let mut span = tracer.start_with_context("span", &remote(7, 8, TraceFlags::SAMPLED, ""));
    notes.see("remote", span.span_context().is_remote());
    span.end();
    let mut root = tracer.start_with_context("root", &Context::new());
    notes.see("valid", root.span_context().is_valid());
    notes.see("remote root", root.span_context().is_remote());
    notes.see("sampled", root.span_context().is_sampled());
    notes.see("state", root.span_context().trace_state().header());
    let before = root.span_context().clone();
    root.end();
    notes.see("the same after the end", *root.span_context() == before);
}
