//! How does a trace go on in a child process?
//!
//! A build runs its tests in another process and passes the trace on in environment variables. The child
//! is this program again; any program that reads the variables could take its place.
//!
//! `cargo run --example child_process` needs no agent: the trace is printed at the end.

mod support;

use std::error::Error;
use std::process::{Command, ExitCode};
use std::time::Duration;

use support::{Agent, say};
use tracehound::{EnvExtractor, EnvInjector, Tracer};

type AnyError = Box<dyn Error + Send + Sync>;

fn main() -> Result<ExitCode, AnyError> {
    match std::env::args().nth(1).as_deref() {
        Some("test") => Ok(run_tests()),
        _ => build(),
    }
}

// ===== the parent =====

fn build() -> Result<ExitCode, AnyError> {
    let agent = Agent::start()?;
    let guard = agent.receive_from(Tracer::builder().service("build")).install();

    let span = tracehound::trace("build");
    tracehound::in_span("compile", |_| std::thread::sleep(Duration::from_millis(3)));

    let mut command = Command::new(std::env::current_exe()?);
    command.arg("test").env("DD_SERVICE", "test");
    if let Some(url) = agent.local_url() {
        command.env("DD_TRACE_AGENT_URL", url);
    }
    // Whoever has started us may have passed a trace on as well: it is not the child's.
    tracehound::inject(&mut EnvInjector::new(&mut command));
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            say(&format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
        }
    }
    let status = command.status()?;
    if !status.success() {
        span.set_error_message(format!("the tests: {status}"));
    }
    drop(span);

    guard.tracer().flush(Duration::from_secs(5))?;
    agent.print(4);
    Ok(ExitCode::SUCCESS)
}

// ===== the child =====

fn run_tests() -> ExitCode {
    // Its settings are in the environment, too. Dropping the guard sends what there is: not to be left out
    // of a process that lives for a moment.
    let _guard = tracehound::init();
    #[expect(clippy::disallowed_methods, reason = "not a setting of the tracer")]
    let variables = std::env::vars_os();
    // Active from here on; `child_of` would do for a single span.
    let _scope = tracehound::activate(tracehound::extract(&EnvExtractor::new(variables)));
    tracehound::in_span("test.suite", |suite| {
        tracehound::in_span("test.case", |case| {
            case.set_error_message("expected 4, got 5");
        });
        suite.set_tag("test.failed", 1);
    });
    ExitCode::FAILURE
}
