use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};

use hyper::http::StatusCode;
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::super::test_server::{Script, Server, answer, run, script};
use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// Long enough that only a hang reaches it.
const LONG: Duration = Duration::from_secs(8);

fn put(body: &[u8]) -> Request<'_> {
    static NONE: std::sync::OnceLock<HeaderMap> = std::sync::OnceLock::new();
    Request {
        method: Method::PUT,
        path: "/v0.4/traces",
        headers: NONE.get_or_init(HeaderMap::new),
        // In parts, as several payloads go.
        body: body.chunks(body.len().div_ceil(3).max(1)).map(Bytes::copy_from_slice).collect(),
    }
}

/// The outcome as a line: the status and the body, or the class of the error.
fn line(outcome: Result<Response, SendError>) -> String {
    let class = |error: &SendError| match error {
        SendError::Connect(_) => "connect",
        SendError::Timeout(_) => "timeout",
        SendError::Broken(_) => "broken",
        SendError::TooLarge => "too large",
        SendError::Invalid(_) => "invalid",
    };
    match outcome {
        Ok(response) => match response.body {
            Ok(body) => format!("{} {}", response.status.as_u16(), String::from_utf8_lossy(&body)),
            Err(error) => format!("{} <{}>", response.status.as_u16(), class(&error)),
        },
        Err(error) => format!("<{}>", class(&error)),
    }
}

/// Sends one request to a server that follows the script.
fn sent(script: Script, timeout: Duration) -> String {
    let server = Server::start(vec![script]);
    let mut client = Client::new(server.endpoint(), timeout);
    let outcome = line(run(client.send(put(b"payload"))));
    drop(client);
    server.finish();
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
    ] {
        assert_eq!(sent(answer(bytes), LONG), expected, "{bytes}");
    }
}

#[test]
fn an_answer_that_is_none_is_an_error() {
    for (bytes, expected) in [
        ("", "<broken>"),
        ("garbage\r\n\r\n", "<broken>"),
        ("\0\0\0\x12\x04", "<broken>"),
        ("SSH-2.0-OpenSSH_9.6\r\n", "<broken>"),
        ("HTTP/1.1 200", "<broken>"),
        ("HTTP/1.1 200 OK\r\nContent-Le", "<broken>"),
        ("HTTP/1.1 999999 OK\r\n\r\n", "<broken>"),
        ("HTTP/2 200 OK\r\n\r\n", "<broken>"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "<broken>"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "<broken>"),
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
}

#[test]
fn what_is_read_is_bounded() {
    let endless_header = script(|peer| {
        peer.request();
        peer.write("HTTP/1.1 200 OK\r\nX: ");
        peer.write(&"x".repeat(1 << 20));
    });
    assert_eq!(sent(endless_header, LONG), "<broken>");
    let many_headers = script(|peer| {
        peer.request();
        peer.write(&format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(5000)));
    });
    assert_eq!(sent(many_headers, LONG), "<broken>");
    let endless_body = script(|peer| {
        peer.request();
        peer.write("HTTP/1.1 200 OK\r\n\r\n");
        peer.write(&"x".repeat(2 << 20));
    });
    assert_eq!(sent(endless_body, LONG), "200 <too large>");
    let largest_body = script(|peer| {
        peer.request();
        peer.write("HTTP/1.1 200 OK\r\n\r\n");
        peer.write(&"x".repeat(1 << 20));
    });
    assert_eq!(sent(largest_body, LONG).len(), "200 ".len() + (1 << 20));
}

#[test]
fn the_timeout_is_for_the_whole_request() {
    let short = Duration::from_millis(100);
    let hang = script(|peer| {
        peer.request();
        peer.closed();
    });
    assert_eq!(sent(hang, short), "<timeout>");
    let hang_in_body = script(|peer| {
        peer.request();
        peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{");
        peer.closed();
    });
    assert_eq!(sent(hang_in_body, short), "200 <timeout>");
    let endless_interim_answers = script(|peer| {
        peer.request();
        for _ in 0..2000 {
            peer.write("HTTP/1.1 100 Continue\r\n\r\n");
        }
        peer.closed();
    });
    assert_eq!(sent(endless_interim_answers, short), "<timeout>");
    // Every byte comes in time, all of them do not.
    let (_release, wait) = mpsc::channel::<()>();
    let slow = script(move |peer| {
        peer.request();
        for byte in OK.chars() {
            peer.write(&byte.to_string());
            let _ = wait.recv_timeout(Duration::from_millis(20));
        }
    });
    assert_eq!(sent(slow, short), "<timeout>");
}

#[test]
fn a_payload_that_nobody_reads_is_given_up_in_time() {
    let (release, wait) = mpsc::channel();
    let server = Server::start(vec![script(move |peer| {
        peer.head();
        wait.recv_timeout(LONG).unwrap();
    })]);
    let mut client = Client::new(server.endpoint(), Duration::from_millis(100));
    assert_eq!(line(run(client.send(put(&vec![0; 32 << 20])))), "<timeout>");
    release.send(()).unwrap();
    server.finish();
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
    let mut client = Client::new(endpoint, LONG);
    let lang = hyper::header::HeaderName::from_static("datadog-meta-lang");
    let headers = HeaderMap::from_iter([(lang, HeaderValue::from_static("rust"))]);
    let traces = Request { headers: &headers, ..put(b"abc") };
    let info = Request { method: Method::GET, path: "/info", ..put(b"") };
    run(async {
        assert_eq!(line(client.send(traces).await), "200 {}");
        assert_eq!(line(client.send(info).await), "200 {}");
    });
    server.finish();
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves_as_well() {
    let path =
        std::env::temp_dir().join(format!("tracehound-client-{}.socket", std::process::id()));
    let server = Server::start_unix(
        &path,
        vec![script(|peer| {
            for _ in 0..2 {
                let (head, body) = peer.request();
                assert!(head.contains("host: localhost\r\n"), "{head}");
                assert_eq!(body, b"abc");
                peer.write(OK);
            }
        })],
    );
    let mut client = Client::new(server.endpoint(), LONG);
    run(async {
        assert_eq!(line(client.send(put(b"abc")).await), "200 {}");
        assert_eq!(line(client.send(put(b"abc")).await), "200 {}");
    });
    server.finish();
    std::fs::remove_file(path).unwrap();
}

#[test]
fn nobody_listening_is_told_apart_from_a_broken_exchange() {
    let server = Server::start(vec![]);
    let endpoint = server.endpoint();
    server.finish();
    let mut client = Client::new(endpoint, LONG);
    let error = run(client.send(put(b""))).unwrap_err();
    assert!(matches!(error, SendError::Connect(_)), "{error:#}");
    assert!(format!("{error:#}").starts_with("cannot connect to the agent: "), "{error:#}");
}

#[test]
fn a_path_that_is_none_is_refused_before_anything_is_sent() {
    let mut client = Client::new(Endpoint::parse("http://127.0.0.1:1").unwrap(), LONG);
    let request = Request { path: "/a b", ..put(b"") };
    assert_eq!(line(run(client.send(request))), "<invalid>");
}

#[test]
fn requests_share_a_connection() {
    let server = Server::start(vec![script(|peer| {
        for _ in 0..100 {
            peer.request();
            peer.write(OK);
        }
        peer.closed();
    })]);
    let mut client = Client::new(server.endpoint(), LONG);
    run(async {
        for _ in 0..100 {
            assert_eq!(line(client.send(put(b"payload")).await), "200 {}");
        }
    });
    drop(client);
    server.finish();
}

#[test]
fn a_connection_closed_while_idle_is_noticed_before_it_is_used() {
    let (close, wait) = mpsc::channel();
    let server = Server::start(vec![script(move |peer| {
        peer.request();
        peer.write(OK);
        wait.recv_timeout(LONG).unwrap();
    })]);
    let mut client = Client::new(server.endpoint(), LONG);
    run(async {
        assert_eq!(line(client.send(put(b"1")).await), "200 {}");
        let kept = client.kept.as_mut().unwrap();
        assert!(kept.is_usable(LONG).await);
        close.send(()).unwrap();
        server.finish();
        assert!(!kept.is_usable(LONG).await);
    });
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
    let mut client = Client::new(server.endpoint(), LONG);
    run(async {
        assert_eq!(line(client.send(put(b"1")).await), "200 {}");
        is_written.recv_timeout(LONG).unwrap();
        assert_eq!(line(client.send(put(b"2")).await), "200 {}");
    });
    server.finish();
}

#[test]
fn a_kept_connection_that_closes_without_an_answer_is_dialled_again() {
    let server = Server::start(vec![
        script(|peer| {
            peer.request();
            peer.write(OK);
            peer.request();
        }),
        script(|peer| {
            assert_eq!(peer.request().1, b"2");
            peer.write(OK);
        }),
    ]);
    let mut client = Client::new(server.endpoint(), LONG);
    run(async {
        assert_eq!(line(client.send(put(b"1")).await), "200 {}");
        assert_eq!(line(client.send(put(b"2")).await), "200 {}");
    });
    server.finish();
}

#[test]
fn a_request_whose_answer_has_begun_is_not_sent_twice() {
    let server = Server::start(vec![script(|peer| {
        peer.request();
        peer.write(OK);
        peer.request();
        peer.write("H");
    })]);
    let mut client = Client::new(server.endpoint(), LONG);
    run(async {
        assert_eq!(line(client.send(put(b"1")).await), "200 {}");
        assert_eq!(line(client.send(put(b"2")).await), "<broken>");
    });
    server.finish();
}

#[test]
fn a_new_connection_is_not_dialled_again() {
    let server = Server::start(vec![answer("")]);
    let mut client = Client::new(server.endpoint(), LONG);
    // Were it dialled again, nobody would listen.
    assert_eq!(line(run(client.send(put(b"1")))), "<broken>");
    server.finish();
}

#[test]
fn a_connection_idle_for_too_long_is_not_used() {
    let closes_after_one = || {
        script(|peer| {
            peer.request();
            peer.write(OK);
            peer.closed();
        })
    };
    let server = Server::start(vec![closes_after_one(), closes_after_one()]);
    let mut client = Client::new(server.endpoint(), LONG);
    client.idle_limit = Duration::ZERO;
    run(async {
        assert_eq!(line(client.send(put(b"1")).await), "200 {}");
        assert_eq!(line(client.send(put(b"2")).await), "200 {}");
    });
    drop(client);
    server.finish();
}

#[test]
fn a_request_given_up_half_way_does_no_harm_to_the_next() {
    let server = Server::start(vec![
        script(|peer| {
            peer.request();
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nol");
            peer.closed();
        }),
        script(|peer| {
            assert_eq!(peer.request().1, b"2");
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
        }),
    ]);
    let mut client = Client::new(server.endpoint(), LONG);
    run(async {
        let given_up =
            tokio::time::timeout(Duration::from_millis(50), client.send(put(b"1"))).await;
        assert!(given_up.is_err());
        assert_eq!(line(client.send(put(b"2")).await), "200 new");
    });
    server.finish();
}

// Elsewhere a reset may throw away what had already arrived.
#[cfg(target_os = "linux")]
#[test]
fn a_refusal_that_comes_before_the_payload_was_read_is_not_lost() {
    for _ in 0..20 {
        let server = Server::start(vec![script(|peer| {
            peer.head();
            peer.write("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx");
        })]);
        let mut client = Client::new(server.endpoint(), LONG);
        let outcome = line(run(client.send(put(&vec![0; 8 << 20]))));
        assert!(outcome.starts_with("413"), "{outcome}");
        server.finish();
    }
}

#[test]
fn the_client_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let mut client = Client::new(Endpoint::parse("http://127.0.0.1:1").unwrap(), LONG);
    is_send(&client.send(put(b"")));
    is_send(&client);
}

/// A stream whose other end says its pieces and closes, whatever it is told.
struct Pieces(VecDeque<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.0.pop_front() {
            let rest = piece.split_off(piece.len().min(into.remaining()));
            into.put_slice(&piece);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
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
        run(async {
            let client = Client::new(Endpoint::parse("http://h").unwrap(), LONG);
            let mut connection = Connection::open(Box::new(Pieces(pieces.into()))).await.unwrap();
            for _ in 0..3 {
                let message = client.message(put(b"payload")).unwrap();
                match connection.exchange(message, Deadline::after(LONG)).await {
                    Ok(response) if response.status != StatusCode::SWITCHING_PROTOCOLS => {}
                    _ => break,
                }
                if !connection.is_usable(LONG).await {
                    break;
                }
            }
        });
    }
}
