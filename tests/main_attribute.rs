//! Programs whose `main` has the attribute `main`: what they made arrives, and they end as they would without.
//!
//! Each program is this file again, started with its name.

#![allow(clippy::unwrap_used)]

mod common;

use std::process::{ExitCode, Termination};

use tracehound::FutureExt;
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::span::tree;

use common::programs::{self, run};

// ===== the programs =====

const PROGRAMS: &[programs::Named] = &[
    ("plain", plain::main),
    ("with_settings", with_settings::main),
    ("with_a_builder", with_a_builder::main),
    ("fails", || report(fails::main())),
    ("has_a_code", || report(has_a_code::main())),
    ("above_a_runtime", || report(above_a_runtime::main())),
    ("below_a_runtime", || report(below_a_runtime::main())),
];

/// Ends as the standard library does after `main`. What an `ExitCode` is cannot be asked for.
fn report(returned: impl Termination) {
    let code = returned.report();
    if let Some(code) = [1, 7].into_iter().find(|known| code == ExitCode::from(*known)) {
        std::process::exit(code.into());
    }
}

mod plain {
    #[tracehound::main]
    pub(super) fn main() {
        let _ends_before_the_tracer = tracehound::trace("main");
        tracehound::in_span("work", |_| ());
    }
}

mod with_settings {
    #[tracehound::main(service = "shop", env = "prod", version = String::from("1.4"))]
    pub(super) fn main() {
        let report = tracehound::tracer().config().unwrap().report().to_string();
        assert!(report.contains("prod") && report.contains("1.4"), "{report}");
        tracehound::in_span("main", |_| ());
    }
}

mod with_a_builder {
    #[tracehound::main(builder = tracehound::Tracer::builder().tag("built", "yes"), service = "shop")]
    pub(super) fn main() {
        tracehound::in_span("main", |_| ());
    }
}

mod fails {
    #[tracehound::main]
    pub(super) fn main() -> Result<(), Box<dyn std::error::Error>> {
        let _span = tracehound::trace("main");
        "x".parse::<u8>()?;
        Ok(())
    }
}

mod has_a_code {
    use std::process::ExitCode;

    #[tracehound::main]
    pub(super) fn main() -> ExitCode {
        let _span = tracehound::trace("main");
        ExitCode::from(7)
    }
}

/// A task that is dropped with its runtime, and its span with it: the tracer has to be there still.
fn leave_a_task() {
    let never = tracehound::span("never ends").start();
    tokio::spawn(std::future::pending::<()>().in_span(never));
}

mod above_a_runtime {
    /// It has a documentation.
    #[tracehound::main]
    #[tokio::main]
    #[allow(clippy::unused_async, reason = "an async main with nothing to wait for")]
    pub(super) async fn main() -> Result<(), String> {
        super::leave_a_task();
        tracehound::in_span("main", |_| ());
        tokio::task::yield_now().await;
        Ok(())
    }
}

mod below_a_runtime {
    #[tokio::main(flavor = "current_thread")]
    #[tracehound::main]
    pub(super) async fn main() -> Result<(), String> {
        super::leave_a_task();
        tracehound::in_span("main", |_| ());
        tokio::task::yield_now().await;
        Err("no eggs".to_owned())
    }
}

// ===== the tests =====

/// Runs a program and compares what the agent gets, and the code that it ends with.
fn delivers(program: &str, code: i32, expected: &str) {
    let agent = FaultAgent::start(scripts::healthy);
    let url = agent.url();
    let ended = run(program, &[("DD_TRACE_AGENT_URL", url.as_str()), ("DD_SERVICE", "program")]);
    assert_eq!(ended.code, Some(code), "{program}: {}", ended.said);
    assert_eq!(tree(&agent.spans()), expected, "{program}: {}", ended.said);
}

const MAIN: &str = "main  program | main\n";
/// In the order in which they start.
const TASK_AND_MAIN: &str = "never ends  program | never ends\nmain  program | main\n";

const TESTS: &[programs::Named] = &[
    ("what_main_made_is_sent", || {
        delivers("plain", 0, "main  program | main\n  work  program | work\n");
    }),
    ("settings_are_those_of_the_builder", || {
        delivers("with_settings", 0, "main  shop | main\n");
        delivers("with_a_builder", 0, "main  shop | main\n");
    }),
    ("main_returns_what_it_returned", || {
        delivers("fails", 1, MAIN);
        delivers("has_a_code", 7, MAIN);
    }),
    ("the_tracer_ends_after_the_runtime", || {
        delivers("above_a_runtime", 0, TASK_AND_MAIN);
        delivers("below_a_runtime", 1, TASK_AND_MAIN);
    }),
];

fn main() -> ExitCode {
    programs::main(PROGRAMS, TESTS)
}
