//! Deciding allocates nothing, whatever decides.

use std::collections::HashMap;

use super::{DatadogSampler, Sampler, SamplingRule, SpanSampler, SpanSamplingRule};
use super::{chunk_tags, root_tags, span_tags};
use crate::trace::testkit::Bench;

/// Each compares some characters and does not match, as rules for other endpoints do.
fn others() -> impl Iterator<Item = SamplingRule> {
    (0..9).map(|number| {
        SamplingRule::new(0.5)
            .unwrap()
            .service("CHECKOUT-*")
            .name("http.*.request")
            .resource(format!("* /v1/customers/*/carts{number}"))
    })
}

fn samplers() -> [DatadogSampler; 5] {
    let with_rules = |rules: Vec<SamplingRule>| {
        DatadogSampler::builder().rules(rules).rate_limit(None).build().unwrap()
    };
    let by_agent = with_rules(vec![]);
    let rate = |number| (format!("service:service-{number},env:production"), 0.5);
    let mut rates: HashMap<String, f64> = (0..498).map(rate).collect();
    rates.insert("service:checkout-service,env:production".to_owned(), 0.5);
    rates.insert("service:,env:".to_owned(), 0.5);
    by_agent.set_agent_rates(&rates);
    let last = SamplingRule::new(0.5).unwrap().service("checkout-service");
    let tagged = last.clone().tag("customer.plan", "enter*").tag("order.items", "1?");
    let of_carts = others().map(|rule| rule.service("cart-*"));
    let by_url = others().map(|rule| rule.resource("*").tag("http.url", "*/carts"));
    [
        with_rules(vec![]),
        by_agent,
        with_rules(of_carts.chain([last.clone()]).collect()),
        with_rules(others().chain([last]).collect()),
        with_rules(by_url.chain([tagged]).collect()),
    ]
}

#[test]
fn a_decision_allocates_nothing() {
    let bench = Bench::new();
    let root = bench
        .span("http.server.request")
        .service("checkout-service")
        .resource("POST /v1/customers/{id}/orders")
        .tag("env", "production")
        .tag("http.url", "https://shop.example/v1/customers/42/orders")
        .tag("customer.plan", "enterprise")
        .tag("order.items", 12)
        .start();
    let allocations = |work: &dyn Fn()| allocation_counter::measure(work).count_total;
    for sampler in samplers() {
        let count = root.read(|root| {
            allocations(&|| {
                let decision = sampler.sample(root);
                let mut length = 0;
                chunk_tags(&decision, |_| length += 1);
                root_tags(&decision, false, |_| length += 1);
                assert!(length > 0);
            })
        });
        assert_eq!(count, Some(0), "{sampler:?}");
    }
    let rule = SpanSamplingRule::new(1.0).unwrap().service("*").max_per_second(5.0);
    let sampler = SpanSampler::new([rule]);
    let count =
        root.read(|span| allocations(&|| span_tags(sampler.rule_of(span).unwrap(), |_| {})));
    assert_eq!(count, Some(0));
}
