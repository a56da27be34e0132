//! The statistics of 100,000 spans are the same whatever is sampled, and those that an agent would compute if it were
//! sent every span.
//!
//! The reference is an aggregation of its own, below, by the specification of the agent's concentrator. It sees what an
//! agent sees: the spans as they were sent, by a tracer that does not compute statistics and keeps everything.

#![cfg(feature = "client-stats")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of a test are small"
)]

mod common;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rmpv::Value as Msgpack;
use serde_json::Value;
use tracehound::{SpanKind, Tracer};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, decode, within};

use common::stats::{Sketch, TRACES, WARM_UP, groups, payloads, told_dropped, warm_up};
use common::{Said, builder};

const TRACES_MADE: u64 = 20_000;
/// A root, three calls, and one span inside that no statistics count.
const SPANS_PER_TRACE: u64 = 5;
const SPANS: u64 = TRACES_MADE * SPANS_PER_TRACE;
/// In debug builds on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);
const SECOND: u64 = 1_000_000_000;
const PEER_TAGS: [&str; 4] = ["_dd.base_service", "db.name", "peer.service", "out.host"];

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// From a microsecond to about ten seconds, most of them short.
    fn latency(&mut self) -> u64 {
        let magnitude = self.below(24);
        1_000 + self.below(1_000 << magnitude)
    }
}

/// The beginning of a bucket so late that no span ends before the test begins, and not so late that the tracer would not
/// believe it.
fn base() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    now - now % (10 * SECOND) + 30 * SECOND
}

fn at(unix_ns: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_ns)
}

/// Makes all spans. They end within a few buckets around `base`.
fn work(tracer: &Tracer, base: u64) {
    let mut numbers = Numbers(7);
    for number in 0..TRACES_MADE {
        let (latency, end) = (numbers.latency(), base + numbers.below(30 * SECOND));
        let start = end - latency;
        let root = tracer.span("web.request").root().kind(SpanKind::Server).span_type("web");
        let root = root.resource(format!("GET /page/{}", numbers.below(12)));
        let root = root.tag("http.method", "GET").start_time(at(start)).start();
        let status = [200, 200, 200, 404, 500][numbers.below(5) as usize];
        root.set_tag("http.status_code", status);
        // Few, because the traces with errors are kept whatever the rate.
        let fails = status == 500 && numbers.below(20) == 0;
        for call in 0..3 {
            let latency = numbers.latency() / 4;
            let child = tracer.span("query").child_of(&root).start_time(at(start));
            let child = match call {
                0 => child.service("carts-db").span_type("sql").kind(SpanKind::Client),
                1 => child.service("cache").span_type("redis").kind(SpanKind::Client),
                _ => child.tag("_dd.measured", 1),
            };
            let child = child.resource(["SELECT ?", "GET", "render"][call]);
            let child = child.tag("peer.service", format!("db-{}", numbers.below(3))).start();
            if call == 0 && fails {
                child.set_tag("error", true);
            }
            if call == 1 {
                child.set_tag("out.host", "10.0.0.7");
                child.set_tag("grpc.code", "NOT_FOUND");
            }
            child.finish_at(at(start + latency));
        }
        tracer.span("inside").child_of(&root).start_time(at(start)).start().finish_at(at(end));
        root.finish_at(at(end));
        if number % 2_000 == 0 {
            // The queue never overflows, whatever the machine.
            tracer.flush(LIMIT).unwrap();
        }
    }
    tracer.flush(LIMIT).unwrap();
}

/// What spans are counted by: the fields that have a value, as text.
type Key = Vec<(&'static str, String)>;

/// What is counted.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    hits: u64,
    errors: u64,
    top_level_hits: u64,
    duration: u64,
}

// ===== the reference =====

/// What the agent has of a group: every duration.
#[derive(Default)]
struct Exact {
    counts: Counts,
    ok: Vec<u64>,
    failed: Vec<u64>,
}

fn field<'a>(map: &'a Msgpack, name: &str) -> Option<&'a Msgpack> {
    let entries = map.as_map()?;
    entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
}

/// What an agent computes of the spans that it has been sent, by the beginning of their bucket and their key.
fn computed_by_agent(agent: &FaultAgent) -> BTreeMap<(u64, Key), Exact> {
    let mut groups: BTreeMap<(u64, Key), Exact> = BTreeMap::new();
    for request in agent.requests_to(TRACES) {
        let payload = decode::value(&request.body).unwrap();
        for span in payload.as_array().unwrap().iter().flat_map(|chunk| chunk.as_array().unwrap()) {
            let text = |name| field(span, name).and_then(Msgpack::as_str).unwrap_or_default();
            let number = |name| field(span, name).and_then(Msgpack::as_u64).unwrap_or_default();
            let meta = |name: &str| field(field(span, "meta")?, name)?.as_str();
            let is_one = |name: &str| {
                field(span, "metrics").and_then(|metrics| field(metrics, name)?.as_f64())
                    == Some(1.0)
            };
            if text("name") == WARM_UP {
                continue;
            }
            let kind = meta("span.kind").unwrap_or_default();
            let is_top_level = is_one("_dd.top_level");
            let is_of_kind = ["client", "server", "producer", "consumer"].contains(&kind);
            if !(is_top_level || is_of_kind || is_one("_dd.measured")) {
                continue;
            }
            let peers: Vec<_> = if ["client", "producer", "consumer"].contains(&kind) {
                let peers = PEER_TAGS.iter().filter_map(|key| Some((*key, meta(key)?)));
                // The one address of this test.
                peers
                    .map(|(key, peer)| {
                        format!("{key}:{}", peer.replace("10.0.0.7", "blocked-ip-address"))
                    })
                    .collect()
            } else {
                meta("_dd.base_service")
                    .iter()
                    .map(|base| format!("_dd.base_service:{base}"))
                    .collect()
            };
            let grpc = meta("grpc.code").map(|code| assert_eq!(code, "NOT_FOUND"));
            let mut key = vec![
                ("Service", text("service").to_owned()),
                ("Name", text("name").to_owned()),
                ("Resource", text("resource").to_owned()),
                ("Type", text("type").to_owned()),
                ("SpanKind", kind.to_owned()),
                ("HTTPStatusCode", meta("http.status_code").unwrap_or("0").to_owned()),
                ("HTTPMethod", meta("http.method").unwrap_or_default().to_owned()),
                ("GRPCStatusCode", grpc.map_or("", |()| "5").to_owned()),
                ("IsTraceRoot", if number("parent_id") == 0 { "1" } else { "2" }.to_owned()),
                ("srv_src", meta("_dd.svc_src").unwrap_or_default().to_owned()),
                ("PeerTags", format!("{peers:?}")),
            ];
            key.retain(|(_, value)| !value.is_empty());
            let duration = number("duration");
            let end = number("start") + duration;
            let bucket = end - end % (10 * SECOND);
            let group = groups.entry((bucket, key)).or_default();
            group.counts.hits += 1;
            group.counts.top_level_hits += u64::from(is_top_level);
            group.counts.duration += duration;
            if number("error") == 0 {
                group.ok.push(duration);
            } else {
                group.counts.errors += 1;
                group.failed.push(duration);
            }
        }
    }
    for group in groups.values_mut() {
        group.ok.sort_unstable();
        group.failed.sort_unstable();
    }
    groups
}

// ===== what the tracer has sent =====

struct Sent {
    counts: Counts,
    ok: Sketch,
    failed: Sketch,
}

fn computed_by_tracer(agent: &FaultAgent) -> BTreeMap<(u64, Key), Sent> {
    let mut sent: BTreeMap<(u64, Key), Vec<Value>> = BTreeMap::new();
    for (start, group) in groups(&payloads(agent)) {
        let value = |name: &'static str| {
            let value = match &group[name] {
                Value::String(text) => text.clone(),
                Value::Array(texts) => {
                    format!(
                        "{:?}",
                        texts.iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>()
                    )
                }
                other => other.to_string(),
            };
            (name, value)
        };
        let names = [
            "Service",
            "Name",
            "Resource",
            "Type",
            "SpanKind",
            "HTTPStatusCode",
            "HTTPMethod",
            "GRPCStatusCode",
            "IsTraceRoot",
            "srv_src",
            "PeerTags",
        ];
        let mut key: Key = names.map(value).into();
        key.retain(|(_, value)| !value.is_empty());
        sent.entry((start, key)).or_default().push(group);
    }
    // A flush sends what there is of a bucket, so there may be several parts of one.
    let merge = |parts: Vec<Value>| {
        let sum = |name| parts.iter().map(|part| part[name].as_u64().unwrap()).sum();
        let sketch = |name| {
            parts.iter().map(|part| Sketch::read(&part[name])).reduce(Sketch::merged).unwrap()
        };
        let counts = Counts {
            hits: sum("Hits"),
            errors: sum("Errors"),
            top_level_hits: sum("TopLevelHits"),
            duration: sum("Duration"),
        };
        Sent { counts, ok: sketch("OkSummary"), failed: sketch("ErrorSummary") }
    };
    sent.into_iter().map(|(key, parts)| (key, merge(parts))).collect()
}

#[track_caller]
fn assert_quantiles(sketch: &Sketch, exact: &[u64], what: &(u64, Key)) {
    assert_eq!(sketch.count(), exact.len() as u64, "{what:?}");
    for percent in [0, 1, 25, 50, 75, 90, 95, 99, 100] {
        let Some(last) = exact.len().checked_sub(1) else { continue };
        let rank = last * percent / 100;
        let (found, expected) = (sketch.at_rank(rank as u64), exact[rank] as f64);
        let error = (found / expected - 1.0).abs();
        assert!(
            error <= sketch.accuracy() * 1.000_001,
            "p{percent} of {what:?}: {found} for {expected}"
        );
    }
}

/// One run at a rate, against the reference. Returns how many spans were sent.
fn run(rate: f64, base: u64, reference: &BTreeMap<(u64, Key), Exact>) -> u64 {
    let agent = FaultAgent::start(scripts::counting);
    let tracer = builder(&agent.url(), &Said::default())
        .sample_rate(rate)
        .rate_limit(None)
        .buffer_bytes(1 << 30)
        .agent_timeout(LIMIT)
        .build();
    warm_up(&tracer);
    work(&tracer, base);
    // So that there is a request that tells what was dropped last.
    warm_up(&tracer);
    tracer.shutdown(LIMIT).unwrap();
    let computed = computed_by_tracer(&agent);
    assert_eq!(
        computed.keys().collect::<Vec<_>>(),
        reference.keys().collect::<Vec<_>>(),
        "at rate {rate}"
    );
    for (key, exact) in reference {
        let sent = &computed[key];
        assert_eq!(sent.counts, exact.counts, "{key:?} at rate {rate}");
        assert_quantiles(&sent.ok, &exact.ok, key);
        assert_quantiles(&sent.failed, &exact.failed, key);
    }
    let delivered =
        agent.requests_to(TRACES).iter().map(|request| spans(&request.body)).sum::<u64>();
    let delivered = delivered - 2;
    assert_eq!(delivered + told_dropped(&agent) + tracer.losses().total(), SPANS, "at rate {rate}");
    assert_eq!(tracer.losses().total(), 0);
    delivered
}

fn spans(body: &[u8]) -> u64 {
    let payload = decode::value(body).unwrap();
    payload.as_array().unwrap().iter().map(|chunk| chunk.as_array().unwrap().len() as u64).sum()
}

#[test]
fn what_is_counted_does_not_depend_on_what_is_sampled() {
    within(LIMIT, || {
        let base = base();
        let agent = FaultAgent::start(scripts::healthy);
        let whole = builder(&agent.url(), &Said::default()).sample_rate(1.0).rate_limit(None);
        let whole = whole.buffer_bytes(1 << 30).agent_timeout(LIMIT).client_stats(false).build();
        warm_up(&whole);
        work(&whole, base);
        whole.shutdown(LIMIT).unwrap();
        assert_eq!(payloads(&agent).len(), 0);
        let reference = computed_by_agent(&agent);
        let counted: u64 = reference.values().map(|group| group.counts.hits).sum();
        assert_eq!(counted, SPANS / SPANS_PER_TRACE * 4);
        let errors: u64 = reference.values().map(|group| group.counts.errors).sum();
        let reference = &reference;
        let (all, tenth, none) = thread::scope(|scope| {
            let runs = [1.0, 0.1, 0.0].map(|rate| scope.spawn(move || run(rate, base, reference)));
            let [all, tenth, none] = runs.map(|run| run.join().unwrap());
            (all, tenth, none)
        });
        assert_eq!(all, SPANS);
        // Of what is not kept, the traces with an error.
        assert_eq!(none, errors * SPANS_PER_TRACE);
        let share = tenth as f64 / SPANS as f64;
        assert!((0.09..0.13).contains(&share), "{share}");
    });
}
