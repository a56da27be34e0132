//! OpenTelemetry's context as the one store of what is active.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use opentelemetry::trace::{SpanContext as OtelSpanContext, TraceContextExt};
use opentelemetry::{Context as OtelContext, ContextGuard};
use tracehound::{Context, ContextProvider, ScopeToken, SpanContext};

use crate::span::Span;
use crate::{live, remote};

/// Makes the core keep what is active in OpenTelemetry's context. Once; later calls do nothing.
pub(crate) fn share() {
    let _ = tracehound::replace_context_store(Box::new(OtelStore));
}

/// What came from elsewhere, beside the span context that OpenTelemetry keeps of it: origin, tags, baggage.
#[derive(Debug)]
struct Remote(Arc<SpanContext>);

/// The whole of what came from elsewhere, if this context is about it and not about a span made since.
pub(crate) fn remote_of(context: &OtelContext) -> Option<Arc<SpanContext>> {
    let Remote(remote) = context.get::<Remote>()?;
    let span = context.span();
    let same = *span.span_context() == remote::remote_to_otel(remote);
    same.then(|| Arc::clone(remote))
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Guards of what is attached; a token is a place in here.
    static GUARDS: RefCell<Vec<Option<ContextGuard>>> = const { RefCell::new(Vec::new()) };
}

/// The token of an `attach` that attached nothing.
const NOT_ATTACHED: ScopeToken = ScopeToken(u64::MAX);

/// Marks the thread as running inside a call of OpenTelemetry that may hold its context borrowed, until the
/// result is dropped. To attach a context meanwhile would panic.
pub(crate) fn enter() -> Inside {
    Inside { before: INSIDE.try_with(|inside| inside.replace(true)).unwrap_or(true) }
}

pub(crate) struct Inside {
    before: bool,
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = INSIDE.try_with(|inside| inside.set(self.before));
    }
}

/// Whether OpenTelemetry's own thread-local can still be used: it panics when it is gone.
///
/// Ours is made after it, so it is destroyed before it.
fn is_alive() -> bool {
    thread_local! {
        static WITNESS: Witness = {
            drop(OtelContext::current());
            Witness
        };
    }
    struct Witness;
    impl Drop for Witness {
        fn drop(&mut self) {}
    }
    WITNESS.try_with(|_| ()).is_ok()
}

struct OtelStore;

impl ContextProvider for OtelStore {
    fn active(&self) -> Context {
        if !is_alive() {
            return Context::empty();
        }
        let _inside = enter();
        OtelContext::map_current(|context| {
            if let Some(span) = live::span_of(context) {
                return span.into();
            }
            if let Some(remote) = remote_of(context) {
                return remote.into();
            }
            match context.has_active_span() {
                true => remote::from_otel(context.span().span_context()).into(),
                false => Context::empty(),
            }
        })
    }

    fn attach(&self, context: Context) -> ScopeToken {
        let inside = INSIDE.try_with(Cell::get).unwrap_or(true);
        if inside || !is_alive() {
            return NOT_ATTACHED;
        }
        let current = OtelContext::current();
        let next = match (context.span(), context.remote()) {
            (Some(span), _) => {
                live::remember(span);
                current.with_span(Span::borrowed(span.clone()))
            }
            (None, Some(remote)) => current
                .with_remote_span_context(remote::remote_to_otel(remote))
                .with_value(Remote(Arc::new(remote.clone()))),
            (None, None) => current.with_remote_span_context(OtelSpanContext::NONE),
        };
        let guard = next.attach();
        GUARDS
            .try_with(|guards| {
                let mut guards = guards.try_borrow_mut().ok()?;
                let place = u64::try_from(guards.len()).ok()?;
                guards.push(Some(guard));
                Some(ScopeToken(place))
            })
            .ok()
            .flatten()
            .unwrap_or(NOT_ATTACHED)
    }

    fn detach(&self, token: ScopeToken) {
        let ended = GUARDS.try_with(|guards| {
            let mut guards = guards.try_borrow_mut().ok()?;
            let ended = guards.get_mut(usize::try_from(token.0).ok()?)?.take();
            while let Some(None) = guards.last() {
                guards.pop();
            }
            ended
        });
        // After the borrow: dropping a context may drop spans.
        drop(ended);
    }
}
