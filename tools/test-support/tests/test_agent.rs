//! The real agent, with payloads made by hand.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rmpv::Value;
use serde_json::json;
use tracehound_test_support::http::{Address, Call, Response, get, put};
use tracehound_test_support::{TestAgent, decode, within};

const LIMIT: Duration = Duration::from_secs(20);

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(entries.map(|(key, value)| (Value::from(key), value)).into())
}

fn pack(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, value).unwrap();
    bytes
}

fn span(id: u64, parent: u64) -> Value {
    map([
        ("service", "shop".into()),
        ("name", "web.request".into()),
        ("resource", "GET /cart".into()),
        ("type", "web".into()),
        ("trace_id", 0xabcd_ef01_2345_6789_u64.into()),
        ("span_id", id.into()),
        ("parent_id", parent.into()),
        ("start", (1_700_000_000_000_000_000 | id).into()),
        ("duration", 1500.into()),
        ("error", 1.into()),
        ("meta", map([("_dd.p.tid", "640cfcd800000000".into())])),
        ("metrics", map([("_sampling_priority_v1", 2.0.into())])),
        ("meta_struct", map([("s", Value::Binary(pack(&map([("a", 1.into())]))))])),
        ("span_links", vec![map([("trace_id", 1.into()), ("span_id", u64::MAX.into())])].into()),
        ("span_events", vec![map([("time_unix_nano", 7.into()), ("name", "e".into())])].into()),
    ])
}

/// A request with one chunk of these spans.
fn payload(spans: Vec<Value>) -> Call {
    request(1)
        .header("Datadog-Meta-Tracer-Version", "1.0")
        .body(pack(&vec![Value::from(spans)].into()))
}

/// A request without a chunk, and with the header that counts them.
fn request(count: usize) -> Call {
    put("/v0.4/traces")
        .header("Content-Type", "application/msgpack")
        .header("X-Datadog-Trace-Count", count)
        .body(pack(&Value::Array(vec![])))
}

fn accepted(response: &Response) {
    assert_eq!(response.status, 200, "{}", response.text());
}

fn gives_back_typed_spans(agent: &TestAgent, address: &Address) {
    accepted(&payload(vec![span(2, 1), span(1, 0)]).send(address).unwrap());
    let traces = agent.wait_for_spans(2, LIMIT);
    let spans = &traces[0];
    assert_eq!([spans[0].span_id, spans[1].span_id], [1, 2], "the first started comes first");
    let root = &spans[0];
    assert_eq!([&root.service, &root.resource, &root.kind], ["shop", "GET /cart", "web"]);
    assert_eq!(root.full_trace_id(), 0x640c_fcd8_0000_0000_abcd_ef01_2345_6789);
    assert_eq!((root.duration, root.error), (1500, 1));
    assert_eq!(root.metric("_sampling_priority_v1"), Some(2.0));
    assert_eq!(root.meta_struct["s"], json!({"a": 1}));
    assert_eq!(root.span_links[0].span_id, u64::MAX);
    assert_eq!(root.span_events[0].name, "e");
    agent.assert_no_check_failures();

    let request = &agent.requests()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/v0.4/traces"));
    assert_eq!(request.header("x-datadog-trace-count"), Some("1"));
    let mut sent = request.chunks().concat();
    sent.reverse();
    assert_eq!(sent, *spans, "decoded here as there");
}

#[test]
fn a_payload_over_tcp_comes_back_as_typed_spans() {
    let agent = TestAgent::start();
    assert_eq!(agent.url(), agent.address().to_string());
    gives_back_typed_spans(&agent, agent.address());
}

#[cfg(unix)]
#[test]
fn a_payload_over_a_unix_socket_comes_back_as_typed_spans() {
    let agent = TestAgent::start();
    assert!(agent.socket_path().exists());
    gives_back_typed_spans(&agent, agent.socket());
}

#[test]
fn the_payloads_of_existing_tracers_decode_here_as_there() {
    let vectors = include_str!("../../../tests/vectors/payloads.json");
    let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
    for (name, vector) in vectors["v04"].as_object().unwrap() {
        let digits = vector["hex"].as_str().unwrap().as_bytes().chunks(2);
        let byte = |hex| u8::from_str_radix(std::str::from_utf8(hex).unwrap(), 16).unwrap();
        let body: Vec<u8> = digits.map(byte).collect();
        let here = decode::v04(&body).unwrap();

        let agent = TestAgent::start();
        let sent = payload(vec![]).body(body).send(agent.address());
        accepted(&sent.unwrap());
        assert_eq!(agent.traces(), here, "{name}");
        agent.assert_no_check_failures();
    }
}

#[test]
fn a_wrong_trace_count_is_caught() {
    let agent = TestAgent::start();
    let wrong = request(3).header("Datadog-Meta-Tracer-Version", "1.0");
    assert_eq!(wrong.send(agent.address()).unwrap().status, 400);
    let failures = agent.trace_check_failures();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0].check, "trace_count_header");
    assert!(failures[0].message.contains("(3) does not match"), "{failures:?}");
    assert!(panics(move || agent.assert_no_check_failures()).contains("trace_count_header"));
}

#[test]
fn a_missing_version_is_caught_and_forgotten_on_demand() {
    let agent = TestAgent::start();
    assert_eq!(request(0).send(agent.address()).unwrap().status, 400);
    assert_eq!(agent.trace_check_failures()[0].check, "meta_tracer_version_header");
    agent.clear();
    agent.assert_no_check_failures();
    assert!(agent.requests().is_empty());
}

#[test]
fn a_payload_that_does_not_decode_is_a_failure_too() {
    let agent = TestAgent::start();
    let nonsense = payload(vec![map([("name", 1.into())])]).send(agent.address()).unwrap();
    assert_eq!(nonsense.status, 400);
    assert_eq!(agent.trace_check_failures(), []);
    assert!(
        panics(move || agent.assert_no_check_failures()).contains("'span_id' required in span")
    );
}

#[test]
fn a_peer_service_without_its_source_is_caught_when_the_schema_is_known() {
    let with_peer = || {
        let Value::Map(mut fields) = span(1, 0) else { panic!("not a map") };
        fields.retain(|(key, _)| key.as_str() != Some("meta"));
        let tags = [("peer.service", "db".into()), ("_dd.peer.service.source", "db.name".into())];
        fields.push(("meta".into(), map(tags)));
        payload(vec![Value::Map(fields)])
    };
    let lax = TestAgent::start();
    accepted(&with_peer().send(lax.address()).unwrap());
    let strict =
        TestAgent::builder().tracer_variable("DD_TRACE_SPAN_ATTRIBUTE_SCHEMA", "v1").start();
    assert_eq!(with_peer().send(strict.address()).unwrap().status, 400);
    assert_eq!(strict.trace_check_failures()[0].check, "trace_peer_service");
}

#[test]
fn agents_see_nothing_of_each_other() {
    let (busy, idle) = (TestAgent::start(), TestAgent::start());
    accepted(&payload(vec![span(1, 0)]).send(busy.address()).unwrap());
    busy.set_rates(&[("service:shop,env:", 0.25)]);
    let rates = |agent: &TestAgent| payload(vec![]).send(agent.address()).unwrap().json();
    assert_eq!(rates(&busy), json!({"rate_by_service": {"service:shop,env:": 0.25}}));
    assert_eq!(rates(&idle), json!({"rate_by_service": {}}));
    assert_eq!((busy.spans().len(), idle.spans().len()), (1, 0));
    assert_eq!(busy.requests().len(), 2, "setting the rates hides nothing");
}

#[test]
fn info_says_what_the_test_wants() {
    let agent = TestAgent::builder()
        .info("span_events", json!(false))
        .info("peer_tags", json!(null))
        .start();
    let info = agent.get("/info");
    assert_eq!((&info["span_events"], &info["peer_tags"]), (&json!(false), &json!(null)));
    assert_eq!(info["client_drop_p0s"], json!(false));
}

#[test]
fn a_delayed_answer_is_late() {
    let agent = TestAgent::start();
    agent.set_delay(Duration::from_millis(300));
    let start = Instant::now();
    accepted(&payload(vec![span(1, 0)]).send(agent.address()).unwrap());
    assert!(start.elapsed() >= Duration::from_millis(300));
    let hasty = payload(vec![span(1, 0)]).limit(Duration::from_millis(30)).send(agent.address());
    assert_eq!(hasty.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn otlp_has_an_address_of_its_own() {
    let agent = TestAgent::start();
    let sent = tracehound_test_support::http::post("/v1/traces")
        .header("Content-Type", "application/json")
        .body(r#"{"resourceSpans": []}"#)
        .send(agent.otlp_address())
        .unwrap();
    accepted(&sent);
}

#[test]
fn waiting_in_vain_shows_what_there_is() {
    let agent = TestAgent::start();
    accepted(&payload(vec![span(1, 0), span(2, 1)]).send(agent.address()).unwrap());
    let dump = panics(move || {
        agent.wait_for_spans(3, Duration::from_millis(50));
    });
    let tree = "web.request  shop | GET /cart | web | error\n  web.request  shop | GET /cart";
    assert!(dump.contains("3 spans: not done within 50ms") && dump.contains(tree), "{dump}");
}

#[test]
fn a_dropped_agent_is_gone() {
    let agent = TestAgent::start();
    let address = agent.address().clone();
    #[cfg(unix)]
    let socket = agent.socket_path().to_owned();
    within(LIMIT, move || drop(agent));
    assert!(get("/info").send(&address).is_err());
    #[cfg(unix)]
    assert!(!socket.exists());
}

#[test]
fn an_agent_does_not_outlive_a_killed_test() {
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "a_test_to_be_killed"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(test.stdout.take().unwrap()).lines().map_while(Result::ok);
    let said = lines.find_map(|line| Some(line.split_once("agent ")?.1.to_owned())).unwrap();
    let (address, dir) = said.split_once(' ').unwrap();
    let address = Address::Tcp(address.parse().unwrap());
    accepted(&get("/info").send(&address).unwrap());
    test.kill().unwrap();
    test.wait().unwrap();
    let start = Instant::now();
    while get("/info").send(&address).is_ok() || (cfg!(unix) && Path::new(&dir).exists()) {
        assert!(start.elapsed() < LIMIT, "the agent lives on");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
#[ignore = "the other half of an_agent_does_not_outlive_a_killed_test"]
fn a_test_to_be_killed() {
    let agent = TestAgent::start();
    let Address::Tcp(address) = agent.address() else { panic!("not TCP") };
    #[cfg(unix)]
    let dir = agent.socket_path().parent().unwrap();
    #[cfg(not(unix))]
    let dir = Path::new("none");
    println!("\nagent {address} {}", dir.display());
    std::io::stdout().flush().unwrap();
    // Its stdin ends with the test that has started it.
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// The message of the panic in `act`.
fn panics(act: impl FnOnce() + Send + 'static) -> String {
    let panic = thread::spawn(act).join().unwrap_err();
    panic.downcast_ref::<String>().unwrap().clone()
}
