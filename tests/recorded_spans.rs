//! Finished spans that another library has recorded go the way of the tracer's own.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::time::{Duration, SystemTime};

use tracehound::bridge::Identity;
use tracehound::bridge::TracerExt as _;
use tracehound::config::ApiVersion;
use tracehound::{
    LossReason, SamplingMechanism, SamplingPriority, SpanContext, SpanId, Text, TraceId, Tracer,
};
use tracehound_test_support::{TestAgent, within};

use common::{LIMIT, Said};

fn id(number: u64) -> SpanId {
    SpanId::new(number).unwrap()
}

fn context() -> SpanContext {
    SpanContext::new(TraceId::new(7 << 64 | 8).unwrap(), None)
}

#[test]
fn they_arrive_beside_the_tracers_own() {
    within(LIMIT, || {
        let agent = TestAgent::start();
        let tracer = common::builder(&agent.url(), &Said::default()).service("own").build();
        let recorder = tracer.with_identity(Identity {
            service: Some("recorder".into()),
            env: Some("test".into()),
            version: Some("2".into()),
            tags: vec![("team".into(), "core".into())],
        });
        let mut chunk =
            recorder.chunk(context().with_priority(SamplingPriority::USER_KEEP)).unwrap();
        assert!(chunk.is_empty());
        let start = SystemTime::now();
        let mut root = chunk.span(id(1), start, start + Duration::from_millis(2));
        root.set_name("job");
        root.set_tag("size", 3);
        let mut child = chunk.span(id(2), start, start);
        child.set_parent(id(1));
        child.set_name("step");
        child.set_service("disk");
        assert_eq!(child.view().service(), "disk");
        assert_eq!(chunk.len(), 2);
        chunk.submit();
        tracer.span("native").start().finish();
        tracer.flush(LIMIT).unwrap();

        let spans = agent.wait_for_spans(3, LIMIT).concat();
        let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
        let (job, step, native) = (named("job"), named("step"), named("native"));
        assert_eq!((&*job.service, &*step.service, &*native.service), ("recorder", "disk", "own"));
        assert_eq!((job.duration, job.metric("size")), (2_000_000, Some(3.0)));
        assert_eq!((job.meta("version"), step.meta("version")), (Some("2"), None));
        assert_eq!((job.meta("team"), native.meta("team")), (Some("core"), None));
        assert_eq!(step.meta("_dd.base_service"), Some("recorder"));
        assert_eq!((step.parent_id, step.trace_id), (1, 8));
        assert_eq!(job.metric("_sampling_priority_v1"), Some(2.0));
        agent.assert_no_check_failures();
    });
}

/// Its payload is well-formed all the same, and takes no other trace with it.
#[test]
fn an_id_that_was_given_twice_is_sent_twice() {
    within(LIMIT, || {
        let agent = TestAgent::start();
        // What the test agent shows of v1.0 is completed here by the ids of spans.
        let builder = common::builder(&agent.url(), &Said::default()).api_version(ApiVersion::V04);
        let tracer = builder.build();
        let mut chunk = tracer.chunk(context()).unwrap();
        for name in ["first", "second"] {
            chunk.span(id(1), SystemTime::now(), SystemTime::now()).set_name(name);
        }
        chunk.submit();
        tracer.flush(LIMIT).unwrap();
        let mut names: Vec<_> = agent.spans().into_iter().map(|span| span.name).collect();
        names.sort();
        assert_eq!(names, ["first", "second"]);
    });
}

#[test]
fn a_decision_is_taken_once_and_travels_with_what_explains_it() {
    let (tracer, captured) = tracehound::testing::tracer();
    captured.decide(SamplingPriority::USER_KEEP, SamplingMechanism::RULE);
    let chunk = tracer.chunk(context().with_origin("rum")).unwrap();
    let (decision, context) = tracer.sample(chunk);
    assert_eq!(decision.priority, SamplingPriority::USER_KEEP);
    assert_eq!(context.priority(), Some(SamplingPriority::USER_KEEP));
    assert_eq!(context.mechanism(), Some(SamplingMechanism::RULE));
    assert_eq!(context.origin(), Some("rum"));
    assert!(captured.chunks().is_empty(), "it was for the decision alone");

    captured.decide(SamplingPriority::USER_REJECT, SamplingMechanism::RULE);
    let mut chunk = tracer.chunk(context).unwrap();
    assert_eq!(chunk.decide().priority, SamplingPriority::USER_KEEP);
}

#[test]
fn what_a_bridge_loses_is_counted_and_said_with_the_tracers_own() {
    let said = Said::default();
    let tracer = common::builder("http://127.0.0.1:1", &said).build();
    for _ in 0..2 {
        tracer.count_lost(LossReason::Invalid, 3, || "no ids".into());
        tracer.warn_once("topic", || "a word of the bridge".into());
    }
    assert_eq!(tracer.losses().spans(LossReason::Invalid), 6);
    assert_eq!(said.warnings().len(), 2, "{:?}", said.warnings());
}

#[test]
fn a_tracer_that_does_nothing_takes_nothing() {
    assert!(Tracer::none().chunk(context()).is_none());
    let identity = Identity { service: Some(Text::from("x")), ..Identity::default() };
    assert_eq!(Tracer::none().with_identity(identity).service(), None);
}
