//! Programs that end in different ways: what they finished arrives, and none of them hangs.
//!
//! Each program is this file again, started with its name, so that `main` is a real one.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::process::{ExitCode, exit};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use tracehound::{FutureExt, Sampler, SamplingDecision, SpanView, Tracer};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::span::tree;
use tracehound_test_support::{FaultAgent, Reply, TestAgent};

use common::LIMIT;
use common::programs::{self, run};

// ===== the programs =====

const PROGRAMS: &[programs::Named] = &[
    ("returns", returns),
    ("panics", panics),
    ("a_thread_panics", a_thread_panics),
    ("exits", exits),
    ("a_runtime_goes_first", a_runtime_goes_first),
    ("within_a_runtime", within_a_runtime),
    ("within_a_runtime_of_one_thread", within_a_runtime_of_one_thread),
    ("shut_down_twice", shut_down_twice),
    ("drops_its_tracers", drops_its_tracers),
    ("forgets_the_guard", forgets_the_guard),
    ("is_in_a_hurry", is_in_a_hurry),
    ("exits_with_the_guard", exits_with_the_guard),
    ("exits_on_another_thread", exits_on_another_thread),
    ("forgets_guard_and_flush", forgets_guard_and_flush),
    ("has_no_guard", has_no_guard),
    ("drops_its_tracer_at_the_end", drops_its_tracer_at_the_end),
    ("makes_nothing", makes_nothing),
    ("is_in_a_hurry_to_exit", is_in_a_hurry_to_exit),
    ("gave_up_before_it_exits", gave_up_before_it_exits),
    ("exits_within_a_sampler", exits_within_a_sampler),
    ("drops_its_guard_at_once", drops_its_guard_at_once),
    ("loses_more_than_it_said", loses_more_than_it_said),
    #[cfg(unix)]
    ("has_a_child_that_exits", has_a_child_that_exits),
    #[cfg(unix)]
    ("has_a_child_that_works", has_a_child_that_works),
    ("exits_within_its_log_function", exits_within_its_log_function),
];

fn returns() {
    let _guard = tracehound::init();
    let _open_until_the_end = tracehound::trace("main");
    tracehound::in_span("work", |_| ());
}

fn panics() {
    let _guard = tracehound::init();
    let _span = tracehound::trace("main");
    tracehound::in_span("work", |_| panic!("on purpose"));
}

fn a_thread_panics() {
    let _guard = tracehound::init();
    let main = tracehound::trace("main");
    let here = tracehound::tracer().context();
    let thread = thread::spawn(move || {
        let _here = tracehound::activate(here);
        tracehound::in_span("work", |_| panic!("on purpose"));
    });
    assert!(thread.join().is_err());
    drop(main);
}

fn exits() {
    let guard = tracehound::init();
    let main = tracehound::trace("main");
    tracehound::in_span("work", |_| ());
    drop(main);
    drop(guard);
    exit(3);
}

async fn work() {
    let span = tracehound::span("main").start();
    async {
        let work = tracehound::span("work").start();
        let task = tokio::spawn(tokio::task::yield_now().in_span(work));
        task.await.unwrap();
    }
    .in_span(span)
    .await;
}

fn a_runtime_goes_first() {
    let _guard = tracehound::init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let main = runtime.spawn(work());
    runtime.block_on(main).unwrap();
    // A task that never ends is dropped with its runtime, and its span with it.
    let never = tracehound::span("never ends").start();
    runtime.spawn(std::future::pending::<()>().in_span(never));
    drop(runtime);
}

fn within_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let _guard = tracehound::init();
        work().await;
    });
}

fn within_a_runtime_of_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let _guard = tracehound::init();
        work().await;
    });
}

fn shut_down_twice() {
    let guard = tracehound::init();
    tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
    tracehound::shutdown(LIMIT).unwrap();
    tracehound::shutdown(LIMIT).unwrap();
    tracehound::in_span("too late", |_| ());
    drop(guard);
}

fn drops_its_tracers() {
    let tracer = Tracer::builder().build();
    tracer.in_span("main", |_| tracer.in_span("work", |_| ()));
    tracer.flush(LIMIT).unwrap();
    drop(tracer);
    drop(Tracer::builder().build());
}

fn forgets_the_guard() {
    std::mem::forget(tracehound::init());
    tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
    tracehound::flush(LIMIT).unwrap();
}

fn is_in_a_hurry() {
    let _guard = tracehound::init().timeout(Duration::from_millis(100));
    tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
}

fn exits_with_the_guard() {
    let _guard = tracehound::init();
    tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
    exit(3);
}

fn exits_on_another_thread() {
    let _guard = tracehound::init();
    tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
    thread::spawn(|| exit(3)).join().unwrap();
}

fn forgets_guard_and_flush() {
    std::mem::forget(tracehound::init());
    tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
}

/// A tracer of its own, in a place that is never dropped.
fn has_no_guard() {
    static TRACER: OnceLock<Tracer> = OnceLock::new();
    let tracer = TRACER.get_or_init(|| Tracer::builder().build());
    tracer.in_span("main", |_| tracer.in_span("work", |_| ()));
}

fn drops_its_tracer_at_the_end() {
    let tracer = Tracer::builder().build();
    tracer.in_span("main", |_| tracer.in_span("work", |_| ()));
}

fn makes_nothing() {
    std::mem::forget(tracehound::init());
}

fn is_in_a_hurry_to_exit() {
    let _guard = tracehound::init().timeout(Duration::from_millis(100));
    tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
    exit(0);
}

fn gave_up_before_it_exits() {
    std::mem::forget(tracehound::init().timeout(LIMIT));
    tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
    assert!(tracehound::shutdown(Duration::from_millis(100)).is_err());
}

/// On the worker's thread, which then must not wait for itself.
fn exits_within_a_sampler() {
    struct Exits;

    impl Sampler for Exits {
        fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
            exit(3)
        }
    }

    let guard = Tracer::builder().sampler(Exits).install().timeout(LIMIT);
    tracehound::in_span("main", |_| ());
    drop(guard);
}

fn drops_its_guard_at_once() {
    let _ = tracehound::init();
    tracehound::in_span("main", |_| ());
}

fn loses_more_than_it_said() {
    drop(tracehound::init());
    for _ in 0..5 {
        tracehound::in_span("main", |_| ());
    }
    tracehound::testing::wait_for_lines();
}

/// What the parent has not sent yet is its own, and the child has made nothing.
#[cfg(unix)]
fn has_a_child_that_exits() {
    std::mem::forget(Tracer::builder().flush_interval(LIMIT).install());
    tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
    match fork::fork().unwrap() {
        fork::Fork::Child => exit(0),
        fork::Fork::Parent(child) => fork::waitpid(child).unwrap(),
    };
}

/// Only the child has made anything.
#[cfg(unix)]
fn has_a_child_that_works() {
    std::mem::forget(Tracer::builder().flush_interval(LIMIT).install());
    match fork::fork().unwrap() {
        fork::Fork::Child => {
            tracehound::in_span("main", |_| tracehound::in_span("work", |_| ()));
            exit(0);
        }
        fork::Fork::Parent(child) => fork::waitpid(child).unwrap(),
    };
}

/// On the thread that writes lines.
fn exits_within_its_log_function() {
    let guard = Tracer::builder().sample_rate(7.0).log(|_, _| exit(3)).install();
    tracehound::in_span("main", |_| ());
    thread::sleep(LIMIT);
    drop(guard);
}

// ===== how they end =====

const WHOLE: &str = "main  program | main\n  work  program | work\n";
const MARKED: &str = "main  program | main | error\n  work  program | work | error\n";

/// Runs a program with the real agent, which must then have these traces.
fn delivers(program: &str, code: i32, said: &str, traces: &[&str]) {
    let agent = TestAgent::start();
    let ended = run(program, &[("DD_TRACE_AGENT_URL", &agent.url())]);
    assert_eq!(ended.code, Some(code), "{}", ended.said);
    assert!(ended.said.contains(said), "{:?}", ended.said);
    assert!(!said.is_empty() || ended.said.is_empty(), "{}", ended.said);
    // Nobody waits: the agent has them when the program is gone.
    let trees: Vec<String> = agent.traces().iter().map(|spans| tree(spans)).collect();
    assert_eq!(trees, traces);
    agent.assert_no_check_failures();
}

/// Runs programs with an agent that takes nothing; they end in their own time and say what they lost.
fn gives_up(url: &str, program: &str, most: Duration) {
    let ended = run(program, &[("DD_TRACE_AGENT_URL", url)]);
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    assert!(ended.said.contains("lost 2 spans"), "{}", ended.said);
    assert!(ended.took < most, "{:?}: {}", ended.took, ended.said);
}

/// What a guard waits unless it is told otherwise.
const GUARD: Duration = Duration::from_secs(2);

const TESTS: &[programs::Named] = &[
    ("returning_from_main_sends_what_has_finished", || delivers("returns", 0, "", &[WHOLE])),
    ("a_panic_through_main_sends_the_marked_spans", || {
        delivers("panics", 101, "on purpose", &[MARKED]);
    }),
    ("a_panic_of_a_thread_is_no_end", || {
        let marked = "main  program | main\n  work  program | work | error\n";
        delivers("a_thread_panics", 0, "on purpose", &[marked]);
    }),
    ("an_exit_after_the_guard_has_everything_sent", || delivers("exits", 3, "", &[WHOLE])),
    ("a_runtime_may_end_before_the_guard", || {
        let never = "never ends  program | never ends\n";
        delivers("a_runtime_goes_first", 0, "", &[WHOLE, never]);
    }),
    ("the_guard_may_end_within_a_runtime", || delivers("within_a_runtime", 0, "", &[WHOLE])),
    ("the_guard_may_end_within_a_runtime_of_one_thread", || {
        delivers("within_a_runtime_of_one_thread", 0, "", &[WHOLE]);
    }),
    ("a_shutdown_before_the_guard_is_enough", || {
        delivers("shut_down_twice", 0, "lost 1 spans (shutdown)", &[WHOLE]);
    }),
    ("a_tracer_needs_no_guard_after_a_flush", || delivers("drops_its_tracers", 0, "", &[WHOLE])),
    ("a_guard_that_is_forgotten_stops_nobody", || delivers("forgets_the_guard", 0, "", &[WHOLE])),
    ("an_agent_that_is_absent_does_not_hold_up_the_end", || {
        let agent = FaultAgent::start(scripts::healthy);
        agent.refuse();
        gives_up(&agent.url(), "returns", GUARD);
    }),
    ("a_socket_that_is_absent_does_not_hold_up_the_end", || {
        gives_up("unix:///no/such/apm.socket", "returns", GUARD);
    }),
    ("an_agent_that_is_silent_costs_what_the_guard_allows", || {
        let agent = FaultAgent::start(|_| Reply::hang());
        gives_up(&agent.url(), "is_in_a_hurry", GUARD);
        gives_up(&agent.url(), "returns", 2 * GUARD);
    }),
    ("an_agent_that_refuses_does_not_hold_up_the_end", || {
        let agent = FaultAgent::start(|_| Reply::status(500));
        gives_up(&agent.url(), "returns", GUARD);
    }),
    ("an_exit_sends_what_has_finished", || delivers("exits_with_the_guard", 3, "", &[WHOLE])),
    ("any_thread_may_exit", || delivers("exits_on_another_thread", 3, "", &[WHOLE])),
    ("a_guard_that_is_forgotten_is_not_needed_at_the_end", || {
        delivers("forgets_guard_and_flush", 0, "", &[WHOLE]);
    }),
    ("a_tracer_without_a_guard_sends_at_the_end", || delivers("has_no_guard", 0, "", &[WHOLE])),
    ("the_end_waits_for_a_tracer_that_was_just_dropped", || {
        delivers("drops_its_tracer_at_the_end", 0, "", &[WHOLE]);
    }),
    ("an_agent_that_is_absent_does_not_hold_up_an_exit", || {
        let agent = FaultAgent::start(scripts::healthy);
        agent.refuse();
        gives_up(&agent.url(), "forgets_guard_and_flush", GUARD);
    }),
    ("an_agent_that_is_silent_costs_an_exit_what_the_guard_allows", || {
        let agent = FaultAgent::start(|_| Reply::hang());
        gives_up(&agent.url(), "is_in_a_hurry_to_exit", GUARD);
        gives_up(&agent.url(), "forgets_guard_and_flush", 2 * GUARD);
    }),
    ("where_there_is_nothing_to_send_an_exit_asks_nobody", || {
        let agent = FaultAgent::start(|_| Reply::hang());
        let ended = run("makes_nothing", &[("DD_TRACE_AGENT_URL", &agent.url())]);
        assert_eq!((ended.code, ended.said.as_str()), (Some(0), ""));
        assert!(ended.took < GUARD, "{:?}", ended.took);
    }),
    ("what_a_shutdown_gave_up_is_not_waited_for_again", || {
        let agent = FaultAgent::start(|_| Reply::hang());
        gives_up(&agent.url(), "gave_up_before_it_exits", LIMIT / 4);
    }),
    ("an_exit_on_a_thread_of_the_library_does_not_wait_for_it", || {
        let agent = FaultAgent::start(scripts::healthy);
        let ended = run("exits_within_a_sampler", &[("DD_TRACE_AGENT_URL", &agent.url())]);
        assert_eq!(ended.code, Some(3), "{}", ended.said);
        assert!(ended.said.contains("lost 1 spans (shutdown_timeout)"), "{}", ended.said);
        assert!(ended.took < LIMIT / 4, "{:?}: {}", ended.took, ended.said);
    }),
    ("a_guard_that_is_dropped_at_once_is_named_with_what_it_lost", || {
        delivers("drops_its_guard_at_once", 0, "let _guard = tracehound::init();", &[]);
    }),
    ("what_was_lost_in_all_is_said_at_the_end", || {
        delivers("loses_more_than_it_said", 0, "in all 5 spans lost: 5 shutdown", &[]);
    }),
    ("an_exit_in_a_log_function_ends_the_program", || {
        let agent = FaultAgent::start(scripts::healthy);
        let url = agent.url();
        let ended = run("exits_within_its_log_function", &[("DD_TRACE_AGENT_URL", &url)]);
        assert_eq!(ended.code, Some(3), "{}", ended.said);
        assert!(ended.took < LIMIT / 4, "{:?}: {}", ended.took, ended.said);
    }),
    #[cfg(unix)]
    ("a_child_that_exits_sends_what_it_has_made", || {
        delivers("has_a_child_that_works", 0, "", &[WHOLE]);
    }),
    #[cfg(unix)]
    ("a_child_that_exits_sends_nothing_of_its_parent", || {
        delivers("has_a_child_that_exits", 0, "", &[WHOLE]);
    }),
];

fn main() -> ExitCode {
    programs::main(PROGRAMS, TESTS)
}
