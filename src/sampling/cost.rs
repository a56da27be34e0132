//! What a decision costs, for the thread of the application that may have to wait for it.
//!
//! Nanoseconds for one decision, `cargo test --release --lib -- --ignored --nocapture what_a_decision_costs`,
//! rustc 1.95, 2-core VM (Xeon, 2.8 GHz) under other load; the lowest of 1000 short rounds:
//!
//! | | ns |
//! |---|---|
//! | nothing is set | 68 |
//! | one of 500 agent rates | 157 |
//! | the last of 10 rules matches, the others by no service | 177 |
//! | the same, the others by service and name | 747 |
//! | the same, by a tag instead of the resource | 1300 |

use std::collections::HashMap;
use std::time::Instant;

use super::{DatadogSampler, Sampler, SamplingRule, SpanSampler, SpanSamplingRule};
use super::{chunk_tags, root_tags, span_tags};
use crate::trace::Span;
use crate::trace::testkit::Bench;

fn root(bench: &Bench) -> Span {
    bench
        .span("http.server.request")
        .service("checkout-service")
        .resource("POST /v1/customers/{id}/orders")
        .tag("env", "production")
        .tag("http.method", "POST")
        .tag("http.url", "https://shop.example/v1/customers/42/orders")
        .tag("customer.plan", "enterprise")
        .tag("order.items", 12)
        .start()
}

/// Each compares some characters and does not match, as rules for other endpoints do.
fn others(count: usize) -> impl Iterator<Item = SamplingRule> {
    (0..count).map(|number| {
        SamplingRule::new(0.5)
            .unwrap()
            .service("CHECKOUT-*")
            .name("http.*.request")
            .resource(format!("* /v1/customers/*/carts{number}"))
    })
}

fn with_rules(rules: impl IntoIterator<Item = SamplingRule>) -> DatadogSampler {
    DatadogSampler::builder().rules(rules).rate_limit(None).build().unwrap()
}

fn samplers() -> [(&'static str, DatadogSampler); 5] {
    let rates = |number: usize| (format!("service:service-{number},env:production"), 0.5);
    let mut rates: HashMap<String, f64> = (0..499).map(rates).collect();
    rates.insert("service:checkout-service,env:production".to_owned(), 0.5);
    let by_agent = with_rules([]);
    by_agent.set_agent_rates(&rates);
    let last = || SamplingRule::new(0.5).unwrap().service("checkout-service");
    let tagged = || last().tag("customer.plan", "enter*").tag("order.items", "1?");
    [
        ("nothing is set", with_rules([])),
        ("one of 500 agent rates", by_agent),
        (
            "the last of 10 rules matches, the others by no service",
            with_rules(others(9).map(|rule| rule.service("cart-*")).chain([last()])),
        ),
        ("the same, the others by service and name", with_rules(others(9).chain([last()]))),
        (
            "the same, by a tag instead of the resource",
            with_rules(
                others(9)
                    .map(|rule| rule.resource("*").tag("http.url", "*/carts"))
                    .chain([tagged()]),
            ),
        ),
    ]
}

#[test]
fn a_decision_allocates_nothing() {
    let bench = Bench::new();
    let root = root(&bench);
    for (what, sampler) in samplers() {
        let info = root
            .read(|root| {
                allocation_counter::measure(|| {
                    let decision = sampler.sample(root);
                    let mut length = 0;
                    chunk_tags(&decision, |_| length += 1);
                    root_tags(&decision, false, |_| length += 1);
                    assert!(length > 0);
                })
            })
            .unwrap();
        assert_eq!(info.count_total, 0, "{what}");
    }
    let rule = SpanSamplingRule::new(1.0).unwrap().service("*").max_per_second(5.0);
    let sampler = SpanSampler::new([rule]);
    let info = root.read(|span| {
        allocation_counter::measure(|| span_tags(&sampler.sample(span).unwrap(), |_| {}))
    });
    assert_eq!(info.unwrap().count_total, 0);
}

#[test]
#[ignore = "prints a measurement"]
fn what_a_decision_costs() {
    const TIMES: u32 = 1000;
    let bench = Bench::new();
    let root = root(&bench);
    for (what, sampler) in samplers() {
        let round = |_| {
            root.read(|root| {
                let start = Instant::now();
                for _ in 0..TIMES {
                    std::hint::black_box(sampler.sample(std::hint::black_box(root)));
                }
                start.elapsed() / TIMES
            })
            .unwrap()
        };
        let lowest = (0..1000).map(round).min().unwrap();
        println!("| {what} | {} |", lowest.as_nanos());
    }
}
