//! Spans of integrations: whether there are any, their service, and what a pin changes for a single client.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use tracehound::config::Environment;
use tracehound::integration::{Integration, Pin, Pinned};
use tracehound::{SpanKind, Tracer, integrations};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Span, within};

use common::{LIMIT, Said};

/// A client as an integration has it.
#[derive(Clone, Default)]
struct Client {
    pin: Pin,
}

impl Pinned for Client {
    fn pin(&self) -> &Pin {
        &self.pin
    }

    fn set_pin(&mut self, pin: Pin) {
        self.pin = pin;
    }
}

impl Client {
    /// Whether there was a span.
    fn call(&self, integration: &'static Integration) -> bool {
        let span = integration.span(&self.pin, format!("{}.call", integration.name()));
        span.map(|span| span.resource("GET").start()).is_some()
    }
}

/// What is sent by a tracer that sees these variables.
fn sent(variables: &[(&str, &str)], trace: impl FnOnce(&Tracer)) -> Vec<Span> {
    let agent = FaultAgent::start(scripts::healthy);
    let said = Said::default();
    let tracer = Tracer::builder()
        .environment(Environment::from_pairs(variables.iter().copied()))
        .service("shop")
        .agent_url(agent.url())
        .log(said.listener())
        .build();
    trace(&tracer);
    tracer.shutdown(LIMIT).unwrap();
    assert_eq!(said.warnings(), [""; 0]);
    agent.spans()
}

/// The service of a span, who chose it, and the base service.
fn told(span: &Span) -> (&str, Option<&str>, Option<&str>) {
    (&span.service, span.meta("_dd.svc_src"), span.meta("_dd.base_service"))
}

fn client(tracer: &Tracer) -> Client {
    Client::default().pinned(|pin| pin.tracer(tracer.clone()))
}

#[test]
fn a_span_says_which_integration_it_is_of() {
    static REDIS: Integration = Integration::new("redis").service("redis").kind(SpanKind::Client);
    within(LIMIT, || {
        let spans = sent(&[], |tracer| {
            let _request = tracer.trace("web.request");
            assert!(client(tracer).call(&REDIS));
        });
        let call = spans.iter().find(|span| span.name == "redis.call").unwrap();
        let request = spans.iter().find(|span| span.name == "web.request").unwrap();
        assert_eq!(call.parent_id, request.span_id);
        assert_eq!(call.meta("component"), Some("redis"));
        assert_eq!(call.meta("_dd.integration"), Some("redis"));
        assert_eq!(call.meta("span.kind"), Some("client"));
        assert_eq!(told(call), ("redis", Some("redis"), Some("shop")));
    });
}

#[test]
fn the_service_is_the_pins_then_the_settings_then_the_integrations_own() {
    static CACHE: Integration = Integration::new("my-cache").service("cache");
    within(LIMIT, || {
        let option = ("DD_MY_CACHE_SERVICE", "fast-cache");
        let mapping = ("DD_SERVICE_MAPPING", "cache:store,user-cache:users");
        let remove = ("DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED", "true");
        let base = Some("shop");
        for (variables, pinned, expected) in [
            (&[][..], "", ("cache", Some("my-cache"), base)),
            (&[option], "", ("fast-cache", Some("opt.my_cache_service"), base)),
            (&[option], "user-cache", ("user-cache", Some("m"), base)),
            (&[remove], "", ("shop", None, None)),
            (&[remove, option], "", ("fast-cache", Some("opt.my_cache_service"), base)),
            (&[mapping], "", ("store", Some("opt.service_mapping"), base)),
            (&[mapping], "user-cache", ("users", Some("opt.service_mapping"), base)),
            (&[], "shop", ("shop", None, None)),
        ] {
            let spans = sent(variables, |tracer| {
                let client = client(tracer).pinned(|pin| pin.service(pinned));
                client.call(&CACHE);
            });
            assert_eq!(told(&spans[0]), expected, "{variables:?} {pinned}");
        }
    });
}

#[test]
fn what_starts_below_inherits_service_and_source_and_the_users_word_replaces_both() {
    static DB: Integration = Integration::new("db-below").service("db");
    within(LIMIT, || {
        let spans = sent(&[], |tracer| {
            let pin = Pin::builder().tracer(tracer.clone()).build();
            let query = DB.span(&pin, "query").unwrap().enter();
            drop(tracer.trace("below"));
            query.set_service("by hand");
        });
        let of = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
        assert_eq!(told(of("below")), ("db", Some("db-below"), Some("shop")));
        assert_eq!(told(of("query")), ("by hand", Some("m"), Some("shop")));
    });
}

#[test]
fn an_integration_without_a_service_leaves_it_to_the_parent() {
    static TEMPLATES: Integration = Integration::new("templates");
    within(LIMIT, || {
        let spans = sent(&[], |tracer| {
            let _page = tracer.span("page").service("pages").enter();
            client(tracer).call(&TEMPLATES);
        });
        let call = spans.iter().find(|span| span.name == "templates.call").unwrap();
        assert_eq!(told(call), ("pages", Some("m"), Some("shop")));
    });
}

#[test]
fn two_clients_of_one_kind_are_two_services() {
    static SQL: Integration = Integration::new("sql-two").service("sqlite");
    within(LIMIT, || {
        let spans = sent(&[], |tracer| {
            let images = client(tracer);
            let mut users = images.clone();
            Pin::override_on(&mut users, |pin| pin.service("user-db").tag("db.cluster", "a"));
            users.call(&SQL);
            images.call(&SQL);
            // A clone has the pin of the first, until it gets its own.
            let mut copy = users.clone();
            Pin::override_on(&mut copy, |pin| pin.tag("db.cluster", "b"));
            copy.call(&SQL);
            users.call(&SQL);
            let tracer = users.pin().tracer().clone();
            Pin::builder().tracer(tracer).build().onto(&mut users);
            users.call(&SQL);
        });
        let told: Vec<_> =
            spans.iter().map(|span| (span.service.as_str(), span.meta("db.cluster"))).collect();
        let (a, b) = (("user-db", Some("a")), ("user-db", Some("b")));
        assert_eq!(told, [a, ("sqlite", None), b, a, ("sqlite", None)]);
    });
}

#[test]
fn what_is_switched_off_makes_no_spans_and_sends_no_context() {
    static OFF: Integration = Integration::new("off-by-variable");
    static QUIET: Integration = Integration::new("quiet");
    static LOUD: Integration = Integration::new("loud").distributed_tracing(false);
    within(LIMIT, || {
        let variables = [
            ("DD_TRACE_OFF_BY_VARIABLE_ENABLED", "false"),
            ("DD_QUIET_DISTRIBUTED_TRACING", "0"),
            ("DD_TRACE_LOUD_DISTRIBUTED_TRACING", "1"),
        ];
        let spans = sent(&variables, |tracer| {
            let client = client(tracer);
            assert!(!client.call(&OFF) && !OFF.propagates(client.pin()));
            assert!(client.call(&QUIET) && !QUIET.propagates(client.pin()));
            assert!(client.call(&LOUD) && LOUD.propagates(client.pin()));
            // Code wins.
            integrations().set("off-by-variable", true);
            assert!(client.call(&OFF) && OFF.propagates(client.pin()));
            integrations().set("OFF_BY.VARIABLE", false);
            assert!(!client.call(&OFF) && !OFF.is_enabled());
            // One client alone.
            let silent = client.clone().pinned(|pin| pin.enabled(false));
            assert!(!silent.call(&LOUD) && !silent.pin().is_enabled());
            assert!(!LOUD.propagates(silent.pin()));
            assert!(client.call(&LOUD) && client.pin().is_enabled());
        });
        assert_eq!(spans.len(), 4, "{spans:?}");
        let without = Tracer::builder().environment(Environment::empty()).build();
        assert!(!LOUD.propagates(&Pin::new()), "no tracer is installed");
        assert!(LOUD.span(&Pin::new(), "call").is_none());
        assert!(!LOUD.propagates(client(&without).pin()));
    });
}

#[test]
fn a_switch_counts_for_an_integration_that_is_used_later() {
    static LATE: Integration = Integration::new("late");
    within(LIMIT, || {
        integrations().set("late", false);
        assert!(!integrations().get("late").is_announced());
        let spans = sent(&[], |tracer| assert!(!client(tracer).call(&LATE)));
        assert!(spans.is_empty());
        let status = integrations().get("Late");
        assert_eq!((status.name(), status.is_enabled()), ("late", false));
        assert!(status.is_announced());
    });
}

#[test]
fn two_statics_of_one_name_have_one_switch() {
    static FIRST: Integration = Integration::new("twin");
    static SECOND: Integration = Integration::new("twin");
    within(LIMIT, || {
        FIRST.announce();
        SECOND.announce();
        integrations().set("twin", false);
        assert!(!FIRST.is_enabled() && !SECOND.is_enabled());
        let named = integrations().list().into_iter().filter(|status| status.name() == "twin");
        assert_eq!(named.count(), 1);
    });
}

#[test]
fn threads_that_switch_and_use_it_at_once_agree_in_the_end() {
    static BUSY: Integration = Integration::new("busy");
    within(LIMIT, || {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| BUSY.announce());
                scope.spawn(|| integrations().set("busy", false));
            }
        });
        assert!(!BUSY.is_enabled());
    });
}

#[test]
fn a_pin_says_what_it_was_told() {
    let pin = Pin::builder()
        .service("user-db")
        .tags([("a", "1"), ("b", "2")])
        .tag("a", "3")
        .enabled(false)
        .build();
    assert_eq!(pin.service(), Some("user-db"));
    let tags: Vec<_> = pin.tags().iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(tags, [("a", "3"), ("b", "2")]);
    assert!(!pin.is_enabled());
    let other = pin.to_builder().service(" ").enabled(true).build();
    assert_eq!((other.service(), other.tags()), (None, pin.tags()));
    assert_eq!(Pin::new().service(), None);
    assert!(!Pin::new().is_enabled(), "no tracer is installed");
}
