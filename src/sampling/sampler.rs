//! What decides on traces, and the promise that it cannot hurt those who ask.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diag::Diag;
use crate::trace::{Decision, Mechanism, Priority, SpanView};
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
/// answer counts. It should be quick and must not wait. If it panics, the trace is kept as by default, the panic is
/// counted ([`Tracer::caught_panics`](crate::Tracer::caught_panics)) and said once.
///
/// While it runs, nothing that it asks for takes a decision: the contexts of spans are without one, headers that it
/// injects say none, and spans that it starts are sampled later.
///
/// ```
/// use tracehound::{Decision, Mechanism, Priority, Sampler, SpanView};
///
/// /// Keeps what is about money, and nothing else.
/// struct Payments;
///
/// impl Sampler for Payments {
///     fn sample(&self, root: &SpanView<'_>) -> Decision {
///         let keep = root.metric("order.amount").is_some();
///         let priority = if keep { Priority::USER_KEEP } else { Priority::USER_REJECT };
///         Decision::new(priority, Mechanism::RULE)
///     }
/// }
/// # let _ = Payments;
/// ```
pub trait Sampler: Send + Sync {
    /// Decides on a trace by its first span in this process, as that is now.
    fn sample(&self, root: &SpanView<'_>) -> Decision;

    /// Takes over the rates of the agent's last answer, which replace all former ones: by
    /// `service:<service>,env:<env>`, where `service:,env:` is for all others. By default they are not used.
    ///
    /// Called on the tracer's own thread.
    fn set_agent_rates(&self, rates: &HashMap<String, f64>) {
        let _ = rates;
    }

    /// Whether `sample` must be free to do what it likes, such as to use a span of the same trace. True by
    /// default.
    ///
    /// If not, it is called under the lock of the trace, which saves a copy of the root, and must then do
    /// nothing but look at the root and at its own data. What it asks of spans of this trace all the same finds
    /// them as if they did not exist.
    fn runs_user_code(&self) -> bool {
        true
    }
}

impl<S: Sampler + ?Sized> Sampler for Arc<S> {
    fn sample(&self, root: &SpanView<'_>) -> Decision {
        (**self).sample(root)
    }

    fn set_agent_rates(&self, rates: &HashMap<String, f64>) {
        (**self).set_agent_rates(rates);
    }

    fn runs_user_code(&self) -> bool {
        (**self).runs_user_code()
    }
}

/// Asks a sampler that may be the user's.
pub(crate) fn ask(sampler: &dyn Sampler, root: &SpanView<'_>, diag: &Diag) -> Decision {
    let decision = user_code::call(UserCode::Sampler, diag, || sampler.sample(root))
        .unwrap_or(Decision::new(Priority::AUTO_KEEP, Mechanism::DEFAULT));
    diag.debug(|| describe(root, &decision));
    decision
}

#[cold]
fn describe(root: &SpanView<'_>, decision: &Decision) -> String {
    let by = match decision.mechanism {
        Some(Mechanism::DEFAULT) => "by default, as neither a rule nor a rate of the agent applies",
        Some(Mechanism::AGENT_RATE) => "by the agent's rate",
        Some(Mechanism::RULE) => "by a rule or the sample rate",
        Some(Mechanism::REMOTE_USER_RULE | Mechanism::REMOTE_DYNAMIC_RULE) => "by a remote rule",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::drain_all_lines;
    use crate::sync::lock;
    use crate::trace::testkit::Bench;
    use std::sync::Mutex;
    use std::time::Duration;

    struct Broken;

    impl Sampler for Broken {
        fn sample(&self, _: &SpanView<'_>) -> Decision {
            panic!("as the test wants")
        }
    }

    #[test]
    fn a_sampler_that_panics_keeps_the_trace_and_is_reported_once() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let output = Box::new(move |_, line: &str| lock(&sink).push(line.to_owned()));
        let diag = Diag::new(false, Some(output));
        let bench = Bench::new();
        let span = bench.span("root").start();
        for _ in 0..2 {
            let decision = span.read(|span| ask(&Arc::new(Broken), span, &diag)).unwrap();
            assert_eq!(decision, Decision::new(Priority::AUTO_KEEP, Mechanism::DEFAULT));
            user_code::say_rest(&diag);
        }
        drain_all_lines(Duration::from_secs(60));
        assert_eq!(lock(&lines).len(), 1);
        assert!(Arc::new(Broken).runs_user_code());
    }
}
