//! What an error and a panic leave on their span.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use opentracing_rs::backend::SpanBackend;
use opentracing_rs::mock::{MockSpan, MockTracer};
use opentracing_rs::{FutureExt, Span, SpanContext, Tracer, Value};

#[derive(Debug)]
struct Outer(std::num::ParseIntError);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad port")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn outer() -> Outer {
    Outer("x".parse::<u16>().unwrap_err())
}

fn fields(span: &MockSpan) -> Vec<(&str, &str)> {
    assert_eq!(span.tag("error").unwrap().as_bool(), Some(true));
    assert_eq!(span.logs.len(), 1, "marked once: {:?}", span.logs);
    let fields = span.logs[0].fields.iter();
    fields.map(|(key, value)| (key.as_str(), value.as_str().unwrap())).collect()
}

const PANIC: [(&str, &str); 3] =
    [("event", "error"), ("message", "the span was left by a panic"), ("error.kind", "panic")];

#[test]
fn an_error_leaves_the_standard_fields() {
    let mock = MockTracer::new();
    let failed: Result<(), Outer> = mock.tracer().build_span("one").try_in_span(|_| Err(outer()));
    assert!(failed.is_err());
    let expected = [
        ("event", "error"),
        ("message", "bad port"),
        ("error.object", "bad port"),
        ("error.kind", "errors::Outer"),
        ("stack", "caused by: invalid digit found in string"),
    ];
    assert_eq!(fields(&mock.finished_spans()[0]), expected);
}

#[test]
fn the_tracer_gets_the_error_itself() {
    #[derive(Debug, Default)]
    struct Looks(Arc<Mutex<bool>>);
    impl SpanBackend for Looks {
        fn context(&self) -> SpanContext {
            SpanContext::empty()
        }
        fn set_operation_name(&self, _: &str) {}
        fn set_tag(&self, _: &str, _: Value<'_>) {}
        fn log(&self, fields: &[(&str, Value<'_>)], _: Option<SystemTime>) {
            let object = fields.iter().find(|(key, _)| *key == "error.object");
            *self.0.lock().unwrap() = object.unwrap().1.as_error().unwrap().is::<Outer>();
        }
        fn set_baggage_item(&self, _: &str, _: &str) {}
        fn finish(&self, _: Option<SystemTime>) {}
    }
    let seen = Arc::default();
    let span = Span::from_backend(Tracer::noop(), Arc::new(Looks(Arc::clone(&seen))));
    let boxed: Box<dyn Error + Send + Sync> = Box::new(outer());
    span.log_error(&*boxed);
    assert!(*seen.lock().unwrap());
}

#[test]
fn a_panic_marks_each_guard_that_it_passes_once() {
    let mock = MockTracer::new();
    let tracer = mock.tracer();
    let work = || {
        let _guard = tracer.start_span("guard").finish_on_drop();
        let _scope = tracer.start_active_span("scope");
        tracer.in_span("work", |_| resume_unwind(Box::new("meant")))
    };
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
    let spans = mock.finished_spans();
    assert_eq!(spans.len(), 3);
    for span in &spans {
        assert_eq!(fields(span), PANIC, "{}", span.operation_name);
    }
}

#[test]
fn a_panic_that_a_runtime_catches_marks_the_span_of_its_future_once() {
    let mock = MockTracer::new();
    let span = mock.tracer().start_span("future");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let work = async { resume_unwind(Box::new("meant")) };
    let ended: Result<(), _> = runtime.block_on(runtime.spawn(work.in_span(span)));
    assert!(ended.is_err());
    assert_eq!(fields(&mock.finished_spans()[0]), PANIC);
    assert!(mock.misuses().is_empty());
}
