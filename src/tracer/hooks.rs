//! Functions of the program that are called when spans start and finish.

use super::handle::Tracer;
use crate::trace::{HookHandle, Moment, SpanRef};

impl Tracer {
    /// Calls a function for each span that starts from now on, whichever API starts it.
    ///
    /// It runs on the thread that starts the span, after the parent, the tags and the service that the span begins with
    /// are set, and before the span is made active: what is active is its parent. No lock is held, so the whole of
    /// [`SpanRef`] can be used. Several hooks are called in the order in which they were registered.
    ///
    /// - A panic ends at the call: it is counted ([`Tracer::caught_panics`]) and said once.
    /// - While a hook runs, no hook is called on its thread, at a start or a finish: a hook may use the tracer, and the
    ///   spans that it makes are ordinary ones without hooks.
    /// - A forked child keeps the hooks.
    /// - Spans that another library has recorded (those of OpenTelemetry's SDK, through its exporter) had started
    ///   elsewhere: they have no hooks.
    ///
    /// What a hook costs is paid by every span; one that does nothing costs some nanoseconds.
    ///
    /// ```
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// let hook = tracer.on_start_span(|span| span.set_tag("region", "eu-1"));
    /// tracer.trace("web.request").finish();
    /// hook.deregister();
    /// tracer.trace("web.request").finish();
    /// assert_eq!(captured.tree(), "web.request region=eu-1\nweb.request\n");
    /// ```
    pub fn on_start_span(&self, hook: impl Fn(&SpanRef) + Send + Sync + 'static) -> HookHandle {
        self.register(Moment::Start, hook)
    }

    /// Calls a function for each span that is about to finish from now on, whichever API finishes it.
    ///
    /// It runs on the thread that finishes the span, once for each span, while the span is still open: tags that it
    /// sets are sent. [`SpanRef::duration`] tells how long the span has taken; the time that hooks take is no part of
    /// it. All else is as with [`Tracer::on_start_span`]. Spans that never finish, because the tracer has ended or
    /// nobody can finish them any more, have no call.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// tracer.on_finish_span(|span| {
    ///     if span.duration() > Some(Duration::from_millis(5)) {
    ///         span.set_tag("slow", true);
    ///     }
    /// });
    /// tracer.in_span("job", |_| std::thread::sleep(Duration::from_millis(6)));
    /// tracer.trace("quick").finish();
    /// assert_eq!(captured.span("job").tags["slow"], "true");
    /// assert!(captured.span("quick").duration > Duration::from_millis(5) || captured.span("quick").tags.is_empty());
    /// ```
    pub fn on_finish_span(&self, hook: impl Fn(&SpanRef) + Send + Sync + 'static) -> HookHandle {
        self.register(Moment::Finish, hook)
    }

    fn register(
        &self,
        moment: Moment,
        hook: impl Fn(&SpanRef) + Send + Sync + 'static,
    ) -> HookHandle {
        match self.shared() {
            Some(shared) => shared.hooks.register(moment, hook),
            None => HookHandle::NONE,
        }
    }
}
