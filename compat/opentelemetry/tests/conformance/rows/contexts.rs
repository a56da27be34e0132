//! What is active, and what starts below it.

use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{
    Span as _, SpanKind, TraceContextExt, Tracer, get_active_span, mark_span_as_active,
};
use opentelemetry::{Context, KeyValue};

use crate::table::{Row, row};
use crate::world::{Notes, PROGRAM};

const SUPPRESSED: &str = "A span that does not exist carries its parent's context: where telemetry is suppressed \
                          or the provider was shut down, the trace goes on below it.";

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row!(closures),
        row!(closures_with_a_builder),
        row!(guards),
        row!(guards_out_of_order),
        row!(the_active_span_is_changed),
        row!(futures),
        row!(threads),
        row!(a_root_inside_of_a_span),
        row!(suppressed).provider_differs(SUPPRESSED, |world| {
            world.set(PROGRAM, "valid", true);
            world.add_plain("below in another context", "new 0", "outer", 1);
        }),
    ]
}

fn closures<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let answer = tracer.in_span("outer", |cx| {
        cx.span().set_attribute(KeyValue::new("n", 1));
        tracer.in_span("inner", |_| tracer.start("innermost").end());
        tracer.in_span_with_context("by hand", &cx, |_| ());
        tracer.start("child").end();
        42
    });
    notes.see("answer", answer);
    notes.see("active", Context::current().has_active_span());
}

fn closures_with_a_builder<T: Tracer>(tracer: &T, _: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let builder = |name: &'static str| {
        tracer
            .span_builder(name)
            .with_kind(SpanKind::Producer)
            .with_attributes([KeyValue::new("n", 1)])
    };
    let kept = tracer.in_span_with_builder(builder("outer"), |cx| {
        tracer.in_span_with_builder(builder("inner"), |_| ());
        cx
    });
    tracer.in_span_with_builder_and_context(builder("by hand"), &kept, |_| ());
}

fn guards<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    {
        let _outer = mark_span_as_active(tracer.start("outer"));
        {
            let inner = Context::current_with_span(tracer.start("inner"));
            let _inner = inner.attach();
            tracer.start("innermost").end();
        }
        tracer.start("after").end();
        notes.see("active inside", Context::current().has_active_span());
    }
    notes.see("active", Context::current().has_active_span());
    tracer.start("outside").end();
}

fn guards_out_of_order<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let outer = mark_span_as_active(tracer.start("outer"));
    let inner = mark_span_as_active(tracer.start("inner"));
    drop(outer);
    tracer.start("below inner").end();
    drop(inner);
    notes.see("active", Context::current().has_active_span());
    tracer.start("outside").end();
}

fn the_active_span_is_changed<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let _active = mark_span_as_active(tracer.start("span"));
    get_active_span(|span| {
        span.set_attribute(KeyValue::new("n", 1));
        span.update_name("renamed");
        notes.see("recording", span.is_recording());
    });
    let cx = Context::current();
    cx.span().add_event("seen", vec![]);
    notes.see("sampled", cx.span().span_context().is_sampled());
}

fn futures<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let cx = Context::current_with_span(tracer.start("request"));
        let work = |name: &'static str| async move {
            tokio::task::yield_now().await;
            tracer.start(name).end();
            tokio::task::yield_now().await;
        };
        let first = work("first").with_context(cx.clone());
        let second = async {
            let _attached = cx.clone().attach();
            work("second").with_current_context().await;
        };
        let (_, _) = tokio::join!(first, second);
        notes.see("active", Context::current().has_active_span());
    });
}

fn threads<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    // Ends on another thread than it began on.
    let cx = Context::current_with_span(tracer.start("span"));
    let active = std::thread::spawn(move || {
        let cx = cx.attach();
        let active = Context::current().has_active_span();
        Context::current().span().set_attribute(KeyValue::new("thread", "another"));
        Context::current().span().end();
        drop(cx);
        active && !Context::current().has_active_span()
    });
    notes.see("active there", active.join().unwrap());
}

fn a_root_inside_of_a_span<T: Tracer>(tracer: &T, _: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    tracer.in_span("outer", |_| {
        tracer.start_with_context("root", &Context::new()).end();
        let without = Context::current().with_value(7u8);
        tracer.start_with_context("child", &without).end();
    });
}

fn suppressed<T: Tracer>(tracer: &T, notes: &mut Notes)
where
    T::Span: Send + Sync + 'static,
{
    let outer = Context::new().with_span(tracer.start_with_context("outer", &Context::new()));
    let quiet = outer.with_telemetry_suppressed();
    let mut unseen = tracer.start_with_context("unseen", &quiet);
    notes.see("recording", unseen.is_recording());
    notes.see("valid", unseen.span_context().is_valid());
    unseen.set_attribute(KeyValue::new("n", 1));
    let cx = quiet.with_span(unseen);
    tracer.start_with_context("unseen below", &cx).end();
    cx.span().end();
    let elsewhere = Context::new().with_remote_span_context(cx.span().span_context().clone());
    tracer.start_with_context("below in another context", &elsewhere).end();
    {
        let _quiet = Context::enter_telemetry_suppressed_scope();
        tracer.in_span("unseen in a scope", |_| ());
    }
    outer.span().end();
}
