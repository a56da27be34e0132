//! Spans at a steady rate, as a service makes them; and as fast as they come.

use std::thread;
use std::time::{Duration, Instant};

use crate::clock;
use crate::measure::Workload;
use crate::peer::Peer;

/// What a steady load cost the whole process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paced {
    pub(crate) spans: usize,
    /// Of all threads, until everything was sent.
    pub(crate) cpu: Duration,
    /// Of the thread that traces.
    pub(crate) application_cpu: Duration,
    /// The longest time for one trace.
    pub(crate) stall: Duration,
}

/// Traces come in ticks of this length.
const TICK: Duration = Duration::from_millis(5);

/// Makes `rate` spans a second; `flush` decides whether what is left at the end is sent within the measure.
pub(crate) fn run(
    peer: &dyn Peer,
    workload: Workload,
    rate: usize,
    length: Duration,
    flush: bool,
) -> Paced {
    let spans = workload.spans();
    let mut result = Paced {
        spans: 0,
        cpu: Duration::ZERO,
        application_cpu: Duration::ZERO,
        stall: Duration::ZERO,
    };
    workload.with(peer, &mut |work| {
        let (start, process, thread) = (Instant::now(), clock::process_cpu(), clock::thread_cpu());
        let mut tick = 0;
        while start.elapsed() < length {
            tick += 1;
            let due = TICK.as_micros() as usize * tick * rate / 1_000_000;
            while result.spans < due {
                let before = Instant::now();
                work();
                result.stall = result.stall.max(before.elapsed());
                result.spans += spans;
            }
            let next = start + TICK * tick as u32;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        result.application_cpu = clock::thread_cpu().saturating_sub(thread);
        if flush {
            peer.flush();
        }
        result.cpu = clock::process_cpu().saturating_sub(process);
    });
    result
}
