//! Which traces are kept, and how do I see why?
//!
//! Rules by resource and tag, a rate for the rest, the last word by hand, and single spans of traces that
//! are dropped. Every decision explains itself in tags that go to the agent; the example prints them.
//!
//! `cargo run --example sampling` needs no agent.

mod support;

use std::error::Error;
use std::time::Duration;

use support::{Agent, say};
use tracehound::{SamplingRule, SpanSamplingRule, Tracer};
use tracehound_local_agent::Span;

fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::start()?;
    let tracer = Tracer::builder()
        .service("shop")
        // The first rule that matches decides, by what the trace's first span here is at the end.
        .sampling_rule(SamplingRule::new(0.0)?.resource("GET /health*"))
        .sampling_rule(SamplingRule::new(1.0)?.tag("customer.plan", "gold"))
        // What only code can say. It is asked after the patterns.
        .sampling_rule(SamplingRule::new(1.0)?.when(|root| root.is_error()))
        // For all that no rule matches. Without it the agent would say how much to keep.
        .sample_rate(0.5)
        // Kept even if their trace is not, up to 50 a second.
        .span_sampling_rule(SpanSamplingRule::new(1.0)?.name("payment.*").max_per_second(50.0));
    let guard = agent.receive_from(tracer).install();

    request("GET /health/live", |_| {});
    // Set after the start, and in time: nobody has asked for the decision yet.
    request("GET /cart", |span| span.set_tag("customer.plan", "gold"));
    request("GET /crash", |span| span.set_error_message("out of lamps"));
    for _ in 0..4 {
        request("GET /catalogue", |_| {});
    }
    // Wins over all rules, wherever in the trace it is said.
    request("GET /health/deep", |_| tracehound::in_span("disk.check", |span| span.keep_trace()));
    request("POST /orders", |span| {
        span.drop_trace();
        tracehound::in_span("payment.charge", |_| {});
    });

    guard.tracer().flush(Duration::from_secs(5))?;
    say("span                kept    priority  by       rates");
    for trace in agent.traces(11) {
        trace.spans().for_each(explain);
    }
    agent.say_where();
    Ok(())
}

fn request(resource: &'static str, work: impl FnOnce(&tracehound::SpanRef)) {
    tracehound::span("web.request").resource(resource).in_scope(work);
}

/// A line for the first span of a trace, which explains the decision, and for spans that are kept alone.
fn explain(span: &Span) {
    let rates = |keys: &[&str]| {
        let rates = keys.iter().filter_map(|key| Some(format!("{key} {}", span.metric(key)?)));
        rates.collect::<Vec<_>>().join(", ")
    };
    if let Some(priority) = span.metric("_sampling_priority_v1") {
        let kept = if priority > 0.0 { "yes" } else { "no" };
        let by = match span.meta("_dd.p.dm") {
            Some("-0") => "default",
            Some("-1") => "agent",
            Some("-3") => "rule",
            Some("-4") => "hand",
            _ => "other",
        };
        let rates = rates(&["_dd.rule_psr", "_dd.agent_psr", "_dd.limit_psr"]);
        say(&format!("{:<20}{kept:<8}{priority:<10}{by:<9}{rates}", &*span.resource));
    } else if span.metric("_dd.span_sampling.mechanism").is_some() {
        let rates = rates(&["_dd.span_sampling.rule_rate", "_dd.span_sampling.max_per_second"]);
        say(&format!("  {:<18}alone                      {rates}", &*span.resource));
    }
}
