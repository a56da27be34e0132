//! What has become of every span, and what was sent, can be read at any time: nothing is in two accounts or in none.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tracehound::{LossReason, Statistics, Tracer};
use tracehound_test_support::fault_agent::{Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> (FaultAgent, Tracer) {
    let agent = FaultAgent::start(script);
    let tracer = common::builder(&agent.url(), &Said::default())
        .agent_timeout(Duration::from_millis(300))
        .build();
    (agent, tracer)
}

#[test]
fn a_span_goes_from_one_account_to_the_next() {
    within(LIMIT, || {
        let (_agent, tracer) = start(scripts::healthy);
        assert_eq!(tracer.statistics(), Statistics::default());
        let accounts = || {
            let now = tracer.statistics();
            assert_eq!(now.losses(), tracer.losses());
            [now.made(), now.finished(), now.open(), now.held(), now.queued(), now.delivered()]
        };
        let root = tracer.start_span("root");
        assert_eq!(accounts(), [1, 0, 1, 0, 0, 0]);
        let child = tracer.span("child").child_of(&*root).start();
        assert_eq!(accounts(), [2, 0, 2, 0, 0, 0]);
        child.finish();
        assert_eq!(accounts(), [2, 1, 1, 1, 0, 0]);
        root.finish();
        assert_eq!(accounts(), [2, 2, 0, 0, 2, 0]);
        assert!(tracer.statistics().queued_bytes() > 0);
        tracer.flush(LIMIT).unwrap();
        assert_eq!(accounts(), [2, 2, 0, 0, 0, 2]);

        let now = tracer.statistics();
        assert_eq!((now.accepted(), now.queued_bytes()), (2, 0));
        assert_eq!((now.requests(), now.retries(), now.answers().success), (1, 0, 1));
        let unfinished = tracer.start_span("unfinished");
        tracer.span("finished").child_of(&*unfinished).start().finish();
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!(accounts(), [4, 3, 0, 0, 0, 3]);
        drop(unfinished);
        assert_eq!(accounts(), [4, 3, 0, 0, 0, 3]);
        let late = tracer.start_span("late");
        assert_eq!(accounts(), [5, 3, 1, 0, 0, 3]);
        late.finish();
        assert_eq!(accounts(), [5, 4, 0, 0, 0, 3]);
        let end = "5 spans made: 0 open, 0 held, 0 queued (0 bytes), 3 delivered; \
                   2 spans lost: 1 shutdown, 1 unfinished; 2 requests (";
        assert!(tracer.statistics().to_string().starts_with(end), "{}", tracer.statistics());
    });
}

#[test]
fn requests_are_counted_with_their_bytes_and_answers() {
    within(LIMIT, || {
        let (agent, tracer) = start(|request| match (request.path.as_str(), request.number) {
            ("/info", _) => scripts::healthy(request),
            _ if request.chunks()[0][0].name == "refused" => Reply::status(400),
            _ if request.chunks()[0][0].name == "silent" => Reply::hang(),
            _ if request.chunks()[0][0].name == "busy" => Reply::status(503),
            _ => Reply::ok(),
        });
        for (name, retries) in [("taken", 0), ("refused", 0), ("silent", 0), ("busy", 3)] {
            let before = tracer.statistics().retries();
            tracer.span(name).start().finish();
            assert_eq!(tracer.flush(LIMIT).is_ok(), name == "taken");
            assert_eq!(tracer.statistics().retries() - before, retries, "{name}");
        }
        let requests = agent.requests_to("/v0.4/traces");
        let (now, answers) = (tracer.statistics(), tracer.statistics().answers());
        assert_eq!(now.requests(), requests.len() as u64);
        let bytes: usize = requests.iter().map(|request| request.body.len()).sum();
        assert_eq!(now.request_bytes(), bytes as u64);
        assert_eq!((answers.success, answers.client_error), (1, 1));
        assert_eq!((answers.server_error, answers.none, answers.other), (3, 1, 0));
        assert_eq!((now.made(), now.queued(), now.losses().total()), (4, 1, 2));
    });
}

#[test]
fn at_rest_what_was_made_is_delivered_dropped_or_lost() {
    within(LIMIT, || {
        for (script, room) in [
            (scripts::healthy as fn(&Received) -> Reply, 20 << 20),
            (scripts::healthy, 30_000),
            (
                |request| if request.number % 3 == 0 { Reply::status(404) } else { Reply::ok() },
                1 << 20,
            ),
            (|request| if request.number % 2 == 0 { Reply::close() } else { Reply::ok() }, 1 << 20),
        ] {
            let agent = FaultAgent::start(script);
            let tracer = common::builder(&agent.url(), &Said::default())
                .agent_timeout(Duration::from_millis(300))
                .flush_interval(Duration::from_millis(5))
                .buffer_bytes(room)
                .build();
            let (made, reads, stop) =
                (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
            thread::scope(|scope| {
                let threads: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            for _ in 0..300 {
                                let root = tracer.start_span("root");
                                for _ in 0..4 {
                                    tracer.span("child").child_of(&*root).start().finish();
                                }
                                made.fetch_add(5, Ordering::Relaxed);
                            }
                        })
                    })
                    .collect();
                // Read while it changes, by a thread that nothing holds up.
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let now = tracer.statistics();
                        let settled = now.delivered() + now.losses().total();
                        assert!(settled <= now.made() && now.delivered() <= now.accepted());
                        reads.fetch_add(1, Ordering::Relaxed);
                        thread::yield_now();
                    }
                });
                threads.into_iter().for_each(|thread| thread.join().unwrap());
                let start = Instant::now();
                while reads.load(Ordering::Relaxed) == 0 && start.elapsed() < LIMIT {
                    thread::yield_now();
                }
                stop.store(true, Ordering::Relaxed);
            });
            let _ = tracer.shutdown(LIMIT);
            let now = tracer.statistics();
            let dropped = now.sampled_out() + now.filtered();
            let all = now.delivered() + dropped + now.losses().total();
            assert_eq!((now.made(), all), (made.into_inner(), now.made()), "{now}");
            assert_eq!((now.open(), now.held(), now.queued(), now.queued_bytes()), (0, 0, 0, 0));
        }
    });
}

#[test]
fn nobody_waits_for_an_agent_that_does_not_answer() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::first(usize::MAX, Reply::hang()));
        let tracer = common::builder(&agent.url(), &Said::default())
            .agent_timeout(Duration::from_secs(3600))
            .build();
        tracer.span("span").start().finish();
        assert!(tracer.flush(Duration::from_millis(1)).unwrap_err().is_timeout());
        agent.wait_for_requests_to("/v0.4/traces", 1, LIMIT);
        let now = tracer.statistics();
        assert_eq!((now.queued(), now.requests(), now.answers().none), (1, 1, 0));
        assert!(tracer.shutdown(Duration::ZERO).unwrap_err().is_timeout());
        let now = tracer.statistics();
        assert_eq!((now.queued(), now.losses().spans(LossReason::Unconfirmed)), (0, 1));
    });
}

#[test]
fn two_tracers_have_accounts_of_their_own_and_none_has_none() {
    let builder = || common::builder("http://127.0.0.1:1", &Said::default());
    let (one, other, off) =
        (builder().build(), builder().build(), builder().enabled(false).build());
    let _open = [one.start_span("open"), off.start_span("open")];
    assert_eq!(
        (one.statistics().open(), other.statistics(), off.statistics()),
        (1, Statistics::default(), Statistics::default())
    );
    assert_eq!(Tracer::none().statistics(), Statistics::default());
}
