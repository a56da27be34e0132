//! Spans of all three APIs nest below each other where the native tracer has a context provider of the program's own.

#![allow(clippy::unwrap_used)]

mod common;

use opentelemetry::Context as OtelContext;
use opentelemetry::global;
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound::{ActiveContext, ContextProvider, ScopeToken};
use tracehound_opentelemetry::{OtelContextProvider, TracerProvider};
use tracehound_opentracing::Tracer;

use common::on_both;

tokio::task_local! {
    /// What the task is about.
    static TASK: ActiveContext;
}

/// What is active on the thread, and below that what the task is about.
struct OfTask;

impl ContextProvider for OfTask {
    fn active(&self) -> ActiveContext {
        let here = OtelContextProvider.active();
        if here.is_empty() { TASK.try_with(Clone::clone).unwrap_or_default() } else { here }
    }

    fn attach(&self, context: ActiveContext) -> ScopeToken {
        OtelContextProvider.attach(context)
    }

    fn detach(&self, token: ScopeToken) {
        OtelContextProvider.detach(token);
    }

    fn is_suppressed(&self) -> bool {
        OtelContextProvider.is_suppressed()
    }

    fn is_in_effect(&self, token: ScopeToken) -> bool {
        OtelContextProvider.is_in_effect(token)
    }
}

/// The same three tracers, on one native tracer.
struct Three {
    native: tracehound::Tracer,
    otel: tracehound_opentelemetry::Tracer,
    opentracing: Tracer,
}

impl Three {
    fn new(captured: &Captured) -> Self {
        let native = tracehound::Tracer::builder().environment(Environment::empty());
        let native = native.service("test").capture(captured).build();
        // As a program does that learns later what it runs in.
        native.reconfigure(|change| change.context_provider(OfTask)).unwrap();
        let provider = TracerProvider::new(native.clone());
        global::set_tracer_provider(provider.clone());
        let otel = provider.tracer("test");
        Three { opentracing: Tracer::new(native.clone()), native, otel }
    }

    /// A span of each API, and one through OpenTelemetry's global provider, below what is active.
    fn leaves(&self) {
        self.native.trace("native").finish();
        self.otel.in_span("otel", drop);
        global::tracer("test").in_span("global", drop);
        self.opentracing.in_span("opentracing", |_| ());
    }

    fn all_below_each(&self) {
        self.native.in_span("native", |_| self.leaves());
        self.otel.in_span("otel", |_| self.leaves());
        self.opentracing.in_span("opentracing", |_| self.leaves());
    }
}

const LEAVES: [&str; 4] = ["native", "internal [otel]", "internal [global]", "opentracing"];

#[test]
fn spans_of_all_apis_are_below_the_task_and_below_each_other() {
    on_both(|| async {
        let captured = Captured::default();
        let three = Three::new(&captured);
        let task = three.native.start_span("task");
        TASK.scope(ActiveContext::from(&task), async {
            for _ in 0..3 {
                // Nothing is active on whatever thread the task goes on.
                tokio::task::yield_now().await;
                three.leaves();
                three.all_below_each();
            }
        })
        .await;
        drop(task);
        let leaves = |depth: usize| -> String {
            LEAVES.iter().map(|name| format!("{:depth$}{name}\n", "")).collect()
        };
        let below = ["native", "internal [otel]", "opentracing"]
            .map(|name| format!("  {name}\n{}", leaves(4)))
            .concat();
        let expected = format!("task\n{}", format!("{}{below}", leaves(2)).repeat(3));
        assert_eq!(captured.tree().replace(" otel.scope.name=test", ""), expected);
    });
}

#[test]
fn a_context_that_is_named_is_the_parent_also_where_it_is_empty() {
    let captured = Captured::default();
    let three = Three::new(&captured);
    let task = three.native.start_span("task");
    TASK.sync_scope(ActiveContext::from(&task), || {
        let root = three.otel.start_with_context("root", &OtelContext::new());
        drop(root);
        assert!(three.native.current_span().is_some_and(|span| span == *task));
    });
    drop(task);
    let tree = captured.tree().replace(" otel.scope.name=test", "");
    assert_eq!(tree, "internal [root]\ntask\n");
}
