//! Spans that stay open for long, as the agent sees them.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

use tracehound::Tracer;
use tracehound::config::Config;
use tracehound_test_support::fault_agent::{Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, Span, within};

use common::{LIMIT, Said};

/// A tracer that sends what is open for 50 ms, and again every 100 ms.
fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> (FaultAgent, Tracer) {
    let agent = FaultAgent::start(script);
    let schedule = Config::builder()
        .long_running_first(Duration::from_millis(50))
        .long_running_interval(Duration::from_millis(100));
    let tracer = common::builder(&agent.url(), &Said::default())
        .config(schedule)
        .flush_interval(Duration::from_millis(10))
        .build();
    (agent, tracer)
}

fn spans(requests: &[std::sync::Arc<Received>]) -> Vec<Span> {
    let traces = requests.iter().filter(|request| request.path == "/v0.4/traces");
    traces.flat_map(|request| request.chunks().concat()).collect()
}

fn versions(spans: &[Span]) -> Vec<u64> {
    spans.iter().filter_map(|span| Some(span.metric("_dd.partial_version")? as u64)).collect()
}

#[test]
fn an_agent_that_takes_them_gets_versions_and_then_the_span() {
    within(LIMIT, || {
        let (agent, tracer) = start(scripts::healthy);
        let root = tracer.start_span("job");
        root.set_tag("step", "first");
        agent.wait_for(LIMIT, |requests| versions(&spans(requests)).len() >= 3);
        root.set_tag("step", "last");
        root.finish();
        tracer.shutdown(LIMIT).unwrap();

        let mut spans = agent.spans();
        let last = spans.pop().unwrap();
        let versions = versions(&spans);
        assert_eq!(versions.len(), spans.len());
        assert!(versions[0] >= 1 && versions.is_sorted_by(|one, next| one < next), "{versions:?}");
        assert!(spans.is_sorted_by_key(|span| span.duration));
        for span in &spans {
            assert_eq!((span.span_id, span.meta["step"].as_str()), (last.span_id, "first"));
            assert_eq!(span.metric("_sampling_priority_v1"), Some(1.0));
            assert_eq!(span.metric("_dd.was_long_running"), None);
        }
        assert_eq!(last.metric("_dd.was_long_running"), Some(1.0));
        assert_eq!(
            (last.metric("_dd.partial_version"), last.meta["step"].as_str()),
            (None, "last")
        );

        let now = tracer.statistics();
        assert_eq!((now.made(), now.versions()), (1, spans.len() as u64));
        assert_eq!((now.delivered(), now.losses().total()), (1 + now.versions(), 0));
    });
}

#[test]
fn an_agent_that_does_not_take_them_gets_what_has_finished() {
    within(LIMIT, || {
        let (agent, tracer) = start(|request| match request.path.as_str() {
            "/info" => Reply::json(&serde_json::json!({"endpoints": ["/v0.4/traces"]})),
            _ => Reply::ok(),
        });
        let root = tracer.start_span("job");
        tracer.span("step").child_of(&*root).start().finish();
        let requests = agent.wait_for(LIMIT, |requests| !spans(requests).is_empty());
        let part = spans(&requests);
        assert_eq!(
            (part[0].name.as_str(), part[0].parent_id),
            ("step", root.span_id().unwrap().get())
        );
        assert_eq!(part[0].metric("_sampling_priority_v1"), Some(1.0));
        root.finish();
        tracer.shutdown(LIMIT).unwrap();
        let all = agent.spans();
        assert_eq!((all.len(), versions(&all)), (2, vec![]));
        assert_eq!(all[1].metric("_dd.was_long_running"), None);
        assert_eq!((tracer.statistics().delivered(), tracer.statistics().versions()), (2, 0));
    });
}

#[test]
fn without_partial_flush_nothing_of_a_trace_is_sent_before_its_end() {
    within(LIMIT, || {
        let (agent, said) = (FaultAgent::start(scripts::healthy), Said::default());
        let schedule = Config::builder()
            .long_running_first(Duration::from_millis(1))
            .long_running_interval(Duration::from_millis(1));
        let tracer =
            common::builder(&agent.url(), &said).config(schedule).partial_flush(None).build();
        let root = tracer.start_span("job");
        tracer.span("step").child_of(&*root).start().finish();
        for _ in 0..5 {
            tracer.span("other").root().start().finish();
            tracer.flush(LIMIT).unwrap();
        }
        assert!(agent.spans().iter().all(|span| span.name == "other"));
        root.finish();
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!((agent.spans().len(), tracer.statistics().versions()), (7, 0));
    });
}
