//! The switches of integrations with an installed tracer: what is of the whole process.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used)]

use tracehound::config::{Environment, Origin};
use tracehound::integration::{Integration, Pin};
use tracehound::testing::Captured;
use tracehound::{Tracer, integrations};

static REDIS: Integration = Integration::new("redis");
static KAFKA: Integration = Integration::new("kafka");
static LATER: Integration = Integration::new("later");

fn is_traced(integration: &'static Integration) -> bool {
    integration.span(&Pin::new(), "call").is_some()
}

// One test: it installs the tracer of the process, and switches all integrations.
#[test]
fn variables_count_from_the_install_on_and_code_wins() {
    let environment = Environment::from_pairs([
        ("DD_TRACE_REDIS_ENABLED", "false"),
        ("DD_TRACE_REDSI_ENABLED", "false"),
    ]);
    assert!(!is_traced(&REDIS) && REDIS.is_enabled(), "there is no tracer so far");
    let captured = Captured::default();
    let tracer = Tracer::builder().environment(environment).service("test");
    let guard = tracer.capture(&captured).install();

    assert!(!is_traced(&REDIS) && !REDIS.is_enabled());
    assert!(is_traced(&KAFKA) && KAFKA.is_enabled());
    let listed = || -> Vec<_> {
        let list = integrations().list().into_iter();
        list.map(|of| (of.name().to_owned(), of.is_enabled(), of.is_announced(), of.origin()))
            .collect()
    };
    let of =
        |name: &str, is_on, is_announced, origin| (name.to_owned(), is_on, is_announced, origin);
    let by_variables = [
        of("kafka", true, true, Origin::Default),
        of("redis", false, true, Origin::Env),
        of("redsi", false, false, Origin::Env),
    ];
    assert_eq!(listed(), by_variables);
    assert_eq!(
        integrations().to_string(),
        "kafka  on   default\n\
         redis  off  env_var\n\
         redsi  off  env_var, not used so far: no such integration?\n"
    );

    integrations().set_all([("redis", true), ("kafka", false)]);
    assert!(is_traced(&REDIS) && !is_traced(&KAFKA));
    integrations().only(["kafka"]);
    assert!(!is_traced(&REDIS) && is_traced(&KAFKA));
    assert!(!is_traced(&LATER), "it was not known when the others were switched off");
    integrations().set("later", true);
    assert!(is_traced(&LATER));
    assert_eq!(
        listed(),
        [
            of("kafka", true, true, Origin::Code),
            of("later", true, true, Origin::Code),
            of("redis", false, true, Origin::Code),
            of("redsi", false, false, Origin::Code),
        ]
    );

    // Names beyond the most that can have a switch get none, and nothing else changes.
    for number in 0..1100 {
        integrations().set(&format!("customer-{number}"), false);
    }
    assert!(integrations().list().len() < 1100);
    assert!(!is_traced(&REDIS) && is_traced(&KAFKA));
    drop(guard);
}
