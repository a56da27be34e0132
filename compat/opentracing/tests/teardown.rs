//! A span is finished by the scope that its thread leaves behind, though the store may be gone by then.

mod common;

#[test]
fn with_the_stacks_of_threads() {
    common::teardown::check();
}
