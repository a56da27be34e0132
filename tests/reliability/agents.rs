//! Agents that are away, slow, silent, or answer what they should not.

use std::thread;
use std::time::{Duration, Instant};

use tracehound::LossReason;
use tracehound_test_support::fault_agent::{Greeting, Pace, scripts};
use tracehound_test_support::{FaultAgent, Reply};

use crate::common::LIMIT;
use crate::common::programs::Running;
use crate::meter::{make, one, report, traces};
use crate::row::{ALL, Expect, Row, healthy, nothing};

const TRACES: &str = "/v0.4/traces";

/// Makes traces for so long, waits for them to be sent, and reports.
fn for_seconds(seconds: f32, text_bytes: usize) {
    let guard = tracehound::init();
    let start = Instant::now();
    let text = "v".repeat(text_bytes);
    while start.elapsed() < Duration::from_secs_f32(seconds) {
        for _ in 0..15 {
            make(1, || tracehound::trace("request").set_tag("text", text.as_str()));
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = tracehound::flush(LIMIT);
    drop(guard);
    report();
}

/// A few traces, at two times.
fn a_few() {
    let guard = tracehound::init();
    for _ in 0..2 {
        traces(50, 3);
        let _ = tracehound::flush(Duration::from_secs(8));
    }
    drop(guard);
    report();
}

/// The same, in a program that lives longer than the fault.
fn a_few_and_waits() {
    let guard = tracehound::init();
    for _ in 0..2 {
        traces(50, 3);
        until(|| tracehound::flush(Duration::from_secs(8)).is_ok());
    }
    drop(guard);
    report();
}

/// Requests that no socket's buffer holds.
fn large_requests() {
    let guard = tracehound::init();
    let text = "v".repeat(20_000);
    for _ in 0..2 {
        make(41, || {
            let _root = tracehound::trace("root");
            for _ in 0..40 {
                tracehound::in_span("child", |span| span.set_tag("text", text.as_str()));
            }
        });
        until(|| tracehound::flush(Duration::from_secs(8)).is_ok());
    }
    drop(guard);
    report();
}

fn ten_seconds() {
    for_seconds(10.0, 800);
}

fn four_seconds() {
    for_seconds(4.0, 100);
}

fn answering(reply: fn() -> Reply) -> FaultAgent {
    FaultAgent::start(move |request| match request.path.as_str() {
        TRACES => reply(),
        _ => scripts::healthy(request),
    })
}

/// Answers the first payloads so, and is well then.
fn first(times: usize, reply: Reply) -> FaultAgent {
    FaultAgent::start(scripts::first(times, reply))
}

/// Greets like this until a while after the first connection, and is well then.
fn greeting(agent: &FaultAgent, greeting: Greeting) {
    agent.greet(greeting);
    let before = agent.accepted_connections();
    until(|| agent.accepted_connections() > before + 1);
    agent.greet(Greeting::Serve);
}

fn until(is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() && start.elapsed() < LIMIT {
        thread::sleep(Duration::from_millis(2));
    }
}

/// Away for a moment each second, also in the middle of requests.
fn restarts(agent: &FaultAgent, _: &mut Running) {
    for _ in 0..6 {
        thread::sleep(Duration::from_millis(500));
        agent.refuse();
        thread::sleep(Duration::from_millis(200));
        agent.accept();
    }
}

const UNCONFIRMED: &[LossReason] = &[LossReason::Unconfirmed];
const REJECTED: &[LossReason] = &[LossReason::AgentRejected];

/// A row with an agent alone.
const fn agent(
    fault: &'static str,
    promise: &'static str,
    program: fn(),
    agent: fn() -> FaultAgent,
    meanwhile: fn(&FaultAgent, &mut Running),
    expect: Expect,
) -> Row {
    Row { fault, promise, program, settings: &[], agent, meanwhile, expect }
}

pub const ROWS: &[Row] = &[
    agent("nothing is wrong", "every span arrives, once", four_seconds, healthy, nothing, ALL),
    agent(
        "the agent is away, and comes back",
        "what fits the buffer is kept for a minute, and arrives",
        a_few_and_waits,
        || {
            let agent = healthy();
            agent.refuse();
            agent
        },
        |agent, _| {
            thread::sleep(Duration::from_secs(2));
            agent.accept();
        },
        ALL,
    ),
    agent(
        "the agent stays away",
        "counted as `agent_unreachable`; the end takes no longer than the guard allows",
        a_few,
        || {
            let agent = healthy();
            agent.refuse();
            agent
        },
        nothing,
        ALL.losing(&[LossReason::AgentUnreachable]),
    ),
    agent(
        "the agent restarts under load",
        "every span arrives; a request that it had read whole may arrive twice",
        four_seconds,
        healthy,
        restarts,
        ALL.perhaps_losing(UNCONFIRMED).twice(6 * 1_000),
    ),
    agent(
        "the agent resets connections in the middle of a request",
        "it cannot have the request: sent again, every span arrives once",
        a_few_and_waits,
        healthy,
        |agent, _| greeting(agent, Greeting::ResetAfter(2_000)),
        ALL,
    ),
    agent(
        "the agent answers 200 before it has read the request, and closes",
        "no delivery: sent again, every span arrives once",
        large_requests,
        || FaultAgent::start_unix(scripts::healthy),
        |agent, _| greeting(agent, Greeting::AnswerUnread),
        ALL,
    ),
    agent(
        "the agent closes connections without an answer",
        "sent once more: it may have the request",
        a_few,
        || first(1, Reply::close()),
        nothing,
        ALL.twice(200),
    ),
    Row {
        settings: &[("DD_TRACE_AGENT_TIMEOUT_SECONDS", "0.5")],
        ..agent(
            "the agent answers after the time limit",
            "not sent again; counted as `unconfirmed`: it may have them",
            a_few,
            || answering(|| Reply::ok().after(Duration::from_millis(1_500))),
            nothing,
            ALL.losing(UNCONFIRMED),
        )
    },
    agent(
        "the agent never answers",
        "counted as `unconfirmed`: it may have them",
        a_few,
        || answering(Reply::hang),
        nothing,
        ALL.losing(UNCONFIRMED),
    ),
    agent(
        "the agent takes 3 MB/s, and stalls for 6 s under 1.2 MB/s",
        "the backlog goes out after the stall, and then nothing is lost",
        ten_seconds,
        || {
            let agent = healthy();
            agent.read_at(Pace::BytesPerSecond(3_000_000));
            agent
        },
        |agent, _| {
            thread::sleep(Duration::from_secs(2));
            agent.read_at(Pace::Stalled);
            thread::sleep(Duration::from_secs(6));
            agent.read_at(Pace::BytesPerSecond(3_000_000));
        },
        ALL.perhaps_losing(UNCONFIRMED).twice(1_000),
    ),
    agent(
        "the agent is busy for a while (503)",
        "sent again, every span arrives once",
        a_few_and_waits,
        || first(2, Reply::status(503)),
        nothing,
        ALL,
    ),
    agent(
        "the agent asks to slow down (429)",
        "sent again, every span arrives once",
        a_few_and_waits,
        || first(2, Reply::status(429)),
        nothing,
        ALL,
    ),
    agent(
        "the agent finds requests too large (413)",
        "divided down to single traces, every span arrives once",
        a_few,
        || FaultAgent::start(scripts::at_most(20_000)),
        nothing,
        ALL,
    ),
    agent(
        "the agent does not know the path (404)",
        "counted as `agent_rejected`, said with the address",
        a_few,
        || answering(|| Reply::status(404)),
        nothing,
        ALL.losing(REJECTED),
    ),
    agent(
        "the agent refuses the payload (400)",
        "counted as `agent_rejected`, said with the address",
        a_few,
        || answering(|| Reply::status(400)),
        nothing,
        ALL.losing(REJECTED),
    ),
    agent(
        "the agent answers garbage",
        "sent once more, then counted as `unconfirmed`: it may have them",
        a_few,
        || answering(|| Reply::raw("220 mail.example.org ESMTP\r\n")),
        nothing,
        ALL.losing(UNCONFIRMED).twice(400),
    ),
    agent(
        "the agent's answer is cut in its body",
        "the status counts: every span arrives once",
        a_few,
        || answering(|| Reply::ok().header("Content-Length", "500").and_close()),
        nothing,
        ALL,
    ),
    agent(
        "the agent's Unix socket is removed and made again",
        "what fits the buffer is kept for a minute, and arrives",
        four_seconds,
        || FaultAgent::start_unix(scripts::healthy),
        |agent, _| {
            thread::sleep(Duration::from_secs(1));
            agent.refuse();
            std::fs::remove_file(agent.socket_path().unwrap()).unwrap();
            thread::sleep(Duration::from_secs(1));
            agent.accept();
        },
        ALL.perhaps_losing(UNCONFIRMED).twice(1_000),
    ),
    agent(
        "20,000 spans a second, and an agent that restarts (soak)",
        "every span arrives; a request that it had read whole may arrive twice",
        soak,
        healthy,
        soak_restarts,
        ALL.perhaps_losing(UNCONFIRMED).twice(usize::MAX),
    ),
];

const SECONDS: &str = "RELIABILITY_SOAK_SECONDS";

fn soak_seconds() -> u64 {
    std::env::var(SECONDS).map_or(8, |seconds| seconds.parse().unwrap())
}

fn soak() {
    let guard = tracehound::init();
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < Duration::from_secs(soak_seconds()) {
        // Twenty traces of ten spans each ten milliseconds.
        traces(20, 9);
        rounds += 1;
        thread::sleep(Duration::from_millis(10 * rounds).saturating_sub(start.elapsed()));
    }
    one("last");
    let _ = tracehound::flush(LIMIT);
    drop(guard);
    report();
}

fn soak_restarts(agent: &FaultAgent, _: &mut Running) {
    for _ in 0..soak_seconds() / 4 {
        thread::sleep(Duration::from_secs(3));
        agent.refuse();
        thread::sleep(Duration::from_millis(300));
        agent.accept();
    }
}
