//! TLS to the agent: what arrives over it, and what is said when it fails, each time by a real server.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::disallowed_methods)]

mod common;

use std::process::Command;
use std::time::Duration;

use tracehound::config::{Config, OtlpProtocol};
use tracehound::{LossReason, TraceWriter, Tracer};
use tracehound_test_support::fault_agent::{Greeting, Pace, Received, scripts};
use tracehound_test_support::tls::{Authority, Certificate, Valid};
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

const HOSTS: &[&str] = &["localhost", "127.0.0.1"];

/// An agent behind TLS, and a tracer that trusts its authority.
struct Pair {
    authority: Authority,
    agent: FaultAgent,
    tracer: Tracer,
    said: Said,
}

impl Pair {
    fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let agent = FaultAgent::start_tls(&authority.sign(HOSTS, Valid::Now), script);
        let url = agent.url();
        Self::of(authority, agent, &url)
    }

    fn of(authority: Authority, agent: FaultAgent, url: &str) -> Self {
        let said = Said::default();
        let tracer = common::builder(url, &said)
            .agent_ca_file(authority.file())
            .agent_timeout(Duration::from_secs(2))
            .build();
        Pair { authority, agent, tracer, said }
    }

    fn names(&self) -> Vec<String> {
        self.agent.spans().into_iter().map(|span| span.name).collect()
    }
}

#[test]
fn spans_arrive_over_one_connection() {
    within(LIMIT, || {
        for host in HOSTS {
            let authority = Authority::new();
            let agent = FaultAgent::start_tls(&authority.sign(HOSTS, Valid::Now), scripts::healthy);
            let url = agent.url().replace("localhost", host) + "/prefix/";
            let pair = Pair::of(authority, agent, &url);
            pair.agent.answer(|request| {
                assert!(request.path.starts_with("/prefix/"), "{}", request.path);
                Reply::rates(&[])
            });
            let mut connections = Vec::new();
            for _ in 0..3 {
                pair.tracer.span("span").start().finish();
                pair.tracer.flush(LIMIT).unwrap();
                connections.push(pair.agent.accepted_connections());
            }
            assert_eq!(pair.agent.requests_to("/prefix/v0.4/traces").len(), 3);
            // The first flush may have cancelled a request for `/info`, and with it a connection.
            assert_eq!(connections, [connections[0]; 3]);
            pair.tracer.shutdown(LIMIT).unwrap();
            assert_eq!(pair.said.warnings(), [""; 0]);
        }
    });
}

#[test]
fn requests_that_no_buffer_holds_arrive() {
    within(LIMIT, || {
        let pair = Pair::start(scripts::healthy);
        let text = "v".repeat(20_000);
        for _ in 0..100 {
            pair.tracer.span("large").tag("text", text.as_str()).start().finish();
        }
        pair.tracer.flush(LIMIT).unwrap();
        let spans = pair.agent.spans();
        assert_eq!((spans.len(), pair.tracer.losses().total()), (100, 0));
        assert!(spans.iter().all(|span| span.meta["text"] == text));
        pair.tracer.shutdown(LIMIT).unwrap();
        // A request for `/info` that was cancelled ends in the midst of a handshake, or of itself.
        let cut_off = "unexpected end of file";
        assert!(pair.agent.malformed().iter().all(|malformed| malformed == cut_off));
        assert_eq!(pair.said.warnings(), [""; 0]);
    });
}

#[test]
fn so_does_what_goes_to_a_collector() {
    within(LIMIT, || {
        let authority = Authority::new();
        let collector = FaultAgent::start_tls(&authority.sign(HOSTS, Valid::Now), |_| Reply::ok());
        let url = format!("{}/v1/traces", collector.url());
        let said = Said::default();
        let tracer = common::builder("http://127.0.0.1:1", &said)
            .agent_ca_file(authority.file())
            .writer(TraceWriter::otlp().protocol(OtlpProtocol::HttpProtobuf).endpoint(url))
            .build();
        tracer.span("span").start().finish();
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!((collector.requests_to("/v1/traces").len(), said.warnings()), (1, vec![]));
    });
}

/// What is said while the agent shows this certificate, or does not do what TLS wants; nothing is lost by that.
fn fails(wrong: impl Fn(&Authority) -> Certificate, greeting: Greeting, expected: &str) {
    let authority = Authority::new();
    let agent = FaultAgent::start_tls(&wrong(&authority), scripts::healthy);
    agent.greet(greeting);
    let url = agent.url();
    let pair = Pair::of(authority, agent, &url);
    pair.tracer.span("span").start().finish();
    assert!(pair.tracer.flush(LIMIT).unwrap_err().is_undelivered());
    let warnings = pair.said.warnings();
    let all = format!("could not connect to agent at {url}: {expected}");
    assert!(warnings.len() == 1 && warnings[0].contains(&all), "{all}\n{warnings:?}");
    assert_eq!(pair.names(), [""; 0]);

    pair.agent.greet(Greeting::Serve);
    pair.agent.show(&pair.authority.sign(HOSTS, Valid::Now));
    pair.tracer.flush(LIMIT).unwrap();
    assert_eq!(pair.names(), ["span"]);
    assert_eq!(pair.tracer.losses().total(), 0);
}

fn good(authority: &Authority) -> Certificate {
    authority.sign(HOSTS, Valid::Now)
}

macro_rules! failures {
    ($($name:ident: $certificate:expr, $greeting:ident, $said:literal;)*) => {
        $(#[test] fn $name() {
            within(LIMIT, || fails($certificate, Greeting::$greeting, $said));
        })*
    };
}

failures! {
    an_expired_certificate:
        |authority| authority.sign(HOSTS, Valid::Before), Serve,
        "the certificate of the agent has expired, by the clock of this machine; ";
    a_certificate_of_the_future:
        |authority| authority.sign(HOSTS, Valid::Later), Serve,
        "the certificate of the agent is not valid yet, by the clock of this machine; ";
    a_certificate_of_nobody_who_is_trusted:
        |_| Authority::named("another").sign(HOSTS, Valid::Now), Serve,
        "the certificate of the agent is signed by nobody who is trusted: only who is in /";
    a_certificate_of_somebody_who_has_the_name_of_a_trusted_one:
        |_| Authority::new().sign(HOSTS, Valid::Now), Serve,
        "the certificate of the agent is signed by nobody who is trusted: only who is in /";
    a_certificate_for_another_host:
        |authority| authority.sign(&["agent.example"], Valid::Now), Serve,
        "the certificate of the agent is not for localhost, but for DnsName(\"agent.example\"); ";
    a_server_that_hangs_up:
        good, Close,
        "closed during the TLS handshake; where the agent takes plain HTTP, its URL begins with http://; ";
    a_server_that_says_nothing:
        good, Hang,
        "no TLS handshake within 2s; where the agent takes plain HTTP, its URL begins with http://; ";
}

#[test]
fn an_agent_without_tls_is_told_from_one_that_is_away() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        // As servers do that are sent what is no HTTP.
        agent.greet(Greeting::AnswerUnread);
        let url = agent.url().replace("http://127.0.0.1", "https://localhost");
        let pair = Pair::of(Authority::new(), agent, &url);
        pair.tracer.span("span").start().finish();
        assert!(pair.tracer.flush(LIMIT).unwrap_err().is_undelivered());
        let expected = format!(
            "could not connect to agent at {url}: what answers there is not TLS; where the agent takes plain HTTP, its \
             URL begins with http://; "
        );
        assert!(pair.said.warnings()[0].contains(&expected), "{:?}", pair.said.warnings());
        assert_eq!(pair.tracer.losses().total(), 0);
    });
}

#[test]
fn plain_http_to_an_agent_with_tls_is_told() {
    within(LIMIT, || {
        let authority = Authority::new();
        let agent = FaultAgent::start_tls(&good(&authority), scripts::healthy);
        let url = agent.url().replace("https://localhost", "http://127.0.0.1");
        let pair = Pair::of(authority, agent, &url);
        pair.tracer.span("span").start().finish();
        assert!(pair.tracer.flush(LIMIT).unwrap_err().is_undelivered());
        let expected = format!(
            "{url}/v0.4/traces: the other end speaks TLS: its URL has to begin with https://"
        );
        assert!(pair.said.warnings()[0].contains(&expected), "{:?}", pair.said.warnings());
        assert_eq!(pair.names(), [""; 0]);
    });
}

#[test]
fn an_agent_that_answers_in_plain_http_that_it_wants_tls_is_told_and_nothing_is_lost() {
    within(LIMIT, || {
        for body in [
            "Client sent an HTTP request to an HTTPS server.\n",
            "<h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port",
        ] {
            let agent = FaultAgent::start(move |_| Reply::status(400).body(body).and_close());
            let url = agent.url();
            let pair = Pair::of(Authority::new(), agent, &url);
            pair.tracer.span("span").start().finish();
            assert!(pair.tracer.flush(LIMIT).unwrap_err().is_undelivered());
            let expected = "the other end speaks TLS: its URL has to begin with https://";
            assert!(pair.said.warnings()[0].contains(expected), "{:?}", pair.said.warnings());
            assert_eq!(pair.tracer.losses().total(), 0);
        }
    });
}

#[test]
fn an_agent_that_wants_a_certificate_of_its_clients_is_told() {
    within(LIMIT, || {
        let authority = Authority::new();
        let certificate = authority.sign(HOSTS, Valid::Now).demanding(&authority);
        let agent = FaultAgent::start_tls(&certificate, scripts::healthy);
        let url = agent.url();
        let pair = Pair::of(authority, agent, &url);
        pair.tracer.span("span").start().finish();
        assert!(pair.tracer.flush(LIMIT).unwrap_err().is_undelivered());
        let expected =
            "the agent asks its clients for a certificate, and this library has none to show";
        // With TLS 1.3 that is said after the handshake, and the server may have reset the connection by then.
        let told = pair.said.warnings().concat();
        let is_cut_off = told.contains("the exchange broke off");
        assert!(told.contains(expected) || is_cut_off, "{told}");
        assert_eq!(pair.names(), [""; 0]);
    });
}

#[test]
fn a_ca_file_that_is_not_there_yet_is_told_and_read_when_it_is() {
    within(LIMIT, || {
        let (authority, said) = (Authority::new(), Said::default());
        let agent = FaultAgent::start_tls(&good(&authority), scripts::healthy);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let tracer = common::builder(&agent.url(), &said).agent_ca_file(&path).build();
        tracer.span("span").start().finish();
        assert!(tracer.flush(LIMIT).unwrap_err().is_undelivered());
        let told = said.warnings();
        let expected = format!("the CA file {} cannot be read: No such file", path.display());
        assert!(told.len() == 1 && told[0].contains(&expected), "{told:?}");
        std::fs::copy(authority.file(), &path).unwrap();
        tracer.flush(LIMIT).unwrap();
        assert_eq!((agent.spans().len(), tracer.losses().total()), (1, 0));
    });
}

// ===== what has arrived =====

#[test]
fn what_was_cut_off_in_its_middle_is_sent_again_and_is_there_once() {
    within(LIMIT, || {
        let pair = Pair::start(scripts::healthy);
        pair.agent.greet(Greeting::ResetAfter(2_000));
        pair.agent.drop_connections();
        for _ in 0..100 {
            pair.tracer.span("span").tag("text", "v".repeat(10_000)).start().finish();
        }
        assert!(pair.tracer.flush(LIMIT).is_err());
        pair.agent.greet(Greeting::Serve);
        pair.tracer.flush(LIMIT).unwrap();
        assert_eq!((pair.names().len(), pair.tracer.losses().total()), (100, 0));
    });
}

#[test]
fn what_an_agent_that_stalls_has_not_read_whole_is_sent_again_once() {
    within(LIMIT, || {
        let pair = Pair::start(scripts::healthy);
        pair.tracer.span("first").start().finish();
        pair.tracer.flush(LIMIT).unwrap();
        pair.agent.read_at(Pace::Stalled);
        // More than the buffers between the two hold.
        let text = "v".repeat(24_000);
        for _ in 0..250 {
            pair.tracer.span("large").tag("text", text.as_str()).start().finish();
        }
        assert!(pair.tracer.flush(LIMIT).unwrap_err().is_undelivered());
        pair.agent.read_at(Pace::Full);
        pair.agent.drop_connections();
        while pair.tracer.flush(LIMIT).is_err() {}
        // Where the machine is slow, the queue may have been full; and a small request may have been taken whole.
        let lost = pair.tracer.losses().total();
        assert_eq!(pair.names().len() as u64 + lost, 251, "{:?}", pair.said.warnings());
    });
}

#[test]
fn an_answer_before_the_request_was_read_is_no_delivery() {
    within(LIMIT, || {
        let pair = Pair::start(scripts::healthy);
        pair.tracer.flush(LIMIT).unwrap();
        pair.agent.greet(Greeting::AnswerUnread);
        pair.agent.drop_connections();
        let text = "v".repeat(20_000);
        for _ in 0..40 {
            pair.tracer.span("large").tag("text", text.as_str()).start().finish();
        }
        assert!(pair.tracer.flush(LIMIT).unwrap_err().is_undelivered());
        pair.agent.greet(Greeting::Serve);
        pair.tracer.flush(LIMIT).unwrap();
        // A request that the system had taken whole may have arrived.
        let unconfirmed = pair.tracer.losses().spans(LossReason::Unconfirmed);
        assert_eq!(pair.names().len() as u64 + unconfirmed, 40, "{}", pair.tracer.losses());
    });
}

// ===== the roots of the platform =====

const URL: &str = "TLS_TEST_AGENT_URL";

#[test]
fn the_roots_of_the_platform_are_those_of_ssl_cert_file_where_it_is_set() {
    within(LIMIT, || {
        let (authority, other) = (Authority::new(), Authority::new());
        let agent = FaultAgent::start_tls(&good(&authority), scripts::healthy);
        for (file, taken) in [(authority.file(), 1), (other.file(), 1)] {
            let program = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "a_program_of_its_own", "--ignored"])
                .env("SSL_CERT_FILE", file)
                .env_remove("SSL_CERT_DIR")
                .env(URL, agent.url())
                .output()
                .unwrap();
            assert_eq!(program.status.success(), file == authority.file(), "{program:?}");
            assert_eq!(agent.spans().len(), taken);
        }
    });
}

#[test]
#[ignore = "started by the test above, with variables that count for a whole process"]
fn a_program_of_its_own() {
    // Without the URL it was started by hand.
    let Some(url) = std::env::var_os(URL) else { return };
    let tracer = common::builder(url.to_str().unwrap(), &Said::default()).build();
    tracer.span("span").start().finish();
    tracer.flush(LIMIT).unwrap();
}

#[test]
fn the_file_is_a_setting_of_code_alone() {
    let config = Config::builder().agent_ca_file("/ca.pem").build();
    assert_eq!(config.agent_ca_file(), Some("/ca.pem".as_ref()));
    assert_eq!(Config::builder().build().agent_ca_file(), None);
}
