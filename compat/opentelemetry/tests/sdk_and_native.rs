//! Native spans among those of the SDK, through one exporter.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracehound::config::Environment;
use tracehound::{SamplingRule, Tracer};
use tracehound_opentelemetry::{SpanExporter, share_context};
use tracehound_test_support::{TestAgent, within};

const LIMIT: Duration = Duration::from_secs(60);

/// Its own binary: what is active is shared by the whole process.
#[test]
fn they_are_one_trace_with_one_decision() {
    within(LIMIT, || {
        assert!(share_context());
        let agent = TestAgent::start();
        let rule = SamplingRule::new(0.0).unwrap().name("native.root");
        let tracer = Tracer::builder()
            .environment(Environment::empty())
            .agent_url(agent.url())
            .service("shop")
            .sampling_rule(rule);
        let exporter = SpanExporter::builder().tracer(tracer).build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(exporter.sampler())
            .with_batch_exporter(exporter.clone())
            .build();
        let (native, otel) = (exporter.tracer(), provider.tracer("test"));

        native.in_span("native.root", |_| {
            otel.in_span("sdk", |_| native.in_span("native.leaf", |_| ()));
        });
        provider.force_flush().unwrap();
        exporter.flush(LIMIT).unwrap();

        let traces = agent.wait_for_spans(3, LIMIT);
        assert_eq!(traces.len(), 1);
        let [root, sdk, leaf] = &traces[0][..] else { panic!("{traces:?}") };
        assert_eq!(
            (&*root.name, &*sdk.resource, &*leaf.name),
            ("native.root", "sdk", "native.leaf")
        );
        assert_eq!((sdk.parent_id, leaf.parent_id), (root.span_id, sdk.span_id));
        assert_eq!(root.full_trace_id() & u128::from(u64::MAX), u128::from(sdk.trace_id));
        // Each is the first of its chunk.
        for span in [root, sdk, leaf] {
            assert_eq!(span.metric("_sampling_priority_v1"), Some(-1.0), "{}", span.resource);
            assert_eq!(span.meta("_dd.p.dm"), Some("-3"), "{}", span.resource);
        }
        assert_eq!(sdk.metric("_dd.top_level"), None);
        agent.assert_no_check_failures();
    });
}
