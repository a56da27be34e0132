//! What is active, and what each API says of it.

use opentelemetry::trace::{TraceContextExt as _, get_active_span, mark_span_as_active};
use opentelemetry::{Context, ContextGuard};
use tracehound::ActiveScope;

use super::{Api, PAIRS, Started, Tracers, active, id, otel_context};

#[test]
fn both_see_the_same_span_and_the_same_root() {
    for (outer, inner) in PAIRS {
        let tracers = Tracers::new();
        let native = &tracers.native;
        let seen = || native.current_span().map(|span| id(&span));
        let root = || native.current_root_span().map(|span| id(&span));
        assert_eq!((active(), seen(), root()), (None, None, None));
        tracers.inside(outer, "outer", || {
            let top = active();
            assert_eq!((seen(), root()), (top, top), "{outer:?}");
            tracers.inside(inner, "inner", || {
                assert_ne!(active(), top);
                assert_eq!((seen(), root()), (active(), top), "{outer:?}, {inner:?}");
                let trace = Context::current().span().span_context().trace_id().to_string();
                let context = native.propagation_context().unwrap();
                assert_eq!(context.trace_id().unwrap().to_string(), trace);
                assert_eq!(context.span_id().map(|id| id.get()), active());
            });
            assert_eq!((active(), seen(), root()), (top, top, top), "{outer:?}, {inner:?}");
        });
        assert_eq!((active(), seen(), root()), (None, None, None));
    }
}

/// What keeps a span active.
enum Guard {
    Native { _scope: ActiveScope },
    Otel { _guard: ContextGuard },
}

fn activate(api: Api, span: &Started) -> Guard {
    match api {
        Api::Native => Guard::Native { _scope: span.handle().activate() },
        Api::Otel => Guard::Otel { _guard: otel_context(&span.handle()).attach() },
    }
}

#[test]
fn a_span_of_either_is_activated_through_either() {
    for (made, activated) in PAIRS {
        let tracers = Tracers::new();
        let span = tracers.start(made, "span");
        assert_eq!(active(), None, "starting does not activate");
        let guard = activate(activated, &span);
        assert_eq!(active(), Some(id(&span.handle())));
        assert_eq!(tracers.native.current_span(), Some(span.handle()), "{made:?}, {activated:?}");
        drop(guard);
        assert_eq!(active(), None);
        assert!(span.handle().is_open(), "the end of an activation ends no span");
    }
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    for (first, second) in PAIRS {
        for third in [Api::Native, Api::Otel] {
            let tracers = Tracers::new();
            let spans = [first, second, third].map(|api| tracers.start_below(api, "n", None));
            let mut guards: Vec<_> = [first, second, third]
                .iter()
                .zip(&spans)
                .map(|(api, span)| Some(activate(*api, span)))
                .collect();
            guards[0] = None;
            assert_eq!(active(), Some(id(&spans[2].handle())));
            guards[2] = None;
            assert_eq!(active(), Some(id(&spans[1].handle())), "{first:?}, {second:?}, {third:?}");
            guards[1] = None;
            assert_eq!(active(), None);
        }
    }
}

/// A span that ends while it is active: natively the next above takes its place.
#[test]
fn an_active_span_that_has_ended_gives_way() {
    for (outer, inner) in PAIRS {
        let tracers = Tracers::new();
        tracers.inside(outer, "outer", || {
            let top = tracers.native.current_span();
            tracers.inside(inner, "inner", || {
                tracers.native.current_span().unwrap().finish();
                assert_eq!(tracers.native.current_span(), top, "{outer:?}, {inner:?}");
                assert!(!get_active_span(|span| span.is_recording()));
                drop(tracers.native.trace("late"));
            });
        });
        assert_eq!(tracers.shape(), "outer(inner late)", "{outer:?}, {inner:?}");
    }
}

#[test]
fn a_span_marked_as_active_ends_with_its_mark() {
    let tracers = Tracers::new();
    let Started::Otel(span) = tracers.start(Api::Otel, "otel") else {
        panic!("it is OpenTelemetry's")
    };
    let handle = span.handle().clone();
    let mark = mark_span_as_active(span);
    assert_eq!(tracers.native.current_span(), Some(handle.clone()));
    drop(mark);
    assert!(!handle.is_open());
}
