//! Programs that end in different ways: what they finished arrives, and none of them hangs.
//!
//! Each program is this file again, started with its name, so that `main` is a real one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]

mod common;

use std::process::{ExitCode, exit};
use std::thread;
use std::time::Duration;

use tracehound::{FutureExt, Tracer};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::span::tree;
use tracehound_test_support::{FaultAgent, Reply, TestAgent};

use common::LIMIT;
use common::programs::{self, run};

// ===== the programs =====

const PROGRAMS: [programs::Named; 11] = [
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

const TESTS: [programs::Named; 14] = [
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
];

fn main() -> ExitCode {
    programs::main(&PROGRAMS, &TESTS)
}
