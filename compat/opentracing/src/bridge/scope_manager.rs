//! Scopes in the core's one store of what is active.

use opentracing_rs::backend::{ScopeBackend, ScopeManagerBackend};
use opentracing_rs::{Span as OtSpan, Tracer as OtTracer};
use tracehound::{ActiveScope, Tracer};

use super::span::{Span, native_span};

/// Has no store of its own: what is active is what the core says, whichever API has made it so.
#[derive(Debug)]
pub(crate) struct ScopeManager {
    native: Tracer,
}

impl ScopeManager {
    pub(crate) fn new(native: Tracer) -> Self {
        ScopeManager { native }
    }
}

impl ScopeManagerBackend for ScopeManager {
    /// A span of another tracer, which the core cannot hold, does not become active.
    fn activate(&self, span: &OtSpan) -> Box<dyn ScopeBackend> {
        Box::new(Activation(native_span(span).unwrap_or_default().activate()))
    }

    fn active_span(&self, tracer: &OtTracer) -> Option<OtSpan> {
        self.native.current_span().map(|span| Span::wrap(tracer, span))
    }
}

/// Dropping the core's scope ends the activation.
struct Activation(ActiveScope);

impl ScopeBackend for Activation {
    fn is_active(&self) -> bool {
        self.0.is_active()
    }
}
