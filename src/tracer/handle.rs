//! The handle of a tracer.

use std::collections::HashSet;
use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::exporter::Exporter;
use super::setup::Setup;
use super::wrap::WrapExecutor;
use crate::config::Config;
use crate::diag::{Filtered, LINES_WAIT, Losses, Statistics, drain_lines};
use crate::error::FlushError;
use crate::propagation::{HttpPropagator, Propagator};
use crate::text::Text;
use crate::trace::{
    ActiveContext, ActiveIds, ActiveScope, ActiveSpan, Census, SharedShards, Span, SpanBuilder,
    SpanContext, SpanRef, begin_named,
};
use crate::user_code;

/// Starts spans and sends the finished traces to the Datadog agent.
///
/// A cheap handle: clones are the same tracer. Most programs have one, installed by
/// [`init`](crate::init), and use the functions at the top of this crate.
///
/// ```
/// let tracer = tracehound::Tracer::builder().service("checkout").env("prod").build();
/// let span = tracer.trace("web.request");
/// span.set_resource("GET /cart");
/// ```
///
/// # Its end
///
/// [`shutdown`](Tracer::shutdown) sends what has finished, waits for it, and says what was lost. Where the last
/// handle of a tracer and its last span are dropped without that, what has finished is sent in the background and
/// nobody waits for it, but for the [end of the process](crate::TracerGuard#how-a-program-may-end), which waits for all
/// tracers, for two seconds together. What is lost then is counted and said all the same.
///
/// # Processes that fork
///
/// A process may fork at any time, also while other threads trace, and go on in the child without executing
/// another program (Unix):
///
/// - What is active on the thread that forks is active in the child, as if it had come in with headers: spans
///   started below it continue the trace. The sampling decision of that trace is taken before the fork. (The
///   same happens before `std::process::Command` forks, with `pre_exec` for example.)
/// - The parent's spans stay the parent's. In the child a handle of one still has its ids and its
///   [`propagation_context`](SpanRef::propagation_context), and the active one its baggage, but it is not open: changing, finishing or
///   dropping it has no effect.
/// - The child has ids, a `runtime-id`, loss counters and rate limits of its own, and from its first finished
///   trace on a queue, a worker and a connection. What the parent had not sent, the parent sends.
/// - [`flush`](Tracer::flush), [`shutdown`](Tracer::shutdown) and the [`TracerGuard`](crate::TracerGuard) are about what
///   the child has made; where it has made nothing they return at once. So is what `std::process::exit` sends in
///   the child; before `_exit`, flush. A tracer that was shut down before the fork is shut down in the child.
///
/// None of this waits for a lock that a thread of the parent held at the fork. What is not the tracer's own
/// can: samplers, propagators, context providers and log functions of the program (below what is active in a
/// provider of its own the trace goes on as well, but no decision is taken for it before the fork); tokio, where another thread
/// was building a runtime; the allocator, if it cannot
/// fork; and the lock that std takes for a stack ([`SpanRef::set_error`] with `RUST_BACKTRACE` set). Children
/// that come to be without `pthread_atfork`, such as by the system call `clone`, must not trace.
#[derive(Clone, Debug)]
pub struct Tracer {
    parts: Option<Arc<Parts>>,
}

/// What the handles of a tracer share.
pub(super) struct Parts {
    pub(super) shared: SharedShards,
    pub(super) setup: Arc<Setup>,
    pub(super) propagator: Arc<HttpPropagator>,
    /// The program's own, asked before the others.
    pub(super) propagators: Arc<[Box<dyn Propagator>]>,
    /// The program's own, in the place of what `wrap` does.
    pub(super) wrap_executor: Option<Arc<dyn WrapExecutor>>,
}

/// A panic leaves nothing here half done: no code of the user runs under a lock.
impl RefUnwindSafe for Parts {}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("config", &self.setup.era().config).finish_non_exhaustive()
    }
}

impl Tracer {
    /// The tracer that does nothing: its spans do not exist.
    pub const fn none() -> Self {
        Tracer { parts: None }
    }

    pub(super) fn of(parts: Parts) -> Self {
        Tracer { parts: Some(Arc::new(parts)) }
    }

    pub(super) fn shared(&self) -> Option<&SharedShards> {
        self.parts.as_ref().map(|parts| &parts.shared)
    }

    pub(super) fn parts(&self) -> Option<&Parts> {
        self.parts.as_deref()
    }

    /// A warning that is said once for its topic.
    pub(crate) fn warn_once(&self, topic: &'static str, line: impl FnOnce() -> String) {
        if let Some(shared) = self.shared() {
            shared.diag.warn_once(topic, line);
        }
    }

    pub(super) fn warn(&self, line: &str) {
        if let Some(shared) = self.shared() {
            shared.diag.warn(line);
        }
    }

    // ===== spans =====

    /// Starts a span below what is active and makes it active, until the result is dropped.
    ///
    /// The result finishes the span, and belongs to this thread; in async code use
    /// [`Tracer::span`] with [`FutureExt::in_span`](crate::FutureExt::in_span).
    pub fn trace(&self, name: impl Into<Text>) -> ActiveSpan {
        match self.shared() {
            Some(shared) => begin_named(shared, name.into(), false).enter(),
            None => Span::none().enter(),
        }
    }

    /// Starts a span of a **new trace**, never a child, whatever is active. It is not made active.
    ///
    /// As `start_span` of every Datadog tracer, which leaves parents and activation to the caller. For a child of what
    /// is active say `tracer.span(name).start()`, for one of another parent
    /// `tracer.span(name).child_of(parent).start()`.
    ///
    /// ```
    /// let (tracer, _) = tracehound::testing::tracer();
    /// let request = tracer.trace("web.request");
    /// let child = tracer.span("cart.load").start();
    /// let new_trace = tracer.start_span("cache.refresh");
    /// assert_eq!(child.trace_id(), request.trace_id());
    /// assert_ne!(new_trace.trace_id(), request.trace_id());
    /// assert_eq!(new_trace.parent_id(), None);
    /// ```
    pub fn start_span(&self, name: impl Into<Text>) -> Span {
        match self.shared() {
            Some(shared) => begin_named(shared, name.into(), true),
            None => Span::none(),
        }
    }

    /// Describes a span: service, resource, tags, parent, start time. It is a **child of what is active** unless
    /// [`child_of`](SpanBuilder::child_of) or [`root`](SpanBuilder::root) says otherwise; [`Tracer::start_span`] begins
    /// a new trace.
    ///
    /// ```
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// let request = tracer.trace("web.request");
    /// drop(tracer.span("cart.load").resource("cart 7").start());
    /// drop(request);
    /// assert_eq!(captured.tree(), "web.request\n  cart.load [cart 7]\n");
    /// ```
    pub fn span(&self, name: impl Into<Text>) -> SpanBuilder<'_> {
        SpanBuilder::new(self.shared(), name.into())
    }

    /// Runs `work` inside a span that is active meanwhile.
    pub fn in_span<T>(&self, name: impl Into<Text>, work: impl FnOnce(&SpanRef) -> T) -> T {
        let span = self.trace(name);
        work(&span)
    }

    // ===== what is active =====

    /// The active span of this process. `None` where nothing is active, or only what came from another
    /// process. An active span that has finished gives way to its nearest open ancestor.
    #[must_use]
    pub fn current_span(&self) -> Option<SpanRef> {
        self.context().span.nearest_open()
    }

    /// The ids of the active span, for code that may run at any time: a profiler, an allocator that counts, a
    /// signal handler.
    ///
    /// It takes no lock, allocates nothing and cannot panic, and so may be called
    ///
    /// - in a signal handler, on whatever thread the signal comes to;
    /// - in a `GlobalAlloc`, also for an allocation of the tracer's own;
    /// - in a panic hook, and while the thread is torn down.
    ///
    /// It is `None` where nothing is active, where only what came from another process is, at the moments at which
    /// the store is being changed, and once the thread has no store any more. The span is the one that was
    /// activated, which may have finished meanwhile.
    ///
    /// A store of another kind may not be able to say
    /// ([`ContextProvider::active_ids`](crate::ContextProvider::active_ids)): OpenTelemetry's context, which its bridge
    /// puts in the place of ours, cannot be read at such moments; with that bridge it is always `None`.
    ///
    /// Everything else in this crate is for a signal handler neither safe nor promised to be: it allocates. An
    /// allocator may use all of it, if it sees to it that its own allocations meanwhile do not come back to it: it
    /// waits for nothing there. Where the tracer itself allocates while it changes a trace, spans of that trace
    /// cannot be used: reads say `None`, changes do nothing, and no child of them starts.
    ///
    /// ```
    /// let (tracer, _) = tracehound::testing::tracer();
    /// assert_eq!(tracer.active_ids(), None);
    /// let span = tracer.trace("web.request");
    /// assert_eq!(tracer.active_ids().map(|ids| ids.span_id), span.span_id());
    /// ```
    #[must_use]
    pub fn active_ids(&self) -> Option<ActiveIds> {
        self.shared()?.context_stores.now().active_ids()
    }

    /// The first span of the current trace in this process: the place for what concerns the whole request.
    #[must_use]
    pub fn current_root_span(&self) -> Option<SpanRef> {
        Some(self.current_span()?.local_root())
    }

    /// What to hand to another process, or to another thread that is to make a chunk of its own: ids,
    /// sampling decision, baggage. Takes the sampling decision if nobody has yet; see
    /// [`SpanRef::propagation_context`]. [`Tracer::context`] is for use in this process, and takes none.
    #[doc(alias = "current_trace_context")]
    #[must_use]
    pub fn propagation_context(&self) -> Option<SpanContext> {
        let context = self.context();
        match context.span.nearest_open() {
            Some(span) => span.propagation_context(),
            None => context.remote.map(|remote| (*remote).clone()),
        }
    }

    /// What is active here, to be activated in another thread or task of this process. Decides nothing.
    ///
    /// ```
    /// # let tracer = tracehound::Tracer::builder().build();
    /// let _request = tracer.trace("web.request");
    /// let here = tracer.context();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         let _there = tracer.activate(here);
    ///         let _child = tracer.trace("cart.price");
    ///     });
    /// });
    /// ```
    #[must_use]
    pub fn context(&self) -> ActiveContext {
        self.shared().map(|shared| shared.context_stores.now().current()).unwrap_or_default()
    }

    /// Makes a span, or what came from elsewhere, the parent of what starts on this thread, until the scope
    /// is dropped. `ActiveContext::empty()` hides what is active.
    pub fn activate(&self, context: impl Into<ActiveContext>) -> ActiveScope {
        let Some(shared) = self.shared() else { return ActiveScope::empty() };
        shared.context_stores.now().activate(context.into())
    }

    // ===== the tracer itself =====

    /// Adds tags to every span that is sent from now on; a span's own tag of the same name wins.
    pub fn set_tags<K: Into<Text>, V: Into<Text>>(&self, tags: impl IntoIterator<Item = (K, V)>) {
        let Some(shared) = self.shared() else { return };
        // The program's own code runs here, once, and the last of several values counts.
        let given: Vec<(Text, Text)> =
            tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        let mut seen = HashSet::new();
        let mut new: Vec<_> =
            given.iter().rev().filter(|(key, _)| seen.insert(key)).cloned().collect();
        new.reverse();
        shared.tags.update(|old| {
            let kept = old.iter().filter(|(key, _)| !seen.contains(key));
            kept.chain(&new).cloned().collect()
        });
    }

    /// Whether finished spans are sent.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.shared().is_some_and(|shared| shared.is_enabled())
    }

    /// Switches sending on or off; spans are made, and contexts travel, all the same.
    pub fn set_enabled(&self, enabled: bool) {
        if let Some(shared) = self.shared() {
            shared.enabled.store(enabled, Ordering::Relaxed);
        }
    }

    /// The configured service. Spans that name none get it as `DD_SERVICE_MAPPING` has it.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.shared().map(|shared| shared.service.as_str())
    }

    /// The settings in force: those that the tracer was built with, or those of the last [`Tracer::reconfigure`].
    #[must_use]
    pub fn config(&self) -> Option<&Config> {
        self.parts.as_ref().map(|parts| &parts.setup.era().config)
    }

    /// Where traces are sent; `None` where they do not go to an agent.
    #[must_use]
    pub fn agent_url(&self) -> Option<&str> {
        self.parts.as_ref()?.setup.era().agent_url.as_deref()
    }

    /// Spans lost so far, by reason.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.shared().map(|shared| shared.diag.losses()).unwrap_or_default()
    }

    /// What the trace filters have dropped so far, by filter. It does not count as lost.
    ///
    /// ```
    /// use tracehound::{DropResources, Tracer, testing};
    ///
    /// let captured = testing::Captured::default();
    /// let tracer =
    ///     Tracer::builder().trace_filter(DropResources::new("GET /*")).capture(&captured).build();
    /// drop(tracer.span("web.request").resource("GET /cart").start());
    /// assert_eq!(tracer.filtered().to_string(), "1 spans filtered: 1 DropResources");
    /// ```
    #[must_use]
    pub fn filtered(&self) -> Filtered {
        self.shared().map(|shared| shared.diag.filtered()).unwrap_or_default()
    }

    /// What has become of the spans so far, and what was sent.
    ///
    /// It may be read at any time, from any thread, also after the shutdown: it waits for no I/O, and takes the locks of
    /// open traces and of the queue for an instant each, so it costs the more the more traces are open. A forked child
    /// begins with zeros: what its parent has made is its parent's. Neither an allocator nor a signal handler may call
    /// it. Spans that are made while tracing is disabled are in
    /// no account, and neither are those that finish in a program without the feature `agent`.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let Some(Parts { shared, setup, .. }) = self.parts() else {
            return Statistics::default();
        };
        let sent = setup.live().statistics(shared.diag.statistics());
        let Census { open, held } = shared.census();
        Statistics { open, held, ..sent }
    }

    /// How often code of the program has panicked that the tracer called: samplers, sampling rules' functions,
    /// propagators, context providers, hooks, trace filters, wrap executors, naming functions, deferred tags, log
    /// functions, and errors and values that were to be described.
    ///
    /// None of these panics gets out of the tracer. Each kind is said once, with what it was.
    ///
    /// ```
    /// use tracehound::{SamplingDecision, Sampler, SpanView};
    ///
    /// struct Broken;
    ///
    /// impl Sampler for Broken {
    ///     fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
    ///         panic!("no decision")
    ///     }
    /// }
    ///
    /// let tracer = tracehound::Tracer::builder().sampler(Broken).log(|_, _| ()).build();
    /// let _span = tracer.trace("web.request");
    /// tracer.inject(&mut Vec::<(String, String)>::new());
    /// assert_eq!(tracer.caught_panics(), 1);
    /// ```
    #[must_use]
    pub fn caught_panics(&self) -> u64 {
        let of_none = user_code::elsewhere().caught_panics();
        self.shared().map_or(0, |shared| shared.diag.caught_panics()).saturating_add(of_none)
    }

    /// Sends the traces that have finished, and the parts of open ones that have been handed off
    /// (`DD_TRACE_PARTIAL_FLUSH_MIN_SPANS`), and waits for it: the calling thread is blocked meanwhile. The rest of an
    /// open trace waits for its end: sent now, it would be sampled by what is known of its root so far.
    ///
    /// May be called anywhere, since the sending is done by a thread of its own; but a task that calls it holds up
    /// all others of its thread. [`Tracer::flush_async`] does not.
    ///
    /// # Errors
    ///
    /// When the time is over, or the agent did not take everything. What was not sent is kept and tried
    /// again.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let flushed = one_after_the_other(self.exporters(), timeout, |it, left| it.flush(left));
        drain_lines(LINES_WAIT);
        flushed
    }

    /// Sends everything that has finished, waits for it, and stops: what finishes later is not sent.
    ///
    /// Of traces that are still open, the finished spans are sent. The open ones are not: they count as lost
    /// ([`LossReason::Unfinished`](crate::LossReason::Unfinished)), and one line says how many there are and names
    /// the oldest. They can be used on all the same. A second time does nothing.
    ///
    /// # Errors
    ///
    /// As [`Tracer::flush`]; but what was not sent is lost, and counted.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        let start = Instant::now();
        let Some((shared, exporters)) = self.end() else { return Ok(()) };
        let left = timeout.saturating_sub(start.elapsed());
        // All at once: the time that the agent of one takes is not lost for the others.
        exporters.iter().for_each(|exporter| exporter.hurry());
        let stopped = one_after_the_other(exporters, left, |it, left| it.shutdown(left));
        shared.diag.report_total();
        drain_lines(LINES_WAIT);
        stopped
    }

    /// Sends everything that has finished; the future ends when that is done, or when the time is over.
    ///
    /// For tasks: no thread is blocked. It needs no particular runtime, and no timer of it: the tracer's own thread
    /// wakes the task. Nothing is asked for, and no time passes, before the future is first polled. One that is
    /// dropped takes nothing back: what was asked for is sent.
    ///
    /// # Errors
    ///
    /// As [`Tracer::flush`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let tracer = tracehound::Tracer::builder().enabled(false).build();
    /// tracer.trace("work").finish();
    /// if let Err(error) = tracer.flush_async(Duration::from_secs(2)).await {
    ///     eprintln!("not all traces were sent: {error}");
    /// }
    /// # });
    /// ```
    pub fn flush_async(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), FlushError>> + Send + use<> {
        let tracer = self.clone();
        async move {
            let start = Instant::now();
            let mut flushed = Ok(());
            for exporter in tracer.exporters() {
                let left = timeout.saturating_sub(start.elapsed());
                flushed = flushed.and(exporter.flush_async(left).await);
            }
            flushed
        }
    }

    /// Sends everything that has finished, and stops; the future ends when that is done, or when the time is over.
    ///
    /// As [`Tracer::flush_async`], it is for tasks, and does nothing before it is first polled.
    ///
    /// # Errors
    ///
    /// As [`Tracer::shutdown`].
    pub fn shutdown_async(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<(), FlushError>> + Send + use<> {
        let tracer = self.clone();
        async move {
            let start = Instant::now();
            let Some((shared, exporters)) = tracer.end() else { return Ok(()) };
            exporters.iter().for_each(|exporter| exporter.hurry());
            let mut stopped = Ok(());
            for exporter in exporters {
                let left = timeout.saturating_sub(start.elapsed());
                stopped = stopped.and(exporter.shutdown_async(left).await);
            }
            shared.diag.report_total();
            stopped
        }
    }

    /// All that may have something to send.
    fn exporters(&self) -> Vec<Exporter> {
        self.parts.as_ref().map(|parts| parts.setup.exporters()).unwrap_or_default()
    }

    /// Ends the tracer, and gives what is to send the rest; `None` where nothing is sent.
    fn end(&self) -> Option<(&SharedShards, Vec<Exporter>)> {
        let Parts { shared, setup, .. } = self.parts()?;
        // What a reconfiguration puts in place meanwhile would be missed.
        let _turn = setup.take_turn();
        if setup.exporters().is_empty() {
            return None;
        }
        shared.end();
        Some((shared, setup.exporters()))
    }
}

/// Has each of them do something, within the time for all of them. The first error counts.
fn one_after_the_other(
    exporters: Vec<Exporter>,
    timeout: Duration,
    work: impl Fn(&Exporter, Duration) -> Result<(), FlushError>,
) -> Result<(), FlushError> {
    let start = Instant::now();
    let each = exporters.iter().map(|it| work(it, timeout.saturating_sub(start.elapsed())));
    each.fold(Ok(()), Result::and)
}

/// Two handles are equal when they are of the same tracer.
impl PartialEq for Tracer {
    fn eq(&self, other: &Self) -> bool {
        self.parts.as_ref().map(Arc::as_ptr) == other.parts.as_ref().map(Arc::as_ptr)
    }
}
