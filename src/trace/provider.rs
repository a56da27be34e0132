//! Where the active span is kept: one store at a time, behind one trait.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering, compiler_fence};

use tracehound_fork::WriteOnce;

use super::context::Context;
use super::span::SpanRef;
use super::start::Lineage;
use crate::catch::catch;
use crate::diag::Diag;
use crate::id::{SpanId, TraceId};
use crate::suppression::is_suppressed;
use crate::user_code::{self, UserCode};

/// Keeps what is active on each thread, task, or whatever the program runs in.
///
/// The default keeps a stack for each thread. The OpenTelemetry bridge puts OpenTelemetry's own context in
/// its place, so that both APIs see one store. Give your own to
/// [`TracerBuilder::context_provider`](crate::TracerBuilder::context_provider).
///
/// An activation in a store of one's own takes one small allocation beside those of the store; in the default one, none.
///
/// Every method is called on application threads, may be called while a thread is being torn down, and must not
/// panic: where one does all the same nothing is active, and the panic is counted and said once. `detach` may come
/// in any order.
pub trait ContextProvider: Send + Sync {
    /// What is active here: the parent of what starts next. Empty where nothing is.
    fn active(&self) -> Context;

    /// Makes a context the active one until [`ContextProvider::detach`] is called with the returned token,
    /// on the same thread.
    fn attach(&self, context: Context) -> ScopeToken;

    /// Ends what `attach` began. If something else was attached since, that stays active.
    fn detach(&self, token: ScopeToken);

    /// Whether tracing is off here by a word of the store's own, as [`suppress`](crate::suppress) says it for a thread: spans
    /// do not exist then. By default it is on.
    fn is_suppressed(&self) -> bool {
        false
    }

    /// Whether what `attach` made active is what is active here now. For APIs in which a scope that ends out
    /// of order has another effect; a store that cannot tell says `true`, as this does.
    ///
    /// `true` as well for what could not be stored, on a thread that is being torn down.
    fn is_in_effect(&self, token: ScopeToken) -> bool {
        let _ = token;
        true
    }

    /// The ids of the active span, for [`Tracer::active_ids`](crate::Tracer::active_ids), which promises that a
    /// signal handler and an allocator may ask for them: no lock, no allocation, no panic, no thread-local that is
    /// made at its first use. A store that cannot do this without them says `None`, as this does.
    fn active_ids(&self) -> Option<ActiveIds> {
        None
    }
}

/// The ids of the active span, as [`Tracer::active_ids`](crate::Tracer::active_ids) reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ActiveIds {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// The first span of the trace in this process.
    pub local_root_id: SpanId,
}

/// Names one `attach` of a [`ContextProvider`]; what the number means is the provider's own affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScopeToken(pub u64);

/// The store of a tracer.
#[derive(Clone, Default)]
pub(crate) enum Provider {
    /// The store of the process: the thread-local stacks, unless a bridge has put its own in their place.
    #[default]
    Process,
    /// One given to this tracer.
    Own(Arc<dyn ContextProvider>),
}

/// A panic of a [`ContextProvider`] does not get out.
impl UnwindSafe for Provider {}
impl RefUnwindSafe for Provider {}

static REPLACEMENT: WriteOnce<OfBridge> = WriteOnce::new();

/// Puts a bridge's store in the place of the thread-local stacks, for all tracers of the process that have
/// none of their own. Once only: the second call returns `false` and changes nothing.
///
/// For bridges; meant to be called before the first span is activated.
pub fn replace_context_store(provider: Box<dyn ContextProvider>) -> bool {
    REPLACEMENT.set(OfBridge(provider)).is_ok()
}

/// The store of a program, whose panics go no further.
struct OfProgram {
    provider: Arc<dyn ContextProvider>,
    diag: Arc<Diag>,
}

impl OfProgram {
    fn call<T>(&self, call: impl FnOnce(&dyn ContextProvider) -> T) -> Option<T> {
        user_code::call(UserCode::ContextProvider, &self.diag, || call(&*self.provider))
    }
}

impl ContextProvider for OfProgram {
    fn active(&self) -> Context {
        self.call(|provider| provider.active()).unwrap_or_default()
    }

    fn attach(&self, context: Context) -> ScopeToken {
        self.call(|provider| provider.attach(context)).unwrap_or(NOT_STORED)
    }

    fn detach(&self, token: ScopeToken) {
        if token != NOT_STORED {
            self.call(|provider| provider.detach(token));
        }
    }

    fn is_suppressed(&self) -> bool {
        self.call(|provider| provider.is_suppressed()).unwrap_or(false)
    }

    fn is_in_effect(&self, token: ScopeToken) -> bool {
        token == NOT_STORED || self.call(|provider| provider.is_in_effect(token)).unwrap_or(true)
    }

    fn active_ids(&self) -> Option<ActiveIds> {
        // Not by the way of the others, on which there are thread-locals.
        self.provider.active_ids()
    }
}

/// The store of a bridge. It is a part of this library as a rule, and asked for each span.
struct OfBridge(Box<dyn ContextProvider>);

impl OfBridge {
    #[inline]
    fn call<T>(&self, call: impl FnOnce(&dyn ContextProvider) -> T, otherwise: T) -> T {
        catch(|| call(&*self.0)).unwrap_or_else(|| {
            user_code::count(UserCode::ContextProvider, user_code::elsewhere(), 1);
            otherwise
        })
    }
}

impl ContextProvider for OfBridge {
    fn active(&self) -> Context {
        self.call(|provider| provider.active(), Context::empty())
    }

    fn attach(&self, context: Context) -> ScopeToken {
        self.call(|provider| provider.attach(context), NOT_STORED)
    }

    fn detach(&self, token: ScopeToken) {
        self.call(|provider| provider.detach(token), ());
    }

    fn is_suppressed(&self) -> bool {
        self.call(|provider| provider.is_suppressed(), false)
    }

    fn is_in_effect(&self, token: ScopeToken) -> bool {
        self.call(|provider| provider.is_in_effect(token), true)
    }

    fn active_ids(&self) -> Option<ActiveIds> {
        self.0.active_ids()
    }
}

impl Provider {
    /// The same store, in a form from which no panic comes.
    pub(crate) fn guarded(self, diag: &Arc<Diag>) -> Self {
        match self {
            Provider::Own(provider) => {
                Provider::Own(Arc::new(OfProgram { provider, diag: Arc::clone(diag) }))
            }
            Provider::Process => Provider::Process,
        }
    }

    /// See [`Tracer::active_ids`](crate::Tracer::active_ids).
    pub(crate) fn active_ids(&self) -> Option<ActiveIds> {
        match self {
            Provider::Own(provider) => provider.active_ids(),
            Provider::Process => match REPLACEMENT.get() {
                Some(provider) => provider.active_ids(),
                None => ThreadStack.active_ids(),
            },
        }
    }

    /// What is active as the store has it: in a forked child it may be a span of the parent.
    pub(crate) fn active(&self) -> Context {
        match self {
            Provider::Own(provider) => provider.active(),
            Provider::Process => match REPLACEMENT.get() {
                Some(provider) => provider.active(),
                None => ThreadStack.active(),
            },
        }
    }

    /// Looks at what is active, as the store has it, where it is: no user of it is counted in and out. `None`
    /// where nothing is, and where the store is not the stack of the thread.
    ///
    /// The stack is borrowed meanwhile: `look` must not run code of the program.
    #[inline]
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Context) -> T) -> Option<T> {
        match self {
            Provider::Process if REPLACEMENT.get().is_none() => ThreadStack::look(look),
            _ => None,
        }
    }

    /// What is active as this process sees it.
    pub(crate) fn here(&self) -> Context {
        let mut active = self.active();
        active.seen_from_here(Lineage::Active);
        active
    }

    pub(crate) fn activate(&self, context: Context) -> Scope {
        Scope::of(match self {
            Provider::Own(provider) => {
                Held::Own(Box::new((Arc::clone(provider), provider.attach(context))))
            }
            Provider::Process => match REPLACEMENT.get() {
                Some(provider) => Held::Replacement(provider.attach(context)),
                None => Held::Stack(ThreadStack.attach(context)),
            },
        })
    }

    /// [`Provider::activate`] of a span alone.
    #[inline]
    pub(crate) fn activate_span(&self, span: &SpanRef) -> Scope {
        match self {
            // The context is made in its place: see "store forwarding" in docs/architecture.md.
            Provider::Process if REPLACEMENT.get().is_none() => {
                Scope::of(Held::Stack(ThreadStack::push(|| span.into())))
            }
            _ => self.activate(span.into()),
        }
    }

    /// Whether spans that are started here do not exist.
    #[inline]
    pub(crate) fn is_suppressed(&self) -> bool {
        is_suppressed()
            || match self {
                Provider::Process if REPLACEMENT.get().is_none() => false,
                _ => self.is_suppressed_by_store(),
            }
    }

    /// Apart, so that the rest is inlined.
    #[inline(never)]
    fn is_suppressed_by_store(&self) -> bool {
        match self {
            Provider::Own(provider) => provider.is_suppressed(),
            Provider::Process => REPLACEMENT.get().is_some_and(|provider| provider.is_suppressed()),
        }
    }
}

/// Keeps something active until it is dropped.
///
/// Scopes may be dropped in any order: what was activated later stays active until its own scope ends. A
/// scope belongs to its thread and cannot be held across an `.await` in a future that moves between
/// threads; use [`FutureExt::in_span`](crate::FutureExt::in_span) there.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<tracehound::Scope>();
/// ```
#[must_use = "what was activated is active only until the scope is dropped; `let _ =` drops it at once"]
#[derive(Debug)]
pub struct Scope {
    held: Held,
    /// Not `Send`: the store is the thread's.
    _thread: PhantomData<*const ()>,
}

/// Two words, which go from function to function in registers; hence the box.
enum Held {
    Nothing,
    Stack(ScopeToken),
    Replacement(ScopeToken),
    Own(Box<(Arc<dyn ContextProvider>, ScopeToken)>),
}

const _: () = assert!(size_of::<Held>() <= 16, "two words");

/// A panic of a [`ContextProvider`] does not get out.
impl UnwindSafe for Held {}
impl RefUnwindSafe for Held {}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Held::Nothing => "Nothing",
            Held::Stack(_) | Held::Replacement(_) | Held::Own(_) => "Active",
        })
    }
}

impl Scope {
    /// A scope that holds nothing active: of a span that does not exist.
    pub(crate) fn empty() -> Self {
        Scope::of(Held::Nothing)
    }

    fn of(held: Held) -> Self {
        Scope { held, _thread: PhantomData }
    }

    /// Whether what this scope made active is what is active here now, and nothing that was activated later.
    ///
    /// ```
    /// let (tracer, _) = tracehound::testing::tracer();
    /// let span = tracer.start_span("a");
    /// let outer = span.activate();
    /// let inner = span.activate();
    /// assert!(inner.is_active() && !outer.is_active());
    /// drop(inner);
    /// assert!(outer.is_active());
    /// ```
    #[must_use]
    pub fn is_active(&self) -> bool {
        match &self.held {
            Held::Nothing => true,
            Held::Stack(token) => ThreadStack.is_in_effect(*token),
            Held::Replacement(token) => {
                REPLACEMENT.get().is_none_or(|provider| provider.is_in_effect(*token))
            }
            Held::Own(own) => own.0.is_in_effect(own.1),
        }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        match &self.held {
            Held::Nothing => {}
            Held::Stack(token) => ThreadStack.detach(*token),
            Held::Replacement(token) => {
                if let Some(provider) = REPLACEMENT.get() {
                    provider.detach(*token);
                }
            }
            Held::Own(own) => own.0.detach(own.1),
        }
    }
}

thread_local! {
    /// Entries of scopes that ended out of order are `None` until the ones above them end.
    static STACK: RefCell<Vec<Option<Context>>> = const { RefCell::new(Vec::new()) };
    /// Whether [`STACK`] can be looked at in a signal handler, to which a borrow says nothing.
    static STACK_STATE: AtomicU8 = const { AtomicU8::new(NOT_MADE) };
}

/// Nothing was ever active on the thread.
const NOT_MADE: u8 = 0;
const READY: u8 = 1;
const CHANGING: u8 = 2;

/// Changes the stack, which is borrowed, so that a signal handler that comes in between can tell.
#[inline]
fn changing<T>(change: impl FnOnce() -> T) -> T {
    STACK_STATE.with(|state| state.store(CHANGING, Ordering::Relaxed));
    compiler_fence(Ordering::SeqCst);
    let done = change();
    compiler_fence(Ordering::SeqCst);
    STACK_STATE.with(|state| state.store(READY, Ordering::Relaxed));
    done
}

/// The default store: a stack for each thread.
struct ThreadStack;

/// The token of an `attach` that could not be stored, on a thread that is being torn down.
const NOT_STORED: ScopeToken = ScopeToken(u64::MAX);

impl ThreadStack {
    #[inline]
    fn look<T>(look: impl FnOnce(&Context) -> T) -> Option<T> {
        let looked = STACK.try_with(|stack| {
            let stack = stack.try_borrow().ok()?;
            // The last entry is never one that has ended.
            stack.last()?.as_ref().map(look)
        });
        looked.ok().flatten()
    }

    /// Puts on top what `context` makes; it must not run code of the program.
    #[inline]
    fn push(context: impl FnOnce() -> Context) -> ScopeToken {
        let pushed = STACK.try_with(|stack| {
            let mut stack = stack.try_borrow_mut().ok()?;
            let token = u64::try_from(stack.len()).ok()?;
            changing(|| stack.push(Some(context())));
            Some(ScopeToken(token))
        });
        pushed.ok().flatten().unwrap_or(NOT_STORED)
    }
}

impl ContextProvider for ThreadStack {
    fn active(&self) -> Context {
        ThreadStack::look(Context::clone).unwrap_or_default()
    }

    fn attach(&self, context: Context) -> ScopeToken {
        ThreadStack::push(|| context)
    }

    fn detach(&self, token: ScopeToken) {
        let ended = STACK.try_with(|stack| {
            let mut stack = stack.try_borrow_mut().ok()?;
            let place = usize::try_from(token.0).ok()?;
            changing(|| {
                if stack.len().checked_sub(1) != Some(place) {
                    return Some(stack.get_mut(place)?.take());
                }
                let ended = stack.pop();
                while let Some(None) = stack.last() {
                    stack.pop();
                }
                ended
            })
        });
        // Dropped after the borrow: it may be the last handle of a trace.
        drop(ended);
    }

    fn is_in_effect(&self, token: ScopeToken) -> bool {
        if token == NOT_STORED {
            return true;
        }
        // The last entry is never one that has ended.
        let latest = STACK.try_with(|stack| {
            let latest = stack.try_borrow().ok()?.len().checked_sub(1)?;
            u64::try_from(latest).ok()
        });
        latest.map_or(true, |latest| latest == Some(token.0))
    }

    fn active_ids(&self) -> Option<ActiveIds> {
        if STACK_STATE.with(|state| state.load(Ordering::Relaxed)) != READY {
            return None;
        }
        compiler_fence(Ordering::SeqCst);
        ThreadStack::look(|active| {
            let at = active.span.at.as_ref().filter(|at| !at.segment.is_inherited())?;
            Some(ActiveIds {
                trace_id: at.segment.trace_id,
                span_id: at.id,
                local_root_id: at.segment.root,
            })
        })
        .flatten()
    }
}
