//! Statistics that the tracer computes: when, of what, and what is then not sent.

#![cfg(feature = "client-stats")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of a test are small"
)]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tracehound::config::Environment;
use tracehound::{LossReason, SpanKind, SpanSamplingRule, Tracer, TracerBuilder};
use tracehound_test_support::fault_agent::{Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, TestAgent, within};

use common::stats::{
    STATS, TRACES, groups, headers, hits, payload, payloads, told_dropped, warm_up,
};
use common::{LIMIT, Said, builder};

const COMPUTED: &str = "datadog-client-computed-stats";
const DROPPED_TRACES: &str = "datadog-client-dropped-p0-traces";
const DROPPED_SPANS: &str = "datadog-client-dropped-p0-spans";

/// Keeps nothing of itself.
fn unsampled(agent: &FaultAgent, said: &Said) -> TracerBuilder {
    builder(&agent.url(), said).env("test").version("3").sample_rate(0.0)
}

/// A trace of a root and so many children, of which the client counts.
fn trace(tracer: &Tracer, name: &'static str, children: usize) {
    let root = tracer.trace(name);
    for _ in 0..children {
        let child = tracer.span("step").start();
        child.finish();
    }
    root.finish();
}

fn kept(tracer: &Tracer, name: &'static str) {
    let span = tracer.start_span(name);
    span.keep_trace();
    span.finish();
}

/// The script of an agent with another `/info`.
fn saying(change: fn(&mut Value)) -> impl Fn(&Received) -> Reply + Send + Sync + 'static {
    move |request| {
        if request.path != "/info" {
            return scripts::counting(request);
        }
        let mut info = scripts::info_with_stats();
        change(&mut info);
        Reply::json(&info)
    }
}

fn counted(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, hits)| ((*name).to_owned(), *hits)).collect()
}

// ===== sampling =====

#[test]
fn what_is_not_sampled_is_counted_and_not_sent() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::counting);
        let tracer = unsampled(&agent, &Said::default()).build();
        warm_up(&tracer);
        let before = agent.requests_to(TRACES).len();
        for _ in 0..10 {
            trace(&tracer, "web.request", 2);
        }
        tracer.flush(LIMIT).unwrap();
        // There is nothing to be sent, so nobody is told yet.
        assert_eq!(agent.requests_to(TRACES).len(), before);
        assert_eq!(hits(&agent), counted(&[("web.request", 10)]));
        kept(&tracer, "kept");
        tracer.flush(LIMIT).unwrap();
        let last = |name| headers(&agent, TRACES, name).pop().unwrap();
        assert_eq!(last(DROPPED_TRACES).as_deref(), Some("10"));
        assert_eq!(last(DROPPED_SPANS).as_deref(), Some("30"));
        assert_eq!(last(COMPUTED).as_deref(), Some("true"));
        kept(&tracer, "kept");
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!(last(DROPPED_SPANS), None, "it is said once");
        assert_eq!(tracer.losses().total(), 0);
        assert_eq!(hits(&agent), counted(&[("web.request", 10), ("kept", 2)]));
    });
}

#[test]
fn traces_with_errors_and_single_spans_that_a_rule_keeps_are_sent() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::counting);
        let rule = SpanSamplingRule::new(1.0).unwrap().name("step").max_per_second(3.0);
        let tracer = unsampled(&agent, &Said::default()).span_sampling_rule(rule).build();
        warm_up(&tracer);
        let before = agent.spans().len();
        let root = tracer.trace("failed");
        tracer.span("other").start().finish();
        root.set_tag("error", true);
        root.finish();
        for _ in 0..2 {
            trace(&tracer, "web.request", 2);
        }
        tracer.shutdown(LIMIT).unwrap();
        let sent = agent.spans().split_off(before);
        let names: Vec<_> = sent.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["failed", "other", "step", "step", "step"]);
        for span in &sent[2..] {
            assert_eq!(span.metric("_dd.span_sampling.mechanism"), Some(8.0));
            assert_eq!(span.metric("_sampling_priority_v1").is_some(), span != &sent[3]);
        }
        // The first span of each chunk has what is said of the whole.
        for first in [&sent[2], &sent[4]] {
            assert_eq!(first.metric("_sampling_priority_v1"), Some(-1.0));
            assert!(first.meta("_dd.p.tid").is_some() && first.meta("_dd.p.dm").is_some());
        }
        assert_eq!(hits(&agent), counted(&[("failed", 1), ("web.request", 2)]));
        assert_eq!(told_dropped(&agent), 3);
    });
}

// ===== on and off =====

#[test]
fn whoever_does_not_want_it_has_no_request_no_header_and_every_span() {
    within(LIMIT, || {
        let no_endpoint = saying(|info| info["endpoints"] = json!(["/v0.4/traces"]));
        let no_drop = saying(|info| info["client_drop_p0s"] = json!(false));
        let old = saying(|info| info["version"] = json!("7.50.1"));
        let by_variable =
            Environment::from_pairs([("DD_TRACE_STATS_COMPUTATION_ENABLED", "false")]);
        for (agent, configure) in [
            (FaultAgent::start(scripts::old_agent), None),
            (FaultAgent::start(no_endpoint), None),
            (FaultAgent::start(no_drop), None),
            (FaultAgent::start(old), None),
            (FaultAgent::start(scripts::counting), Some(by_variable)),
        ] {
            let mut tracer = unsampled(&agent, &Said::default());
            if let Some(environment) = configure {
                tracer = tracer.environment(environment);
            }
            let tracer = tracer.build();
            warm_up(&tracer);
            trace(&tracer, "web.request", 2);
            tracer.shutdown(LIMIT).unwrap();
            assert_eq!(agent.spans().len(), 4);
            assert_eq!(agent.requests_to(STATS).len(), 0);
            for name in [COMPUTED, DROPPED_SPANS, DROPPED_TRACES] {
                assert!(headers(&agent, TRACES, name).iter().all(Option::is_none), "{name}");
            }
        }
    });
}

#[test]
fn without_apm_nobody_counts() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::counting);
        let variables = Environment::from_pairs([("DD_APM_TRACING_ENABLED", "false")]);
        let tracer = builder(&agent.url(), &Said::default()).environment(variables).build();
        warm_up(&tracer);
        trace(&tracer, "web.request", 2);
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!((agent.spans().len(), agent.requests_to(STATS).len()), (4, 0));
        let computed = headers(&agent, TRACES, COMPUTED);
        assert!(computed.iter().all(|value| value.as_deref() == Some("true")), "{computed:?}");
    });
}

#[test]
fn until_the_agent_has_said_what_it_takes_everything_is_sent_and_counted_there() {
    within(LIMIT, || {
        let agent = FaultAgent::start(|request| match request.path.as_str() {
            "/info" => Reply::status(500),
            _ => scripts::counting(request),
        });
        let tracer = unsampled(&agent, &Said::default()).build();
        trace(&tracer, "before", 2);
        tracer.flush(LIMIT).unwrap();
        trace(&tracer, "before", 2);
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!((agent.spans().len(), agent.requests_to(STATS).len()), (6, 0));
        assert!(headers(&agent, TRACES, COMPUTED).iter().all(Option::is_none));
    });
}

/// An answer with the state of an agent: a new one makes the tracer ask for `/info`.
fn in_state(state: &'static str, reply: Reply) -> Reply {
    reply.header("Datadog-Agent-State", state)
}

#[test]
fn an_agent_that_changes_its_mind_has_each_span_counted_once() {
    within(LIMIT, || {
        let agent = FaultAgent::start(|request| in_state("a", scripts::counting(request)));
        let tracer = unsampled(&agent, &Said::default()).build();
        warm_up(&tracer);
        trace(&tracer, "first", 2);
        tracer.flush(LIMIT).unwrap();
        // The agent is another one now, and its first answer says so.
        agent.answer(|request| in_state("b", scripts::healthy(request)));
        trace(&tracer, "second", 2);
        kept(&tracer, "second");
        tracer.flush(LIMIT).unwrap();
        trace(&tracer, "third", 2);
        tracer.flush(LIMIT).unwrap();
        // And takes statistics again.
        agent.answer(|request| in_state("c", scripts::counting(request)));
        kept(&tracer, "third");
        tracer.flush(LIMIT).unwrap();
        trace(&tracer, "fourth", 2);
        tracer.flush(LIMIT).unwrap();
        trace(&tracer, "fifth", 2);
        tracer.shutdown(LIMIT).unwrap();
        let by_tracer = hits(&agent);
        assert_eq!((by_tracer.get("first"), by_tracer.get("fifth")), (Some(&1), Some(&1)));
        // What the agent has to count itself is what came without the header.
        let mut by_agent: BTreeMap<String, u64> = BTreeMap::new();
        for request in agent.requests_to(TRACES) {
            if request.headers.get(COMPUTED).is_none() {
                for span in request.chunks().concat() {
                    *by_agent.entry(span.name).or_default() +=
                        u64::from(span.metrics.contains_key("_dd.top_level"));
                }
            }
        }
        by_agent.retain(|name, _| name != common::stats::WARM_UP);
        assert!(by_agent.contains_key("third"), "{by_agent:?}");
        // Which of the two counts a trace that ends while the agent is asked depends on who is first.
        let mut by_both = by_tracer;
        by_agent.into_iter().for_each(|(name, hits)| *by_both.entry(name).or_default() += hits);
        by_both.retain(|_, hits| *hits > 0);
        let expected = [("first", 1), ("second", 2), ("third", 2), ("fourth", 1), ("fifth", 1)];
        assert_eq!(by_both, counted(&expected));
    });
}

#[test]
fn traces_that_the_agent_does_not_want_are_neither_counted_nor_sent() {
    within(LIMIT, || {
        let agent = FaultAgent::start(saying(|info| {
            info["ignore_resources"] = json!(["^GET /health$", "("]);
            info["filter_tags"] = json!({"reject": ["debug:yes"]});
        }));
        let said = Said::default();
        let tracer = builder(&agent.url(), &said).build();
        warm_up(&tracer);
        for (resource, debug) in [("GET /health", "no"), ("GET /cart", "yes"), ("GET /cart", "no")]
        {
            let span = tracer.start_span("web.request");
            span.set_resource(resource);
            span.set_tag("debug", debug);
            span.finish();
        }
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!(hits(&agent), counted(&[("web.request", 1)]));
        let sent: Vec<_> = agent.spans().into_iter().map(|span| span.resource).collect();
        assert_eq!(sent[1..], ["GET /cart"]);
        assert_eq!(told_dropped(&agent), 0);
        let warnings = said.warnings();
        assert!(
            warnings.iter().any(|line| line.contains("no regular expressions here")),
            "{warnings:?}"
        );
    });
}

// ===== requests =====

#[test]
fn a_payload_says_whose_numbers_they_are() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::counting);
        let tracer = unsampled(&agent, &Said::default()).build();
        warm_up(&tracer);
        let span = tracer.span("query").root().service("db").kind(SpanKind::Client).start();
        span.set_tag("peer.service", "10.0.0.1");
        span.finish();
        tracer.shutdown(LIMIT).unwrap();
        let requests = agent.requests_to(STATS);
        let last = requests.last().unwrap();
        let sent = payload(last);
        assert_eq!(last.method, "POST");
        for (name, value) in
            [("content-type", "application/msgpack"), ("datadog-meta-lang", "rust")]
        {
            assert_eq!(last.headers.get(name), Some(value));
        }
        assert!(last.headers.get("datadog-obfuscation-version").is_none());
        assert_eq!(
            (&sent["Service"], &sent["Env"], &sent["Version"]),
            (&json!("shop"), &json!("test"), &json!("3"))
        );
        let runtime_id = agent.spans()[0].meta("runtime-id").unwrap().to_owned();
        assert_eq!(sent["RuntimeID"], runtime_id);
        let sequence: Vec<_> =
            payloads(&agent).iter().map(|sent| sent["Sequence"].clone()).collect();
        assert_eq!(sequence, (0..requests.len()).map(|number| json!(number)).collect::<Vec<_>>());
        let (_, group) = groups(&[sent]).remove(0);
        let expected = json!(["_dd.base_service:shop", "peer.service:blocked-ip-address"]);
        assert_eq!((&group["Service"], &group["PeerTags"]), (&json!("db"), &expected));
    });
}

#[test]
fn statistics_that_are_refused_are_tried_once_more_and_then_counted_and_said() {
    within(LIMIT, || {
        for (status, attempts) in [(503, 2), (429, 2), (400, 1), (413, 1)] {
            let agent = FaultAgent::start(scripts::counting);
            let said = Said::default();
            let tracer = unsampled(&agent, &said).build();
            warm_up(&tracer);
            let before = agent.requests_to(STATS).len();
            agent.answer(move |request| match request.path.as_str() {
                STATS => Reply::status(status),
                _ => scripts::counting(request),
            });
            trace(&tracer, "web.request", 0);
            trace(&tracer, "web.request", 0);
            assert!(tracer.flush(LIMIT).unwrap_err().is_undelivered());
            assert_eq!(agent.requests_to(STATS).len() - before, attempts, "{status}");
            let warnings = said.warnings();
            let line = warnings.iter().find(|line| line.contains("lost the statistics of 2 spans"));
            assert!(line.unwrap().contains(&format!("{status}")), "{warnings:?}");
            // What follows is not affected.
            agent.answer(scripts::counting);
            trace(&tracer, "after", 0);
            tracer.shutdown(LIMIT).unwrap();
            assert!(hits(&agent).contains_key("after"));
            assert_eq!(tracer.losses().total(), 0, "no span is lost");
        }
    });
}

#[test]
fn one_failure_loses_nothing() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::counting);
        let said = Said::default();
        let tracer = unsampled(&agent, &said).build();
        warm_up(&tracer);
        let before = agent.requests_to(STATS).len();
        agent.answer(move |request| match request.path.as_str() {
            STATS if request.number % 2 == 0 => Reply::status(503),
            _ => scripts::counting(request),
        });
        for _ in 0..3 {
            trace(&tracer, "web.request", 0);
            tracer.flush(LIMIT).unwrap();
        }
        assert!(agent.requests_to(STATS).len() >= before + 3);
        assert_eq!(said.warnings(), [""; 0]);
    });
}

#[test]
fn a_failed_request_with_the_numbers_of_what_was_dropped_says_them_again() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::counting);
        let tracer = unsampled(&agent, &Said::default()).build();
        warm_up(&tracer);
        agent.answer(|request| match request.path.as_str() {
            TRACES => Reply::status(400),
            _ => scripts::counting(request),
        });
        trace(&tracer, "web.request", 2);
        kept(&tracer, "refused");
        assert!(tracer.flush(LIMIT).is_err());
        agent.answer(scripts::counting);
        trace(&tracer, "web.request", 2);
        kept(&tracer, "taken");
        tracer.flush(LIMIT).unwrap();
        let told = headers(&agent, TRACES, DROPPED_SPANS);
        assert_eq!(told[1..], [Some("3".to_owned()), Some("6".to_owned())]);
        assert_eq!(tracer.losses().spans(LossReason::AgentRejected), 1);
        assert_eq!(tracer.losses().total(), 1, "what was dropped is no loss");
        tracer.shutdown(LIMIT).unwrap();
    });
}

#[test]
fn what_finishes_before_the_shutdown_is_counted_first() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::counting);
        let tracer = unsampled(&agent, &Said::default()).build();
        warm_up(&tracer);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..250).for_each(|_| trace(&tracer, "web.request", 1)));
            }
        });
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!(hits(&agent), counted(&[("web.request", 1000)]));
        // Spans that finish later are lost, and counted as that.
        trace(&tracer, "late", 0);
        assert_eq!(tracer.losses().spans(LossReason::Shutdown), 1);
        assert_eq!(hits(&agent), counted(&[("web.request", 1000)]));
    });
}

#[test]
fn in_time_the_numbers_go_without_being_asked_for() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::counting);
        let tracer =
            unsampled(&agent, &Said::default()).flush_interval(Duration::from_millis(50)).build();
        warm_up(&tracer);
        let before = agent.requests_to(STATS).len();
        trace(&tracer, "web.request", 0);
        // A bucket of ten seconds, and ten seconds more for what is late.
        agent.wait_for_requests_to(STATS, before + 1, LIMIT / 2);
        assert_eq!(hits(&agent), counted(&[("web.request", 1)]));
    });
}

#[test]
fn a_pipeline_that_is_replaced_sends_what_it_has_counted() {
    within(LIMIT, || {
        let [first, second] = [(), ()].map(|()| FaultAgent::start(scripts::counting));
        let tracer = unsampled(&first, &Said::default()).build();
        warm_up(&tracer);
        let before = first.requests_to(STATS).len();
        trace(&tracer, "before", 0);
        tracer.reconfigure(|change| change.agent_url(second.url())).unwrap();
        first.wait_for_requests_to(STATS, before + 1, LIMIT / 2);
        trace(&tracer, "after", 0);
        tracer.shutdown(LIMIT).unwrap();
        let of = |agent| hits(agent).into_keys().collect::<Vec<_>>();
        assert_eq!(
            (of(&first), of(&second)),
            (vec!["before".to_owned()], vec!["after".to_owned()])
        );
    });
}

// ===== the real thing =====

#[test]
fn datadogs_test_agent_takes_them_and_its_checks_pass() {
    within(LIMIT, || {
        let agent = TestAgent::builder()
            .info("client_drop_p0s", json!(true))
            .info("peer_tags", json!(["db.name", "peer.service"]))
            .start();
        let tracer = builder(&agent.url(), &Said::default()).sample_rate(0.0).build();
        warm_up(&tracer);
        for status in [200, 500, 200] {
            let root =
                tracer.span("web.request").root().resource("GET /cart").span_type("web").start();
            root.set_tag("http.status_code", status);
            root.set_tag("error", status == 500);
            let query = tracer.span("query").child_of(&root).kind(SpanKind::Client).service("db");
            let query = query.tag("peer.service", "db-1").tag("db.name", "carts").start();
            query.finish();
            root.finish();
        }
        tracer.shutdown(LIMIT).unwrap();
        let stats = agent.stats();
        let found = |resource: &str, status: u64| -> Vec<Value> {
            let buckets = stats.iter().flat_map(|payload| payload["Stats"].as_array().unwrap());
            let groups = buckets.flat_map(|bucket| bucket["Stats"].as_array().unwrap());
            let is_it =
                |group: &&Value| group["Resource"] == resource && group["HTTPStatusCode"] == status;
            groups.filter(is_it).cloned().collect()
        };
        let (good, bad) = (found("GET /cart", 200), found("GET /cart", 500));
        assert_eq!((good.len(), bad.len()), (1, 1), "{stats:#?}");
        assert_eq!((&good[0]["Hits"], &good[0]["Errors"]), (&json!(2), &json!(0)));
        assert_eq!((&bad[0]["Hits"], &bad[0]["Errors"]), (&json!(1), &json!(1)));
        let queries = found("query", 0);
        assert_eq!((queries.len(), &queries[0]["Hits"]), (1, &json!(3)));
        // Only the trace with the error, and the one that was kept by hand.
        assert_eq!(agent.spans().len(), 3);
        agent.assert_no_check_failures();
    });
}
