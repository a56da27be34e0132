//! The trait for samplers, and how one is asked: a panic of it is caught.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diag::Diag;
use crate::text::Text;
use crate::trace::{SamplingDecision, SamplingMechanism, SamplingPriority, SpanView};
use crate::user_code::{self, UserCode};

/// Decides which traces are kept. [`DatadogSampler`](crate::DatadogSampler) is the one that every Datadog
/// tracer has; implement this for one of your own.
///
/// A trace is asked about once: when it first leaves the process (headers are injected, its context is read)
/// or else when it is finished. Traces that come in with a decision, and those the user keeps or drops by
/// hand, are not asked about.
///
/// # For implementors
///
/// `sample` is called on threads of the application as well as on the tracer's own, also at the same time
/// from several, and may be called twice for one trace if two threads need the decision at once; the first
/// answer counts. It gets a copy of the root where that may still change, and no lock of the library is held: it may
/// use any span, also of the same trace. It should be quick and must not wait. If it panics, the trace is kept as by
/// default, the panic is counted ([`Tracer::caught_panics`](crate::Tracer::caught_panics)) and said once.
///
/// While it runs, nothing that it asks for takes a decision: the contexts of spans are without one, headers that it
/// injects say none, and spans that it starts are sampled later.
///
/// ```
/// use tracehound::{SamplingDecision, SamplingMechanism, SamplingPriority, Sampler, SpanView};
///
/// /// Keeps what is about money, and nothing else.
/// struct Payments;
///
/// impl Sampler for Payments {
///     fn sample(&self, root: &SpanView<'_>) -> SamplingDecision {
///         let keep = root.metric("order.amount").is_some();
///         let priority = if keep { SamplingPriority::USER_KEEP } else { SamplingPriority::USER_REJECT };
///         SamplingDecision::new(priority, SamplingMechanism::RULE)
///     }
/// }
/// # let _ = Payments;
/// ```
pub trait Sampler: Send + Sync {
    /// Decides on a trace by its first span in this process, as that is now.
    fn sample(&self, root: &SpanView<'_>) -> SamplingDecision;

    /// Takes over the rates of the agent's last answer, which replace all former ones: by
    /// `service:<service>,env:<env>`, where `service:,env:` is for all others. By default they are not used.
    ///
    /// Called on the tracer's own thread.
    fn set_agent_rates(&self, rates: &HashMap<String, f64>) {
        let _ = rates;
    }

    /// For the library's own.
    #[doc(hidden)]
    fn built_in(&self) -> Option<&dyn BuiltInSampler> {
        None
    }
}

/// A sampler of the library, which may decide under the lock of a trace. Programs cannot name this trait, so none of
/// their code gets there.
pub trait BuiltInSampler: Sampler {
    /// The decision; `None` where it may take long, or runs code of the program.
    fn decide_in_place(&self, root: &SpanView<'_>) -> Option<SamplingDecision> {
        Some(self.sample(root))
    }

    /// The tags that it looks at; `None` if it may be any.
    fn needed_tags(&self) -> Option<&[Text]> {
        Some(&[])
    }
}

impl<S: Sampler + ?Sized> Sampler for Arc<S> {
    fn sample(&self, root: &SpanView<'_>) -> SamplingDecision {
        (**self).sample(root)
    }

    fn set_agent_rates(&self, rates: &HashMap<String, f64>) {
        (**self).set_agent_rates(rates);
    }

    fn built_in(&self) -> Option<&dyn BuiltInSampler> {
        (**self).built_in()
    }
}

/// Asks a sampler, which may be the user's: after a panic the trace is kept, as by default.
pub(crate) fn ask(sampler: &dyn Sampler, root: &SpanView<'_>, diag: &Diag) -> SamplingDecision {
    let decision = user_code::call(UserCode::Sampler, diag, || sampler.sample(root))
        .unwrap_or(SamplingDecision::new(SamplingPriority::AUTO_KEEP, SamplingMechanism::DEFAULT));
    diag.debug(|| describe(root, &decision));
    decision
}

#[cold]
fn describe(root: &SpanView<'_>, decision: &SamplingDecision) -> String {
    let by = match decision.mechanism {
        Some(SamplingMechanism::DEFAULT) => {
            "by default, as neither a rule nor a rate of the agent applies"
        }
        Some(SamplingMechanism::AGENT_RATE) => "by the agent's rate",
        Some(SamplingMechanism::RULE) => "by a rule or the sample rate",
        Some(SamplingMechanism::REMOTE_USER_RULE | SamplingMechanism::REMOTE_DYNAMIC_RULE) => {
            "by a remote rule"
        }
        _ => "by the sampler",
    };
    let rate = |name: &str, rate: Option<f64>| rate.map(|rate| format!(", {name} {rate}"));
    format!(
        "trace {} ({:?} of {:?}) is {}: priority {} {by}{}{}",
        root.trace_id(),
        root.resource(),
        root.service(),
        if decision.priority.is_keep() { "kept" } else { "dropped" },
        decision.priority,
        rate("rate", decision.rate).unwrap_or_default(),
        rate("of which the limit lets through", decision.limit_rate).unwrap_or_default(),
    )
}
