//! What a program may put in the place of the way in which wrapped functions run.

use super::call::WrapCall;
use crate::trace::Span;

/// Runs the wrapped functions of a tracer in a way of the program's own:
/// [`TracerBuilder::wrap_executor`](crate::TracerBuilder::wrap_executor).
///
/// Closures of plain functions are executors. Implement this where async functions are to be treated differently, too.
///
/// ```
/// use tracehound::{Span, WrapCall, WrapExecutor};
///
/// /// Wrapped functions are new traces, and those of health checks are none.
/// struct NewTraces;
///
/// impl WrapExecutor for NewTraces {
///     fn execute(&self, call: WrapCall<'_>, run: &mut dyn FnMut()) {
///         let _span = self.start(call).enter();
///         run();
///     }
///
///     fn start(&self, call: WrapCall<'_>) -> Span {
///         if call.name().contains("health") {
///             return Span::none();
///         }
///         call.describe(|span| span.root()).start()
///     }
/// }
/// # let _ = tracehound::Tracer::builder().wrap_executor(NewTraces);
/// ```
///
/// # For implementors
///
/// Both methods are called on the threads of the application, nested as the wrapped functions are, and at the same time
/// from several. Whatever they do, the function runs once, on this thread, and what it returns and its panics reach its
/// caller: a second call of `run` does nothing, and where `run` was not called the function runs afterwards, without a
/// span. A panic of an executor's own is caught, counted ([`Tracer::caught_panics`](crate::Tracer::caught_panics)) and
/// said once.
pub trait WrapExecutor: Send + Sync {
    /// Runs a plain function by calling `run`.
    ///
    /// A panic of the function unwinds through here, so that spans which end meanwhile are marked. It goes on to the
    /// function's caller even if it is caught here.
    fn execute(&self, call: WrapCall<'_>, run: &mut dyn FnMut());

    /// Starts the span of a function that cannot be handed over as a closure: an async function or one that returns a
    /// future, when its future first runs, and one that returns another `impl Trait` or is `#[track_caller]`.
    ///
    /// [`Span::none`] for none. By default the span is as the call says.
    fn start(&self, call: WrapCall<'_>) -> Span {
        call.start()
    }
}

impl<F: Fn(WrapCall<'_>, &mut dyn FnMut()) + Send + Sync> WrapExecutor for F {
    fn execute(&self, call: WrapCall<'_>, run: &mut dyn FnMut()) {
        self(call, run);
    }
}
