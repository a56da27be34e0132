//! What the first Datadog tracers had: it is there, or says what to use instead.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use tracehound::LogLevel;
use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound::testing::Captured;
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

use common::{LIMIT, Said, builder};

#[test]
#[expect(deprecated, reason = "what this is about")]
fn set_service_info_says_once_that_it_has_no_effect() {
    within(LIMIT, || {
        let said = Said::default();
        let tracer = Tracer::builder().environment(Environment::empty()).service("shop");
        let tracer = tracer.capture(&Captured::default()).log(said.listener()).build();
        for service in ["shop", "users-db"] {
            tracer.set_service_info(service, "postgres", "db");
        }
        let warnings = said.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let expected = "set_service_info(\"shop\", \"postgres\", \"db\") has no effect: ";
        assert!(warnings[0].starts_with(expected), "{warnings:?}");
        Tracer::none().set_service_info("shop", "app", "web");
    });
}

#[test]
#[expect(deprecated, reason = "what this is about")]
fn debug_logging_shows_each_span_while_it_is_on() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let said = Said::default();
        let tracer = builder(&agent.url(), &said).build();
        let shown = || {
            tracer.flush(LIMIT).unwrap();
            let lines = said.lines(LogLevel::Debug);
            lines.into_iter().filter(|line| line.starts_with("finished ")).collect::<Vec<_>>()
        };
        tracer.in_span("before", |_| ());
        assert_eq!(shown(), [""; 0]);
        tracer.set_debug_logging(true);
        tracer.in_span("web.request", |span| span.set_tag("user.id", "42"));
        let lines = shown();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(r#""meta":{"user.id":"42"}"#), "{lines:?}");
        tracer.set_debug_logging(false);
        tracer.in_span("after", |_| ());
        assert_eq!(shown().len(), 1);
    });
}

#[test]
fn a_service_with_too_many_resources_is_said_once() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let said = Said::default();
        let tracer = builder(&agent.url(), &said).build();
        let trace = |service: &'static str, numbers: std::ops::Range<u32>| {
            for number in numbers {
                let span = tracer.span("web.request").service(service);
                drop(span.resource(format!("GET /cart/{number}")).start());
            }
            tracer.flush(LIMIT).unwrap();
        };
        trace("few", 0..4500);
        trace("few", 0..4500);
        assert_eq!(said.warnings(), [""; 0]);
        trace("many", 0..8000);
        trace("many", 8000..16_000);
        let warnings = said.warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        let expected =
            "the service \"many\" has had more than 5000 different resources, such as \"GET /cart/";
        assert!(warnings[0].starts_with(expected), "{warnings:?}");
        assert!(warnings[0].contains("GET /users/{id}"), "{warnings:?}");
    });
}
