//! Which span is active, and which is the parent: in one thread, across threads, tasks and stores.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::Runtime;
use tokio::sync::Barrier;
use tracehound::config::Environment;
use tracehound::testing::{self, Captured};
use tracehound::{
    ActiveContext, Baggage, ContextProvider, FutureExt, SamplingMechanism, SamplingPriority,
    ScopeToken, SpanContext, SpanId, TraceId, Tracer, suppress,
};
use tracehound_test_support::within;

use common::LIMIT;

fn active(tracer: &Tracer) -> Option<String> {
    tracer.current_span().and_then(|span| span.name())
}

/// What another process sent.
fn remote() -> SpanContext {
    SpanContext::new(TraceId::new(7).unwrap(), SpanId::new(8))
        .with_priority(SamplingPriority::USER_KEEP)
}

// ===== one thread =====

#[test]
fn what_is_traced_is_the_parent_of_what_is_traced_inside() {
    let (tracer, captured) = testing::tracer();
    let request = tracer.trace("request");
    tracer.in_span("load", |load| {
        assert_eq!(tracer.current_span().unwrap(), *load);
        assert_eq!(tracer.current_root_span().unwrap(), request.handle());
        tracer.span("query").start().finish();
        let _open = tracer.span("not active").start();
        assert_eq!(active(&tracer).as_deref(), Some("load"), "`start` makes nothing active");
    });
    assert_eq!(active(&tracer).as_deref(), Some("request"));
    drop(request);
    assert_eq!(active(&tracer), None);
    assert!(tracer.current_root_span().is_none() && tracer.propagation_context().is_none());
    tracer.in_span("next", |_| ());
    assert_eq!(captured.tree(), "request\n  load\n    query\n    not active\nnext\n");
}

#[test]
fn a_span_is_started_where_the_program_says() {
    let (tracer, captured) = testing::tracer();
    let active = tracer.trace("active");
    let elsewhere = tracer.start_span("elsewhere");
    tracer.span("child of elsewhere").child_of(&elsewhere).start().finish();
    tracer.span("root").root().start().finish();
    tracer.span("also root").child_of(None::<&tracehound::Span>).start().finish();
    tracer.span("of a remote").child_of(remote()).start().finish();
    tracer.span("of a context").child_of(ActiveContext::from(&active)).start().finish();
    drop((elsewhere, active));
    assert_eq!(
        captured.tree(),
        "root\nalso root\nof a remote\nelsewhere\n  child of elsewhere\nactive\n  of a context\n"
    );
    let span = captured.span("of a remote");
    assert_eq!((span.trace_id.get(), span.parent_id), (7, SpanId::new(8)));
    assert!(span.is_local_root);
}

#[test]
fn a_child_takes_what_it_inherits_from_its_parent() {
    let (tracer, captured) = testing::tracer();
    let upstream =
        remote().with_origin("rum").with_baggage([("tenant", "7")].into_iter().collect());
    let root = tracer.span("root").service("front").child_of(&upstream).start();
    root.set_tag("k", "of the root alone");
    root.set_baggage_item("cart", "3");
    let child = tracer.span("child").child_of(&root).start();
    let items =
        |span: &tracehound::SpanRef| [span.baggage_item("tenant"), span.baggage_item("cart")];
    assert_eq!(items(&child), [Some("7".into()), Some("3".into())]);
    let context = child.propagation_context().unwrap();
    assert_eq!((context.trace_id(), context.span_id()), (root.trace_id(), child.span_id()));
    assert_eq!(
        (context.priority(), context.origin()),
        (Some(SamplingPriority::USER_KEEP), Some("rum"))
    );
    assert_eq!(context.baggage().unwrap().len(), 2);
    // A context is no span: what it begins has the service of the configuration.
    let other = tracer.span("other").child_of(context).start();
    assert_eq!(other.service().as_deref(), Some("test"));
    drop((other, child, root));
    assert_eq!(captured.span("child").service, "front");
    assert!(captured.span("child").tags.is_empty());
    assert!(captured.spans().iter().all(|span| span.priority == Some(SamplingPriority::USER_KEEP)));
}

#[test]
fn a_remote_context_is_a_parent_and_no_span() {
    let (tracer, captured) = testing::tracer();
    let scope = tracer.activate(remote());
    assert!(tracer.current_span().is_none() && tracer.current_root_span().is_none());
    assert_eq!(tracer.propagation_context(), Some(remote()));
    for name in ["first", "second"] {
        tracer.in_span(name, |span| {
            assert_eq!(tracer.current_root_span().unwrap(), *span);
            assert_eq!(tracer.propagation_context().unwrap().span_id(), span.span_id());
        });
        assert!(tracer.current_span().is_none(), "the local root is gone, the remote is no span");
    }
    tracer.start_span("apart").finish();
    drop(scope);
    assert!(tracer.context().is_empty());
    for name in ["first", "second"] {
        assert_eq!(captured.span(name).parent_id, SpanId::new(8));
    }
    assert_ne!(captured.span("apart").trace_id.get(), 7);
    assert_eq!(captured.chunks().len(), 3);
}

#[test]
fn activation_covers_what_was_active_until_its_scope_ends() {
    let (tracer, captured) = testing::tracer();
    let outer = tracer.trace("outer");
    {
        let _nothing = tracer.activate(ActiveContext::empty());
        assert!(tracer.current_span().is_none());
        tracer.in_span("uncovered", |_| ());
        let _again = tracer.activate(&outer);
        assert_eq!(active(&tracer).as_deref(), Some("outer"));
    }
    let other = tracer.start_span("other");
    {
        let _other = other.activate();
        tracer.in_span("below other", |_| ());
    }
    assert_eq!(active(&tracer).as_deref(), Some("outer"));
    drop((other, outer));
    assert_eq!(captured.tree(), "uncovered\nother\n  below other\nouter\n");
}

#[test]
fn a_scope_knows_whether_it_is_in_effect() {
    let (tracer, _) = testing::tracer();
    let span = tracer.start_span("a");
    let outer = span.activate();
    let middle = tracer.activate(ActiveContext::empty());
    // The same span again: it is the activation that counts.
    let inner = span.activate();
    assert!(!outer.is_active() && !middle.is_active() && inner.is_active());
    drop(middle);
    assert!(!outer.is_active() && inner.is_active());
    drop(inner);
    assert!(outer.is_active());
    assert!(tracehound::SpanRef::none().activate().is_active(), "there is nothing to be in effect");
}

#[test]
fn a_span_that_has_ended_gives_way_to_its_nearest_open_ancestor() {
    let (tracer, captured) = testing::tracer();
    let a = tracer.trace("a");
    let b = tracer.trace("b");
    let c = tracer.trace("c");
    b.finish();
    assert_eq!(active(&tracer).as_deref(), Some("c"));
    c.finish();
    assert_eq!(active(&tracer).as_deref(), Some("a"));
    assert_eq!(tracer.propagation_context().unwrap().span_id(), a.span_id());
    tracer.in_span("d", |_| ());
    a.finish();
    assert_eq!(active(&tracer), None);
    tracer.in_span("e", |_| ());
    drop((a, b, c));
    assert_eq!(captured.tree(), "a\n  b\n    c\n  d\ne\n");
}

#[test]
fn baggage_can_be_put_where_no_span_is() {
    let (tracer, _) = testing::tracer();
    let baggage: Baggage = [("user", "7")].into_iter().collect();
    let scope = tracer.activate(tracer.context().with_baggage(baggage.clone()));
    assert!(tracer.context().is_empty());
    let root = tracer.trace("root");
    assert_eq!(root.baggage_item("user").as_deref(), Some("7"));
    drop(root);
    drop(scope);
    let _only = tracer.activate(SpanContext::baggage_only(baggage));
    let root = tracer.trace("root");
    assert_eq!((root.parent_id(), root.baggage_item("user").as_deref()), (None, Some("7")));
}

// ===== decisions =====

#[test]
fn one_decision_holds_for_the_whole_trace() {
    let (tracer, captured) = testing::tracer();
    captured.decide(SamplingPriority::AUTO_REJECT, SamplingMechanism::AGENT_RATE);
    let root = tracer.trace("root");
    let child = tracer.trace("child");
    assert_eq!(root.priority(), None, "as late as possible");
    assert_eq!(
        tracer.propagation_context().unwrap().priority(),
        Some(SamplingPriority::AUTO_REJECT)
    );
    captured.decide(SamplingPriority::AUTO_KEEP, SamplingMechanism::DEFAULT);
    assert_eq!(root.propagation_context().unwrap().priority(), Some(SamplingPriority::AUTO_REJECT));
    child.set_tag("manual.keep", true);
    assert_eq!(
        root.propagation_context().unwrap().priority(),
        Some(SamplingPriority::USER_KEEP),
        "the user's own word"
    );
    drop((child, root));
    assert!(captured.spans().iter().all(|span| span.priority == Some(SamplingPriority::USER_KEEP)));
    assert!(captured.spans().iter().all(|span| span.tags.is_empty()));
}

// ===== off =====

#[test]
fn suppressed_spans_do_not_exist_and_leave_the_others_alone() {
    let (tracer, captured) = testing::tracer();
    let root = tracer.trace("root");
    {
        let _off = suppress();
        let _twice = suppress();
        let hidden = tracer.trace("hidden");
        assert!(hidden.is_none());
        assert_eq!(active(&tracer).as_deref(), Some("root"), "what is active stays so");
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(tracer.trace("elsewhere").is_some(), "off on one thread only"));
        });
    }
    tracer.in_span("child", |_| ());
    drop(root);
    assert_eq!(captured.tree(), "elsewhere\nroot\n  child\n");
}

/// A store that keeps nothing, and has a word on whether spans exist.
struct OffStore(Arc<AtomicBool>);

impl ContextProvider for OffStore {
    fn active(&self) -> ActiveContext {
        ActiveContext::empty()
    }

    fn attach(&self, _: ActiveContext) -> ScopeToken {
        ScopeToken(0)
    }

    fn detach(&self, _: ScopeToken) {}

    fn is_suppressed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn a_store_can_suppress_too() {
    let (captured, off) = (Captured::default(), Arc::new(AtomicBool::new(true)));
    let builder = Tracer::builder().environment(Environment::empty()).service("test");
    let tracer = builder.context_provider(OffStore(Arc::clone(&off))).capture(&captured).build();
    assert!(tracer.trace("hidden").is_none());
    assert!(tracer.span("hidden").root().start().is_none());
    off.store(false, Ordering::Relaxed);
    tracer.in_span("seen", |_| ());
    assert_eq!(captured.tree(), "seen\n");
}

#[test]
fn a_disabled_tracer_passes_contexts_on_and_keeps_no_spans() {
    let captured = Captured::default();
    let builder = Tracer::builder().environment(Environment::empty()).enabled(false);
    let tracer = builder.capture(&captured).build();
    assert!(!tracer.is_enabled());
    tracer.in_span("root", |root| {
        let child = tracer.trace("child");
        assert_eq!(child.parent_id(), root.span_id());
        let context = tracer.propagation_context().unwrap();
        assert_eq!((context.trace_id(), context.span_id()), (root.trace_id(), child.span_id()));
    });
    assert!(captured.spans().is_empty());
    tracer.set_enabled(true);
    tracer.in_span("now", |_| ());
    assert_eq!(captured.spans().len(), 1);
    assert_eq!(tracer.losses().total(), 0, "nothing is lost that is not wanted");
}

// ===== threads =====

#[test]
fn threads_begin_with_nothing_active() {
    let (tracer, captured) = testing::tracer();
    let root = tracer.trace("root");
    std::thread::scope(|scope| {
        scope.spawn(|| tracer.in_span("apart", |_| ()));
    });
    drop(root);
    assert_eq!(captured.tree(), "apart\nroot\n");
}

#[test]
fn a_place_can_be_taken_to_other_threads() {
    let (tracer, captured) = testing::tracer();
    let root = tracer.trace("root");
    let here = tracer.context();
    let from_afar = tracer.propagation_context().unwrap();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (tracer, here) = (tracer.clone(), here.clone());
            std::thread::spawn(move || {
                let _here = tracer.activate(here);
                for _ in 0..100 {
                    tracer.in_span("child", |_| tracer.in_span("grandchild", |_| ()));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    // A context alone makes a chunk of its own, with the same trace and parent.
    let apart = tracer.clone();
    std::thread::spawn(move || {
        let _scope = apart.activate(from_afar);
        apart.in_span("apart", |_| ());
    })
    .join()
    .unwrap();
    let root_id = root.span_id();
    drop(root);
    let spans = captured.spans();
    let below = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let children = below("child");
    assert!(children.len() == 800 && children.iter().all(|child| child.parent_id == root_id));
    for grandchild in below("grandchild") {
        assert!(children.iter().any(|child| child.span_id == grandchild.parent_id));
    }
    let apart = captured.span("apart");
    assert_eq!((apart.parent_id, apart.is_local_root), (root_id, true));
    assert!(spans.iter().all(|span| span.trace_id == apart.trace_id));
}

#[test]
fn a_span_may_end_on_another_thread() {
    let (tracer, captured) = testing::tracer();
    let root = tracer.trace("root");
    let job = tracer.span("job").start();
    std::thread::spawn(move || {
        let _active = job.enter();
    })
    .join()
    .unwrap();
    drop(root);
    assert_eq!(captured.tree(), "root\n  job\n");
}

// ===== tasks =====

/// Runs a case in a runtime of one thread and in one of several.
fn in_runtimes<F: Future<Output = ()> + Send + 'static>(case: fn(Tracer) -> F, tree: &str) {
    let tree = tree.to_owned();
    within(LIMIT, move || {
        let runtimes: [Runtime; 2] = [
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap(),
        ];
        for runtime in runtimes {
            let (tracer, captured) = testing::tracer();
            let (of_the_case, of_the_task) = (tracer.clone(), tracer.clone());
            runtime.block_on(runtime.spawn(case(of_the_case))).unwrap();
            assert!(of_the_task.context().is_empty(), "nothing stays behind");
            // Children that ran at the same time have no order.
            let mut lines: Vec<String> = captured.tree().lines().map(str::to_owned).collect();
            let mut expected: Vec<String> = tree.lines().map(str::to_owned).collect();
            lines[1..].sort();
            expected[1..].sort();
            assert_eq!(lines, expected);
        }
    });
}

#[test]
fn a_span_is_active_whenever_its_future_runs() {
    async fn case(tracer: Tracer) {
        let span = tracer.span("request").start();
        async {
            for _ in 0..3 {
                assert_eq!(active(&tracer).as_deref(), Some("request"));
                tokio::task::yield_now().await;
                tracer.in_span("step", |_| ());
            }
        }
        .in_span(span)
        .await;
        assert_eq!(active(&tracer), None);
    }
    in_runtimes(case, "request\n  step\n  step\n  step\n");
}

#[test]
fn futures_that_take_turns_do_not_see_each_others_spans() {
    async fn branch(tracer: &Tracer, name: &'static str, below: &'static str, barrier: &Barrier) {
        let span = tracer.span(name).start();
        async {
            for _ in 0..5 {
                barrier.wait().await;
                assert_eq!(active(tracer).as_deref(), Some(name));
                tokio::task::yield_now().await;
                assert_eq!(active(tracer).as_deref(), Some(name));
            }
            let inner = tracer.span(below).start();
            tokio::task::yield_now().in_span(inner).await;
        }
        .in_span(span)
        .await;
    }

    async fn case(tracer: Tracer) {
        let root = tracer.span("root").start();
        let barrier = Barrier::new(3);
        async {
            tokio::join!(
                branch(&tracer, "a", "below a", &barrier),
                branch(&tracer, "b", "below b", &barrier),
                branch(&tracer, "c", "below c", &barrier),
            );
            assert_eq!(active(&tracer).as_deref(), Some("root"));
        }
        .in_span(root)
        .await;
    }
    in_runtimes(case, "root\n  a\n    below a\n  b\n    below b\n  c\n    below c\n");
}

#[test]
fn a_task_is_where_its_future_was_put() {
    async fn case(tracer: Tracer) {
        let root = tracer.span("root").start();
        let outer = tracer.clone();
        async {
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let tracer = tracer.clone();
                    let work = async move {
                        tokio::task::yield_now().await;
                        tracer.in_span("task", |_| ());
                        tokio::task::yield_now().await;
                        assert_eq!(active(&tracer).as_deref(), Some("root"));
                    };
                    tokio::spawn(work.in_context(outer.context()))
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            let tracer = tracer.clone();
            tokio::spawn(async move { assert_eq!(active(&tracer), None, "tasks inherit nothing") })
                .await
                .unwrap();
        }
        .in_span(root)
        .await;
    }
    in_runtimes(case, "root\n  task\n  task\n  task\n  task\n");
}

/// Traces when it is dropped.
struct Cleanup(Tracer);

impl Drop for Cleanup {
    fn drop(&mut self) {
        self.0.in_span("cleanup", |_| ());
    }
}

#[test]
fn a_future_that_is_dropped_ends_its_span_after_all_that_it_holds() {
    async fn case(tracer: Tracer) {
        let root = tracer.span("root").start();
        let endless = |name: &'static str| {
            let tracer = tracer.clone();
            async move {
                let _cleanup = Cleanup(tracer.clone());
                tracer.in_span(name, |_| ());
                std::future::pending::<()>().await;
            }
        };
        async {
            let span = tracer.span("cancelled").start();
            tokio::select! {
                () = endless("done").in_span(span) => panic!("it has no end"),
                () = endless("as well").in_context(tracer.context()) => panic!("nor has this"),
                () = tokio::task::yield_now() => {}
            }
            assert_eq!(active(&tracer).as_deref(), Some("root"));
        }
        .in_span(root)
        .await;
        assert_eq!(active(&tracer), None);
    }
    in_runtimes(case, "root\n  cancelled\n    done\n    cleanup\n  as well\n  cleanup\n");
}

#[test]
fn a_task_that_panics_marks_its_span_and_no_other() {
    async fn case(tracer: Tracer) {
        let root = tracer.span("root").start();
        async {
            let span = tracer.span("task").start();
            // Past the panic hook, which would note where it was.
            let doomed = async { std::panic::resume_unwind(Box::new("on purpose")) };
            let task = tokio::spawn(doomed.in_span(span));
            assert!(task.await.unwrap_err().is_panic());
        }
        .in_span(root)
        .await;
    }
    in_runtimes(
        case,
        "root\n  task ! error.message=the span was dropped by a panic error.type=panic\n",
    );
}

// ===== a store of the program's own =====

tokio::task_local! {
    static STACK: RefCell<Vec<(u64, ActiveContext)>>;
}

/// Keeps what is active in the task: tasks that move between threads take it along.
struct TaskStore;

static TOKENS: AtomicU64 = AtomicU64::new(0);

impl ContextProvider for TaskStore {
    fn active(&self) -> ActiveContext {
        STACK
            .try_with(|stack| stack.borrow().last().map(|(_, context)| context.clone()))
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    fn attach(&self, context: ActiveContext) -> ScopeToken {
        let token = TOKENS.fetch_add(1, Ordering::Relaxed);
        let _ = STACK.try_with(|stack| stack.borrow_mut().push((token, context)));
        ScopeToken(token)
    }

    fn detach(&self, token: ScopeToken) {
        let _ = STACK.try_with(|stack| stack.borrow_mut().retain(|(other, _)| *other != token.0));
    }
}

#[test]
fn a_store_of_the_program_takes_the_place_of_the_threads() {
    within(LIMIT, || {
        let captured = Captured::default();
        let tracer = Tracer::builder()
            .environment(Environment::empty())
            .service("test")
            .context_provider(TaskStore)
            .capture(&captured)
            .build();
        tracer.in_span("no task", |_| assert_eq!(active(&tracer), None));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let tracer = tracer.clone();
                runtime.spawn(STACK.scope(RefCell::default(), async move {
                    // Held across awaits on whatever thread: the store is the task's.
                    let root = tracer.span("root").start();
                    let place = TaskStore.attach(ActiveContext::from(&root));
                    for _ in 0..10 {
                        assert_eq!(active(&tracer).as_deref(), Some("root"));
                        tokio::task::yield_now().await;
                        tracer.in_span("step", |_| {
                            assert_eq!(active(&tracer).as_deref(), Some("step"));
                        });
                        let span = tracer.span("step").start();
                        tokio::task::yield_now().in_span(span).await;
                    }
                    TaskStore.detach(place);
                    assert_eq!(active(&tracer), None);
                }))
            })
            .collect();
        for task in tasks {
            runtime.block_on(task).unwrap();
        }
        let chunks = captured.chunks();
        let traces: Vec<_> = chunks.iter().filter(|chunk| chunk[0].name == "root").collect();
        assert_eq!((chunks.len(), traces.len()), (21, 20));
        for trace in traces {
            assert_eq!(trace.len(), 21);
            assert!(trace[1..].iter().all(|step| step.parent_id == trace[0].span_id));
        }
    });
}

/// Keeps what is active on each thread, and the tokens in the order they were given out, and came back.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<(Vec<u64>, Vec<u64>)>>);

thread_local! {
    static HERE: RefCell<Vec<(u64, ActiveContext)>> = RefCell::default();
}

impl ContextProvider for Ledger {
    fn active(&self) -> ActiveContext {
        HERE.with_borrow(|here| here.last().map(|(_, context)| context.clone()).unwrap_or_default())
    }

    fn attach(&self, context: ActiveContext) -> ScopeToken {
        let token = TOKENS.fetch_add(1, Ordering::Relaxed);
        HERE.with_borrow_mut(|here| here.push((token, context)));
        self.0.lock().unwrap().0.push(token);
        ScopeToken(token)
    }

    fn detach(&self, token: ScopeToken) {
        HERE.with_borrow_mut(|here| here.retain(|(other, _)| *other != token.0));
        self.0.lock().unwrap().1.push(token.0);
    }
}

impl Ledger {
    /// Which of the tokens since the last time came back, in this order.
    fn returned(&self) -> Vec<usize> {
        let (given, returned) = std::mem::take(&mut *self.0.lock().unwrap());
        let place = |token| given.iter().position(|other| *other == token).unwrap();
        returned.into_iter().map(place).collect()
    }
}

#[test]
fn a_store_of_the_program_gets_each_token_back_once() {
    let (captured, ledger) = (Captured::default(), Ledger::default());
    let builder = Tracer::builder().environment(Environment::empty()).service("test");
    let tracer = builder.context_provider(ledger.clone()).capture(&captured).build();

    tracer.in_span("root", |_| {
        let span = tracer.start_span("child");
        let remote = tracer.activate(remote());
        let again = span.activate();
        drop(span.enter());
        drop((again, remote));
    });
    assert_eq!(ledger.returned(), [3, 2, 1, 0]);

    let (a, b, c) = (tracer.trace("a"), tracer.trace("b"), tracer.trace("c"));
    drop(b);
    assert_eq!(active(&tracer).as_deref(), Some("c"));
    drop(a);
    assert_eq!(active(&tracer).as_deref(), Some("c"));
    drop(c);
    assert_eq!(ledger.returned(), [1, 0, 2]);

    let doomed = || {
        let _outer = tracer.trace("outer");
        let _inner = tracer.trace("inner");
        tracer.in_span("innermost", |_| panic!("on purpose"));
    };
    assert!(catch_unwind(AssertUnwindSafe(doomed)).is_err());
    assert_eq!(ledger.returned(), [2, 1, 0]);

    // What does not exist is not attached.
    let off = suppress();
    drop(tracer.trace("off"));
    drop(off);
    assert!(ledger.returned().is_empty());
    assert_eq!(active(&tracer), None);
}
