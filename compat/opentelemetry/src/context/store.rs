//! OpenTelemetry's context as the store of what is active, for the core.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use opentelemetry::trace::{SpanId as OtelSpanId, TraceContextExt};
use opentelemetry::{Context as OtelContext, ContextGuard};
use tracehound::bridge::catch;
use tracehound::{ActiveContext, ContextProvider, ScopeToken};
use tracehound_fork::PerProcess;

use super::active::{activated, native};

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
    if tracehound::bridge::replace_context_store(Box::new(OtelContextProvider)) {
        SHARED.store(true, Ordering::Relaxed);
    }
    SHARED.load(Ordering::Relaxed)
}

thread_local! {
    static LOCAL: Local = Local::new();
    /// Whether the thread is in a call of OpenTelemetry that may hold its context borrowed. Not a part of [`Local`]:
    /// every start of a span sets it, and here it needs no initialisation and no destructor.
    static MAY_BE_BORROWED: Cell<bool> = const { Cell::new(false) };
}

/// What the store keeps on each thread.
///
/// Made after OpenTelemetry's own thread-local, and so destroyed before it: where this is gone, that one may
/// be, too, and would panic.
struct Local {
    /// Whether OpenTelemetry's thread-local was still there when this was made.
    has_context: bool,
    /// Guards of what is attached, each with the span that was active then; a token is an index into it.
    guards: RefCell<Vec<Option<(ContextGuard, OtelSpanId)>>>,
}

impl Local {
    fn new() -> Self {
        // It is gone on a thread that used OpenTelemetry without us and is being torn down.
        let has_context = unless_refused(|| drop(OtelContext::current())).is_some();
        Local { has_context, guards: RefCell::default() }
    }

    /// `None` where OpenTelemetry's context cannot be used any more.
    fn with<T>(work: impl FnOnce(&Local) -> T) -> Option<T> {
        LOCAL.try_with(|local| local.has_context.then(|| work(local))).ok().flatten()
    }
}

/// `None` where OpenTelemetry panics: where its context is attached or detached while it is borrowed, inside a closure
/// that the user gave to `Context::map_current` or `get_active_span`; where it is read while it changes, by a
/// subscriber to OpenTelemetry's own log; and where it is gone. There is no way to ask before.
fn unless_refused<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch(work)
}

/// Has nothing attached on this thread until the result is dropped, because OpenTelemetry may hold its context
/// borrowed: it would panic.
#[inline]
pub(crate) fn forbid_attach() -> NoAttach {
    NoAttach { before: MAY_BE_BORROWED.replace(true) }
}

pub(crate) struct NoAttach {
    before: bool,
}

impl Drop for NoAttach {
    fn drop(&mut self) {
        MAY_BE_BORROWED.set(self.before);
    }
}

/// The token of an `attach` that attached nothing.
const NOT_ATTACHED: ScopeToken = ScopeToken(u64::MAX);

/// OpenTelemetry's context as a store of what is active, for a [`ContextProvider`] of the program's own that stands on
/// it.
///
/// [`share_context`] makes it the store of the process. A program that wants another one where OpenTelemetry's says
/// nothing, such as that of a task, asks this one first, and hands all else on to it: so spans of every API are below
/// each other, whichever store knows of them.
///
/// ```
/// use tracehound::{ActiveContext, ContextProvider, ScopeToken};
/// use tracehound_opentelemetry::OtelContextProvider;
///
/// tokio::task_local! {
///     /// What the task is about.
///     static TASK: ActiveContext;
/// }
///
/// /// What is active on the thread, and below that what the task is about.
/// struct OfTask;
///
/// impl ContextProvider for OfTask {
///     fn active(&self) -> ActiveContext {
///         let here = OtelContextProvider.active();
///         if here.is_empty() { TASK.try_with(Clone::clone).unwrap_or_default() } else { here }
///     }
///
///     fn attach(&self, context: ActiveContext) -> ScopeToken {
///         OtelContextProvider.attach(context)
///     }
///
///     fn detach(&self, token: ScopeToken) {
///         OtelContextProvider.detach(token);
///     }
///
///     fn is_suppressed(&self) -> bool {
///         OtelContextProvider.is_suppressed()
///     }
///
///     fn is_in_effect(&self, token: ScopeToken) -> bool {
///         OtelContextProvider.is_in_effect(token)
///     }
/// }
///
/// let tracer = tracehound::Tracer::builder().context_provider(OfTask).build();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OtelContextProvider;

impl ContextProvider for OtelContextProvider {
    fn active(&self) -> ActiveContext {
        let active = Local::with(|_| unless_refused(|| OtelContext::map_current(native)));
        active.flatten().unwrap_or_default()
    }

    fn attach(&self, context: ActiveContext) -> ScopeToken {
        let attached = Local::with(|local| {
            if MAY_BE_BORROWED.get() {
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
        // A span is being started, and its parent was checked already.
        if MAY_BE_BORROWED.get() {
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
        if token == NOT_ATTACHED {
            return true;
        }
        let latest = Local::with(|local| {
            let guards = local.guards.try_borrow().ok()?;
            let place = u64::try_from(guards.len().checked_sub(1)?).ok()?;
            let (_, span) = guards.last()?.as_ref()?;
            Some((ScopeToken(place), *span))
        });
        match latest {
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
