//! The agent over its sockets, as a tracer sees it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tracehound_local_agent::model::Rule;
use tracehound_local_agent::{LocalAgent, Options, Report, Style, render};

/// Far more than anything here takes.
const DEADLINE: Duration = Duration::from_secs(10);

fn span(trace: u64, id: u64, parent: u64, service: &str, name: &str) -> Value {
    json!({
        "trace_id": trace, "span_id": id, "parent_id": parent, "service": service, "name": name,
        "resource": name, "start": 1_700_000_000_000_000_000_i64, "duration": 1000,
        "metrics": {"_sampling_priority_v1": 1},
    })
}

fn body(chunks: &[&[Value]]) -> Vec<u8> {
    rmp_serde::to_vec(chunks).unwrap()
}

fn request(path: &str, chunks: usize, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/msgpack\r\n\
         Datadog-Meta-Tracer-Version: 0.1.0\r\nX-Datadog-Trace-Count: {chunks}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend(body);
    request
}

/// Sends a request as it is; returns the status and the body, which is as long as its header says.
fn exchange(stream: &mut (impl Read + Write), request: &[u8]) -> (u16, String) {
    stream.write_all(request).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), String::from_utf8(body).unwrap())
}

fn start() -> LocalAgent {
    LocalAgent::start(Options::default()).unwrap()
}

/// The status of the answer to a request on a connection of its own.
fn status(agent: &LocalAgent, request: &[u8]) -> u16 {
    exchange(&mut connect(agent), request).0
}

fn connect(agent: &LocalAgent) -> TcpStream {
    let stream = TcpStream::connect(agent.address().unwrap()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

fn rules(agent: &LocalAgent) -> Vec<Rule> {
    agent.findings().into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn two_services_make_one_tree() {
    let agent = start();
    assert_eq!(agent.url(), format!("http://{}", agent.address().unwrap()));
    let mut stream = connect(&agent);

    let client = [span(1, 1, 0, "shop", "web.request"), span(1, 2, 1, "shop", "http.request")];
    let server = [span(1, 3, 2, "payment", "web.request")];
    for chunk in [&server[..], &client[..]] {
        let (status, answer) = exchange(&mut stream, &request("/v0.4/traces", 1, &body(&[chunk])));
        assert_eq!((status, answer.as_str()), (200, r#"{"rate_by_service":{"service:,env:":1}}"#));
    }

    assert!(agent.wait_for(|store| store.span_count() == 3, DEADLINE));
    let [trace] = agent.traces().try_into().unwrap();
    assert_eq!(trace.span("http.request").unwrap().span_id, 2);
    let expected = "\
00000000000000000000000000000001 · 1.00 µs · 3 spans · 2 services               2023-11-14 22:13:20Z
web.request             shop     1.00 µs  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
└─ http.request         shop     1.00 µs  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
   └─ web.request       payment  1.00 µs  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
";
    assert_eq!(render(&trace, &Style::default()), expected);
    assert_eq!(agent.findings(), []);
}

#[test]
fn every_trace_endpoint_takes_its_empty_payload() {
    let agent = start();
    let mut stream = connect(&agent);
    let rates = r#"{"rate_by_service":{"service:,env:":1}}"#;
    for (path, empty, expected) in [
        ("/v0.3/traces", &b"\x90"[..], "OK\n"),
        ("/v0.4/traces", b"\x90", rates),
        ("/v0.5/traces", b"\x92\x91\xa0\x90", rates),
        ("/v0.7/traces", b"\x80", rates),
        ("/v1.0/traces", b"\x80", rates),
    ] {
        let (status, answer) = exchange(&mut stream, &request(path, 0, empty));
        assert_eq!((status, answer.as_str()), (200, expected), "{path}");
    }
    assert_eq!(agent.findings(), []);
}

#[test]
fn info_lists_what_is_served() {
    let agent = start();
    let get = b"GET /info HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (status, body) = exchange(&mut connect(&agent), get);
    let info: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    for path in ["/v0.4/traces", "/v0.5/traces", "/v1.0/traces", "/v0.6/stats"] {
        assert!(info["endpoints"].as_array().unwrap().contains(&path.into()), "{path}");
    }
    assert_eq!(info["client_drop_p0s"], false);
    assert_eq!(info["span_events"], true);
}

#[test]
fn a_malformed_payload_is_refused_with_the_place_and_the_connection_goes_on() {
    let agent = start();
    let mut stream = connect(&agent);
    let (status, answer) =
        exchange(&mut stream, &request("/v0.4/traces", 1, b"\x91\x91\x81\xa4name"));
    assert_eq!(status, 400);
    assert_eq!(
        answer,
        "/v0.4/traces: the payload of 8 bytes is malformed: byte 8, in chunk 0, span 0, `name`: \
         expected 1 more byte, found the end of the body"
    );
    assert_eq!(rules(&agent), [Rule::MalformedPayload]);

    let good = body(&[&[span(1, 1, 0, "svc", "op")]]);
    assert_eq!(exchange(&mut stream, &request("/v0.4/traces", 1, &good)).0, 200);
}

#[test]
fn what_a_strict_agent_verifies_is_reported_and_the_trace_is_kept() {
    let agent = start();
    let twice = body(&[&[span(1, 1, 0, "svc", "op"), span(1, 0, 1, "svc", "op")]]);
    assert_eq!(status(&agent, &request("/v0.4/traces", 2, &twice)), 200);
    assert_eq!(rules(&agent), [Rule::TraceCount, Rule::ZeroId]);
    assert_eq!(agent.read(|store| store.span_count()), 2);
}

#[test]
fn statistics_and_telemetry_are_counted_and_ignored() {
    let agent = start();
    let mut stream = connect(&agent);
    for path in ["/v0.6/stats", "/telemetry/proxy/api/v2/apmtelemetry"] {
        assert_eq!(exchange(&mut stream, &request(path, 0, b"anything")).0, 200, "{path}");
    }
    assert_eq!(exchange(&mut stream, &request("/v0.7/config", 0, b"")).0, 404);
    let requests = agent.read(|store| store.counts().requests.clone());
    assert_eq!(requests["/v0.6/stats"], 1);
    assert_eq!(requests["/telemetry/proxy/"], 1);
    assert_eq!(requests["other"], 1);
}

#[test]
fn what_cannot_be_read_is_refused_by_its_headers() {
    let agent = start();
    for (method, headers, body, expected) in [
        ("POST", "Content-Type: application/json\r\nContent-Length: 2\r\n", "[]", 415),
        ("POST", "Content-Encoding: gzip\r\nContent-Length: 1\r\n", "x", 415),
        ("POST", "Content-Length: 52428801\r\n", "", 413),
        ("GET", "", "", 405),
    ] {
        let request = format!("{method} /v0.4/traces HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}");
        assert_eq!(status(&agent, request.as_bytes()), expected, "{headers}");
    }
    assert_eq!(rules(&agent), [Rule::ContentType, Rule::ContentType, Rule::PayloadTooLarge]);
}

#[test]
fn a_body_in_pieces_of_unknown_length_is_limited_too() {
    let agent = start();
    let mut stream = connect(&agent);
    let head = "POST /v0.4/traces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut piece = b"100000\r\n".to_vec();
    piece.resize(piece.len() + (1 << 20), 0);
    piece.extend(b"\r\n");
    // The agent may stop reading, and close, before all is written.
    while stream.write_all(&piece).is_ok() {
        if agent.read(|store| store.counts().refused) > 0 {
            break;
        }
    }
    assert!(agent.wait_for(|store| store.counts().refused == 1, DEADLINE));
    assert_eq!(rules(&agent), [Rule::PayloadTooLarge]);
}

#[test]
fn waiting_ends_in_time_when_nothing_comes() {
    let agent = start();
    assert!(!agent.wait_for(|store| store.trace_count() > 0, Duration::from_millis(1)));
}

#[test]
fn reports_come_from_another_thread_and_end_with_the_agent() {
    let agent = start();
    let good = body(&[&[span(1, 1, 0, "svc", "op")]]);
    assert_eq!(status(&agent, &request("/v0.4/traces", 1, &good)), 200);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reports = Vec::new();
            while let Some(report) = agent.next_report(Duration::from_secs(3600)) {
                reports.push(report);
            }
            reports
        });
        agent.shutdown();
        let reports = reader.join().unwrap();
        assert!(matches!(reports.as_slice(), [Report::Trace { again: false, .. }]), "{reports:?}");
    });
}

#[test]
fn stopping_closes_connections_at_once_and_frees_the_port() {
    let agent = start();
    let address: SocketAddr = agent.address().unwrap();
    let mut idle = connect(&agent);
    let mut half = connect(&agent);
    half.write_all(b"PUT /v0.4/traces HTTP/1.1\r\nContent-Length: 10\r\n\r\n").unwrap();
    let begin = Instant::now();
    drop(agent);
    assert!(begin.elapsed() < DEADLINE);
    assert!(matches!(idle.read(&mut [0]), Ok(0) | Err(_)));
    drop(LocalAgent::start(Options { tcp: Some(address), ..Options::default() }).unwrap());
}

#[test]
fn a_taken_port_is_an_error_that_says_so() {
    let agent = start();
    let options = Options { tcp: agent.address(), ..Options::default() };
    let error = LocalAgent::start(options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    assert!(error.to_string().contains("the port is taken"), "{error}");
    let nowhere = Options { tcp: None, ..Options::default() };
    assert_eq!(LocalAgent::start(nowhere).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn an_agent_can_be_started_and_dropped_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { drop(start()) });
}

#[cfg(unix)]
mod unix {
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::PathBuf;

    use super::*;

    /// A path of this test's own, removed at the end.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let name = format!("local-agent-{}-{name}.sock", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        fn start(&self) -> std::io::Result<LocalAgent> {
            let unix = Some(self.0.clone());
            LocalAgent::start(Options { tcp: None, unix, ..Options::default() })
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_unix_socket_takes_traces_and_goes_with_the_agent() {
        let place = Place::new("takes");
        let agent = place.start().unwrap();
        assert_eq!(agent.url(), format!("unix://{}", place.0.display()));
        let mut stream = UnixStream::connect(&place.0).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let good = body(&[&[span(1, 1, 0, "svc", "op")]]);
        assert_eq!(exchange(&mut stream, &request("/v0.4/traces", 1, &good)).0, 200);
        assert_eq!(agent.traces().len(), 1);
        drop(agent);
        assert!(!place.0.exists());
    }

    #[test]
    fn an_abandoned_socket_is_replaced_but_nothing_else_is() {
        let place = Place::new("abandoned");
        drop(UnixListener::bind(&place.0).unwrap());
        let agent = place.start().unwrap();
        assert_eq!(place.start().unwrap_err().kind(), ErrorKind::AddrInUse, "a live one stays");
        drop(agent);

        std::fs::write(&place.0, "precious").unwrap();
        assert_eq!(place.start().unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(std::fs::read(&place.0).unwrap(), b"precious");
    }
}
