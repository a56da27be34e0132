//! A trace of all three APIs, as Datadog's own test agent receives it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::time::Duration;

use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use opentracing_rs::{Reference, fields, tags};
use tracehound::config::Environment;
use tracehound_opentelemetry::{TracerProvider, share_context};
use tracehound_opentracing::{Tracer, TracerBuilder};
use tracehound_test_support::span::tree;
use tracehound_test_support::{TestAgent, within};

use common::LIMIT;

fn tracer(agent: &TestAgent) -> Tracer {
    let native = tracehound::Tracer::builder()
        .environment(Environment::empty())
        .agent_url(agent.url())
        .flush_interval(Duration::from_secs(3600))
        .env("test");
    TracerBuilder::from(native)
        .service("shop")
        .global_tag("team", "payments")
        .strict(true)
        .build()
        .unwrap()
}

#[test]
fn a_trace_of_all_apis_arrives_as_one() {
    within(LIMIT, || {
        assert!(share_context());
        let agent = TestAgent::start();
        let tracer = tracer(&agent);
        let native = tracer.native();
        let otel = TracerProvider::new(native.clone()).tracer("shop");

        let batch = tracer.start_span("batch");
        let builder = tracer.build_span("web.request").tag(tags::SPAN_KIND, tags::SPAN_KIND_SERVER);
        let request = builder.tag("span.type", "web").tag("resource.name", "GET /cart");
        let request = request.tag(tags::HTTP_STATUS_CODE, 503).start_active();
        native.in_span("cart.load", |_| {
            otel.in_span("price", |_| {
                let db = tracer.with_service("shop-db");
                let statement = "SELECT * FROM carts WHERE id = $1";
                let query = db.build_span("postgres.query").tag(tags::DB_STATEMENT, statement);
                let query = query.tag(tags::PEER_HOSTNAME, "db").tag(tags::PEER_PORT, 5432);
                let follows = Reference::follows_from(&batch);
                let active = tracer.active_span().unwrap();
                let query = query.child_of(&active).reference(follows).start();
                query.log(&[(fields::EVENT, "connected".into()), ("tries", 2.into())]);
                let failed: Result<u8, _> = "x".parse();
                let _ = failed.inspect_err(|error| query.log_error(error));
                query.finish();
            });
        });
        request.close();
        batch.set_tag(tags::SAMPLING_PRIORITY, 0).finish();
        native.flush(LIMIT).unwrap();

        let traces = agent.wait_for_spans(5, LIMIT);
        assert_eq!(traces.len(), 2);
        let is_request = |spans: &&Vec<_>| spans.len() == 4;
        let spans = traces.iter().find(is_request).unwrap();
        assert_eq!(
            tree(spans),
            "web.request  shop | GET /cart | web\n  \
               cart.load  shop | cart.load\n    \
                 internal  shop | price | custom\n      \
                   postgres.query  shop-db | SELECT * FROM carts WHERE id = $1 | error\n"
        );
        let [request, _, _, query] = &spans[..] else { return assert_eq!(spans.len(), 4) };
        assert_eq!(request.meta("span.kind"), Some("server"));
        assert_eq!(request.meta("http.status_code"), Some("503"));
        assert_eq!(request.meta("env"), Some("test"));
        assert!(spans.iter().all(|span| span.meta("team") == Some("payments")));
        assert_eq!((query.meta("out.host"), query.meta("db.statement")), (Some("db"), None));
        assert_eq!(query.metric("network.destination.port"), Some(5432.0));
        assert!(query.meta("error.type").unwrap().ends_with("ParseIntError"));
        assert_eq!(query.meta("error.message"), Some("invalid digit found in string"));
        let events: Vec<_> = query.span_events.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(events, ["connected", "error"]);
        assert_eq!(query.span_links.len(), 1);
        let batch = traces.iter().flatten().find(|span| span.name == "batch").unwrap();
        assert_eq!(batch.metric("_sampling_priority_v1"), Some(-1.0));
        assert_eq!(query.span_links[0].span_id, batch.span_id);
        agent.assert_no_check_failures();
        native.shutdown(LIMIT).unwrap();
        assert_eq!(native.losses().total(), 0);
    });
}
