//! Each fault does what its name says, as seen from a client.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tracehound_test_support::fault_agent::{Greeting, Pace, Received, scripts};
use tracehound_test_support::http::{Address, Response, get, put};
use tracehound_test_support::{FaultAgent, Reply, within};

const LIMIT: Duration = Duration::from_secs(10);

/// What a client gets for a `PUT /v0.4/traces`.
fn send(agent: &FaultAgent) -> io::Result<Response> {
    put("/v0.4/traces").body(*b"body").limit(LIMIT).send(agent.address())
}

/// The test on both kinds of sockets.
fn each(
    script: impl Fn(&Received) -> Reply + Send + Sync + Clone + 'static,
    test: impl Fn(FaultAgent),
) {
    test(FaultAgent::start(script.clone()));
    #[cfg(unix)]
    test(FaultAgent::start_unix(script));
}

fn always(reply: Reply) -> impl Fn(&Received) -> Reply + Send + Sync + Clone + 'static {
    move |_| reply.clone()
}

/// A connection on which these bytes were sent.
fn sent(agent: &FaultAgent, bytes: &[u8]) -> TcpStream {
    let Address::Tcp(address) = agent.address() else { panic!("not a TCP agent") };
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

#[test]
fn an_answer_is_as_scripted_and_the_request_recorded() {
    each(always(Reply::status(429).header("Retry-After", "3").body("busy")), |agent| {
        let response = send(&agent).unwrap();
        assert_eq!((response.status, response.text().as_str()), (429, "busy"));
        assert_eq!(response.headers.get("retry-after"), Some("3"));
        let requests = agent.wait_for_requests(1, LIMIT);
        let request = &requests[0];
        assert_eq!((request.method.as_str(), request.path.as_str()), ("PUT", "/v0.4/traces"));
        assert_eq!(
            (request.header("content-length"), &request.body[..]),
            (Some("4"), &b"body"[..])
        );
        assert_eq!((request.number, request.connection), (0, 0));
        assert_eq!(agent.requests_to("/info").len(), 0);
        assert_eq!(agent.malformed().len(), 0);
    });
}

#[test]
fn ready_made_answers_are_what_they_are_called() {
    let body = |reply: Reply| send(&FaultAgent::start(always(reply))).unwrap();
    assert_eq!(body(Reply::ok()).json(), json!({}));
    assert_eq!(body(Reply::rates(&[("k", 0.5)])).json(), json!({"rate_by_service": {"k": 0.5}}));
    let invalid = body(Reply::invalid_json());
    assert!(
        invalid.status == 200
            && serde_json::from_slice::<serde_json::Value>(&invalid.body).is_err()
    );
    assert_eq!(body(Reply::huge_body(3 << 20)).body.len(), 3 << 20);
    assert_eq!(body(Reply::huge_header(70_000)).headers.get("X-Huge").unwrap().len(), 70_000);
}

#[test]
fn what_is_no_answer_is_an_error() {
    let head = "HTTP/1.1 200 Scripted\r\nContent-Length: 2\r\n\r\n".len();
    for (reply, expected, text) in [
        (Reply::raw(*b"\x00\xffgarbage\r\n\r\n"), ErrorKind::InvalidData, "not a "),
        (Reply::close(), ErrorKind::UnexpectedEof, "closed without an answer"),
        (Reply::ok().cut_at(5), ErrorKind::UnexpectedEof, "cut short"),
        (Reply::ok().cut_at(head), ErrorKind::UnexpectedEof, "cut short"),
        (Reply::ok().cut_at(head + 1), ErrorKind::UnexpectedEof, "cut short"),
    ] {
        each(always(reply.clone()), |agent| {
            let error = send(&agent).unwrap_err();
            assert_eq!(error.kind(), expected, "{reply:?}");
            assert!(error.to_string().contains(text), "{reply:?}: {error}");
            assert_eq!(agent.requests().len(), 1);
        });
    }
    let reset = FaultAgent::start(always(Reply::reset()));
    assert_eq!(send(&reset).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(reset.requests().len(), 1);
}

#[test]
fn hanging_lasts_until_the_connections_are_dropped() {
    each(always(Reply::hang()), |agent| {
        let hasty = put("/").limit(Duration::from_millis(50)).send(agent.address());
        assert_eq!(hasty.unwrap_err().kind(), ErrorKind::TimedOut);
        let agent = Arc::new(agent);
        let patient = thread::spawn({
            let agent = Arc::clone(&agent);
            move || send(&agent)
        });
        agent.wait_for_requests(2, LIMIT);
        assert!(agent.open_connections() > 0);
        agent.drop_connections();
        assert_eq!(agent.open_connections(), 0);
        assert!(patient.join().unwrap().is_err());
    });
}

#[test]
fn a_hanging_agent_can_be_dropped() {
    each(always(Reply::hang()), |agent| {
        let address = agent.address().clone();
        let client = thread::spawn(move || get("/").limit(LIMIT).send(&address));
        agent.wait_for_requests(1, LIMIT);
        within(LIMIT, move || drop(agent));
        assert!(client.join().unwrap().is_err());
    });
}

#[test]
fn a_slow_answer_comes_late_but_whole() {
    each(always(Reply::ok().after(Duration::from_millis(100))), |agent| {
        let start = Instant::now();
        assert_eq!(send(&agent).unwrap().json(), json!({}));
        assert!(start.elapsed() >= Duration::from_millis(100));
    });
    let drip = FaultAgent::start(always(Reply::ok().drip(Duration::from_millis(1))));
    let start = Instant::now();
    assert_eq!(send(&drip).unwrap().json(), json!({}));
    assert!(start.elapsed() >= Duration::from_millis(40));
}

#[test]
fn an_endless_body_has_no_end() {
    each(always(Reply::endless_body()), |agent| {
        let endless = put("/").limit(Duration::from_millis(100)).send(agent.address());
        assert_eq!(endless.unwrap_err().kind(), ErrorKind::TimedOut);
        within(LIMIT, move || drop(agent));
    });
}

#[test]
fn a_stale_connection_answers_once() {
    let agent = FaultAgent::start(scripts::stale_connections);
    let mut stream = sent(&agent, b"GET /info HTTP/1.1\r\n\r\n");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && !answer.contains("onnection"), "{answer}");
}

#[test]
fn a_connection_is_kept_alive_otherwise() {
    let agent = FaultAgent::start(scripts::healthy);
    let mut stream =
        sent(&agent, b"GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 2);
    let requests = agent.requests();
    assert_eq!((requests[0].connection, requests[1].connection), (0, 0));
    assert_eq!((requests[1].number, agent.accepted_connections()), (1, 1));
}

#[test]
fn greetings_come_before_the_first_request() {
    each(scripts::healthy, |agent| {
        agent.greet(Greeting::Close);
        assert!(send(&agent).is_err());
        agent.greet(Greeting::Reset);
        let reset = send(&agent).unwrap_err();
        // A client that is still writing when the reset comes may hear of a broken pipe instead.
        let is_reset = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&reset.kind());
        assert!(is_reset, "{reset:?}");
        agent.greet(Greeting::Hang);
        let hasty = put("/").limit(Duration::from_millis(50)).send(agent.address());
        assert_eq!(hasty.unwrap_err().kind(), ErrorKind::TimedOut);
        agent.greet(Greeting::Serve);
        assert_eq!(send(&agent).unwrap().status, 200);
        assert_eq!(agent.requests().len(), 1);
        assert_eq!(agent.accepted_connections(), 4);
    });
}

#[test]
fn an_agent_goes_down_and_comes_back_at_its_address() {
    each(scripts::healthy, |agent| {
        for round in 1..=3 {
            assert_eq!(send(&agent).unwrap().status, 200);
            agent.refuse();
            assert_eq!(send(&agent).unwrap_err().kind(), ErrorKind::ConnectionRefused);
            agent.refuse();
            agent.accept();
            agent.accept();
            assert_eq!(agent.requests().len(), round);
        }
        assert_eq!(send(&agent).unwrap().status, 200);
    });
}

#[test]
fn the_script_can_change() {
    each(always(Reply::status(500)), |agent| {
        assert_eq!(send(&agent).unwrap().status, 500);
        agent.answer(scripts::healthy);
        assert_eq!(send(&agent).unwrap().status, 200);
    });
}

#[test]
fn ready_made_scripts_do_what_they_say() {
    let status = |agent: &FaultAgent, path: &str, body: &[u8]| {
        put(path).body(body).send(agent.address()).unwrap().status
    };
    let old = FaultAgent::start(scripts::old_agent);
    assert_eq!([status(&old, "/info", b""), status(&old, "/v0.4/traces", b"")], [404, 200]);

    let small = FaultAgent::start(scripts::at_most(3));
    let statuses = [b"123", &b"1234"[..]].map(|body| status(&small, "/v0.4/traces", body));
    assert_eq!(statuses, [200, 413]);

    let shaky = FaultAgent::start(scripts::first(2, Reply::status(503)));
    let statuses = ["/v0.4/traces", "/info", "/v0.4/traces", "/v0.4/traces"];
    assert_eq!(statuses.map(|path| status(&shaky, path, b"")), [503, 200, 503, 200]);

    let info = get("/info").send(shaky.address()).unwrap().json();
    assert_eq!(info, scripts::info());
}

#[test]
fn a_connection_that_is_not_open_any_more_is_closed() {
    within(LIMIT, || {
        let agent = FaultAgent::start(always(Reply::close()));
        for number in 1..=300 {
            let mut stream = sent(&agent, b"GET / HTTP/1.1\r\n\r\n");
            stream.set_nonblocking(true).unwrap();
            while agent.accepted_connections() < number || agent.open_connections() > 0 {
                thread::yield_now();
            }
            assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        }
    });
}

#[test]
fn half_a_request_is_malformed() {
    let agent = FaultAgent::start(scripts::healthy);
    let mut stream = sent(&agent, b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf");
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert_eq!(agent.malformed(), ["the message is cut short"]);
    assert_eq!(agent.requests().len(), 0);
}

#[test]
fn payloads_can_be_looked_into() {
    let agent = FaultAgent::start(scripts::healthy);
    let body =
        b"\x91\x91\x85\xa4name\xa1n\xa8trace_id\x01\xa7span_id\x02\xa5start\x03\xa8duration\x04";
    put("/v0.4/traces").body(*body).send(agent.address()).unwrap();
    put("/other").body(r#"{"a": 1}"#).send(agent.address()).unwrap();
    let spans = agent.spans();
    assert_eq!((spans.len(), spans[0].name.as_str(), spans[0].span_id), (1, "n", 2));
    assert_eq!(agent.requests_to("/other")[0].json(), json!({"a": 1}));
}

#[test]
fn waiting_ends_with_the_requests_or_says_what_there_was() {
    let agent = Arc::new(FaultAgent::start(scripts::healthy));
    let waiting = thread::spawn({
        let agent = Arc::clone(&agent);
        move || agent.wait_for_requests_to("/v0.4/traces", 2, LIMIT).len()
    });
    for _ in 0..2 {
        get("/info").send(agent.address()).unwrap();
        send(&agent).unwrap();
    }
    assert_eq!(waiting.join().unwrap(), 2);

    let in_vain = thread::spawn(move || {
        agent.wait_for_requests(5, Duration::from_millis(20));
    });
    let panic = in_vain.join().unwrap_err();
    let dump = panic.downcast_ref::<String>().unwrap();
    assert!(dump.starts_with("after 20ms there were 4 requests\n  GET /info, 0 bytes\n"), "{dump}");
}

#[test]
fn an_agent_reads_at_its_pace() {
    within(LIMIT, || {
        let agent = FaultAgent::start(always(Reply::ok()));
        agent.read_at(Pace::Stalled);
        thread::scope(|scope| {
            let sent = scope
                .spawn(|| put("/").body(vec![b'x'; 50_000]).limit(LIMIT).send(agent.address()));
            while agent.open_connections() == 0 {
                thread::yield_now();
            }
            assert_eq!(agent.requests().len(), 0);
            agent.read_at(Pace::BytesPerSecond(500_000));
            let start = Instant::now();
            agent.wait_for_requests(1, LIMIT);
            assert!(start.elapsed() > Duration::from_millis(50), "{:?}", start.elapsed());
            assert_eq!(sent.join().unwrap().unwrap().status, 200);
        });
    });
}

#[test]
fn an_answer_may_come_before_the_request_is_read() {
    within(LIMIT, || {
        let agent = FaultAgent::start(always(Reply::ok()));
        agent.greet(Greeting::AnswerUnread);
        let mut stream = sent(&agent, b"PUT / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        assert_eq!(agent.requests().len(), 0);
    });
}

#[test]
fn a_connection_may_be_reset_in_the_middle_of_a_request() {
    within(LIMIT, || {
        let agent = FaultAgent::start(always(Reply::ok()));
        agent.greet(Greeting::ResetAfter(100));
        let mut stream = sent(&agent, b"PUT / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n");
        stream.write_all(&[b'x'; 200]).unwrap();
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(agent.requests().len(), 0);
    });
}
