//! Whatever the agent does, the program goes on, and what is lost is counted and said.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tracehound::{LogLevel, LossReason, Tracer};
use tracehound_test_support::fault_agent::{Greeting, Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

const TRACES: &str = "/v0.4/traces";

/// Requests that a flush makes for one payload before it gives up for now.
const ATTEMPTS_OF_A_FLUSH: usize = 3;

struct Pair {
    agent: FaultAgent,
    tracer: Tracer,
    said: Said,
}

impl Pair {
    fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::patient(Duration::from_secs(10), script)
    }

    /// With a tracer that waits so long for each answer.
    fn patient(
        timeout: Duration,
        script: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let said = Said::default();
        let agent = FaultAgent::start(script);
        let tracer = common::builder(&agent.url(), &said).agent_timeout(timeout).build();
        Pair { agent, tracer, said }
    }

    fn make(&self, name: &'static str) {
        self.tracer.span(name).start().finish();
    }

    /// Whether all that has finished was taken.
    fn flush(&self) -> bool {
        match self.tracer.flush(LIMIT) {
            Ok(()) => true,
            Err(error) => {
                assert!(error.is_undelivered(), "{error}");
                false
            }
        }
    }

    fn lost(&self, reason: LossReason) -> u64 {
        self.tracer.losses().spans(reason)
    }

    /// The names of the spans in each payload, first to last.
    fn payloads(&self) -> Vec<Vec<String>> {
        let requests = self.agent.requests_to(TRACES);
        requests.iter().map(|request| names(request)).collect()
    }

    fn warnings(&self) -> usize {
        self.said.warnings().len()
    }
}

fn names(request: &Received) -> Vec<String> {
    request.chunks().concat().into_iter().map(|span| span.name).collect()
}

// ===== answers =====

/// What becomes of a payload that was answered so.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// The agent has it: it is not sent again.
    Taken,
    /// The agent does not have it: it is sent again.
    Retried,
    /// The agent does not want it: it is lost.
    Refused,
    /// The agent has it and never says so: it is not sent again.
    Unconfirmed,
    /// The agent had it and ended the connection: it is sent once more.
    SentTwice,
}

impl Outcome {
    fn of(self, reply: fn() -> Reply) {
        within(LIMIT, move || self.check(&reply));
    }

    fn check(self, reply: &dyn Fn() -> Reply) {
        let times = match self {
            Outcome::Retried => ATTEMPTS_OF_A_FLUSH,
            Outcome::SentTwice => 2,
            _ => 1,
        };
        let script = scripts::first(times, reply());
        let pair = Pair::patient(Duration::from_secs(1), move |request| match script(request) {
            // On a kept connection the client tries once more by itself.
            info if request.path == "/info" => info.header("Connection", "close").and_close(),
            reply => reply,
        });
        pair.make("first");
        assert_eq!(pair.flush(), self == Outcome::Taken);
        pair.make("second");
        assert!(pair.flush());

        let (first, second) = (vec!["first".to_owned()], vec!["second".to_owned()]);
        let payloads = pair.payloads();
        let (lost, warnings) = match self {
            Outcome::Taken => {
                assert_eq!(payloads, [first, second]);
                (0, 0)
            }
            Outcome::Refused => {
                assert_eq!(payloads, [first, second]);
                (1, 1)
            }
            Outcome::Retried => {
                let mut expected = vec![first; times + 1];
                expected.push(second);
                assert_eq!(payloads, expected);
                let bodies: BTreeSet<Vec<u8>> = pair.agent.requests_to(TRACES)[..=times]
                    .iter()
                    .map(|request| request.body.clone())
                    .collect();
                assert_eq!(bodies.len(), 1, "sent again as it was");
                let infos = pair.said.lines(LogLevel::Info);
                assert!(infos.len() == 1 && infos[0].contains("is back"), "{infos:?}");
                (0, 1)
            }
            Outcome::Unconfirmed | Outcome::SentTwice => {
                let mut expected = vec![first; times];
                expected.push(second);
                assert_eq!(payloads, expected);
                (1, 2)
            }
        };
        let reason = match self {
            Outcome::Unconfirmed | Outcome::SentTwice => LossReason::Unconfirmed,
            _ => LossReason::AgentRejected,
        };
        assert_eq!(pair.lost(reason), lost);
        assert_eq!(pair.tracer.losses().total(), lost);
        assert_eq!(pair.warnings(), warnings, "{:?}", pair.said.warnings());
        assert_eq!(pair.agent.malformed(), [""; 0]);
        pair.tracer.shutdown(LIMIT).unwrap();
    }
}

macro_rules! answers {
    ($($name:ident: $outcome:ident of $reply:expr;)*) => {
        $(#[test] fn $name() { Outcome::$outcome.of(|| $reply) })*
    };
}

answers! {
    accepted_202_is_as_good_as_200: Taken of Reply::status(202);
    an_answer_without_a_body: Taken of Reply::status(200);
    an_answer_of_invalid_json: Taken of Reply::invalid_json();
    an_answer_of_another_shape: Taken of Reply::ok().body(r#"{"rate_by_service":[1,{"x":null}]}"#);
    an_answer_of_bytes_that_are_no_text: Taken of Reply::ok().body([0xff; 100]);
    an_answer_that_is_huge: Taken of Reply::huge_body(5 << 20);
    an_answer_that_does_not_end: Taken of Reply::endless_body();
    an_answer_cut_in_its_body: Taken of Reply::ok().header("Content-Length", "500").and_close();
    a_slow_answer: Taken of Reply::ok().after(Duration::from_millis(300));
    an_answer_that_comes_byte_by_byte: Taken of Reply::ok().drip(Duration::from_millis(50));
    a_connection_closed_after_the_answer: Taken of Reply::ok().and_close();

    bad_request_400: Refused of Reply::status(400);
    unauthorized_401: Refused of Reply::status(401);
    not_found_404: Refused of Reply::status(404);
    unsupported_415: Refused of Reply::status(415);
    a_redirect: Refused of Reply::status(307).header("Location", "http://192.0.2.1/");
    too_large_413_of_a_single_chunk: Refused of Reply::status(413);

    timeout_408: Retried of Reply::status(408);
    too_many_requests_429: Retried of Reply::status(429).header("Retry-After", "3600");
    internal_error_500: Retried of Reply::status(500).body("<html>oops</html>");
    unavailable_503: Retried of Reply::status(503);
    no_answer: Unconfirmed of Reply::hang();
    no_answer_and_a_closed_connection: SentTwice of Reply::close();
    no_answer_and_a_reset_connection: SentTwice of Reply::reset();
    an_answer_cut_in_its_head: SentTwice of Reply::ok().cut_at(10);
    an_answer_with_a_huge_head: SentTwice of Reply::huge_header(1 << 20);
    an_answer_that_is_no_http: SentTwice of Reply::raw("220 mail.example.org ESMTP\r\n");
    an_answer_of_another_protocol: SentTwice of Reply::raw([0x15, 3, 1, 0, 2, 2, 70]);
    an_answer_with_two_lengths: SentTwice of Reply::raw(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"
    );
}

#[test]
fn what_a_busy_agent_does_not_take_is_kept_however_often_it_says_so() {
    within(LIMIT, || {
        let pair = Pair::start(scripts::first(usize::MAX, Reply::status(503)));
        pair.make("first");
        for _ in 0..4 {
            assert!(!pair.flush());
        }
        assert_eq!(pair.payloads(), vec![["first"]; 4 * ATTEMPTS_OF_A_FLUSH]);
        assert_eq!((pair.tracer.losses().total(), pair.warnings()), (0, 1));
        pair.agent.answer(scripts::healthy);
        pair.make("second");
        assert!(pair.flush());
        let taken = pair.payloads().split_off(4 * ATTEMPTS_OF_A_FLUSH);
        assert_eq!(taken.concat(), ["first", "second"]);
        assert_eq!((pair.tracer.losses().total(), pair.warnings()), (0, 1));
    });
}

// ===== too large =====

#[test]
fn a_payload_that_is_too_large_is_split_until_it_fits() {
    const MOST: usize = 5_000;
    within(LIMIT, || {
        let pair = Pair::start(scripts::at_most(MOST));
        for number in 0..16 {
            let span = pair.tracer.span("small").start();
            span.set_tag("fill", "x".repeat(1_000));
            span.set_metric("number", f64::from(number));
        }
        let trace = pair.tracer.trace("large");
        trace.set_tag("fill", "x".repeat(MOST));
        pair.tracer.in_span("large.child", |_| ());
        drop(trace);
        assert!(!pair.flush(), "one trace is too large alone");

        let requests = pair.agent.requests_to(TRACES);
        let taken = requests.iter().filter(|request| request.body.len() <= MOST);
        let mut numbers: Vec<f64> = taken
            .flat_map(|request| request.chunks().concat())
            .map(|span| span.metric("number").unwrap())
            .collect();
        numbers.sort_by(f64::total_cmp);
        assert_eq!(numbers, (0..16).map(f64::from).collect::<Vec<_>>(), "each once");
        for request in &requests {
            let counted = request.header("X-Datadog-Trace-Count").unwrap();
            assert_eq!(counted, request.chunks().len().to_string());
        }
        assert_eq!(pair.lost(LossReason::AgentRejected), 2);
        assert_eq!((pair.tracer.losses().total(), pair.warnings()), (2, 1));
    });
}

#[test]
fn a_trace_beyond_the_largest_payload_is_counted_and_the_others_are_sent() {
    within(LIMIT, || {
        let said = Said::default();
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &said).max_payload_bytes(10_000).build();
        for number in 0..30 {
            let span = tracer.span("span").start();
            span.set_tag("fill", "x".repeat(if number == 7 { 10_001 } else { 1_000 }));
        }
        assert!(tracer.flush(LIMIT).unwrap_err().is_undelivered());
        assert_eq!(agent.spans().len(), 29);
        assert!(agent.requests_to(TRACES).iter().all(|request| request.body.len() <= 10_000));
        assert_eq!(tracer.losses().spans(LossReason::TooLarge), 1);
        assert_eq!(said.warnings().len(), 1);
    });
}

// ===== connections =====

#[test]
fn an_agent_that_is_not_there_costs_the_program_nothing() {
    within(LIMIT, || {
        let pair = Pair::start(scripts::healthy);
        pair.agent.refuse();
        for _ in 0..3 {
            pair.make("span");
            assert!(!pair.flush());
        }
        assert_eq!(pair.tracer.losses().total(), 0, "kept, as long as there is room and time");
        assert_eq!(pair.warnings(), 1);

        let start = Instant::now();
        assert!(pair.tracer.shutdown(LIMIT).unwrap_err().is_undelivered());
        assert!(start.elapsed() < LIMIT / 4, "did not wait for the agent: {:?}", start.elapsed());
        assert_eq!(pair.lost(LossReason::AgentUnreachable), 3);
        assert_eq!(pair.warnings(), 2);
    });
}

#[test]
fn what_finished_while_the_agent_was_away_is_sent_when_it_is_back() {
    within(LIMIT, || {
        let pair = Pair::start(scripts::healthy);
        for _ in 0..2 {
            pair.agent.refuse();
            for _ in 0..5 {
                pair.make("span");
                assert!(!pair.flush());
            }
            pair.agent.accept();
            pair.make("span");
            assert!(pair.flush());
        }
        assert_eq!(pair.payloads().concat().len(), 12, "each once");
        assert_eq!(pair.tracer.losses().total(), 0);
        // Once a minute at the most, so that one that flaps does not fill the log.
        assert_eq!(
            (pair.warnings(), pair.said.lines(LogLevel::Info).len()),
            (1, 1),
            "away, and back"
        );
    });
}

#[test]
fn nobody_has_to_flush_for_the_agent_to_be_tried_again() {
    within(LIMIT, || {
        let said = Said::default();
        let agent = FaultAgent::start(scripts::healthy);
        agent.refuse();
        let interval = Duration::from_millis(20);
        let tracer = common::builder(&agent.url(), &said).flush_interval(interval).build();
        tracer.span("span").start().finish();
        assert!(tracer.flush(LIMIT).is_err());
        agent.accept();
        agent.wait_for_requests_to(TRACES, 1, LIMIT);
        tracer.flush(LIMIT).unwrap();
        assert_eq!(agent.spans().len(), 1);
    });
}

/// What becomes of a span whose connection is greeted so: nobody has read it, but that is not to be known.
fn greeted(greeting: Greeting, unconfirmed: u64) {
    within(LIMIT, move || {
        let pair = Pair::patient(Duration::from_millis(500), scripts::healthy);
        pair.agent.greet(greeting);
        // One may have been there before.
        pair.agent.drop_connections();
        pair.make("span");
        assert!(!pair.flush());
        pair.agent.greet(Greeting::Serve);
        pair.agent.drop_connections();
        pair.make("later");
        assert!(pair.flush());
        let mut names = pair.payloads().concat();
        assert_eq!(names.pop().as_deref(), Some("later"));
        assert_eq!(names.len() as u64 + unconfirmed, 1, "none of them was read before");
        assert_eq!(pair.lost(LossReason::Unconfirmed), unconfirmed);
        assert_eq!(pair.tracer.losses().total(), unconfirmed);
    });
}

#[test]
fn a_connection_that_is_closed_at_once_is_tried_again() {
    greeted(Greeting::Close, 0);
}

#[test]
fn a_connection_that_is_reset_is_tried_again() {
    greeted(Greeting::Reset, 0);
}

#[test]
fn what_nobody_reads_on_an_open_connection_may_have_been_read() {
    greeted(Greeting::Hang, 1);
}

#[test]
fn a_kept_connection_that_closes_without_an_answer_is_replaced_at_once() {
    within(LIMIT, || {
        let pair = Pair::start(scripts::first(1, Reply::close()));
        pair.make("span");
        assert!(pair.flush());
        assert_eq!(pair.payloads(), [["span"], ["span"]]);
        assert_eq!((pair.tracer.losses().total(), pair.warnings()), (0, 0));
    });
}

#[test]
fn a_kept_connection_that_has_gone_stale_goes_unnoticed() {
    within(LIMIT, || {
        let pair = Pair::start(scripts::stale_connections);
        for _ in 0..10 {
            pair.make("span");
            assert!(pair.flush());
        }
        pair.agent.answer(scripts::healthy);
        pair.make("span");
        assert!(pair.flush());
        pair.agent.drop_connections();
        pair.make("span");
        assert!(pair.flush());
        assert_eq!(pair.payloads().len(), 12, "each once");
        assert_eq!((pair.tracer.losses().total(), pair.warnings()), (0, 0));
    });
}

// ===== what the agent says about itself =====

fn with_info(reply: fn() -> Reply) {
    within(LIMIT, move || {
        let script = move |request: &Received| match request.path.as_str() {
            "/info" => reply(),
            _ => scripts::healthy(request),
        };
        let timeout = Duration::from_millis(500);
        let pair = Pair::patient(timeout, script);
        let start = Instant::now();
        for _ in 0..20 {
            pair.make("span");
            assert!(pair.flush());
        }
        assert!(start.elapsed() < 5 * timeout, "not every payload waits for what does not come");
        assert_eq!(pair.payloads().len(), 20);
        assert_eq!((pair.tracer.losses().total(), pair.warnings()), (0, 0));
    });
}

macro_rules! infos {
    ($($name:ident: $reply:expr;)*) => {
        mod an_agent_that_will_not_say_what_it_can_do_gets_traces {
            use super::*;
            $(#[test] fn $name() { with_info(|| $reply) })*
        }
    };
}

infos! {
    not_found: Reply::status(404);
    error: Reply::status(500);
    no_json: Reply::ok().body("<html>");
    another_shape: Reply::ok().body(r#"{"endpoints": 7, "span_events": "yes", "config": []}"#);
    huge: Reply::huge_body(5 << 20);
    closed: Reply::close();
    garbage: Reply::raw("\0\0\0\0");
    silent: Reply::hang();
}

// ===== time =====

#[test]
fn a_flush_and_a_shutdown_last_no_longer_than_they_are_given() {
    within(LIMIT, || {
        let pair = Pair::patient(Duration::from_secs(3600), |_| Reply::hang());
        let short = Duration::from_millis(50);
        pair.make("first");
        let start = Instant::now();
        assert!(pair.tracer.flush(Duration::ZERO).unwrap_err().is_timeout());
        assert!(pair.tracer.flush(short).unwrap_err().is_timeout());
        pair.make("second");
        assert_eq!(pair.tracer.losses().total(), 0);
        assert!(pair.tracer.shutdown(short).unwrap_err().is_timeout());
        assert_eq!(
            pair.lost(LossReason::ShutdownTimeout),
            2,
            "it does not even say what it can do"
        );
        pair.make("third");
        assert_eq!(pair.lost(LossReason::Shutdown), 1);
        assert!(pair.tracer.shutdown(short).unwrap_err().is_timeout());
        assert_eq!(pair.tracer.losses().total(), 3, "each once");
        assert_eq!(pair.warnings(), 2, "{:?}", pair.said.warnings());
        assert!(start.elapsed() < LIMIT / 2);
    });
}

#[test]
fn threads_that_flush_at_once_all_come_back() {
    within(LIMIT, || {
        let pair = Arc::new(Pair::start(scripts::first(2, Reply::status(503))));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let pair = Arc::clone(&pair);
                std::thread::spawn(move || {
                    pair.make("span");
                    pair.flush()
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(pair.flush());
        let taken = pair.payloads().split_off(2).concat();
        assert_eq!((taken.len(), pair.tracer.losses().total()), (8, 0));
    });
}

/// Tells when it is dropped.
struct Farewell(mpsc::Sender<()>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn a_tracer_that_is_dropped_sends_what_it_has_and_ends() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let (farewell, gone) = mpsc::channel();
        let farewell = Farewell(farewell);
        let tracer = common::builder(&agent.url(), &Said::default())
            .flush_interval(Duration::from_millis(20))
            .log(move |_, _| {
                let _ = &farewell;
            })
            .build();
        tracer.span("closed").start().finish();
        let open = tracer.span("open").start();
        drop(tracer);
        open.finish();
        drop(open);
        gone.recv_timeout(LIMIT).unwrap();
        let spans = agent.spans();
        let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!((names, spans.len()), (BTreeSet::from(["closed", "open"]), 2));
    });
}
