//! OpenTelemetry's context as the one store of what is active.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::trace::{
    SpanContext as OtelSpanContext, SpanId as OtelSpanId, TraceContextExt, TraceState,
};
use opentelemetry::{Context as OtelContext, ContextGuard};
use tracehound::bridge::ContextExt as _;
use tracehound::{Baggage, Context, ContextProvider, ScopeToken, SpanContext, SpanRef};
use tracehound_fork::PerProcess;

use crate::catch::catch;
use crate::live::{self, Memory};
use crate::span::Span;
use crate::{baggage, remote};

/// Makes OpenTelemetry's context the one store of what is active, for every tracer of the process that has
/// no [`ContextProvider`] of its own. [`install`](crate::install) does so, too.
///
/// For programs and tests that use OpenTelemetry's API with a tracer of their own, through
/// [`TracerProvider::new`](crate::TracerProvider::new), and leave OpenTelemetry's global provider alone.
///
/// Says whether it is so now; `false` only if another bridge has been there before. Call it before the first
/// span is activated: what is active at that moment is lost from sight.
///
/// ```
/// use opentelemetry::trace::{Tracer, TracerProvider as _};
/// use tracehound_opentelemetry::{TracerProvider, share_context};
///
/// assert!(share_context());
/// let (tracer, captured) = tracehound::testing::tracer();
/// let otel = TracerProvider::new(tracer.clone()).tracer("doc");
/// otel.in_span("outer", |_| tracer.in_span("inner", |_| ()));
/// assert_eq!(captured.tree(), "internal [outer] otel.scope.name=doc\n  inner\n");
/// ```
pub fn share_context() -> bool {
    static SHARED: AtomicBool = AtomicBool::new(false);
    static ONE_AT_A_TIME: PerProcess<Mutex<()>> = PerProcess::new();
    let one = ONE_AT_A_TIME.get_or_make(Mutex::default);
    let _one = one.lock().unwrap_or_else(PoisonError::into_inner);
    if tracehound::bridge::replace_context_store(Box::new(OtelStore)) {
        SHARED.store(true, Ordering::Relaxed);
    }
    SHARED.load(Ordering::Relaxed)
}

/// What is active in an OpenTelemetry context, in the core's terms.
pub(crate) fn native(context: &OtelContext) -> Context {
    let (native, memory) = active(context);
    baggage::into_native(context, native, memory.shown.as_deref())
}

/// What is active, and what is remembered of it, without the baggage of the context.
#[inline]
pub(crate) fn active(context: &OtelContext) -> (Context, Memory) {
    if let Some(Beside { context, shown, .. }) = beside(context) {
        return (context.clone(), Memory { shown: shown.clone(), ..Memory::default() });
    }
    if !context.has_active_span() {
        return (Context::empty(), Memory::default());
    }
    let span = context.span();
    match live::find(span.span_context()) {
        Some((span, memory)) => (span.into(), memory),
        None => {
            let context = remote::inherited(span.span_context())
                .or_else(|| below_remote(context, span.span_context()))
                .or_else(|| remote::from_otel(span.span_context()));
            (context.into(), Memory::default())
        }
    }
}

/// A native context that says more than OpenTelemetry and [`live`] keep of it: where it came from, its baggage.
struct Beside {
    context: Context,
    /// OpenTelemetry's side of it. Contexts made of the same one later, for other spans, inherit this value.
    of: OtelSpanContext,
    /// What OpenTelemetry showed of its baggage.
    shown: Option<Arc<Baggage>>,
}

fn beside(context: &OtelContext) -> Option<&Beside> {
    context.get::<Beside>().filter(|beside| beside.of == *context.span().span_context())
}

/// A span that somebody else has put into a context that was made of a remote one.
fn below_remote(context: &OtelContext, span: &OtelSpanContext) -> Option<SpanContext> {
    let Beside { context, of, .. } = context.get::<Beside>()?;
    remote::below(context.remote()?, of, span)
}

/// The OpenTelemetry context that has a native one in the place of what is active in `current`.
pub(crate) fn activated(current: &OtelContext, context: Context) -> OtelContext {
    let with_baggage = baggage::into_otel(current, &context);
    let current = with_baggage.as_ref().unwrap_or(current);
    let shown = baggage::shown(current, &context);
    let active = match (context.span(), context.remote()) {
        (Some(span), _) => {
            let state = trace_state(current, span);
            let memory = Memory { shown: shown.clone(), ..Memory::default() };
            current.with_span(Span::borrowed(span.clone(), &state, memory))
        }
        (None, Some(remote)) => current.with_remote_span_context(remote::remote_to_otel(remote)),
        (None, None) => current.with_remote_span_context(OtelSpanContext::NONE),
    };
    // Another context may hold the span, and have shown another baggage of it.
    let shows_other = || {
        shown.is_some()
            && live::find(active.span().span_context())
                .is_some_and(|(_, memory)| memory.shown != shown)
    };
    let says_more = context.remote().is_some() || context.has_own_baggage() || shows_other();
    if says_more || beside(&active).is_some() {
        let of = active.span().span_context().clone();
        return active.with_value(Beside { context, of, shown });
    }
    active
}

/// The trace state that came in with the trace, as long as nothing but spans of the trace lies between.
fn trace_state(current: &OtelContext, span: &SpanRef) -> TraceState {
    let above = current.span();
    let above = above.span_context();
    let trace_id = u128::from_be_bytes(above.trace_id().to_bytes());
    match span.trace_id() {
        Some(same) if same.get() == trace_id => above.trace_state().clone(),
        _ => TraceState::NONE,
    }
}

thread_local! {
    static LOCAL: Local = Local::new();
    /// Whether the thread runs inside a call of OpenTelemetry that may hold its context borrowed. Apart, because
    /// every start of a span sets it: it needs neither to be made nor to be dropped.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// What the store keeps on each thread.
///
/// Made after OpenTelemetry's own thread-local, and so destroyed before it: where this is gone, that one may
/// be, too, and would panic.
struct Local {
    has_context: bool,
    /// Guards of what is attached, each with the span that was active then; a token is a place in here.
    guards: RefCell<Vec<Option<(ContextGuard, OtelSpanId)>>>,
}

impl Local {
    fn new() -> Self {
        // A thread that used OpenTelemetry without us, and is being torn down, has no context any more.
        let has_context = unless_refused(|| drop(OtelContext::current())).is_some();
        Local { has_context, guards: RefCell::default() }
    }

    /// `None` where OpenTelemetry's context cannot be used any more.
    fn with<T>(work: impl FnOnce(&Local) -> T) -> Option<T> {
        LOCAL.try_with(|local| local.has_context.then(|| work(local))).ok().flatten()
    }
}

/// OpenTelemetry panics where its context is attached or detached while it is borrowed, inside a closure that
/// the user gave to `Context::map_current` or `get_active_span`; where it is asked for while it changes, by a
/// subscriber to OpenTelemetry's own log; and where it is gone. None of them can be asked before.
fn unless_refused<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch(work)
}

/// Marks the thread as running inside a call of OpenTelemetry that may hold its context borrowed, until the
/// result is dropped. To attach a context meanwhile would panic.
#[inline]
pub(crate) fn enter() -> Inside {
    Inside { before: INSIDE.replace(true) }
}

pub(crate) struct Inside {
    before: bool,
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.before);
    }
}

/// The token of an `attach` that attached nothing.
const NOT_ATTACHED: ScopeToken = ScopeToken(u64::MAX);

struct OtelStore;

impl ContextProvider for OtelStore {
    fn active(&self) -> Context {
        let active = Local::with(|_| unless_refused(|| OtelContext::map_current(native)));
        active.flatten().unwrap_or_default()
    }

    fn attach(&self, context: Context) -> ScopeToken {
        let attached = Local::with(|local| {
            if INSIDE.get() {
                return None;
            }
            let attach = || {
                let context = OtelContext::map_current(|current| activated(current, context));
                let span = context.span().span_context().span_id();
                (context.attach(), span)
            };
            let guard = unless_refused(attach)?;
            let mut guards = local.guards.try_borrow_mut().ok()?;
            let place = u64::try_from(guards.len()).ok()?;
            guards.push(Some(guard));
            Some(ScopeToken(place))
        });
        attached.flatten().unwrap_or(NOT_ATTACHED)
    }

    fn is_suppressed(&self) -> bool {
        // Inside of a call of OpenTelemetry its parent's word counts, which was asked already.
        if INSIDE.get() {
            return false;
        }
        let is_off = |_: &Local| unless_refused(OtelContext::is_current_telemetry_suppressed);
        Local::with(is_off).flatten().unwrap_or(false)
    }

    fn detach(&self, token: ScopeToken) {
        let ended = Local::with(|local| {
            let mut guards = local.guards.try_borrow_mut().ok()?;
            let ended = guards.get_mut(usize::try_from(token.0).ok()?)?.take();
            while let Some(None) = guards.last() {
                guards.pop();
            }
            ended
        });
        // After the borrow: dropping a context may drop spans.
        unless_refused(|| drop(ended));
    }

    fn is_in_effect(&self, token: ScopeToken) -> bool {
        let latest = Local::with(|local| {
            let guards = local.guards.try_borrow().ok()?;
            let place = u64::try_from(guards.len().checked_sub(1)?).ok()?;
            let (_, span) = guards.last()?.as_ref()?;
            Some((ScopeToken(place), *span))
        });
        match latest {
            _ if token == NOT_ATTACHED => true,
            None => true,
            // What OpenTelemetry itself has attached since is not among the guards.
            Some(Some((latest, span))) if latest == token => {
                let active = || OtelContext::map_current(|cx| cx.span().span_context().span_id());
                unless_refused(active).is_none_or(|active| active == span)
            }
            Some(_) => false,
        }
    }
}
