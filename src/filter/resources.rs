//! Filters by the resource of the local root.

use std::sync::atomic::{AtomicU64, Ordering};

use super::trace_filter::{TraceFilter, Verdict};
use crate::sampling::Glob;
use crate::trace::FinishedTrace;

/// Whether the first span of the trace in this process has a resource that fits; not in a part without that span.
fn fits(trace: &FinishedTrace<'_>, pattern: &Glob) -> bool {
    trace.root().is_some_and(|root| pattern.matches(&root.resource()))
}

/// Drops traces whose local root has a resource that fits a pattern.
///
/// The pattern is that of sampling rules: it is for the whole resource, whatever its case; `*` stands for any
/// characters, also none, `?` for one. A part of a trace that is sent without its local root is never dropped.
///
/// ```
/// use tracehound::{DropResources, Tracer, testing};
///
/// let captured = testing::Captured::default();
/// let tracer =
///     Tracer::builder().trace_filter(DropResources::new("GET /health*")).capture(&captured).build();
/// for resource in ["GET /healthz", "GET /cart"] {
///     drop(tracer.span("web.request").resource(resource).start());
/// }
/// assert_eq!(captured.span("web.request").resource, "GET /cart");
/// ```
#[derive(Clone, Debug)]
pub struct DropResources {
    pattern: Glob,
}

impl DropResources {
    /// For a pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        DropResources { pattern: Glob::new(pattern) }
    }
}

impl TraceFilter for DropResources {
    fn filter(&self, trace: &mut FinishedTrace<'_>) -> Verdict {
        if fits(trace, &self.pattern) { Verdict::Drop } else { Verdict::Next }
    }

    fn name(&self) -> &str {
        "DropResources"
    }
}

/// Lets one in so many traces pass, of those whose local root has a resource that fits a pattern, and drops the others.
///
/// The first passes, and then each time that many later; other traces pass. The pattern is that of [`DropResources`],
/// and all resources that fit it are counted together. A part of a trace that is sent without its local root passes.
///
/// ```
/// use tracehound::{KeepOneIn, Tracer, testing};
///
/// let captured = testing::Captured::default();
/// let tracer =
///     Tracer::builder().trace_filter(KeepOneIn::new(10, "GET /ping")).capture(&captured).build();
/// for _ in 0..100 {
///     drop(tracer.span("web.request").resource("GET /ping").start());
/// }
/// assert_eq!(captured.spans().len(), 10);
/// ```
#[derive(Debug)]
pub struct KeepOneIn {
    pattern: Glob,
    one_in: u64,
    seen: AtomicU64,
}

impl KeepOneIn {
    /// Lets one in `one_in` pass, for a pattern; all of them for 0 and 1.
    #[must_use]
    pub fn new(one_in: u64, pattern: &str) -> Self {
        KeepOneIn { pattern: Glob::new(pattern), one_in: one_in.max(1), seen: AtomicU64::new(0) }
    }
}

impl TraceFilter for KeepOneIn {
    fn filter(&self, trace: &mut FinishedTrace<'_>) -> Verdict {
        if !fits(trace, &self.pattern) {
            return Verdict::Next;
        }
        let before = self.seen.fetch_add(1, Ordering::Relaxed);
        if before % self.one_in == 0 { Verdict::Next } else { Verdict::Drop }
    }

    fn name(&self) -> &str {
        "KeepOneIn"
    }
}
