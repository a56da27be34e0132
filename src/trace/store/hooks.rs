//! The program's functions that are called when a span starts, and when one finishes.
//!
//! A program without hooks pays a load and a branch for each start and each finish. One that has some
//! pays no lock: each thread keeps the list that it used last, with the number that the list had then.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::LocalKey;

use super::layout::{Hook, HookList, Hooks, Location, Shared, SpanRef};
use crate::catch::catch;
use crate::clock::Ticks;
use crate::id::SpanId;
use crate::user_code::{self, UserCode};

/// Whether any tracer of this process ever had a hook of either moment. It never becomes `false` again, so that each
/// thread drops the list that it keeps at its next span, also after the last hook has gone.
static HAD_START_HOOK: AtomicBool = AtomicBool::new(false);
static HAD_FINISH_HOOK: AtomicBool = AtomicBool::new(false);

/// The number of the next list. Each list has one that no other list of the process has, so that threads tell lists
/// apart by it.
static NEXT_LIST: AtomicU64 = AtomicU64::new(1);

/// The list that a thread has used last, and its number. It is borrowed while hooks run: no hook is called by a hook.
type Kept = RefCell<(u64, Option<Arc<Vec<Arc<Hook>>>>)>;

thread_local! {
    static AT_START: Kept = const { RefCell::new((0, None)) };
    static AT_FINISH: Kept = const { RefCell::new((0, None)) };
    /// The span whose finish hooks run on this thread, and its duration in nanoseconds.
    static FINISHING: Cell<Option<(SpanId, u64)>> = const { Cell::new(None) };
}

/// When a hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Start,
    Finish,
}

impl HookList {
    fn change(&self, change: impl Fn(&Vec<Arc<Hook>>) -> Vec<Arc<Hook>>) {
        self.calls.update(change);
        // After the list: whoever sees the number finds this list, or a newer one.
        self.number.store(NEXT_LIST.fetch_add(1, Ordering::Relaxed), Ordering::Release);
    }

    #[inline(always)]
    fn call(&self, kept: &'static LocalKey<Kept>, span: &SpanRef, shared: &Shared) {
        let called = kept.try_with(|kept| {
            let number = self.number.load(Ordering::Acquire);
            if kept.try_borrow().is_ok_and(|kept| kept.0 != number) {
                self.fetch(number, kept);
            }
            if let Some(calls) = kept.try_borrow().ok().as_ref().and_then(|kept| kept.1.as_deref())
            {
                call_all(calls, span, shared);
            }
        });
        if called.is_err() {
            // The thread is being torn down.
            call_all(&self.calls.load(), span, shared);
        }
    }

    #[cold]
    #[inline(never)]
    fn fetch(&self, number: u64, kept: &Kept) {
        let calls = (number > 0).then(|| self.calls.load());
        // What was kept is dropped after the borrow: it may be the last of its hooks, whose own `Drop` may panic.
        let old =
            kept.try_borrow_mut().map(|mut kept| std::mem::replace(&mut *kept, (number, calls)));
        let _ = catch(|| drop(old));
    }
}

#[inline(always)]
fn call_all(calls: &[Arc<Hook>], span: &SpanRef, shared: &Shared) {
    for hook in calls {
        user_code::call_often(UserCode::Hook, &shared.diag, || (hook.call)(span));
    }
}

impl Hooks {
    fn list(&self, moment: Moment) -> &HookList {
        match moment {
            Moment::Start => &self.start,
            Moment::Finish => &self.finish,
        }
    }

    pub(crate) fn register(
        self: &Arc<Self>,
        moment: Moment,
        call: impl Fn(&SpanRef) + Send + Sync + 'static,
    ) -> HookHandle {
        static NEXT_HOOK: AtomicU64 = AtomicU64::new(1);
        let id = NEXT_HOOK.fetch_add(1, Ordering::Relaxed);
        let hook = Arc::new(Hook { id, call: Box::new(call) });
        let with = |calls: &Vec<Arc<Hook>>| calls.iter().chain([&hook]).cloned().collect();
        self.list(moment).change(with);
        match moment {
            Moment::Start => HAD_START_HOOK.store(true, Ordering::Relaxed),
            Moment::Finish => HAD_FINISH_HOOK.store(true, Ordering::Relaxed),
        }
        HookHandle { at: Some((Arc::clone(self), moment, id)) }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |list: &HookList| list.calls.load().len();
        f.debug_struct("Hooks")
            .field("start", &count(&self.start))
            .field("finish", &count(&self.finish))
            .finish()
    }
}

/// Calls the hooks for a span that has just started. To be called where no lock is held.
#[inline(always)]
pub(crate) fn started(at: Option<Location>) -> Option<Location> {
    if HAD_START_HOOK.load(Ordering::Relaxed) { call_start(at) } else { at }
}

/// By value: what is lent would have to be in memory, also where there are no hooks.
#[cold]
#[inline(never)]
fn call_start(at: Option<Location>) -> Option<Location> {
    let span = SpanRef { at };
    if let Some(at) = &span.at {
        let shared = &at.segment.shared;
        shared.hooks.start.call(&AT_START, &span, shared);
    }
    span.at
}

/// Calls the hooks for a span that is about to finish at this time. To be called where no lock is held.
#[inline(always)]
pub(super) fn finishing(at: &Location, end: Ticks) {
    if HAD_FINISH_HOOK.load(Ordering::Relaxed) {
        call_finish(at, end);
    }
}

/// As [`finishing`], for a span and all above it that are open.
#[inline(always)]
pub(super) fn finishing_with_ancestors(at: &Location, end: Ticks) {
    if HAD_FINISH_HOOK.load(Ordering::Relaxed) {
        for id in at.open_lineage() {
            call_finish(&Location { segment: at.segment.clone(), id }, end);
        }
    }
}

/// Once for each span, whoever else finishes it.
#[cold]
#[inline(never)]
fn call_finish(at: &Location, end: Ticks) {
    let shared = &at.segment.shared;
    let list = &shared.hooks.finish;
    if list.number.load(Ordering::Relaxed) == 0 || user_code::is_running(UserCode::Hook) {
        return;
    }
    let Some(duration) = at.begin_finish(end) else { return };
    let finishing = FINISHING.replace(Some((at.id, duration)));
    list.call(&AT_FINISH, &SpanRef { at: Some(at.clone()) }, shared);
    FINISHING.set(finishing);
}

/// The duration of a span whose finish hooks run on this thread.
pub(super) fn duration_at_finish(id: SpanId) -> Option<u64> {
    FINISHING.get().filter(|(of, _)| *of == id).map(|(_, duration)| duration)
}

/// What a registered hook is deregistered by; made by [`Tracer::on_start_span`](crate::Tracer::on_start_span) and
/// [`Tracer::on_finish_span`](crate::Tracer::on_finish_span).
///
/// Dropping it changes nothing: a hook is for the whole program as a rule, and stays. For one that is to end with a
/// value or a scope, see [`HookHandle::until_dropped`].
#[derive(Debug, Default)]
pub struct HookHandle {
    at: Option<(Arc<Hooks>, Moment, u64)>,
}

impl HookHandle {
    /// That of no hook, where there is no tracer.
    pub(crate) const NONE: HookHandle = HookHandle { at: None };

    /// Deregisters the hook: no call of it begins on this thread any more, but for the span whose hooks are running. One that another thread has just begun, or
    /// was about to begin, may still run.
    ///
    /// The function itself is dropped later: after the next change of the tracer's hooks, because a fork at this moment
    /// may need the list that it was in, and after the next span of each thread that has called it.
    pub fn deregister(self) {
        if let Some((hooks, moment, id)) = self.at {
            let without = |calls: &Vec<Arc<Hook>>| {
                calls.iter().filter(|hook| hook.id != id).cloned().collect()
            };
            hooks.list(moment).change(without);
        }
    }

    /// Deregisters the hook when the result is dropped.
    ///
    /// ```
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// {
    ///     let _tagging = tracer.on_start_span(|span| span.set_tag("test.case", 7)).until_dropped();
    ///     tracer.trace("inside").finish();
    /// }
    /// tracer.trace("outside").finish();
    /// assert_eq!(captured.tree(), "inside test.case=7\noutside\n");
    /// ```
    pub fn until_dropped(self) -> HookGuard {
        HookGuard { handle: Some(self) }
    }
}

/// Deregisters a hook when it is dropped; made by [`HookHandle::until_dropped`].
#[must_use = "the hook is deregistered when this is dropped; `let _ =` drops it at once"]
#[derive(Debug)]
pub struct HookGuard {
    handle: Option<HookHandle>,
}

impl Drop for HookGuard {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.deregister();
        }
    }
}
