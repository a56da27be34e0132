use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::{LazyLock, mpsc};

use hyper::http::StatusCode;
use proptest::prelude::*;
use tracehound_machine::Readiness;

use super::super::meanwhile::Step;
use super::super::stream::Stream;
use super::super::test_server::{Script, Server, answer, script};
use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// A limit that is reached only if something hangs.
const LONG: Duration = Duration::from_secs(8);
const SHORT: Duration = Duration::from_millis(100);

const SMALL: usize = 1000;
/// More than the system buffers for a reader.
const LARGE: usize = 32 << 20;

fn put(body: &[u8]) -> Request<'_> {
    static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
    Request {
        method: Method::PUT,
        path: "/v0.4/traces",
        headers: &NO_HEADERS,
        // In parts, as a request of several payloads is.
        body: body.chunks(body.len().div_ceil(3).max(1)).map(Bytes::copy_from_slice).collect(),
    }
}

/// The outcome as a line: the status and the body, or the kind of the error.
fn line(outcome: Result<Response, SendError>) -> String {
    let kind = |error: &SendError| match error.kind {
        SendErrorKind::Connect(_) => "connect",
        SendErrorKind::Timeout(_) => "timeout",
        SendErrorKind::Broken(_) => "broken",
        SendErrorKind::Unread(_) => "unread",
        SendErrorKind::TooLarge => "too large",
        SendErrorKind::Stream(_) => "stream",
        SendErrorKind::SpeaksTls => "speaks TLS",
        SendErrorKind::Invalid(_) => "invalid",
    };
    match outcome {
        Ok(response) => match response.body {
            Ok(body) => format!("{} {}", response.status.as_u16(), String::from_utf8_lossy(&body)),
            Err(error) => format!("{} <{}>", response.status.as_u16(), kind(&error)),
        },
        Err(error) => format!("<{}>", kind(&error)),
    }
}

impl Client {
    /// Sends a request, without other work while it waits.
    fn try_send(&mut self, request: Request<'_>) -> Result<Response, SendError> {
        self.send(request, &mut || Step::Idle)
    }

    /// Sends a request, and returns the outcome as a line.
    fn said(&mut self, request: Request<'_>) -> String {
        line(self.try_send(request))
    }
}

/// One step of what a server does with a connection.
enum ServerStep {
    /// Reads a request.
    Whole,
    /// Reads a request, which has this body.
    Body(&'static str),
    /// Reads no more than the head of a request.
    Head,
    Say(String),
    /// Waits until the client has closed the connection.
    Closed,
    /// Keeps the connection open, without reading, until the test drops its end of a channel.
    Stay,
}

use ServerStep::{Body, Closed, Head, Stay, Whole};

fn say(text: impl Into<String>) -> ServerStep {
    ServerStep::Say(text.into())
}

fn ok() -> ServerStep {
    say(OK)
}

/// A script of these steps.
fn does(steps: Vec<ServerStep>) -> Script {
    does_until(steps, mpsc::channel().1)
}

/// A script of these steps, in which `Stay` ends when the other end of `until` is dropped.
fn does_until(steps: Vec<ServerStep>, until: mpsc::Receiver<()>) -> Script {
    script(move |peer| {
        for step in steps {
            match step {
                Whole => drop(peer.request()),
                Body(body) => assert_eq!(peer.request().1, body.as_bytes()),
                Head => drop(peer.head()),
                ServerStep::Say(text) => peer.write(&text),
                Closed => peer.closed(),
                Stay => drop(until.recv_timeout(LONG)),
            }
        }
    })
}

/// Runs `talk` with a client of the server, and then waits for the end of the server's scripts.
fn with_client<T>(server: Server, limit: Duration, talk: impl FnOnce(&mut Client) -> T) -> T {
    let said = talk(&mut Client::new(server.endpoint(), limit, None));
    server.finish();
    said
}

/// Sends requests with these bodies, one after the other, to a server that accepts a connection for each script.
/// Returns their outcomes.
fn talk<const N: usize>(scripts: Vec<Script>, limit: Duration, bodies: [&str; N]) -> [String; N] {
    let send_all = |client: &mut Client| bodies.map(|body| client.said(put(body.as_bytes())));
    with_client(Server::start(scripts), limit, send_all)
}

/// Sends one request to a server that follows the script.
fn sent(script: Script, limit: Duration) -> String {
    let [outcome] = talk(vec![script], limit, ["payload"]);
    outcome
}

#[test]
fn answers_are_read_in_every_framing() {
    for (bytes, expected) in [
        (OK, "200 {}"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\nT: t\r\n\r\n",
            "200 abc",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 202 A\r\nContent-Length: 0\r\n\r\n",
            "202 ",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", "200 until the end"),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "200 a"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "204 "),
        ("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", "413 x"),
        ("HTTP/1.1 429 \r\nContent-Length: 0\r\n\r\n", "429 "),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "101 "),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 500 unasked\r\n\r\n", "200 {}"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "<broken>"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "200 <broken>"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "200 <broken>"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
            "200 <broken>",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", "200 <too large>"),
    ] {
        assert_eq!(sent(answer(bytes), LONG), expected, "{bytes}");
    }
    for no_answer in [
        "",
        "garbage\r\n\r\n",
        "\0\0\0\x12\x04",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 999999 OK\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ] {
        assert_eq!(sent(answer(no_answer), LONG), "<broken>", "{no_answer}");
    }
}

#[test]
fn what_is_read_is_bounded() {
    for (start, rest, expected) in [
        ("X: ", "x".repeat(1 << 20), "<broken>".to_owned()),
        ("", "a: b\r\n".repeat(5000) + "\r\n", "<broken>".to_owned()),
        ("\r\n", "x".repeat(2 << 20), "200 <too large>".to_owned()),
        ("\r\n", "x".repeat(1 << 20), format!("200 {}", "x".repeat(1 << 20))),
    ] {
        let answers = vec![Whole, say(format!("HTTP/1.1 200 OK\r\n{start}")), say(rest)];
        assert!(sent(does(answers), LONG) == expected, "{start}");
    }
}

#[test]
fn nothing_that_moves_is_given_up() {
    assert_eq!(sent(does(vec![Whole, Closed]), SHORT), "<timeout>");
    let half = say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{");
    assert_eq!(sent(does(vec![Whole, half, Closed]), SHORT), "200 <timeout>");
    let interim = say("HTTP/1.1 100 Continue\r\n\r\n".repeat(2000));
    assert_eq!(sent(does(vec![Whole, interim, Closed]), SHORT), "<timeout>");
}

#[test]
fn a_slow_answer_has_longer_than_the_limit_and_not_for_ever() {
    for (limit, expected) in [(5 * SHORT, "200 {}"), (SHORT, "<timeout>")] {
        let (release, wait) = mpsc::channel::<()>();
        let drips = script(move |peer| {
            peer.request();
            for byte in OK.chars() {
                peer.write(&byte.to_string());
                let _ = wait.recv_timeout(SHORT / 5);
            }
            drop(release);
        });
        assert_eq!(sent(drips, limit), expected, "800 ms in all");
    }
}

#[test]
fn a_payload_that_is_read_slowly_has_the_time_that_it_takes() {
    let limit = Duration::from_millis(500);
    let (release, wait) = mpsc::channel::<()>();
    let reads_slowly = script(move |peer| {
        peer.head();
        let pieces = 16;
        for _ in 0..pieces {
            peer.read(LARGE / pieces);
            let _ = wait.recv_timeout(limit / 8);
        }
        peer.write(OK);
        drop(release);
    });
    with_client(Server::start(vec![reads_slowly]), limit, |client| {
        assert_eq!(client.said(put(&vec![0; LARGE])), "200 {}", "in twice the limit");
    });
}

#[test]
fn work_is_done_while_the_agent_is_waited_for() {
    let (release, wait) = mpsc::channel();
    let mut left = 1000;
    let mut work = || {
        left -= 1;
        if left == 0 {
            release.send(()).unwrap();
        }
        if left > 0 { Step::More } else { Step::Idle }
    };
    let server = Server::start(vec![does_until(vec![Whole, Stay, ok()], wait)]);
    let response = with_client(server, LONG, |client| client.send(put(b"payload"), &mut work));
    assert!(line(response) == "200 {}" && left <= 0);
}

#[test]
fn what_is_not_wanted_any_more_is_left_at_once() {
    let mut left = 3;
    let mut work = || {
        left -= 1;
        if left > 0 { Step::Idle } else { Step::Cancel }
    };
    let server = Server::start(vec![does(vec![Whole, Closed])]);
    let hour = Duration::from_secs(3600);
    let outcome = with_client(server, hour, |client| client.send(put(b"payload"), &mut work));
    assert_eq!(line(outcome), "<timeout>");
}

// ===== what may have arrived =====

#[test]
fn what_was_written_whole_may_have_arrived_and_nothing_else() {
    let says_that_it_closes = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let is_old = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (steps, bytes, expected, may_have_arrived) in [
        (vec![Head], LARGE, "<broken>", false),
        (vec![Head], SMALL, "<broken>", true),
        (vec![Head, Stay], LARGE, "<timeout>", false),
        (vec![Head, Stay], SMALL, "<timeout>", true),
        (vec![Whole], LARGE, "<broken>", true),
        (vec![Whole, say("garbage\r\n\r\n")], LARGE, "<broken>", true),
        // A success does not count if the agent has not read the request.
        (vec![Head, ok(), Stay], LARGE, "<unread>", false),
        (vec![Head, ok()], LARGE, "<unread>", false),
        // Nor if it closes without reading, though this side has written everything.
        (vec![Head, say(says_that_it_closes)], SMALL, "<unread>", true),
        (vec![Head, say(is_old)], SMALL, "<unread>", true),
    ] {
        let (given_up, until) = mpsc::channel();
        let server = Server::start(vec![does_until(steps, until)]);
        let outcome = with_client(server, Duration::from_millis(500), move |client| {
            let _given_up = given_up;
            client.try_send(put(&vec![0; bytes]))
        });
        let said = outcome.as_ref().is_err_and(SendError::may_have_arrived);
        assert_eq!((line(outcome).as_str(), said), (expected, may_have_arrived), "{bytes}");
    }
}

#[test]
fn what_may_have_arrived_the_first_time_may_have_arrived() {
    let server = Server::start(vec![does(vec![Whole, ok(), Whole]), does(vec![Head])]);
    with_client(server, LONG, |client| {
        assert_eq!(client.said(put(b"1")), "200 {}");
        let error = client.try_send(put(&vec![0; SMALL])).unwrap_err();
        assert!(error.is_broken() && error.may_have_arrived());
    });
}

#[test]
fn a_request_is_written_as_the_agent_expects_it() {
    let server = Server::start(vec![script(|peer| {
        let (head, body) = peer.request();
        let mut lines: Vec<_> = head.trim_end().lines().collect();
        lines[1..].sort_unstable();
        assert_eq!(lines[0], "PUT /behind/proxy/v0.4/traces HTTP/1.1");
        assert_eq!(lines[1..3], ["content-length: 3", "datadog-meta-lang: rust"]);
        assert!(lines[3].starts_with("host: 127.0.0.1:"));
        assert_eq!((lines.len(), body.as_slice()), (4, &b"abc"[..]));
        peer.write(OK);
        let (head, body) = peer.request();
        assert!(head.starts_with("GET /behind/proxy/info HTTP/1.1\r\n"), "{head}");
        assert!(!head.contains("content-length"), "{head}");
        assert!(body.is_empty());
        peer.write(OK);
    })]);
    let endpoint = Endpoint::parse(&format!("{}/behind/proxy/", server.endpoint())).unwrap();
    let mut client = Client::new(endpoint, LONG, None);
    let lang = hyper::header::HeaderName::from_static("datadog-meta-lang");
    let headers = HeaderMap::from_iter([(lang, HeaderValue::from_static("rust"))]);
    let traces = Request { headers: &headers, ..put(b"abc") };
    let info = Request { method: Method::GET, path: "/info", ..put(b"") };
    assert_eq!(client.said(traces), "200 {}");
    assert_eq!(client.said(info), "200 {}");
    server.finish();
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves_as_well() {
    let path =
        std::env::temp_dir().join(format!("tracehound-client-{}.socket", std::process::id()));
    let serves_two = script(|peer| {
        for _ in 0..2 {
            let (head, body) = peer.request();
            assert!(head.contains("host: localhost\r\n"), "{head}");
            assert_eq!(body, b"abc");
            peer.write(OK);
        }
    });
    let server = Server::start_unix(&path, vec![serves_two]);
    with_client(server, LONG, |client| {
        for _ in 0..2 {
            assert_eq!(client.said(put(b"abc")), "200 {}");
        }
    });
    std::fs::remove_file(path).unwrap();
}

#[test]
fn nobody_listening_is_told_apart_from_a_broken_exchange() {
    let server = Server::start(vec![]);
    let endpoint = server.endpoint();
    server.finish();
    let mut client = Client::new(endpoint, LONG, None);
    let error = client.try_send(put(b"")).unwrap_err();
    assert!(matches!(error.kind, SendErrorKind::Connect(_)), "{error:#}");
    assert!(format!("{error:#}").starts_with("cannot connect: "), "{error:#}");
    let request = Request { path: "/a b", ..put(b"") };
    assert_eq!(client.said(request), "<invalid>", "before anything is sent");
}

// ===== connections that are kept =====

#[test]
fn a_kept_connection_is_used_where_that_is_safe() {
    let hundred = does((0..100).flat_map(|_| [Whole, ok()]).chain([Closed]).collect());
    assert_eq!(talk(vec![hundred], LONG, ["payload"; 100]), ["200 {}"; 100]);
    // Closed without an answer: the request is sent over a new connection.
    let scripts = vec![does(vec![Whole, ok(), Whole]), does(vec![Body("2"), ok()])];
    assert_eq!(talk(scripts, LONG, ["1", "2"]), ["200 {}", "200 {}"]);
    // Once an answer has begun, the request is not sent twice.
    let begins = does(vec![Whole, ok(), Whole, say("H")]);
    assert_eq!(talk(vec![begins], LONG, ["1", "2"]), ["200 {}", "<broken>"]);
    // Nor if the first connection was a new one: the server accepts no second one.
    assert_eq!(talk(vec![answer("")], LONG, ["1"]), ["<broken>"]);
    // The rest of an answer that was given up is not taken for the next answer.
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nol";
    let new = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew";
    let scripts = vec![does(vec![Whole, say(half), Closed]), does(vec![Body("2"), say(new)])];
    assert_eq!(talk(scripts, 5 * SHORT, ["1", "2"]), ["200 <timeout>", "200 new"]);
}

#[test]
fn a_connection_closed_while_idle_is_noticed_before_it_is_used() {
    let (close, wait) = mpsc::channel::<()>();
    let server = Server::start(vec![does_until(vec![Whole, ok(), Stay], wait)]);
    let mut client = Client::new(server.endpoint(), LONG, None);
    assert_eq!(client.said(put(b"1")), "200 {}");
    let kept = client.kept.as_mut().unwrap();
    assert!(kept.is_usable(LONG));
    drop(close);
    server.finish();
    assert!(!kept.is_usable(LONG));
}

#[test]
fn an_unasked_answer_while_idle_is_not_taken_for_the_next_one() {
    let (written, is_written) = mpsc::channel();
    let server = Server::start(vec![
        script(move |peer| {
            peer.request();
            peer.write(OK);
            peer.write("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
            written.send(()).unwrap();
        }),
        answer(OK),
    ]);
    with_client(server, LONG, |client| {
        assert_eq!(client.said(put(b"1")), "200 {}");
        is_written.recv_timeout(LONG).unwrap();
        assert_eq!(client.said(put(b"2")), "200 {}");
    });
}

#[test]
fn a_connection_idle_for_too_long_is_not_used() {
    let serves_one = || does(vec![Whole, ok(), Closed]);
    with_client(Server::start(vec![serves_one(), serves_one()]), LONG, |client| {
        client.idle_limit = Duration::ZERO;
        for _ in 0..2 {
            assert_eq!(client.said(put(b"1")), "200 {}");
        }
    });
}

// On other systems a reset may discard what has already arrived.
#[cfg(target_os = "linux")]
#[test]
fn a_refusal_that_comes_before_the_payload_was_read_is_not_lost() {
    for _ in 0..20 {
        let refuses =
            say("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
        let server = Server::start(vec![does(vec![Head, refuses])]);
        let outcome = with_client(server, LONG, |client| client.said(put(&vec![0; 8 << 20])));
        assert!(outcome.starts_with("413"), "{outcome}");
    }
}

/// A stream from which these pieces are read, and then the end. An empty piece would block, once. What is written is
/// discarded.
struct Pieces(RefCell<VecDeque<Vec<u8>>>);

impl Stream for Pieces {
    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut pieces = self.0.borrow_mut();
        let Some(mut piece) = pieces.pop_front() else { return Ok(0) };
        if piece.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let rest = piece.split_off(piece.len().min(into.len()));
        into[..piece.len()].copy_from_slice(&piece);
        if !rest.is_empty() {
            pieces.push_front(rest);
        }
        Ok(piece.len())
    }

    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn drain(&self, into: &mut [u8]) -> io::Result<usize> {
        self.read(into)
    }

    fn close_writing(&self) -> io::Result<()> {
        Ok(())
    }

    fn wait(&self, wanted: Readiness, _: Duration) -> io::Result<Readiness> {
        Ok(wanted)
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let headers = prop::collection::vec(
        prop_oneof![
            "Content-Length: [0-9]{1,3}\r\n",
            Just("Transfer-Encoding: chunked\r\n".to_owned()),
            "Connection: (close|keep-alive|upgrade)\r\n",
            "[A-Za-z-]{0,9}: ?\\PC{0,9}\r?\n",
        ],
        0..4,
    );
    let head = ("HTTP/1\\.[01] [0-9]{3} ?[a-z]{0,4}\r\n", headers)
        .prop_map(|(status, headers)| format!("{status}{}\r\n", headers.concat()).into_bytes());
    prop_oneof![
        any::<Vec<u8>>(),
        head,
        "([0-9a-fA-F]{1,3}(;[a-z]=x)?\r\n[a-z]{0,20}\r\n){0,3}(0\r\n\r\n)?"
            .prop_map(String::into_bytes),
        "[a-z]{0,200}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn no_bytes_from_the_agent_are_too_strange(pieces in prop::collection::vec(piece(), 0..6)) {
        let client = Client::new(Endpoint::parse("http://h").unwrap(), LONG, None);
        let pieces = Box::new(Pieces(RefCell::new(pieces.into())));
        let mut connection = Connection::open(pieces, Version::Http1).unwrap();
        for _ in 0..3 {
            let message = client.message(put(b"payload")).unwrap();
            match connection.exchange(message, LONG, &mut || Step::Idle) {
                Ok(response) if response.status != StatusCode::SWITCHING_PROTOCOLS => {}
                _ => break,
            }
            if !connection.is_usable(LONG) {
                break;
            }
        }
    }
}
