//! An agent that is slow, stalls or answers late: what it gets, how often, and what counts as lost for which reason.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Barrier, mpsc};
use std::time::{Duration, Instant};

use tracehound::{LossReason, Tracer};
use tracehound_test_support::fault_agent::{Pace, Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

const TRACES: &str = "/v0.4/traces";
/// What the tracers wait for an agent that does nothing.
const PATIENCE: Duration = Duration::from_millis(300);

/// Traces of one span of about a kilobyte, numbered.
fn make(tracer: &Tracer, numbers: Range<u32>) {
    for number in numbers {
        let span = tracer.span("numbered").start();
        span.set_metric("number", f64::from(number));
        span.set_tag("fill", "0123456789".repeat(80));
    }
}

/// How often the agent has got each span so far.
fn copies(agent: &FaultAgent) -> BTreeMap<u64, usize> {
    let mut copies = BTreeMap::new();
    for span in agent.spans() {
        if let Some(number) = span.metric("number") {
            *copies.entry(number as u64).or_default() += 1;
        }
    }
    copies
}

/// Asserts that the agent has each of so many spans once.
#[track_caller]
fn assert_each_once(agent: &FaultAgent, made: u32) {
    let copies = copies(agent);
    assert_eq!(copies.len(), made as usize);
    assert_eq!(copies.iter().find(|(_, times)| **times != 1), None, "number, times");
}

/// Asserts that all losses so far have this reason, and says how many.
#[track_caller]
fn lost_as(tracer: &Tracer, reason: LossReason) -> u64 {
    let losses = tracer.losses();
    assert_eq!(losses.total(), losses.spans(reason), "{losses}");
    losses.total()
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LIMIT / 2, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Flushes until all has gone.
#[track_caller]
fn flush_all(tracer: &Tracer) {
    wait_until("the rest is not delivered", || tracer.flush(LIMIT).is_ok());
}

#[test]
fn a_stall_costs_one_request_and_afterwards_the_backlog_goes_out() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default())
            .agent_timeout(PATIENCE)
            .flush_interval(Duration::from_millis(20))
            .build();
        make(&tracer, 0..500);
        tracer.flush(LIMIT).unwrap();

        agent.read_at(Pace::Stalled);
        make(&tracer, 500..1_000);
        wait_until("the request that stalls is given up", || tracer.losses().total() > 0);
        let unconfirmed = lost_as(&tracer, LossReason::Unconfirmed);
        // The agent is asked for nothing but whether it is awake, several times.
        make(&tracer, 1_000..5_000);
        assert!(tracer.flush(LIMIT).is_err());
        assert!(tracer.flush(LIMIT).is_err());
        assert_eq!(lost_as(&tracer, LossReason::Unconfirmed), unconfirmed, "kept");

        agent.read_at(Pace::BytesPerSecond(20_000_000));
        flush_all(&tracer);
        make(&tracer, 5_000..6_000);
        flush_all(&tracer);
        assert_eq!(lost_as(&tracer, LossReason::Unconfirmed), unconfirmed, "nothing after it");
        assert!(unconfirmed <= 500);
        // It got the request that it did not confirm as well: in whole, and once.
        assert_each_once(&agent, 6_000);
    });
}

#[test]
fn what_an_agent_answers_too_late_is_delivered_once_and_counted_once() {
    within(LIMIT, || {
        let agent = FaultAgent::start(|request: &Received| match request.path.as_str() {
            TRACES => scripts::healthy(request).after(4 * PATIENCE),
            _ => scripts::healthy(request),
        });
        let said = Said::default();
        let tracer = common::builder(&agent.url(), &said).agent_timeout(PATIENCE).build();
        for round in 0..3 {
            make(&tracer, round * 100..(round + 1) * 100);
            assert!(tracer.flush(LIMIT).unwrap_err().is_undelivered());
            let lost = lost_as(&tracer, LossReason::Unconfirmed);
            assert_eq!(lost, u64::from(round + 1) * 100);
        }
        assert_each_once(&agent, 300);
        assert_eq!(tracer.losses().to_string(), "300 spans lost: 300 unconfirmed");
        let lines = said.warnings().join("\n");
        assert!(lines.contains("no answer within 300ms"), "{lines}");
        assert!(lines.contains(&format!("{}{TRACES}", agent.url())), "{lines}");

        agent.answer(scripts::healthy);
        make(&tracer, 300..400);
        flush_all(&tracer);
        assert_each_once(&agent, 400);
        assert_eq!(tracer.losses().total(), 300);
    });
}

#[test]
fn an_agent_that_reads_slowly_has_the_time_that_it_takes() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer =
            common::builder(&agent.url(), &Said::default()).agent_timeout(4 * PATIENCE).build();
        agent.read_at(Pace::BytesPerSecond(2_000_000));
        // More than two seconds of reading, of which nothing is to be seen but the answers.
        make(&tracer, 0..4_000);
        tracer.flush(LIMIT).unwrap();
        assert_each_once(&agent, 4_000);
        assert_eq!(tracer.losses().total(), 0);
    });
}

/// Tells when it is dropped: with the log function of a tracer, when its worker has ended.
struct Farewell(mpsc::Sender<()>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn a_shutdown_that_is_over_too_early_counts_each_span_once_and_sends_no_more() {
    within(LIMIT, || {
        let (is_there, go_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (there, going) = (Arc::clone(&is_there), Arc::clone(&go_on));
        let agent = FaultAgent::start(move |request| {
            if request.path == TRACES {
                there.wait();
                going.wait();
            }
            scripts::healthy(request)
        });
        let (farewell, gone) = mpsc::channel();
        let farewell = Farewell(farewell);
        let tracer = common::builder(&agent.url(), &Said::default())
            .agent_timeout(LIMIT)
            .log(move |_, _| {
                let _ = &farewell;
            })
            .build();
        make(&tracer, 0..3_000);
        std::thread::scope(|scope| {
            let end = scope.spawn(|| tracer.shutdown(LIMIT / 60));
            is_there.wait();
            assert!(end.join().unwrap().unwrap_err().is_timeout());
        });
        // As soon as the shutdown is over, all of it is counted.
        let losses = tracer.losses();
        let sent = copies(&agent).len() as u64;
        assert!((1..3_000).contains(&sent), "{sent} of 3,000 were on their way");
        assert_eq!(losses.spans(LossReason::Unconfirmed), sent);
        assert_eq!(losses.spans(LossReason::ShutdownTimeout), 3_000 - sent);
        assert_eq!(losses.total(), 3_000);
        make(&tracer, 3_000..3_010);
        assert_eq!(tracer.losses().spans(LossReason::Shutdown), 10);

        // And what happens with the request that was on its way changes nothing.
        go_on.wait();
        wait_until("the worker does not end", || {
            tracer.shutdown(Duration::from_secs(1)).is_err_and(|error| error.is_undelivered())
        });
        assert_eq!(tracer.losses().total(), 3_010);
        drop(tracer);
        gone.recv_timeout(LIMIT).unwrap();
        assert_eq!(agent.requests_to(TRACES).len(), 1, "what was counted as lost is not sent");
        assert_each_once(&agent, u32::try_from(sent).unwrap());
    });
}

#[test]
fn what_is_sent_again_after_a_restart_is_there_twice_at_most() {
    within(LIMIT, || {
        // It reads the request, and is gone before it answers.
        let agent = FaultAgent::start(scripts::first(1, Reply::reset()));
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        make(&tracer, 0..50);
        flush_all(&tracer);
        make(&tracer, 50..100);
        flush_all(&tracer);
        let copies = copies(&agent);
        assert_eq!(copies.len(), 100);
        let twice = copies.values().filter(|times| **times == 2).count();
        assert_eq!((twice, copies.values().max()), (50, Some(&2)));
        assert_eq!(tracer.losses().total(), 0);
    });
}

#[test]
fn an_agent_that_accepts_and_closes_loses_nothing_while_it_does() {
    // As the proxy of a container does whose agent is restarted.
    within(LIMIT, || {
        use tracehound_test_support::fault_agent::Greeting;
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        make(&tracer, 0..10);
        flush_all(&tracer);
        agent.greet(Greeting::Close);
        agent.drop_connections();
        make(&tracer, 10..20);
        for _ in 0..2 {
            assert!(tracer.flush(LIMIT).is_err());
        }
        make(&tracer, 20..30);
        assert_eq!(tracer.losses().total(), 0);
        agent.greet(Greeting::Serve);
        flush_all(&tracer);
        assert_each_once(&agent, 30);
        assert_eq!(tracer.losses().total(), 0);
    });
}

#[test]
fn a_payload_that_the_agent_always_fails_at_does_not_hold_up_the_others() {
    within(LIMIT, || {
        let agent = FaultAgent::start(|request: &Received| {
            let spans = || request.chunks().concat();
            if request.path == TRACES && spans().iter().any(|span| span.name == "poison") {
                return Reply::status(500);
            }
            scripts::healthy(request)
        });
        let tracer = common::builder(&agent.url(), &Said::default()).build();
        tracer.span("poison").start().finish();
        assert!(tracer.flush(LIMIT).is_err());
        make(&tracer, 0..20);
        let arrived = || {
            let requests = agent.requests_to(TRACES);
            let spans = requests.iter().map(|request| request.chunks().concat());
            spans.filter(|spans| spans.iter().all(|span| span.name != "poison")).flatten().count()
        };
        wait_until("the others do not come through", || {
            let _ = tracer.flush(LIMIT);
            arrived() == 20
        });
        assert_eq!(tracer.losses().total(), 0, "it is kept as long as any other");
        assert!(tracer.shutdown(LIMIT).is_err());
        assert_eq!(lost_as(&tracer, LossReason::AgentUnreachable), 1);
    });
}
