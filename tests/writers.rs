//! Writers other than the agent: a stream, memory, nothing. Each span is written or counted as lost.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tracehound::config::Environment;
use tracehound::{Captured, LossReason, SpanContext, SpanId, TraceId, TraceWriter, Tracer};

use common::{LIMIT, Said};

/// A tracer with this writer, which sends only when it is told to, and knows no agent.
fn tracer(writer: impl Into<TraceWriter>, said: &Said) -> Tracer {
    common::builder("http://127.0.0.1:1", said).writer(writer).build()
}

/// A stream of which a test sees what was written, and decides what fails.
#[derive(Clone, Default)]
struct Tape(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    bytes: Vec<u8>,
    /// Fails from so many bytes on.
    room: Option<usize>,
}

impl Tape {
    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self) -> String {
        String::from_utf8(self.recorded().bytes.clone()).unwrap()
    }

    /// The spans of all lines.
    fn spans(&self) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
        let traces = lines.flat_map(|line| line["traces"].as_array().unwrap().clone());
        traces.flat_map(|trace| trace.as_array().unwrap().clone()).collect()
    }
}

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut recorded = self.recorded();
        let room =
            recorded.room.map_or(usize::MAX, |most| most.saturating_sub(recorded.bytes.len()));
        if room == 0 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        // Not more at once than a pipe takes.
        let taken = bytes.len().min(room).min(65_536);
        recorded.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// ===== lines of JSON =====

#[test]
fn a_stream_gets_each_span_in_lines_of_json() {
    let (tape, said) = (Tape::default(), Said::default());
    let tracer = tracer(TraceWriter::json_lines(tape.clone()), &said);
    let upstream = SpanContext::new(TraceId::from_halves(9, 0xab).unwrap(), SpanId::new(5));
    let root = tracer.span("web.request").child_of(upstream).resource("GET /").start();
    tracer.span("db.query").child_of(&root).tag("rows", 3).start().finish();
    drop(root);
    tracer.flush(LIMIT).unwrap();
    let spans = tape.spans();
    assert_eq!(spans.len(), 2);
    assert_eq!(
        (&spans[0]["trace_id"], &spans[0]["parent_id"]),
        (&"00000000000000ab".into(), &"0000000000000005".into())
    );
    assert_eq!((&spans[0]["resource"], &spans[0]["service"]), (&"GET /".into(), &"shop".into()));
    assert_eq!(spans[1]["parent_id"], spans[0]["span_id"]);
    assert_eq!(spans[1]["metrics"]["rows"], 3);
    tracer.shutdown(LIMIT).unwrap();
    assert_eq!((tracer.losses().total(), said.warnings()), (0, vec![]));
    assert_eq!(tracer.agent_url(), None);
}

#[test]
fn no_line_is_longer_than_256_kib_and_only_a_larger_span_is_lost() {
    let (tape, said) = (Tape::default(), Said::default());
    let tracer = tracer(TraceWriter::json_lines(tape.clone()), &said);
    for _ in 0..200 {
        let root = tracer.span("root").start();
        for _ in 0..4 {
            let fill = "x".repeat(2_000);
            tracer.span("child").child_of(&root).tag("fill", fill).start().finish();
        }
    }
    let large = tracer.span("large").start();
    for number in 0..20 {
        // Each text is cut at 25,000 characters.
        large.set_tag(format!("fill.{number}"), "x".repeat(20_000));
    }
    drop(large);
    let _ = tracer.shutdown(LIMIT);
    let text = tape.text();
    assert!(text.lines().count() > 5 && text.lines().all(|line| line.len() < 256 * 1024));
    assert_eq!(tape.spans().len(), 1_000);
    assert_eq!((tracer.losses().spans(LossReason::TooLarge), tracer.losses().total()), (1, 1));
    assert!(said.warnings().concat().contains("\"large\""), "{:?}", said.warnings());
}

#[test]
fn a_stream_that_breaks_costs_what_was_not_written_and_one_line() {
    let (tape, said) = (Tape::default(), Said::default());
    let tracer = tracer(TraceWriter::json_lines(tape.clone()), &said);
    let make = |name: &'static str| {
        tracer.span(name).start().finish();
        tracer.flush(LIMIT).is_ok()
    };
    assert!(make("first"));
    let written = tape.text().len();
    // In the middle of the next line.
    tape.recorded().room = Some(written + 10);
    assert!(!make("second") && !make("third"));
    let lost = tracer.losses();
    assert_eq!((lost.spans(LossReason::StreamFailed), lost.total()), (2, 2));
    let warnings = said.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("the stream cannot be written to"), "{warnings:?}");
    // It is there again: what is left of the torn line spoils nothing.
    tape.recorded().room = None;
    assert!(make("fourth"));
    let text = tape.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(serde_json::from_str::<Value>(lines[1]).is_err());
    assert!(lines[2].contains("fourth") && serde_json::from_str::<Value>(lines[2]).is_ok());
    tracer.shutdown(LIMIT).unwrap();
}

/// A stream that waits in each write until it is told to go on.
struct Gate {
    entered: Sender<()>,
    open: Receiver<()>,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.entered.send(());
        // Closed for good where the test has ended.
        self.open.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_that_blocks_stops_nobody_but_the_worker() {
    let (entered, has_entered) = channel();
    let (go_on, open) = channel();
    let said = Said::default();
    let tracer = Tracer::builder()
        .environment(Environment::empty())
        .flush_interval(Duration::from_millis(1))
        .buffer_bytes(200_000)
        .log(said.listener())
        .writer(TraceWriter::json_lines(Gate { entered, open }))
        .build();
    tracer.span("first").start().finish();
    has_entered.recv_timeout(LIMIT).unwrap();
    let start = Instant::now();
    for _ in 0..5_000 {
        tracer.span("more").start().finish();
    }
    assert!(start.elapsed() < LIMIT, "nobody waits");
    assert!(tracer.losses().spans(LossReason::QueueFull) > 0, "within the bound");
    assert!(tracer.flush(Duration::from_millis(50)).unwrap_err().is_timeout());
    drop(go_on);
    let _ = tracer.shutdown(LIMIT);
    assert_eq!(tracer.losses().total(), 5_001, "{}", tracer.losses());
}

#[test]
fn a_stream_that_panics_is_one_that_breaks() {
    struct Panics;
    impl Write for Panics {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("on purpose")
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let tracer = tracer(TraceWriter::json_lines(Panics), &Said::default());
    for _ in 0..3 {
        tracer.span("op").start().finish();
        assert!(tracer.flush(LIMIT).unwrap_err().is_undelivered());
    }
    assert_eq!(tracer.losses().spans(LossReason::StreamFailed), 3);
    tracer.shutdown(LIMIT).unwrap();
}

// ===== memory, and nothing =====

#[test]
fn memory_has_what_the_tracer_has_finished_with_its_sampling() {
    let captured = Captured::default();
    let tracer = Tracer::builder()
        .environment(Environment::empty())
        .service("shop")
        .sample_rate(0.0)
        .writer(TraceWriter::memory(&captured))
        .build();
    tracer.in_span("web.request", |root| {
        root.set_tag("user", "7");
        tracer.in_span("db.query", |_| ());
    });
    tracer.flush(LIMIT).unwrap();
    let root = captured.span("web.request");
    assert_eq!((root.tags["user"].as_str(), root.service.as_str()), ("7", "shop"));
    assert_eq!(captured.span("db.query").parent_id, root.span_id);
    assert!(!root.priority.unwrap().is_keep(), "decided by the tracer's own rules");
    assert_eq!(captured.take().concat().len(), 2);
    assert!(captured.spans().is_empty());
    tracer.shutdown(LIMIT).unwrap();
    assert_eq!(tracer.losses().total(), 0);
}

#[test]
fn memory_is_bounded_and_taking_makes_room() {
    const MOST: usize = 100_000;
    let (captured, said) = (Captured::default(), Said::default());
    let tracer = tracer(TraceWriter::memory(&captured), &said);
    let make = |spans: usize| {
        for _ in 0..spans / 100 {
            let root = tracer.span("root").start();
            (1..100).for_each(|_| tracer.span("child").child_of(&root).start().finish());
        }
        tracer.flush(LIMIT).is_ok()
    };
    for _ in 0..10 {
        assert!(make(MOST / 10));
    }
    assert!(!make(200));
    assert_eq!(captured.spans().len(), MOST);
    assert_eq!((tracer.losses().spans(LossReason::QueueFull), tracer.losses().total()), (200, 200));
    assert!(said.warnings().concat().contains("Captured::take"), "{:?}", said.warnings());
    assert_eq!(captured.take().concat().len(), MOST);
    assert!(make(200));
    assert_eq!(captured.spans().len(), 200);
}

#[test]
fn without_a_writer_spans_are_made_and_nothing_is_lost() {
    let said = Said::default();
    let tracer = tracer(TraceWriter::none(), &said);
    let mut headers = std::collections::HashMap::new();
    tracer.in_span("op", |span| {
        assert!(span.is_open());
        tracer.inject(&mut headers);
    });
    assert!(headers.contains_key("traceparent"));
    tracer.flush(LIMIT).unwrap();
    tracer.shutdown(LIMIT).unwrap();
    assert_eq!((tracer.losses().total(), said.warnings()), (0, vec![]));
    tracer.in_span("late", |_| ());
    assert_eq!(tracer.losses().spans(LossReason::Shutdown), 1);
}

#[test]
fn the_same_value_serves_two_tracers() {
    let (tape, said) = (Tape::default(), Said::default());
    let writer = TraceWriter::json_lines(tape.clone());
    for name in ["one", "two"] {
        let tracer = tracer(writer.clone(), &said);
        tracer.span(name).start().finish();
        tracer.shutdown(LIMIT).unwrap();
    }
    let names: Vec<_> = tape.spans().iter().map(|span| span["name"].clone()).collect();
    assert_eq!(names, ["one", "two"]);
}
