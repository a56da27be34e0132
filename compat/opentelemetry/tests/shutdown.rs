//! Flushing and stopping through the provider, with deadlines that hold.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
use tracehound::config::Environment;
use tracehound_opentelemetry::TracerProvider;
use tracehound_test_support::fault_agent::{Reply, scripts};
use tracehound_test_support::{FaultAgent, within};

const LIMIT: Duration = Duration::from_secs(20);
/// What a call with a deadline of nearly nothing may take on a busy machine.
const SOON: Duration = Duration::from_secs(5);

fn provider(url: String) -> TracerProvider {
    let tracer = tracehound::Tracer::builder()
        .environment(Environment::empty())
        .agent_url(url)
        .flush_interval(Duration::from_secs(3600))
        .log(|_, _| ())
        .build();
    TracerProvider::new(tracer)
}

#[test]
fn a_flush_sends_what_has_ended_and_a_shutdown_the_rest() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let provider = provider(agent.url());
        let tracer = provider.tracer("t");
        drop(tracer.start("first"));
        provider.force_flush(LIMIT).unwrap();
        let mut open = tracer.start("open");
        drop(tracer.start("second"));
        provider.shutdown(LIMIT).unwrap();
        assert_eq!(agent.spans().len(), 2);
        open.end();
        assert!(!tracer.start("after").is_recording());
        assert!(provider.tracer("new").start("after").handle().is_none());
        // A second time is no harm.
        provider.shutdown(LIMIT).unwrap();
    });
}

#[test]
fn an_agent_that_never_answers_does_not_hold_a_deadline_up() {
    within(LIMIT, || {
        let agent = FaultAgent::start(|_| Reply::hang());
        let provider = provider(agent.url());
        drop(provider.tracer("t").start("n"));
        let begin = Instant::now();
        assert!(provider.force_flush(Duration::from_millis(50)).is_err());
        assert!(provider.shutdown(Duration::from_millis(50)).is_err());
        assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    });
}

#[test]
fn a_provider_without_a_tracer_has_nothing_to_send() {
    let provider = TracerProvider::new(tracehound::Tracer::none());
    provider.force_flush(Duration::ZERO).unwrap();
    provider.shutdown(Duration::ZERO).unwrap();
}
