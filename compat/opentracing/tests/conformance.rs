//! The tracer passes the checks that every OpenTracing tracer has to pass.

mod common;

#[test]
fn with_the_stacks_of_threads() {
    common::checks::run_all();
}
