//! A sampler of the program's own that writes headers and asks for contexts, by every API, while it decides.

#![allow(clippy::unwrap_used)]

mod common;

use std::sync::{Arc, OnceLock};

use opentelemetry::Context;
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentracing_rs::Format;
use tracehound::config::Environment;
use tracehound::{Sampler, SamplingDecision, SamplingMechanism, SamplingPriority, SpanView};
use tracehound_opentelemetry::{TracerProvider, decided_span_context, share_context};
use tracehound_opentracing::Tracer;
use tracehound_test_support::within;

use common::LIMIT;

struct Curious(Arc<OnceLock<tracehound::Tracer>>);

type Headers = Vec<(String, String)>;

impl Sampler for Curious {
    fn sample(&self, root: &SpanView<'_>) -> SamplingDecision {
        let native = self.0.get().unwrap();
        let tracer = Tracer::new(native.clone());
        let mut headers = Headers::new();
        let active = tracer.active_span().unwrap();
        tracer.inject(&active.context(), Format::HttpHeaders, &mut headers).unwrap();
        assert!(!headers.iter().any(|(name, _)| name == "x-datadog-sampling-priority"));
        let undecided = decided_span_context(&Context::current());
        assert!(!undecided.trace_state().get("dd").unwrap_or_default().contains("s:"));
        let otel = TracerProvider::new(native.clone()).tracer("sampler");
        otel.in_span("inside", |cx| drop(decided_span_context(&cx)));
        let keeps = root.name() == "kept";
        SamplingDecision::new(
            if keeps { SamplingPriority::USER_KEEP } else { SamplingPriority::USER_REJECT },
            SamplingMechanism::RULE,
        )
    }
}

#[test]
fn a_sampler_is_told_by_every_api_that_nothing_is_decided() {
    within(LIMIT, || {
        assert!(share_context());
        let of_the_sampler = Arc::default();
        let native = tracehound::Tracer::builder()
            .environment(Environment::empty())
            .agent_url("http://127.0.0.1:1")
            .log(|_, _| ())
            .sampler(Curious(Arc::clone(&of_the_sampler)))
            .build();
        of_the_sampler.set(native.clone()).unwrap();
        for (name, priority) in [("kept", "2"), ("dropped", "-1")] {
            let _span = native.trace(name);
            let decided = decided_span_context(&Context::current());
            let state = decided.trace_state().get("dd").unwrap().to_owned();
            assert!(state.contains(&format!("s:{priority}")), "{state}");
            let tracer = Tracer::new(native.clone());
            let mut headers = Headers::new();
            let active = tracer.active_span().unwrap();
            tracer.inject(&active.context(), Format::HttpHeaders, &mut headers).unwrap();
            assert!(headers.contains(&("x-datadog-sampling-priority".into(), priority.into())));
        }
        assert_eq!(native.caught_panics(), 0);
        assert_eq!(native.active_ids(), None, "OpenTelemetry's store cannot say");
    });
}
