//! A tracer that keeps its spans, for the tests of programs that use the library.
//!
//! ```
//! let (tracer, captured) = tracehound::testing::tracer();
//! tracer.in_span("web.request", |_| {
//!     tracer.in_span("db.query", |span| span.set_tag("db.rows", 3));
//! });
//! assert_eq!(captured.tree(), "web.request\n  db.query db.rows=3\n");
//! ```

use std::sync::Arc;
use std::time::Duration;

pub use crate::captured::{Captured, CapturedSpan};
use crate::config::Environment;
use crate::diag::drain_all_lines;
use crate::tracer::{Tracer, TracerBuilder};

/// A new tracer, which ignores the settings of the environment, and the spans that it finishes.
#[must_use]
pub fn tracer() -> (Tracer, Captured) {
    let captured = Captured::default();
    let builder = Tracer::builder().environment(Environment::empty()).service("test");
    (builder.capture(&captured).build(), captured)
}

/// Waits until all lines that tracers of this process have logged so far are written, or given to their log functions.
/// For a minute at the most.
///
/// A background thread writes these lines, so a test that reads them has to wait.
///
/// ```
/// # use std::sync::mpsc;
/// # use tracehound::{Tracer, config::Environment};
/// let (sender, lines) = mpsc::channel();
/// let environment = Environment::from_pairs([("DD_TRACE_SAMPLE_RATE", "many")]);
/// let builder = Tracer::builder().environment(environment);
/// let tracer = builder.log(move |_, line| drop(sender.send(line.to_owned()))).build();
/// tracehound::testing::wait_for_lines();
/// assert!(lines.try_iter().any(|line| line.contains("DD_TRACE_SAMPLE_RATE")));
/// ```
pub fn wait_for_lines() {
    drain_all_lines(Duration::from_secs(60));
}

impl TracerBuilder {
    /// Keeps finished traces in `captured`; nothing is sent anywhere.
    pub fn capture(self, captured: &Captured) -> Self {
        self.sink(Arc::new(captured.clone()))
    }
}
