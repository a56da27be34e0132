//! Programs that fork without executing another one: one trace, each span once, and nobody hangs.
//!
//! Each program is this file again, started with its name. A child runs on from where it was forked, as its
//! parent does, and both return from `main`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(not(unix), allow(dead_code, unused_imports))]

mod common;

use std::process::ExitCode;

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() -> ExitCode {
    common::programs::main(unix::PROGRAMS, unix::TESTS)
}

#[cfg(unix)]
mod unix {
    use std::collections::{BTreeMap, BTreeSet, HashMap};
    use std::ops::RangeInclusive;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{PoisonError, RwLock};
    use std::thread;
    use std::time::{Duration, Instant};

    use fork::{Fork, waitpid};
    use opentelemetry::trace::{Tracer as _, TracerProvider as _};
    use tracehound::{
        DropResources, FutureExt, LossReason, SamplingPriority, SpanContext, SpanId, Statistics,
        TraceId, Tracer, TracerBuilder, TracerGuard,
    };
    use tracehound_test_support::fault_agent::scripts;
    use tracehound_test_support::{FaultAgent, Span, TestAgent};

    use crate::common::LIMIT;
    use crate::common::programs::{Named, run};
    use crate::common::stats::{WARM_UP, hits, payloads};

    // ===== the programs =====

    pub(crate) const PROGRAMS: &[Named] = &[
        ("traces_on_both_sides", traces_on_both_sides),
        ("continues_what_came_in", continues_what_came_in),
        ("uses_opentelemetry", uses_opentelemetry),
        ("uses_opentracing", uses_opentracing),
        ("forks_below_an_ended_span", forks_below_an_ended_span),
        ("asks_inherited_spans", asks_inherited_spans),
        ("forks_again_and_again", forks_again_and_again),
        ("serves_from_workers", serves_from_workers),
        ("forks_with_a_full_queue", forks_with_a_full_queue),
        ("counts_on_both_sides", counts_on_both_sides),
        ("has_an_idle_child", has_an_idle_child),
        ("starts_in_the_child", starts_in_the_child),
        ("forks_on_another_thread", forks_on_another_thread),
        ("forks_within_a_runtime", forks_within_a_runtime),
        ("forks_while_threads_trace", forks_while_threads_trace),
        ("is_reconfigured", is_reconfigured),
    ];

    /// The child that was forked; `None` in the child itself.
    struct Forked(Option<i32>);

    impl Forked {
        fn is_child(&self) -> bool {
            self.0.is_none()
        }
    }

    /// A child that fails lets its parent fail.
    impl Drop for Forked {
        fn drop(&mut self) {
            if let Some(child) = self.0 {
                assert_eq!(waitpid(child).unwrap(), 0, "the child failed");
            }
        }
    }

    fn fork() -> Forked {
        match fork::fork().unwrap() {
            Fork::Parent(child) => Forked(Some(child)),
            Fork::Child => {
                // One that hangs must not be left behind.
                thread::spawn(|| {
                    thread::sleep(LIMIT / 3);
                    std::process::abort();
                });
                Forked(None)
            }
        }
    }

    /// A tracer that sends when it is told to.
    fn unhurried() -> TracerBuilder {
        Tracer::builder().flush_interval(Duration::from_secs(3600))
    }

    fn traces_on_both_sides() {
        let guard = tracehound::init();
        let root = tracehound::trace("main");
        root.set_resource("early");
        root.set_baggage_item("cart", "42");
        let inner = tracehound::trace("inner");
        assert_eq!(inner.sampling_decision(), None);
        let forked = fork();
        root.set_resource("late");
        if forked.is_child() {
            assert!(tracehound::current_span().is_none() && !inner.is_open());
            let context = tracehound::propagation_context().unwrap();
            assert_eq!(context.trace_id(), inner.trace_id());
            assert_eq!(context.span_id(), inner.span_id());
            assert_eq!(context.priority(), Some(SamplingPriority::USER_REJECT));
            assert_eq!(context.baggage().and_then(|baggage| baggage.get("cart")), Some("42"));
            assert_eq!(inner.baggage_item("cart").as_deref(), Some("42"));
            let mut headers = HashMap::<String, String>::new();
            tracehound::inject(&mut headers);
            assert_eq!(headers["x-datadog-parent-id"], inner.span_id().unwrap().get().to_string());
            tracehound::in_span("child", |span| {
                assert_eq!(span.baggage_item("cart").as_deref(), Some("42"));
                tracehound::in_span("grandchild", |_| ());
            });
            inner.set_tag("by", "the child");
            inner.set_error_message("of the child");
            drop(inner);
            tracehound::in_span("below main", |_| ());
            // The parent's; also dropped here, where they have no effect, as are those of the parent below.
            root.finish_with_ancestors();
            tracehound::flush(LIMIT).unwrap();
            assert_eq!(guard.tracer().losses().total(), 0);
        } else {
            tracehound::in_span("in the parent", |_| ());
        }
        drop(forked);
    }

    fn upstream() -> SpanContext {
        SpanContext::new(TraceId::new(0x77 << 64 | 0x88).unwrap(), SpanId::new(0x99))
            .with_priority(SamplingPriority::USER_KEEP)
            .with_tag("_dd.p.team", "shop")
            .with_origin("synthetics")
    }

    fn continues_what_came_in() {
        let _guard = tracehound::init();
        let _main = tracehound::span("main").child_of(upstream()).enter();
        tracehound::tracer().set_tags([("region", "eu")]);
        // Neither active nor decided.
        let apart = tracehound::start_span("apart");
        let forked = fork();
        if forked.is_child() {
            tracehound::in_span("child", |_| ());
            tracehound::span("below apart").child_of(apart.handle()).start().finish();
            // In a thread of the child, which nothing was handed over to.
            let here = tracehound::tracer().context();
            let work = || tracehound::span("in a thread").child_of(here).start().finish();
            thread::spawn(work).join().unwrap();
        }
    }

    fn uses_opentelemetry() {
        let _guard = tracehound::init();
        let provider = tracehound_opentelemetry::install();
        let otel = provider.tracer("test");
        let _main = tracehound::span("main").child_of(upstream()).enter();
        otel.in_span("outer", |_| {
            otel.in_span("inner", |_| {
                let forked = fork();
                if forked.is_child() {
                    otel.in_span("child", |_| tracehound::in_span("native", |_| ()));
                    tracehound::in_span("native child", |_| ());
                    provider.force_flush(LIMIT).unwrap();
                }
            });
            // Both are here.
            let name = if tracehound::current_span().is_some() { "parent" } else { "late" };
            otel.in_span(name, |_| ());
        });
    }

    fn uses_opentracing() {
        let guard = tracehound::init();
        let tracer = tracehound_opentracing::Tracer::new(guard.tracer().clone());
        let outer = tracer.start_active_span("outer");
        outer.set_baggage_item("cart", "42");
        let before = outer.context();
        let headers = |context: &opentracing_rs::SpanContext| {
            let mut headers = BTreeMap::<String, String>::new();
            tracer.inject(context, opentracing_rs::Format::TextMap, &mut headers).unwrap();
            headers
        };
        let forked = fork();
        if forked.is_child() {
            assert!(tracer.active_span().is_none());
            for context in [&before, &outer.context()] {
                let headers = headers(context);
                assert_eq!(headers["ot-baggage-cart"], "42");
                let active = tracer.log_correlation_context().span_id;
                assert_eq!(headers["x-datadog-parent-id"], active);
            }
            tracer.in_span("child", |span| {
                assert_eq!(span.baggage_item("cart").as_deref(), Some("42"));
                tracehound::in_span("native", |_| ());
            });
            tracer.build_span("named").child_of(&before).start().finish();
            outer.set_tag("by", "the child").log_event("of the child").finish();
        } else {
            tracer.in_span("parent", |_| ());
        }
    }

    fn forks_below_an_ended_span() {
        let _guard = tracehound::init();
        let _main = tracehound::trace("main");
        let inner = tracehound::trace("inner");
        inner.finish();
        let forked = fork();
        if forked.is_child() {
            tracehound::in_span("child", |_| ());
            tracehound::span("named").child_of(inner.handle()).start().finish();
        }
    }

    fn asks_inherited_spans() {
        let _guard = tracehound::init();
        let main = tracehound::trace("main");
        let inner = tracehound::trace("inner");
        let apart = tracehound::span("apart").child_of(main.handle()).start();
        assert_eq!(inner.parent(), Some(main.handle()));
        let forked = fork();
        if forked.is_child() {
            for span in [&*inner, &*apart] {
                assert_eq!((span.parent(), span.parent_id(), span.name()), (None, None, None));
                let root = span.local_root();
                assert_eq!(root, main.handle());
                root.set_tag("by", "the child");
                root.set_metric("by", 1.0);
                root.set_resource("by the child");
                root.drop_trace();
                root.finish();
                assert_eq!((root.tag("by"), root.name(), root.is_open()), (None, None, false));
            }
            for (name, parent) in [("below inner", &*inner), ("below apart", &*apart)] {
                let below = tracehound::span(name).child_of(parent).start();
                assert_eq!(below.trace_id(), parent.trace_id());
                assert_eq!((below.parent_id(), below.parent()), (parent.span_id(), None));
                assert_eq!(below.local_root(), below.handle());
                let child = tracehound::span("child").child_of(&below).start();
                assert_eq!(child.parent(), Some(below.handle()));
                assert_eq!(child.local_root(), below.handle());
                child.local_root().set_tag("by", "its child");
                assert_eq!(below.tag("by").as_deref(), Some("its child"));
            }
        } else {
            assert!(inner.is_open() && inner.local_root() == main.handle());
            assert_eq!(inner.parent(), Some(main.handle()));
        }
    }

    fn forks_again_and_again() {
        let _guard = tracehound::init();
        let mut active = vec![tracehound::trace("0")];
        let mut children = Vec::new();
        for generation in 1..5 {
            let forked = fork();
            let is_child = forked.is_child();
            children.push(forked);
            if !is_child {
                break;
            }
            active.push(tracehound::trace(generation.to_string()));
        }
        // The innermost first, as scopes end.
        while active.pop().is_some() {}
        tracehound::in_span("apart", |_| ());
    }

    fn serve(worker: usize) {
        for request in 0..5 {
            tracehound::in_span("request", |span| {
                span.set_tag("worker", worker.to_string());
                span.set_tag("request", request.to_string());
                tracehound::in_span("query", |_| ());
            });
        }
    }

    fn serves_from_workers() {
        let _guard = tracehound::init();
        serve(0);
        let mut workers = Vec::new();
        for worker in 1..=4 {
            workers.push(fork());
            if workers.last().is_some_and(Forked::is_child) {
                // Those that were forked before are not this one's to wait for.
                std::mem::forget(workers);
                return serve(worker);
            }
        }
        serve(5);
    }

    fn forks_with_a_full_queue() {
        let guard = unhurried().install();
        let stopped = unhurried().log(|_, _| ()).build();
        stopped.shutdown(LIMIT).unwrap();
        stopped.in_span("lost by the parent", |_| ());
        assert_eq!(stopped.losses().spans(LossReason::Shutdown), 1);
        for _ in 0..10 {
            tracehound::in_span("of the parent", |_| ());
        }
        let forked = fork();
        if forked.is_child() {
            assert_eq!(stopped.losses().total(), 0);
            assert_eq!(stopped.statistics(), Statistics::default());
            assert_eq!(tracehound::statistics(), Statistics::default());
            // A tracer that was stopped is stopped in the child, too.
            stopped.in_span("lost by the child", |_| ());
            assert_eq!(stopped.losses().spans(LossReason::Shutdown), 1);
            tracehound::flush(LIMIT).unwrap();
            tracehound::in_span("of the child", |_| ());
        }
        let mine = if forked.is_child() { 1 } else { 10 };
        assert_eq!(tracehound::statistics().made(), mine);
        let tracer = tracehound::tracer();
        drop(guard);
        assert_eq!(tracer.statistics().delivered(), mine);
    }

    /// A span that makes the tracer ask the agent what it takes: what follows is counted here.
    fn ask() {
        let first = tracehound::trace(WARM_UP);
        first.keep_trace();
        drop(first);
        tracehound::flush(LIMIT / 4).unwrap();
    }

    fn counts_on_both_sides() {
        let guard = unhurried().install();
        ask();
        for _ in 0..3 {
            tracehound::in_span("of the parent", |_| ());
        }
        let forked = fork();
        if forked.is_child() {
            ask();
            for _ in 0..5 {
                tracehound::in_span("of the child", |_| ());
            }
        }
        drop(guard);
    }

    fn has_an_idle_child() {
        // Who waits in the child for what it does not have waits for all of this.
        let guard = unhurried().install().timeout(LIMIT / 4);
        let root = tracehound::trace("of the parent");
        let forked = fork();
        let start = Instant::now();
        drop(root);
        if forked.is_child() {
            drop(guard);
            assert!(start.elapsed() < LIMIT / 8, "{:?}", start.elapsed());
        }
    }

    fn starts_in_the_child() {
        let forked = fork();
        let _guard: Option<TracerGuard> = forked.is_child().then(tracehound::init);
        tracehound::in_span("work", |_| ());
    }

    fn forks_on_another_thread() {
        let _guard = tracehound::init();
        let main = tracehound::trace("main");
        let here = tracehound::tracer().context();
        let work = move || {
            let _here = tracehound::activate(here);
            let forked = fork();
            if forked.is_child() {
                tracehound::in_span("child", |_| ());
                tracehound::shutdown(LIMIT).unwrap();
                // There is no other thread here to return to.
                std::process::exit(0);
            }
        };
        thread::spawn(work).join().unwrap();
        drop(main);
    }

    fn forks_within_a_runtime() {
        let _guard = tracehound::init();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let main = tracehound::span("main").start();
        runtime.block_on(
            async {
                let forked = fork();
                let name = if forked.is_child() { "child" } else { "parent" };
                tokio::task::yield_now().in_span(tracehound::span(name).start()).await;
                tracehound::flush(LIMIT).unwrap();
            }
            .in_span(main),
        );
    }

    /// As many as there is time for, within these bounds.
    const FORKS: RangeInclusive<usize> = 5..=50;
    const TIME_TO_FORK: Duration = LIMIT.checked_div(6).unwrap();

    /// Threads that work while the process forks, and rest while a child runs: a child that has to share the
    /// machine with them takes many times as long, and too long on a busy one.
    struct Crowd {
        ended: AtomicBool,
        /// How many children there were. Locked for writing while one runs.
        children: RwLock<usize>,
        /// How often each has begun its work.
        rounds: [AtomicUsize; 3],
    }

    impl Crowd {
        fn new() -> Self {
            let rounds = [const { AtomicUsize::new(0) }; 3];
            Crowd { ended: AtomicBool::new(false), children: RwLock::new(0), rounds }
        }

        /// One of the threads. `round` is told how often it was called since the last child.
        fn work(&self, thread: usize, mut round: impl FnMut(usize)) {
            let (mut last, mut since) = (0, 0);
            while !self.ended.load(Ordering::Relaxed) {
                let children = self.children.read().unwrap_or_else(PoisonError::into_inner);
                since = if *children == last { since + 1 } else { 0 };
                last = *children;
                self.rounds[thread].fetch_add(1, Ordering::Relaxed);
                round(since);
            }
        }

        /// Returns when every thread is at work again.
        fn wait_until_busy(&self) {
            let now = || self.rounds.each_ref().map(|rounds| rounds.load(Ordering::Relaxed));
            let before = now();
            while now().iter().zip(before).any(|(now, before)| *now == before) {
                thread::yield_now();
            }
        }
    }

    /// Ends a crowd also where a child has failed: its threads are waited for.
    struct End<'a>(&'a Crowd);

    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.ended.store(true, Ordering::Relaxed);
        }
    }

    /// Every lock that there is, in use by some thread at each fork.
    fn forks_while_threads_trace() {
        let guard = unhurried().log(|_, _| ()).install();
        let provider = tracehound_opentelemetry::install();
        let root = tracehound::trace("root");
        let root_handle = root.handle();
        let crowd = Crowd::new();
        let start = Instant::now();
        let mut forks = 0;
        thread::scope(|scope| {
            let (crowd, root_handle) = (&crowd, &root_handle);
            for thread in 0..2 {
                let otel = provider.tracer("test");
                scope.spawn(move || {
                    crowd.work(thread, |round| {
                        let _here = tracehound::activate(root_handle);
                        // A busy machine has time for many rounds, and none to read so many spans.
                        if round < 100 {
                            otel.in_span("of a thread", |_| tracehound::in_span("native", |_| ()));
                            let _apart = tracehound::start_span("apart");
                        }
                        root_handle.set_tag("thread", thread as i64);
                        let _ = root_handle.name();
                        tracehound::inject(&mut HashMap::<String, String>::new());
                        tracehound::tracer().set_tags([("region", "eu")]);
                    });
                });
            }
            scope.spawn(|| crowd.work(2, |_| tracehound::flush(LIMIT).unwrap_or_default()));
            let _end = End(crowd);
            let is_enough = |forks| FORKS.contains(&forks) && start.elapsed() > TIME_TO_FORK;
            while forks < *FORKS.end() && !is_enough(forks) {
                crowd.wait_until_busy();
                let forked = fork();
                if forked.is_child() {
                    // Its locks are its own.
                    assert_eq!(tracehound::statistics().queued(), 0);
                    child_amid_threads(forks, root_handle);
                    // Its scope would wait for threads that are not here.
                    std::process::exit(0);
                }
                let mut children = crowd.children.write().unwrap();
                drop(forked);
                *children += 1;
                forks = *children;
            }
        });
        root.set_tag("forks", forks as u64);
        drop(root);
        drop(guard);
    }

    fn child_amid_threads(number: usize, root: &tracehound::SpanRef) {
        let otel = opentelemetry::global::tracer("child");
        tracehound::in_span("child", |span| {
            span.set_tag("number", number.to_string());
            otel.in_span("otel", |_| ());
        });
        root.set_tag("by", "the child");
        root.finish();
        tracehound::tracer().set_tags([("side", "child")]);
        assert!(tracehound::tracer().losses().total() == 0);
        let mut headers = HashMap::<String, String>::new();
        tracehound::inject(&mut headers);
        assert_eq!(headers["x-datadog-trace-id"], root.trace_id().unwrap().low().to_string());
        tracehound::flush(LIMIT / 4).unwrap();
        tracehound::shutdown(LIMIT / 4).unwrap();
    }

    fn is_reconfigured() {
        let guard = tracehound::init();
        let tracer = guard.tracer();
        tracer.on_start_span(|span| span.set_tag("started", true));
        let at_finish = tracer.on_finish_span(|span| span.set_tag("finished", true));
        tracehound::in_span("before", |_| ());
        tracehound::flush(LIMIT).unwrap();
        tracer
            .reconfigure(|change| change.trace_filter(DropResources::new("drop *")).tag("a", "1"))
            .unwrap();
        let _main = tracehound::trace("main");
        let forked = fork();
        let side = if forked.is_child() { "child" } else { "parent" };
        tracehound::in_span(side, |_| ());
        drop(tracehound::start_span(if forked.is_child() { "drop child" } else { "drop parent" }));
        if forked.is_child() {
            tracehound::flush(LIMIT).unwrap();
            assert_eq!(tracer.filtered().to_string(), "1 spans filtered: 1 DropResources");
            at_finish.deregister();
            tracer.reconfigure(|change| change.no_trace_filters().tag("a", "2")).unwrap();
            tracehound::in_span("drop nothing", |_| ());
            tracehound::flush(LIMIT).unwrap();
            assert_eq!(tracer.losses().total(), 0);
        }
    }

    // ===== what arrives =====

    /// What the real agent has received, each span once.
    struct Received(Vec<Span>);

    impl Received {
        fn from(program: &str, settings: &[(&str, &str)]) -> Self {
            let agent = TestAgent::start();
            let url = agent.url();
            let settings = [settings, &[("DD_TRACE_AGENT_URL", url.as_str())]].concat();
            let ended = run(program, &settings);
            assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""), "{program}");
            agent.assert_no_check_failures();
            let received = Received(agent.traces().into_iter().flatten().collect());
            let ids: BTreeSet<u64> = received.0.iter().map(|span| span.span_id).collect();
            assert_eq!(
                ids.len(),
                received.0.len(),
                "a span was sent twice, or an id is used twice"
            );
            received
        }

        fn span(&self, name: &str) -> &Span {
            let mut found = self.0.iter().filter(|span| span.name == name || span.resource == name);
            let span = found.next().unwrap_or_else(|| panic!("no {name:?} in {:?}", self.lines()));
            assert!(found.next().is_none(), "two spans {name:?}");
            span
        }

        /// The names of all spans, each with its parent's.
        fn lines(&self) -> Vec<String> {
            let name = |span: &Span| match span.name.as_str() {
                "internal" => span.resource.clone(),
                name => name.to_owned(),
            };
            let names: BTreeMap<u64, String> =
                self.0.iter().map(|span| (span.span_id, name(span))).collect();
            let line = |span: &Span| {
                let parent = names.get(&span.parent_id).map_or("", String::as_str);
                format!("{} < {parent}", name(span))
            };
            let mut lines: Vec<String> = self.0.iter().map(line).collect();
            lines.sort();
            lines
        }

        fn distinct<T: Ord>(&self, of: impl Fn(&Span) -> Option<T>) -> BTreeSet<T> {
            self.0.iter().filter_map(of).collect()
        }

        fn trace_ids(&self) -> usize {
            self.distinct(|span| Some(span.trace_id)).len()
        }

        fn runtime_ids(&self) -> usize {
            let text = |span: &Span| span.meta("runtime-id").map(str::to_owned);
            self.distinct(text).len()
        }

        /// Of the heads of all chunks.
        fn priorities(&self) -> Vec<i64> {
            let number = |span: &Span| Some(span.metric("_sampling_priority_v1")? as i64);
            self.distinct(number).into_iter().collect()
        }
    }

    pub(crate) const TESTS: &[Named] = &[
        ("a_trace_goes_on_in_the_child", a_trace_goes_on_in_the_child),
        ("what_came_in_goes_on_in_the_child", what_came_in_goes_on_in_the_child),
        ("a_trace_of_opentelemetry_goes_on", a_trace_of_opentelemetry_goes_on),
        ("a_trace_of_opentracing_goes_on", a_trace_of_opentracing_goes_on),
        ("an_ended_span_gives_way_at_a_fork", an_ended_span_gives_way_at_a_fork),
        ("inherited_spans_are_asked_in_vain", inherited_spans_are_asked_in_vain),
        ("a_child_may_fork", a_child_may_fork),
        ("workers_forked_in_advance_trace_on_their_own", workers_forked_in_advance),
        ("a_child_sends_nothing_of_its_parent", a_child_sends_nothing_of_its_parent),
        ("a_child_counts_what_it_has_made_alone", a_child_counts_what_it_has_made_alone),
        ("a_child_that_does_nothing_ends_at_once", a_child_that_does_nothing_ends_at_once),
        ("a_tracer_can_start_in_a_child", a_tracer_can_start_in_a_child),
        ("any_thread_may_fork", any_thread_may_fork),
        ("a_process_may_fork_within_a_runtime", a_process_may_fork_within_a_runtime),
        ("no_lock_of_the_parent_holds_a_child_up", no_lock_of_the_parent_holds_a_child_up),
        ("hooks_filters_and_changes_stay", hooks_filters_and_changes_stay),
    ];

    fn a_trace_goes_on_in_the_child() {
        let rules = r#"[{"resource": "early", "sample_rate": 0}, {"sample_rate": 1}]"#;
        let received =
            Received::from("traces_on_both_sides", &[("DD_TRACE_SAMPLING_RULES", rules)]);
        let lines = [
            "below main < main",
            "child < inner",
            "grandchild < child",
            "in the parent < inner",
            "inner < main",
            "main < ",
        ];
        assert_eq!(received.lines(), lines);
        assert_eq!(received.trace_ids(), 1);
        let tid = |name: &str| received.span(name).meta("_dd.p.tid").map(str::to_owned);
        assert_eq!(tid("main"), tid("child"));
        assert_eq!(received.priorities(), [-1]);
        assert_eq!(received.runtime_ids(), 2);
        let process = |name: &str| received.span(name).metric("process_id").unwrap();
        assert_ne!(process("main"), process("child"));
        assert_eq!(received.span("main").resource, "late");
        let inner = received.span("inner");
        assert_eq!((inner.meta("by"), inner.error), (None, 0));
    }

    fn what_came_in_goes_on_in_the_child() {
        let received = Received::from("continues_what_came_in", &[]);
        let lines =
            ["apart < ", "below apart < apart", "child < main", "in a thread < main", "main < "];
        assert_eq!(received.lines(), lines);
        assert_eq!(received.trace_ids(), 2);
        assert_eq!(received.span("main").parent_id, 0x99);
        for name in ["main", "child", "in a thread"] {
            let span = received.span(name);
            assert_eq!(span.trace_id, 0x88, "{name}");
            assert_eq!(span.metric("_sampling_priority_v1"), Some(2.0), "{name}");
            assert_eq!(span.meta("_dd.p.team"), Some("shop"), "{name}");
            assert_eq!(span.meta("region"), Some("eu"), "{name}");
            assert_eq!(span.meta("_dd.origin"), Some("synthetics"), "{name}");
        }
    }

    fn a_trace_of_opentelemetry_goes_on() {
        let received = Received::from("uses_opentelemetry", &[]);
        let lines = [
            "child < inner",
            "inner < outer",
            "late < outer",
            "main < ",
            "native < child",
            "native child < inner",
            "outer < main",
            "parent < outer",
        ];
        assert_eq!(received.lines(), lines);
        assert_eq!(received.trace_ids(), 1);
        assert_eq!(received.priorities(), [2]);
        assert_eq!(received.runtime_ids(), 2);
        for name in ["child", "native child", "late"] {
            assert_eq!(received.span(name).meta("_dd.p.team"), Some("shop"), "{name}");
        }
    }

    fn a_trace_of_opentracing_goes_on() {
        let received = Received::from("uses_opentracing", &[]);
        let lines =
            ["child < outer", "named < outer", "native < child", "outer < ", "parent < outer"];
        assert_eq!(received.lines(), lines);
        assert_eq!((received.trace_ids(), received.runtime_ids()), (1, 2));
        assert_eq!(received.span("outer").meta("by"), None);
    }

    fn an_ended_span_gives_way_at_a_fork() {
        let received = Received::from("forks_below_an_ended_span", &[]);
        assert_eq!(received.lines(), ["child < main", "inner < main", "main < ", "named < inner"]);
        assert_eq!(received.trace_ids(), 1);
    }

    fn inherited_spans_are_asked_in_vain() {
        let received = Received::from("asks_inherited_spans", &[]);
        let lines = [
            "apart < main",
            "below apart < apart",
            "below inner < inner",
            "child < below apart",
            "child < below inner",
            "inner < main",
            "main < ",
        ];
        assert_eq!(received.lines(), lines);
        assert_eq!((received.trace_ids(), received.runtime_ids()), (1, 2));
        assert_eq!(received.priorities(), [1]);
        let main = received.span("main");
        assert_eq!(
            (main.meta("by"), main.metric("by"), main.resource.as_str()),
            (None, None, "main")
        );
        assert_eq!(received.span("below inner").meta("by"), Some("its child"));
    }

    fn a_child_may_fork() {
        let received = Received::from("forks_again_and_again", &[]);
        let lines = received.lines();
        let chain: Vec<&str> =
            lines.iter().map(String::as_str).filter(|line| !line.starts_with("apart")).collect();
        assert_eq!(chain, ["0 < ", "1 < 0", "2 < 1", "3 < 2", "4 < 3"]);
        assert_eq!((lines.len(), received.runtime_ids()), (10, 5));
    }

    fn workers_forked_in_advance() {
        let received = Received::from("serves_from_workers", &[]);
        assert_eq!(received.0.len(), 6 * 5 * 2);
        assert_eq!(received.trace_ids(), 6 * 5);
        // The first and the last are the parent itself.
        assert_eq!(received.runtime_ids(), 5);
    }

    fn a_child_sends_nothing_of_its_parent() {
        let received = Received::from("forks_with_a_full_queue", &[]);
        assert_eq!(received.0.len(), 11);
        assert_eq!(received.span("of the child").parent_id, 0);
    }

    /// With the feature that counts, and without it as well: then there is nothing to be counted twice.
    fn a_child_counts_what_it_has_made_alone() {
        let agent = FaultAgent::start(scripts::counting);
        let url = agent.url();
        let settings = [("DD_TRACE_AGENT_URL", url.as_str()), ("DD_TRACE_SAMPLE_RATE", "0")];
        let ended = run("counts_on_both_sides", &settings);
        assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""));
        if !cfg!(feature = "client-stats") {
            return;
        }
        let expected = [("of the child", 5), ("of the parent", 3)];
        let expected = expected.map(|(name, hits)| (name.to_owned(), hits));
        assert_eq!(hits(&agent), BTreeMap::from(expected));
        let payloads = payloads(&agent);
        let first = payloads.iter().filter(|payload| payload["Sequence"] == 0);
        let processes: BTreeSet<_> =
            first.map(|payload| payload["RuntimeID"].as_str().unwrap()).collect();
        assert_eq!(processes.len(), 2, "each begins with a number of its own: {payloads:?}");
    }

    fn a_child_that_does_nothing_ends_at_once() {
        let received = Received::from("has_an_idle_child", &[]);
        assert_eq!(received.lines(), ["of the parent < "]);
    }

    fn a_tracer_can_start_in_a_child() {
        let received = Received::from("starts_in_the_child", &[]);
        assert_eq!(received.lines(), ["work < "]);
    }

    fn any_thread_may_fork() {
        let received = Received::from("forks_on_another_thread", &[]);
        assert_eq!(received.lines(), ["child < main", "main < "]);
        assert_eq!((received.trace_ids(), received.runtime_ids()), (1, 2));
    }

    fn a_process_may_fork_within_a_runtime() {
        let received = Received::from("forks_within_a_runtime", &[]);
        assert_eq!(received.lines(), ["child < main", "main < ", "parent < main"]);
        assert_eq!((received.trace_ids(), received.runtime_ids()), (1, 2));
    }

    fn hooks_filters_and_changes_stay() {
        let received = Received::from("is_reconfigured", &[]);
        let lines =
            ["before < ", "child < main", "drop nothing < main", "main < ", "parent < main"];
        assert_eq!(received.lines(), lines);
        for (name, tag, finished) in [
            ("before", None, Some("true")),
            ("child", Some("1"), Some("true")),
            ("parent", Some("1"), Some("true")),
            ("drop nothing", Some("2"), None),
        ] {
            let span = received.span(name);
            assert_eq!(span.meta("started"), Some("true"), "{name}");
            assert_eq!((span.meta("a"), span.meta("finished")), (tag, finished), "{name}");
        }
        assert_eq!(received.runtime_ids(), 2);
    }

    fn no_lock_of_the_parent_holds_a_child_up() {
        let agent = FaultAgent::start(scripts::healthy);
        let ended = run("forks_while_threads_trace", &[("DD_TRACE_AGENT_URL", &agent.url())]);
        assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""));
        let spans = agent.spans();
        let root = spans.iter().find(|span| span.name == "root").unwrap();
        assert_eq!(root.meta("by"), None);
        let children: Vec<&Span> = spans.iter().filter(|span| span.name == "child").collect();
        let numbers: BTreeSet<_> = children.iter().filter_map(|span| span.meta("number")).collect();
        let forks = root.metric("forks").unwrap() as usize;
        assert!(FORKS.contains(&forks), "{forks}");
        assert_eq!((children.len(), numbers.len()), (forks, forks));
        for child in children {
            assert_eq!((child.trace_id, child.parent_id), (root.trace_id, root.span_id));
            assert_eq!(child.metric("_sampling_priority_v1"), root.metric("_sampling_priority_v1"));
        }
        let ids: BTreeSet<u64> = spans.iter().map(|span| span.span_id).collect();
        assert_eq!(ids.len(), spans.len(), "a span was sent twice, or an id is used twice");
    }
}
