//! What a sampling decision costs the thread that needs it.
//!
//! `cargo bench --bench sampling`. `decision` is the decision alone, a thousand times for one root; `headers`
//! is a trace of one span that writes its headers, which takes the decision on the way.
//!
//! Nanoseconds for one decision or one trace, median of 100 samples; rustc 1.95, 2-core VM (Xeon, 2.8 GHz)
//! under other load:
//!
//! | | ns |
//! |---|---|
//! | no rules, no rates of the agent | 34 |
//! | one rule that matches everything | 42 |
//! | the same, with the limit asked | 43 |
//! | ten rules by service, resource and tag, the last matches | 170 |
//! | ten rules, nine of which search a URL of 169 characters | 649 |
//! | rates of the agent for 2 services | 43 |
//! | rates of the agent for 501 services | 107 |
//! | headers of a trace, no rules | 454 |
//! | headers of a trace, ten rules | 560 |

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::HashMap;
use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tracehound::config::Environment;
use tracehound::{DatadogSampler, Sampler, SamplingDecision, SamplingRule, Span, SpanView, Tracer};
use tracehound_test_support::FaultAgent;
use tracehound_test_support::fault_agent::scripts;

fn main() {
    divan::main();
}

/// Decisions for each that is measured: only a sampler gets to see a root as samplers see it.
const DECISIONS: u32 = 1000;

struct Repeated(DatadogSampler);

impl Sampler for Repeated {
    fn sample(&self, root: &SpanView<'_>) -> SamplingDecision {
        for _ in 1..DECISIONS {
            black_box(self.0.sample(black_box(root)));
        }
        self.0.sample(root)
    }
}

/// Rules none of which matches but the last.
fn rules(count: usize) -> impl Iterator<Item = SamplingRule> {
    let rule = || SamplingRule::new(1.0).unwrap();
    let others = (1..count).map(move |number| {
        rule().service("check*").resource(format!("GET /v{number}/*")).tag("plan", "g?ld")
    });
    others.chain((count > 0).then(rule))
}

/// The same, each of which searches the URL from its beginning to its end.
fn url_rules(count: usize) -> impl Iterator<Item = SamplingRule> {
    let rule =
        move |number| SamplingRule::new(1.0).unwrap().tag("http.url", format!("*/v{number}/*"));
    (1..count).map(rule).chain([SamplingRule::new(1.0).unwrap()])
}

/// 169 characters.
const URL: &str = "https://shop.example/api/orders/4711/items?expand=customer,payment,shipping&fields=id,name,price\
    ,currency,quantity,discount&locale=en-GB&session=0123456789abcdef&page=25";

/// So many services, the one of the bench, and the rate for all others.
fn agent_rates(services: usize) -> HashMap<String, f64> {
    let rate = |number: usize| (format!("service:service-{number:03},env:prod"), 0.5);
    let mut rates: HashMap<_, _> = (0..services).map(rate).collect();
    rates.insert("service:checkout,env:prod".to_owned(), 0.5);
    rates.insert("service:,env:".to_owned(), 1.0);
    rates
}

fn root(tracer: &Tracer) -> Span {
    tracer
        .span("web.request")
        .root()
        .resource("POST /orders/{id}")
        .tag("http.method", "POST")
        .tag("http.route", "/orders/{id}")
        .tag("plan", "silver")
        .tag("http.url", URL)
        .start()
}

/// The worker sends nothing meanwhile.
fn tracer(sampler: impl Sampler + 'static) -> (FaultAgent, Tracer) {
    let agent = FaultAgent::start(scripts::healthy);
    let tracer = Tracer::builder()
        .environment(Environment::empty())
        .service("checkout")
        .env("prod")
        .agent_url(agent.url())
        .flush_interval(Duration::from_secs(3600))
        .sampler(sampler)
        .build();
    (agent, tracer)
}

fn decide(bencher: Bencher<'_, '_>, sampler: DatadogSampler) {
    let (_agent, tracer) = tracer(Repeated(sampler));
    bencher
        .counter(ItemsCount::new(DECISIONS))
        .with_inputs(|| {
            tracer.flush(Duration::from_secs(10)).unwrap();
            root(&tracer)
        })
        .bench_local_refs(|root| black_box(root.propagation_context()));
}

#[divan::bench_group(sample_count = 100, sample_size = 1)]
mod decision {
    use super::*;

    #[divan::bench(args = [0, 1, 10])]
    fn rules(bencher: Bencher<'_, '_>, count: usize) {
        let sampler = DatadogSampler::builder().rules(super::rules(count)).rate_limit(None);
        decide(bencher, sampler.build().unwrap());
    }

    #[divan::bench]
    fn ten_rules_by_url(bencher: Bencher<'_, '_>) {
        let sampler = DatadogSampler::builder().rules(super::url_rules(10)).rate_limit(None);
        decide(bencher, sampler.build().unwrap());
    }

    #[divan::bench]
    fn one_rule_and_the_limit(bencher: Bencher<'_, '_>) {
        let sampler = DatadogSampler::builder().rules(super::rules(1)).rate_limit(100);
        decide(bencher, sampler.build().unwrap());
    }

    #[divan::bench(args = [1, 500])]
    fn agent_rates(bencher: Bencher<'_, '_>, services: usize) {
        let sampler = DatadogSampler::builder().build().unwrap();
        sampler.set_agent_rates(&super::agent_rates(services));
        decide(bencher, sampler);
    }
}

#[divan::bench_group(sample_count = 100, sample_size = 100)]
mod headers {
    use super::*;

    #[divan::bench(args = [0, 10])]
    fn rules(bencher: Bencher<'_, '_>, count: usize) {
        let sampler = DatadogSampler::builder().rules(super::rules(count)).rate_limit(None);
        let (_agent, tracer) = tracer(sampler.build().unwrap());
        bencher
            .with_inputs(|| (root(&tracer), Vec::<(String, String)>::with_capacity(8)))
            .bench_local_refs(|(root, headers)| tracer.inject_span(root, headers));
        tracer.flush(Duration::from_secs(10)).unwrap();
    }
}
