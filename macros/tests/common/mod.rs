//! What the tests share: the tracer of the process, on which wrapped functions are traced.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use tracehound::Tracer;
use tracehound::config::{Config, Environment};
use tracehound::testing::Captured;

/// The tests of a file take turns.
static INSTALLED: LazyLock<Mutex<Captured>> = LazyLock::new(|| {
    let captured = Captured::default();
    let builder = Tracer::builder().environment(Environment::empty()).service("test");
    // Errors have no stacks, whatever `RUST_BACKTRACE` says.
    let builder = builder.config(Config::builder().traceback_max_frames(0));
    std::mem::forget(builder.capture(&captured).install());
    Mutex::new(captured)
});

/// Runs `work` and returns its traces as trees.
pub fn tree_of(work: impl FnOnce()) -> String {
    let captured = turn();
    work();
    captured.tree()
}

/// The same for a future.
pub fn tree_of_future(future: impl Future<Output = ()>) -> String {
    tree_of(|| runtime().block_on(future))
}

/// The spans of this test alone, as long as the result lives.
pub fn turn() -> MutexGuard<'static, Captured> {
    let captured = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    drop(captured.take());
    captured
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}
