//! Scopes live in the store that the native tracer was given.

#![allow(clippy::unwrap_used)]

mod common;

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound::{ActiveContext, ContextProvider, ScopeToken};
use tracehound_opentracing::Tracer;

use common::on_both;

tokio::task_local! {
    static STACK: RefCell<Vec<(u64, ActiveContext)>>;
}

/// Of the task, so that what is active may stay so across awaits on whatever thread.
struct TaskStore;

impl ContextProvider for TaskStore {
    fn active(&self) -> ActiveContext {
        let last = |stack: &RefCell<Vec<(u64, ActiveContext)>>| stack.borrow().last().cloned();
        STACK.try_with(last).ok().flatten().map(|(_, context)| context).unwrap_or_default()
    }

    fn attach(&self, context: ActiveContext) -> ScopeToken {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let token = NEXT.fetch_add(1, Ordering::Relaxed);
        let _ = STACK.try_with(|stack| stack.borrow_mut().push((token, context)));
        ScopeToken(token)
    }

    fn detach(&self, token: ScopeToken) {
        let _ = STACK.try_with(|stack| stack.borrow_mut().retain(|(other, _)| *other != token.0));
    }

    fn is_in_effect(&self, token: ScopeToken) -> bool {
        let is_last = |stack: &RefCell<Vec<(u64, ActiveContext)>>| {
            stack.borrow().last().is_some_and(|(last, _)| *last == token.0)
        };
        STACK.try_with(is_last).unwrap_or(true)
    }
}

#[test]
fn scopes_are_the_tasks() {
    on_both(|| async {
        let captured = Captured::default();
        let native = tracehound::Tracer::builder().environment(Environment::empty());
        let native = native.service("test").context_provider(TaskStore).capture(&captured);
        let tracer = Tracer::new(native.build());
        tracer.in_span("no task", |_| assert!(tracer.active_span().is_none()));
        let task = STACK.scope(RefCell::default(), async {
            let root = tracer.start_span("root");
            // For as long as the task runs; a scope of OpenTracing belongs to its thread.
            TaskStore.attach(tracehound_opentracing::native_context(&root.context()));
            for _ in 0..3 {
                tokio::task::yield_now().await;
                tracer.in_span("step", |_| tracer.start_span("child").finish());
                let outer = tracer.start_active_span("outer");
                let inner = tracer.start_active_span("inner");
                let left = outer.span().clone();
                outer.close();
                inner.close();
                left.finish();
            }
            root.finish();
        });
        task.await;
        let step = "  step\n    child\n  outer\n    inner\n";
        assert_eq!(captured.tree(), format!("no task\nroot\n{}", step.repeat(3)));
    });
}
