//! The thread between the SDK and the pipeline: puts spans of one trace together, and makes chunks of them.

use std::io;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use tracehound::bridge::ChunkBuilder;
use tracehound::bridge::TracerExt as _;
use tracehound::{Decision, LossReason, Mechanism};
use tracehound_machine::spawn_background;

use super::chunk;
use super::shared::{Names, Shared};
use super::size;
use super::waiting::{Patience, Ready, Waiting};
use crate::catch::catch;
use crate::remote;

const THREAD_NAME: &str = "tracehound-otel";
/// After so many failures it pauses before each new start, as the pipeline's own worker does.
const FAILURES_AT_ONCE: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Starts the thread. It ends when it is told to, and by itself with the exporter.
pub(super) fn spawn(shared: &Arc<Shared>, patience: Patience) -> io::Result<()> {
    let shared = Arc::clone(shared);
    // Detached: nothing ever waits for the thread itself, only for what it answers.
    let run = move || supervise(&shared, patience);
    spawn_background(THREAD_NAME, run).map(drop)
}

fn supervise(shared: &Shared, patience: Patience) {
    // Functions of the user run here: what they trace, through either API, would come back here.
    let _off = (tracehound::suppress(), Context::enter_telemetry_suppressed_scope());
    let mut failures = 0u32;
    while catch(|| run(shared, patience)).is_none() {
        failures = failures.saturating_add(1);
        let lost = shared.inbox.forget_taken();
        shared.lose(LossReason::WorkerFailed, lost, "they were being put together");
        shared.base().warn_once("assembler", || {
            "the thread that puts OpenTelemetry's spans together failed; it starts again".into()
        });
        if shared.inbox.is_stopped() {
            break;
        }
        if failures >= FAILURES_AT_ONCE {
            sleep(PAUSE);
        }
    }
    let left = shared.inbox.end();
    shared.lose(LossReason::WorkerFailed, left, "nobody puts them together any more");
}

fn run(shared: &Shared, patience: Patience) {
    let mut waiting = Waiting::new(patience);
    let mut next = None;
    let mut has_looked = false;
    loop {
        let mut orders = shared.inbox.take(next, waiting.has_spans());
        let now = Instant::now();
        for span in std::mem::take(&mut orders.batches).into_iter().flatten() {
            if remote::ids(&span.span_context).is_some() {
                waiting.add(span, now);
            } else if shared.inbox.settle(1, size::span(&span)) {
                shared.lose(LossReason::Invalid, 1, "a span has no trace id, or none of its own");
            }
        }
        let names = shared.names();
        if !has_looked && waiting.has_spans() {
            has_looked = true;
            shared.warn_of_idle_rules();
        }
        next = waiting.take(now, orders.flush, |ready| submit(shared, &names, ready));
        shared.inbox.answer(&orders);
        if orders.stop {
            return;
        }
    }
}

/// Makes chunks of the spans of a trace and submits them; gives the user's own word on the trace.
fn submit(shared: &Shared, names: &Names, ready: Ready) -> Option<Decision> {
    let Ready { spans, mut bytes, by_hand: before } = ready;
    let Names { tracer, resource } = names;
    let mut by_hand = before;
    let mut chunks = Vec::new();
    for part in chunk::apart(spans) {
        let count = part.len();
        let named = part.into_iter().map(|span| {
            let mapped = shared.mappings.apply(&span, resource, tracer);
            (span, mapped)
        });
        let chunk = chunk::build(named.collect(), before, shared.naming, tracer);
        let decision = chunk.as_ref().and_then(ChunkBuilder::decision);
        by_hand = decision.filter(|decision| decision.mechanism == MANUAL).or(by_hand);
        chunks.push((chunk, count));
    }
    for (chunk, count) in chunks {
        // What is submitted is the pipeline's to count. Only now: the user's functions may not have ended in
        // the time for a shutdown.
        if !shared.inbox.settle(count, std::mem::take(&mut bytes)) {
            break;
        }
        let Some(mut chunk) = chunk else { continue };
        if let Some(by_hand) = by_hand {
            chunk.set_decision(by_hand);
        }
        chunk.submit();
    }
    by_hand
}

const MANUAL: Option<Mechanism> = Some(Mechanism::MANUAL);
