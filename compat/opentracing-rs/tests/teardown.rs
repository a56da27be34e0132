//! A scope that is left when its thread ends.

use std::cell::RefCell;
use std::thread;

use opentracing_rs::mock::MockTracer;
use opentracing_rs::{Scope, Tracer};

/// Uses the tracer once more before it closes its scope.
struct Left {
    tracer: Tracer,
    scope: Option<Scope>,
}

impl Drop for Left {
    fn drop(&mut self) {
        self.tracer.in_span("cleanup", |_| ());
        drop(self.scope.take());
    }
}

thread_local! {
    static LEFT: RefCell<Option<Left>> = const { RefCell::new(None) };
}

/// Runs on a thread of its own whose locals are dropped in one order or the other: the store of what is
/// active is made with the first scope.
fn names_after_a_thread(the_store_comes_first: bool) -> Vec<String> {
    let mock = MockTracer::new();
    let tracer = mock.tracer();
    let run = move || {
        if the_store_comes_first {
            tracer.start_active_span("first").close();
        }
        LEFT.with_borrow_mut(|left| {
            *left = Some(Left { tracer: tracer.clone(), scope: None });
        });
        let scope = tracer.start_active_span("left");
        LEFT.with_borrow_mut(|left| {
            if let Some(left) = left {
                left.scope = Some(scope);
            }
        });
    };
    assert!(thread::spawn(run).join().is_ok());
    assert!(mock.open_spans().is_empty(), "{:?}", mock.open_spans());
    let mut names: Vec<_> = mock.finished_spans().into_iter().map(|s| s.operation_name).collect();
    names.sort();
    names
}

#[test]
fn its_span_is_finished_though_the_store_may_be_gone() {
    assert_eq!(names_after_a_thread(true), ["cleanup", "first", "left"]);
    assert_eq!(names_after_a_thread(false), ["cleanup", "left"]);
}
