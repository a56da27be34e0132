//! The budget of a span, exact: no allocation, neither for a local root nor for a child, once the process has
//! sent as many traces as it makes at a time; and one for an activation in a store of the program's own.
//!
//! One test in one process: the counter is the process's, and anything else that ran would be counted too.

#![allow(clippy::unwrap_used)]

use std::alloc::System;
use std::cell::RefCell;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tracehound::config::Environment;
use tracehound::{ActiveContext, ContextProvider, FutureExt, ScopeToken, SpanKind, Tracer};
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LIMIT: Duration = Duration::from_secs(20);
/// Fewer spans than wake the worker, which would be counted too.
const TRACES: usize = 100;

/// Fewer bytes than are kept as empty vectors.
const LARGE_TRACES: usize = 30;

/// Allocations of `TRACES` runs of a program, once it has run often enough for every vector to have its size.
fn allocations(tracer: &Tracer, program: impl Fn(&Tracer)) -> usize {
    allocations_of(TRACES, tracer, program)
}

fn allocations_of(traces: usize, tracer: &Tracer, program: impl Fn(&Tracer)) -> usize {
    for _ in 0..3 {
        (0..traces).for_each(|_| program(tracer));
        tracer.flush(LIMIT).unwrap();
    }
    let region = Region::new(ALLOCATOR);
    (0..traces).for_each(|_| program(tracer));
    let change = region.change();
    change.allocations + change.reallocations
}

thread_local! {
    static ACTIVE: RefCell<Vec<ActiveContext>> = const { RefCell::new(Vec::new()) };
}

/// A store that allocates nothing once it has been as deep as it gets, for scopes that end in order.
struct OwnStore;

impl ContextProvider for OwnStore {
    fn active(&self) -> ActiveContext {
        ACTIVE.with_borrow(|active| active.last().cloned()).unwrap_or_default()
    }

    fn attach(&self, context: ActiveContext) -> ScopeToken {
        ACTIVE.with_borrow_mut(|active| {
            active.push(context);
            ScopeToken(active.len() as u64)
        })
    }

    fn detach(&self, token: ScopeToken) {
        let ended = ACTIVE.with_borrow_mut(|active| {
            assert_eq!(active.len() as u64, token.0);
            active.pop()
        });
        drop(ended);
    }
}

#[test]
fn a_span_allocates_nothing() {
    let agent = FaultAgent::start(scripts::healthy);
    let builder = || {
        Tracer::builder()
            .environment(Environment::empty())
            .agent_url(agent.url())
            .flush_interval(Duration::from_secs(3600))
            // So that no bytes wake the worker either.
            .buffer_bytes(1 << 30)
    };
    let tracer = builder().build();

    let root = |tracer: &Tracer| drop(tracer.start_span("root"));
    assert_eq!(allocations(&tracer, root), 0, "a root");

    let children = |tracer: &Tracer| {
        let _root = tracer.trace("root");
        for _ in 0..9 {
            let _child = tracer.trace("child");
        }
    };
    assert_eq!(allocations(&tracer, children), 0, "a root and nine active children");

    let described = |tracer: &Tracer| {
        let root = tracer.span("root").service("users").resource("GET /users").start();
        for _ in 0..9 {
            drop(
                tracer
                    .span("child")
                    .child_of(&root)
                    .kind(SpanKind::Client)
                    .span_type("sql")
                    .tag("db.rows", 3)
                    .tag("db.name", "users")
                    .start(),
            );
        }
    };
    assert_eq!(allocations(&tracer, described), 0, "spans described by their builder");

    let tagged = |tracer: &Tracer| {
        let _root = tracer.trace("root");
        for _ in 0..9 {
            let child = tracer.trace("child");
            child.set_tag("http.method", "GET");
            child.set_tag("http.route", "/users/{id}");
            child.set_tag("http.status_code", "200");
            child.set_tag("cart.items", 3);
            child.set_tag("cart.total", 9.5);
        }
    };
    assert_eq!(allocations(&tracer, tagged), 0, "five tags on each span");

    let borrowed = String::from("short, long name beyond what fits in place");
    let (short, long) = borrowed.split_once(", ").unwrap();
    let named = |tracer: &Tracer| {
        let span = tracer.span(short).service(short).resource(short).span_type(short).start();
        span.set_tag(short, long);
        span.set_metric(short, 1.0);
        span.set_name(short);
    };
    assert_eq!(allocations(&tracer, named), 0, "short texts that are borrowed");
    let long_key = |tracer: &Tracer| tracer.start_span("root").set_tag(long, 1);
    assert_eq!(allocations(&tracer, long_key), TRACES, "a long key that is borrowed is copied");
    let long_literals = |tracer: &Tracer| {
        let span = tracer.span("an operation with a long name").start();
        span.set_resource("SELECT * FROM users WHERE id = $1");
        span.set_tag("messaging.destination.partition.id", 1);
        span.set_metric("messaging.batch.message_count", 1.0);
    };
    if cfg!(target_os = "linux") {
        assert_eq!(allocations(&tracer, long_literals), 0, "literals stay where they are");
    }

    let keys: Vec<&'static str> =
        (0..100).map(|number| &*Box::leak(format!("tag.{number}").into_boxed_str())).collect();
    let many = |tracer: &Tracer| {
        let root = tracer.trace("root");
        keys.iter().for_each(|key| root.set_tag(*key, "short text"));
        for _ in 0..9 {
            let child = tracer.trace("child");
            keys.iter().for_each(|key| child.set_tag(*key, "short text"));
        }
    };
    assert_eq!(allocations_of(LARGE_TRACES, &tracer, many), 0, "a hundred tags on each span");

    let future = |tracer: &Tracer| {
        let span = tracer.span("task").start();
        let mut future = std::pin::pin!(std::future::ready(()).in_span(span));
        let mut task = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut task).is_ready());
    };
    assert_eq!(allocations(&tracer, future), 0, "a future in its span");

    let tracer = builder().context_provider(OwnStore).build();
    assert_eq!(allocations(&tracer, root), 0, "a root where nothing is activated");
    let in_own_store = allocations(&tracer, children);
    assert!(in_own_store <= 10 * TRACES, "ten activations in a store of one's own: {in_own_store}");
}
