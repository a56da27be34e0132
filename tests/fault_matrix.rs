//! Every fault of an agent, over every transport, in every format: what was made is delivered or lost, exactly, and the
//! program's threads wait for none of it.
//!
//! `cargo test --all-features --test fault_matrix -- --nocapture` prints the table. A cell is a tracer and an agent of its
//! own. The agent is well, then has the fault while the program goes on, and is well again; some faults end only then.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod common;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tracehound::config::Environment;
use tracehound::{LossReason, Statistics, Tracer};
use tracehound_local_agent::decode::{Encoding, decode};
use tracehound_test_support::fault_agent::{Greeting, Pace, Received, scripts};
#[cfg(feature = "tls")]
use tracehound_test_support::tls::{Authority, Valid};
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

/// Most cells wait for a fault to pass.
const AT_A_TIME: usize = 8;
/// What the tracers wait for an agent that does nothing.
const PATIENCE: Duration = Duration::from_secs(2);
/// No thread of the program may be kept so long by a trace. Whoever waited for the agent would be kept for [`PATIENCE`]; a
/// loaded machine takes a thread off the processor for tenths of a second.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The same for half of all traces, which a loaded machine does not hold up.
const MEDIAN_WAIT: Duration = Duration::from_millis(5);

/// As in `DD_TRACE_API_VERSION`.
const FORMATS: [&str; 3] = ["v0.4", "v0.5", "v1.0"];

const ENCODINGS: [(&str, Encoding); 3] = [
    ("/v0.4/traces", Encoding::V04),
    ("/v0.5/traces", Encoding::V05),
    ("/v1.0/traces", Encoding::V1),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    #[cfg(unix)]
    Unix,
    #[cfg(feature = "tls")]
    Tls,
}

const TRANSPORTS: &[Transport] = &[
    Transport::Tcp,
    #[cfg(unix)]
    Transport::Unix,
    #[cfg(feature = "tls")]
    Transport::Tls,
];

/// What an agent does wrong.
struct Fault {
    name: &'static str,
    /// The transports that can have it.
    is_on: fn(Transport) -> bool,
    begin: fn(&Cell),
    /// Makes the agent well again.
    end: fn(&Cell),
    /// Why spans may be lost.
    lost: &'static [LossReason],
    /// Whether some must be.
    some_lost: bool,
}

/// One fault on one transport in one format.
struct Cell {
    agent: FaultAgent,
    tracer: Tracer,
    #[cfg(feature = "tls")]
    authority: Authority,
}

/// What came of a cell.
struct Outcome {
    now: Statistics,
    /// Different spans that the agent has, and how many came a second time.
    taken: u64,
    twice: usize,
    median: Duration,
    longest: Duration,
    took: Duration,
    wrong: Vec<String>,
}

// ===== the faults =====

const ANYWHERE: fn(Transport) -> bool = |_| true;

const fn fault(name: &'static str, begin: fn(&Cell), end: fn(&Cell)) -> Fault {
    Fault { name, is_on: ANYWHERE, begin, end, lost: &[], some_lost: false }
}

/// Answers requests with traces so.
const fn answering(name: &'static str, begin: fn(&Cell)) -> Fault {
    fault(name, begin, |cell| cell.agent.answer(well))
}

impl Fault {
    const fn losing(self, lost: &'static [LossReason]) -> Self {
        Fault { lost, some_lost: true, ..self }
    }

    const fn perhaps_losing(self, lost: &'static [LossReason]) -> Self {
        Fault { lost, ..self }
    }

    const fn only(self, is_on: fn(Transport) -> bool) -> Self {
        Fault { is_on, ..self }
    }
}

const UNCONFIRMED: &[LossReason] = &[LossReason::Unconfirmed];
const REJECTED: &[LossReason] = &[LossReason::AgentRejected];

const FAULTS: &[Fault] = &[
    fault("none", |_| (), |_| ()),
    fault("refused", |cell| cell.agent.refuse(), |cell| cell.agent.accept()),
    fault(
        "reset in mid-body",
        |cell| cell.greet(Greeting::ResetAfter(700)),
        |cell| cell.greet(Greeting::Serve),
    )
    // What the system had taken whole may have been read.
    .perhaps_losing(UNCONFIRMED),
    fault(
        "slow",
        |cell| cell.agent.read_at(Pace::BytesPerSecond(60_000)),
        |cell| cell.agent.read_at(Pace::Full),
    )
    .perhaps_losing(UNCONFIRMED),
    fault(
        "stalled",
        |cell| {
            cell.agent.read_at(Pace::Stalled);
            cell.make_for(PATIENCE + PATIENCE / 2);
        },
        |cell| {
            cell.agent.read_at(Pace::Full);
            cell.agent.drop_connections();
        },
    )
    .perhaps_losing(UNCONFIRMED),
    answering("400", |cell| cell.answer(|| Reply::status(400))).losing(REJECTED),
    answering("404", |cell| cell.answer(|| Reply::status(404))).losing(REJECTED),
    answering("413", |cell| {
        cell.agent.answer(|request| match request.body.len() {
            0..1_500 => well(request),
            _ => Reply::status(413),
        });
    })
    .perhaps_losing(REJECTED),
    answering("429", |cell| cell.answer(|| Reply::status(429))),
    answering("500", |cell| cell.answer(|| Reply::status(500))),
    answering("503", |cell| cell.answer(|| Reply::status(503))),
    answering("garbage", |cell| cell.answer(|| Reply::raw("220 mail.example.org ESMTP\r\n")))
        .losing(UNCONFIRMED),
    answering("half an answer", |cell| cell.answer(|| Reply::ok().cut_at(10))).losing(UNCONFIRMED),
    answering("half a body", |cell| {
        cell.answer(|| Reply::ok().header("Content-Length", "500").and_close());
    }),
    answering("no answer", |cell| {
        cell.answer(Reply::hang);
        cell.make_for(PATIENCE + PATIENCE / 2);
    })
    .losing(UNCONFIRMED),
    fault(
        "restarted under load",
        |cell| {
            for _ in 0..4 {
                cell.agent.refuse();
                cell.make_for(Duration::from_millis(50));
                cell.agent.accept();
                cell.make_for(Duration::from_millis(100));
            }
        },
        |_| (),
    )
    .perhaps_losing(UNCONFIRMED),
    #[cfg(unix)]
    fault(
        "socket file removed",
        |cell| {
            cell.agent.refuse();
            std::fs::remove_file(cell.agent.socket_path().unwrap()).unwrap();
        },
        |cell| cell.agent.accept(),
    )
    .only(|transport| transport == Transport::Unix),
    #[cfg(feature = "tls")]
    fault("TLS expired", |cell| cell.show(Valid::Before), |cell| cell.show(Valid::Now))
        .perhaps_losing(UNCONFIRMED)
        .only(|transport| transport == Transport::Tls),
    #[cfg(feature = "tls")]
    fault(
        "TLS never answered",
        |cell| {
            cell.greet(Greeting::Hang);
            cell.make_for(PATIENCE + PATIENCE / 2);
        },
        |cell| cell.greet(Greeting::Serve),
    )
    .perhaps_losing(UNCONFIRMED)
    .only(|transport| transport == Transport::Tls),
];

/// As an agent answers that is well and takes every format.
fn well(request: &Received) -> Reply {
    scripts::with_v1(request)
}

// ===== a cell =====

impl Cell {
    fn start(transport: Transport, format: &'static str) -> Self {
        #[cfg(feature = "tls")]
        let authority = Authority::new();
        let agent = match transport {
            Transport::Tcp => FaultAgent::start(well),
            #[cfg(unix)]
            Transport::Unix => FaultAgent::start_unix(well),
            #[cfg(feature = "tls")]
            Transport::Tls => {
                FaultAgent::start_tls(&authority.sign(&["localhost"], Valid::Now), well)
            }
        };
        let builder = common::builder(&agent.url(), &Said::default())
            .environment(Environment::from_pairs([("DD_TRACE_API_VERSION", format)]))
            .agent_timeout(PATIENCE)
            .flush_interval(Duration::from_millis(20));
        #[cfg(feature = "tls")]
        let builder = builder.agent_ca_file(authority.file());
        Cell {
            agent,
            tracer: builder.build(),
            #[cfg(feature = "tls")]
            authority,
        }
    }

    /// Answers requests with traces so.
    fn answer(&self, reply: fn() -> Reply) {
        self.agent.answer(move |request| match request.path.as_str() {
            "/info" => well(request),
            _ => reply(),
        });
    }

    /// Greets connections so, from the next one on, which comes soon.
    fn greet(&self, greeting: Greeting) {
        self.agent.greet(greeting);
        self.agent.drop_connections();
    }

    #[cfg(feature = "tls")]
    fn show(&self, valid: Valid) {
        self.agent.show(&self.authority.sign(&["localhost"], valid));
        self.agent.drop_connections();
    }

    /// Makes traces of three spans for so long.
    fn make_for(&self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time {
            WAITS.with_borrow_mut(|waits| {
                for _ in 0..4 {
                    let start = Instant::now();
                    let root = self.tracer.trace("request");
                    for _ in 0..2 {
                        self.tracer.in_span("query", |span| span.set_tag("table", "orders"));
                    }
                    drop(root);
                    waits.push(start.elapsed());
                }
            });
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn run(&self, fault: &Fault, format: &str) -> Outcome {
        let start = Instant::now();
        WAITS.take();
        self.make_for(Duration::from_millis(100));
        (fault.begin)(self);
        self.make_for(Duration::from_millis(400));
        (fault.end)(self);
        self.make_for(Duration::from_millis(100));
        // An agent that gave no answer is asked for `/info` first, with a pause.
        let deadline = Instant::now() + LIMIT / 3;
        while self.tracer.statistics().queued() > 0 && Instant::now() < deadline {
            let _ = self.tracer.flush(LIMIT / 3);
        }
        let _ = self.tracer.shutdown(LIMIT / 3);

        let mut waits = WAITS.take();
        let made = 3 * waits.len() as u64;
        waits.sort();
        let (median, longest) = (waits[waits.len() / 2], waits[waits.len() - 1]);
        let mut times = HashMap::<u64, usize>::new();
        for id in self.agent.taken().iter().flat_map(|request| span_ids(request)) {
            *times.entry(id).or_default() += 1;
        }
        let mut outcome = Outcome {
            now: self.tracer.statistics(),
            taken: times.len() as u64,
            twice: times.values().filter(|times| **times > 1).count(),
            median,
            longest,
            took: start.elapsed(),
            wrong: Vec::new(),
        };
        let thrice = times.values().filter(|times| **times > 2).count();
        outcome.compare(fault, made, thrice);
        // An agent that answers 404 may get another format than was asked for, but not at first.
        let paths = self.agent.requests().into_iter().map(|request| request.path.clone());
        let first = paths.into_iter().find(|path| path != "/info");
        if first != Some(format!("/{format}/traces")) {
            outcome.wrong.push(format!("sent to {first:?}"));
        }
        outcome
    }
}

thread_local! {
    /// How long each trace has kept the program's thread.
    static WAITS: std::cell::RefCell<Vec<Duration>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// The ids of the spans in a request, in whatever format; none in one without traces.
fn span_ids(request: &Received) -> Vec<u64> {
    let encoding = ENCODINGS.iter().find(|(path, _)| *path == request.path);
    let Some((_, encoding)) = encoding else { return Vec::new() };
    let payload = decode(*encoding, &request.body).unwrap();
    payload.chunks.iter().flat_map(|chunk| &chunk.spans).map(|span| span.span_id).collect()
}

impl Outcome {
    fn compare(&mut self, fault: &Fault, made: u64, thrice: usize) {
        let Outcome { now, taken, .. } = self;
        let (taken, losses) = (*taken, now.losses());
        let (lost, unconfirmed) = (losses.total(), losses.spans(LossReason::Unconfirmed));
        let other =
            LossReason::ALL.iter().find(|one| losses.spans(**one) > 0 && !fault.lost.contains(one));
        self.wrong = [
            (now.made() != made, format!("{made} were made, {} counted", now.made())),
            (now.delivered() + lost != made, "delivered + lost is not what was made".into()),
            (now.queued() != 0 || now.queued_bytes() != 0, "something waits".into()),
            // What nobody confirmed, the agent may have all the same.
            (taken < now.delivered(), "the agent has less than was delivered".into()),
            (taken > now.delivered() + unconfirmed, "the agent has what was lost".into()),
            (thrice > 0, format!("{thrice} spans came more than twice")),
            (other.is_some(), format!("lost for another reason: {losses}")),
            (fault.some_lost && lost == 0, "nothing was lost where something must be".into()),
            (self.longest > LONGEST_WAIT, "the program had to wait".into()),
            (self.median > MEDIAN_WAIT, "the program had to wait again and again".into()),
        ]
        .into_iter()
        .filter_map(|(is, what)| is.then_some(what))
        .collect();
    }

    fn line(&self, fault: &Fault, transport: Transport, format: &str) -> String {
        let Outcome { now, taken, twice, median, longest, took, wrong } = self;
        let mark = if wrong.is_empty() { "" } else { " WRONG" };
        let lost = match now.losses().total() {
            0 => "0".to_owned(),
            _ => now.losses().to_string().split(": ").last().unwrap_or_default().to_owned(),
        };
        format!(
            "| {}{mark} | {transport:?} | {format} | {} | {} | {lost} | {taken} | {twice} | {} | {} | {:.0} us | {:.1} ms | \
             {:.1} s |",
            fault.name,
            now.made(),
            now.delivered(),
            now.requests(),
            now.retries(),
            median.as_secs_f64() * 1e6,
            longest.as_secs_f64() * 1e3,
            took.as_secs_f64(),
        )
    }
}

#[test]
fn delivered_and_lost_is_made_whatever_the_agent_does() {
    let mut cells: Vec<(&'static Fault, Transport, &'static str)> = Vec::new();
    for format in FORMATS {
        for fault in FAULTS {
            let on = TRANSPORTS.iter().filter(|transport| (fault.is_on)(**transport));
            cells.extend(on.map(|transport| (fault, *transport, format)));
        }
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some((fault, transport, format)) = cells.get(place).copied() else {
                        return;
                    };
                    let outcome =
                        within(LIMIT, move || Cell::start(transport, format).run(fault, format));
                    done.lock().unwrap().push((place, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(place, _)| *place);
    println!(
        "\n| fault | transport | format | made | delivered | lost | taken | twice | requests | retries | median | longest \
         | took |\n| --- | --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    let mut wrong = Vec::new();
    for ((fault, transport, format), (_, outcome)) in cells.iter().zip(&done) {
        println!("{}", outcome.line(fault, *transport, format));
        for what in &outcome.wrong {
            wrong.push(format!(
                "{} over {transport:?} in {format}: {what}: {}",
                fault.name, outcome.now
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
