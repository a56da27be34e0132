//! A scope that is left when its thread ends.

use std::cell::RefCell;
use std::thread;

use opentracing_rs::Scope;
use tracehound_opentracing::Tracer;
use tracehound_test_support::within;

use super::{LIMIT, tracers};

/// Uses the tracer once more before it closes its scope.
struct Left {
    tracer: Tracer,
    scope: Scope,
}

impl Drop for Left {
    fn drop(&mut self) {
        self.tracer.in_span("cleanup", |_| ());
        self.scope.set_tag("left", true);
    }
}

thread_local! {
    static LEFT: RefCell<Option<Left>> = const { RefCell::new(None) };
}

/// On a thread of its own whose locals are dropped in one order or the other: the store of what is active is
/// made with the first scope.
fn names_after_a_thread(the_store_comes_first: bool) -> Vec<String> {
    let (tracer, _, captured) = tracers();
    let run = move || {
        if the_store_comes_first {
            tracer.start_active_span("first").close();
        }
        LEFT.with_borrow_mut(|left| {
            let scope = tracer.start_active_span("left");
            *left = Some(Left { tracer, scope });
        });
    };
    within(LIMIT, || thread::spawn(run).join().unwrap());
    assert_eq!(captured.span("left").tags.get("left").map(String::as_str), Some("true"));
    let mut names: Vec<_> = captured.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    names
}

pub fn check() {
    assert_eq!(names_after_a_thread(true), ["cleanup", "first", "left"]);
    assert_eq!(names_after_a_thread(false), ["cleanup", "left"]);
}
