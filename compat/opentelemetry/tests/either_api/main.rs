//! Everything that a program can do with spans, done through either API: the outcome is the same.
//!
//! One file for each behaviour, each of which goes through a table of the pairs of APIs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;

mod active;
mod changes;
mod ends;
mod parents;
mod tasks;

use opentelemetry::Context;
use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use tracehound::SpanRef;
use tracehound::testing::{Captured, CapturedSpan};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Api {
    Native,
    Otel,
}

use Api::{Native, Otel};

const APIS: [Api; 2] = [Native, Otel];
const PAIRS: [(Api, Api); 4] = [(Native, Native), (Native, Otel), (Otel, Native), (Otel, Otel)];

/// A tracer of each API, of one pipeline.
#[derive(Clone)]
struct Tracers {
    native: tracehound::Tracer,
    otel: tracehound_opentelemetry::Tracer,
    captured: Captured,
}

/// A span of either API, ended when this is dropped.
enum Started {
    Native(tracehound::Span),
    Otel(tracehound_opentelemetry::Span),
}

impl Started {
    fn handle(&self) -> SpanRef {
        match self {
            Started::Native(span) => span.handle(),
            Started::Otel(span) => span.handle().clone(),
        }
    }
}

impl Tracers {
    fn new() -> Self {
        let (native, otel, captured) = common::tracers();
        Tracers { native, otel, captured }
    }

    /// Starts a span below what is active.
    fn start(&self, api: Api, name: &'static str) -> Started {
        match api {
            Native => Started::Native(self.native.span(name).start()),
            Otel => Started::Otel(self.otel.start(name)),
        }
    }

    /// Starts a span below a named parent; `None` for the root of a trace.
    fn start_below(&self, api: Api, name: &'static str, parent: Option<&SpanRef>) -> Started {
        match api {
            Native => Started::Native(self.native.span(name).child_of(parent).start()),
            Otel => {
                let parent = parent.map_or_else(Context::new, otel_context);
                Started::Otel(self.otel.start_with_context(name, &parent))
            }
        }
    }

    /// Runs something inside a span.
    fn inside<T>(&self, api: Api, name: &'static str, work: impl FnOnce() -> T) -> T {
        match api {
            Native => self.native.in_span(name, |_| work()),
            Otel => self.otel.in_span(name, |_| work()),
        }
    }

    /// The spans as `a(b c(d))`, children in the order of their names.
    fn shape(&self) -> String {
        let spans = self.captured.spans();
        let mut roots: Vec<_> = spans
            .iter()
            .filter(|span| span.parent_id.is_none())
            .map(|root| below(root, &spans))
            .collect();
        roots.sort();
        roots.join(" ")
    }
}

fn below(span: &CapturedSpan, spans: &[CapturedSpan]) -> String {
    let is_child =
        |child: &&CapturedSpan| child.parent_id == span.span_id && child.trace_id == span.trace_id;
    let mut children: Vec<_> =
        spans.iter().filter(is_child).map(|child| below(child, spans)).collect();
    children.sort();
    match children.is_empty() {
        true => span.resource.clone(),
        false => format!("{}({})", span.resource, children.join(" ")),
    }
}

/// A context of OpenTelemetry that holds a span.
fn otel_context(span: &SpanRef) -> Context {
    let _scope = span.activate();
    Context::current()
}

/// The active span, by what OpenTelemetry says of it.
fn active() -> Option<u64> {
    let span = Context::map_current(|cx| cx.span().span_context().span_id());
    let id = u64::from_be_bytes(span.to_bytes());
    (id != 0).then_some(id)
}

fn id(span: &SpanRef) -> u64 {
    span.span_id().unwrap().get()
}
