//! Traces through OpenTracing here and Datadog's own tracer for Python, with OpenTracing's baggage headers.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use opentracing_rs::{Format, tags};
use serde_json::json;
use tracehound::config::{Config, Environment, Style};
use tracehound_opentracing::Tracer;
use tracehound_test_support::python::Script;
use tracehound_test_support::{TestAgent, within};

use common::LIMIT;

const STYLES: [(&str, Style); 2] =
    [("datadog", Style::Datadog), ("tracecontext", Style::TraceContext)];

#[test]
fn a_trace_and_its_baggage_go_to_python_and_back() {
    for (name, style) in STYLES {
        within(Duration::from_secs(90), move || there_and_back(name, style));
    }
}

fn there_and_back(name: &str, style: Style) {
    let agent = TestAgent::start();
    let config = Config::builder().environment(Environment::empty()).agent_url(agent.url());
    let config = config.flush_interval(Duration::from_secs(3600)).service("rust");
    let config = config.propagation_styles([style]);
    let tracer = Tracer::new(tracehound::Tracer::builder().config(config).build());
    // Without W3C's header there is only OpenTracing's way for the baggage.
    let python = Script::new(include_str!("../../../tests/python/service.py"))
        .name("service.py")
        .env("DD_TRACE_AGENT_URL", agent.url())
        .env("DD_TRACE_PROPAGATION_STYLE", name)
        .env("DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED", "true")
        .serve();

    let client = tracer.build_span("client").tag(tags::SPAN_KIND, tags::SPAN_KIND_CLIENT).start();
    client.set_tag(tags::SAMPLING_PRIORITY, 1).set_baggage_item("tenant", "acme");
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    tracer.inject(&client.context(), Format::HttpHeaders, &mut headers).unwrap();
    let request = json!({
        "name": "python.work", "headers": headers, "baggage": {"userId": "42"},
    });
    let mut answer = python.call(&request);
    assert_eq!(answer["read"]["trace_id"], json!(client.context().trace_id()));
    assert_eq!(answer["read"]["baggage"], json!({"tenant": "acme", "userId": "42"}));

    let headers: BTreeMap<String, String> =
        serde_json::from_value(answer["headers"].take()).unwrap();
    let caller = tracer.extract(Format::HttpHeaders, &headers).unwrap().unwrap();
    let server = tracer.build_span("server").child_of(caller).start();
    let items =
        server.context().baggage().iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>();
    assert_eq!(items, ["tenant=acme", "userId=42"]);
    server.finish();
    client.finish();
    tracer.native().flush(LIMIT).unwrap();
    python.stop();

    let spans = agent.wait_for_spans(3, LIMIT).concat();
    let span = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (client, work, server) = (span("client"), span("python.work"), span("server"));
    assert_eq!((work.parent_id, server.parent_id), (client.span_id, work.span_id));
    assert!(spans.iter().all(|span| span.full_trace_id() == client.full_trace_id()), "{spans:?}");
    for span in [client, work, server] {
        let kept = span.metric("_sampling_priority_v1");
        assert!(kept.is_none_or(|priority| priority > 0.0), "{} {kept:?}", span.name);
    }
    agent.assert_no_check_failures();
}
