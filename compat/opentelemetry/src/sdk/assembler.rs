//! The thread between the SDK and the pipeline: puts spans of one trace together, and makes chunks of them.

use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use tracehound::bridge::ChunkBuilder;
use tracehound::bridge::TracerExt as _;
use tracehound::bridge::catch;
use tracehound::{LossReason, SamplingDecision, SamplingMechanism};
use tracehound_machine::spawn_background;

use super::chunk;
use super::pending::{PendingTraces, TracePart};
use super::shared::{Identified, Shared};
use super::size;
use crate::convert::span_context::ids;

const THREAD_NAME: &str = "tracehound-otel";
/// After so many failures it pauses before each new start, as the pipeline's own worker does.
const FAILURES_AT_ONCE: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Starts the thread unless it runs; see [`Starter::start`](super::starter::Starter::start). Returns `false` where the
/// system has refused it. It ends when the queue is stopped: by a shutdown, or when the last handle of the exporter is
/// dropped.
pub(super) fn start(shared: &Arc<Shared>, now: bool) -> bool {
    let spawn = || {
        let shared = Arc::clone(shared);
        // Detached: callers wait for the queue, never for the thread itself.
        spawn_background(THREAD_NAME, move || supervise(&shared)).map(drop)
    };
    let failed = shared.starter.start(now, spawn);
    if let Some(error) = &failed {
        shared.base().warn_once("assembler", || {
            format!("no thread for OpenTelemetry's spans: {error}; trying again")
        });
    }
    failed.is_none()
}

fn supervise(shared: &Shared) {
    // Functions of the user run here: spans that they make, through either API, would come back here.
    let _off = (tracehound::suppress(), Context::enter_telemetry_suppressed_scope());
    let mut failures = 0u32;
    while catch(|| run(shared)).is_none() {
        failures = failures.saturating_add(1);
        let lost = shared.queue.lose_taken();
        shared.lose(LossReason::WorkerFailed, lost, "they were being put together");
        shared.base().warn_once("assembler", || {
            "the thread that puts OpenTelemetry's spans together failed; it starts again".into()
        });
        if shared.queue.is_stopped() {
            break;
        }
        if failures >= FAILURES_AT_ONCE {
            sleep(PAUSE);
        }
    }
    shared.end_queue();
}

fn run(shared: &Shared) {
    let mut pending = PendingTraces::new(shared.policy);
    let mut next = None;
    let mut has_looked = false;
    loop {
        let mut work = shared.queue.take(next, pending.has_spans());
        let now = Instant::now();
        for span in std::mem::take(&mut work.batches).into_iter().flatten() {
            if ids(&span.span_context).is_some() {
                pending.add(span, now);
            } else if shared.queue.settle(1, size::span(&span)) {
                shared.lose(LossReason::Invalid, 1, "a span has no trace id, or none of its own");
            }
        }
        let identified = shared.identified();
        if pending.has_spans() && !std::mem::replace(&mut has_looked, true) {
            shared.warn_of_idle_rules();
        }
        next = pending.take(now, work.flush, |part| submit(shared, &identified, part));
        shared.queue.answer(&work);
        if work.stop {
            return;
        }
    }
}

/// Makes chunks of the spans of a trace and submits them; gives the decision that the user has set, if any.
fn submit(shared: &Shared, identified: &Identified, part: TracePart) -> Option<SamplingDecision> {
    let TracePart { spans, mut bytes, user_decision: before } = part;
    let Identified { tracer, resource } = identified;
    let mut user_decision = before;
    let mut chunks = Vec::new();
    for spans in chunk::split_by_root(spans) {
        let count = spans.len();
        let mapped = spans.into_iter().map(|span| {
            let mapped = shared.mappings.apply(&span, resource, tracer);
            (span, mapped)
        });
        let chunk = chunk::build(mapped.collect(), before, shared.naming, tracer);
        let decision = chunk.as_ref().and_then(ChunkBuilder::decision);
        user_decision = decision.filter(|decision| decision.mechanism == BY_USER).or(user_decision);
        chunks.push((chunk, count));
    }
    for (chunk, count) in chunks {
        // What is submitted is the pipeline's to count. Only now: the user's functions may not have ended in
        // the time for a shutdown.
        if !shared.queue.settle(count, std::mem::take(&mut bytes)) {
            break;
        }
        let Some(mut chunk) = chunk else { continue };
        if let Some(user_decision) = user_decision {
            chunk.set_decision(user_decision);
        }
        chunk.submit();
    }
    user_decision
}

const BY_USER: Option<SamplingMechanism> = Some(SamplingMechanism::MANUAL);
