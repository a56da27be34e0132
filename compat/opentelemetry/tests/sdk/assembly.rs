//! Which spans become one chunk, and when.

use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;
use proptest::prelude::*;
use tracehound::testing::{Captured, CapturedSpan};
use tracehound_opentelemetry::SpanExporter;
use tracehound_test_support::within;

use super::support::{
    LIMIT, NEVER, captured, context, export, flushed, patient, span, tracer, with,
};

fn of_trace(trace: u128, mut data: SpanData) -> SpanData {
    let id = u64::from_be_bytes(data.span_context.span_id().to_bytes());
    data.span_context = context(trace, id, true, "");
    data
}

fn below_remote(mut data: SpanData) -> SpanData {
    data.parent_span_is_remote = true;
    data
}

/// The ids of each chunk, sorted.
fn ids(chunks: &[Vec<CapturedSpan>]) -> Vec<Vec<u64>> {
    let mut chunks: Vec<Vec<u64>> = chunks
        .iter()
        .map(|chunk| {
            let mut ids: Vec<_> = chunk.iter().map(|span| span.span_id.unwrap().get()).collect();
            ids.sort_unstable();
            ids
        })
        .collect();
    chunks.sort_unstable();
    chunks
}

fn wait_for_chunks(captured: &Captured, count: usize) -> Vec<Vec<CapturedSpan>> {
    let start = Instant::now();
    loop {
        let chunks = captured.chunks();
        if chunks.len() >= count {
            return chunks;
        }
        assert!(start.elapsed() < LIMIT, "{chunks:?}");
        std::thread::yield_now();
    }
}

#[test]
fn spans_of_several_batches_are_one_chunk_for_each_trace() {
    within(LIMIT, || {
        let (builder, captured) = captured();
        let exporter = builder.build();
        export(&exporter, vec![span(2, 1), of_trace(7, span(12, 11))]).unwrap();
        export(&exporter, vec![of_trace(7, span(11, 0))]).unwrap();
        export(&exporter, vec![span(3, 2), span(1, 0)]).unwrap();
        assert_eq!(ids(&flushed(&exporter, &captured)), [vec![1, 2, 3], vec![11, 12]]);
        let child = captured.spans().into_iter().find(|span| span.span_id.unwrap().get() == 3);
        let child = child.unwrap();
        assert_eq!(child.parent_id.unwrap().get(), 2);
        assert_eq!(child.trace_id.get(), super::support::TRACE);
    });
}

#[test]
fn a_trace_is_sent_soon_after_its_root_has_come() {
    within(LIMIT, || {
        let captured = Captured::default();
        let exporter = SpanExporter::builder()
            .tracer(tracer().capture(&captured))
            .wait_for_root(NEVER)
            .wait_for_late_spans(Duration::from_millis(100))
            .build();
        // One at a time, the root last: as a simple processor does.
        for data in [span(3, 2), span(2, 1), span(1, 0)] {
            export(&exporter, vec![data]).unwrap();
        }
        assert_eq!(ids(&wait_for_chunks(&captured, 1)), [vec![1, 2, 3]]);

        // Late ones need not wait for a root that was sent.
        export(&exporter, vec![span(4, 1)]).unwrap();
        let chunks = wait_for_chunks(&captured, 2);
        assert_eq!(ids(&chunks), [vec![1, 2, 3], vec![4]]);
        assert!(!chunks[1][0].is_local_root);
    });
}

#[test]
fn spans_do_not_wait_for_ever_for_their_root() {
    within(LIMIT, || {
        let captured = Captured::default();
        let exporter = SpanExporter::builder()
            .tracer(tracer().capture(&captured))
            .wait_for_root(Duration::from_millis(100))
            .wait_for_late_spans(NEVER)
            .build();
        export(&exporter, vec![span(2, 1), span(3, 1)]).unwrap();
        let chunks = wait_for_chunks(&captured, 1);
        assert_eq!(ids(&chunks), [vec![2, 3]]);
        assert!(chunks[0].iter().all(|span| !span.is_local_root));
    });
}

#[test]
fn many_spans_of_an_open_trace_are_sent_in_part() {
    within(LIMIT, || {
        let captured = Captured::default();
        let exporter = patient(tracer().capture(&captured).partial_flush(Some(5))).build();
        export(&exporter, (2..=7).map(|id| span(id, 1)).collect()).unwrap();
        assert_eq!(ids(&wait_for_chunks(&captured, 1)), [vec![2, 3, 4, 5, 6, 7]]);
        export(&exporter, vec![span(8, 1), span(1, 0)]).unwrap();
        assert_eq!(ids(&flushed(&exporter, &captured)), [vec![1, 8], vec![2, 3, 4, 5, 6, 7]]);
    });
}

#[test]
fn where_there_is_no_room_the_oldest_are_sent_early() {
    within(LIMIT, || {
        let captured = Captured::default();
        let exporter = patient(tracer().capture(&captured).buffer_bytes(100_000)).build();
        let large = |id: u64| {
            with(of_trace(id.into(), span(id, 999)), [KeyValue::new("k", "x".repeat(20_000))])
        };
        for id in 1..=3 {
            export(&exporter, vec![large(id)]).unwrap();
        }
        wait_for_chunks(&captured, 1);
        assert_eq!(exporter.losses().total(), 0);
        assert_eq!(flushed(&exporter, &captured).len(), 3);
    });
}

#[test]
fn requests_of_one_trace_that_came_in_twice_are_two_chunks() {
    within(LIMIT, || {
        let (builder, captured) = captured();
        let exporter = builder.build();
        let batch = vec![
            span(2, 1),
            span(12, 11),
            span(13, 12),
            below_remote(span(1, 99)),
            below_remote(span(11, 98)),
            // Their parents are nowhere: a part of its own.
            span(22, 21),
        ];
        export(&exporter, batch).unwrap();
        let chunks = flushed(&exporter, &captured);
        assert_eq!(ids(&chunks), [vec![1, 2], vec![11, 12, 13], vec![22]]);
        for chunk in &chunks {
            let roots = chunk.iter().filter(|span| span.is_local_root).count();
            assert_eq!(roots, usize::from(chunk[0].span_id.unwrap().get() != 22));
        }
    });
}

#[test]
fn parents_in_a_circle_are_sent_all_the_same() {
    within(LIMIT, || {
        let (builder, captured) = captured();
        let exporter = builder.build();
        let batch = vec![span(1, 2), span(2, 1), span(3, 3), span(4, 0), span(5, 0)];
        export(&exporter, batch).unwrap();
        assert_eq!(ids(&flushed(&exporter, &captured)).concat().len(), 5);
    });
}

#[test]
fn threads_that_export_and_flush_at_once_lose_nothing() {
    const THREADS: u64 = 8;
    const SPANS: u64 = 200;
    within(LIMIT, || {
        let (builder, captured) = captured();
        let exporter = builder.build();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let exporter = exporter.clone();
                scope.spawn(move || {
                    for n in 1..=SPANS {
                        let id = thread * SPANS + n;
                        export(&exporter, vec![of_trace(u128::from(n), span(id, 0))]).unwrap();
                        if n % 50 == 0 {
                            exporter.flush(LIMIT).unwrap();
                        }
                    }
                });
            }
        });
        let mut all = ids(&flushed(&exporter, &captured)).concat();
        all.sort_unstable();
        assert_eq!(all, (1..=THREADS * SPANS).collect::<Vec<_>>());
        assert_eq!(exporter.losses().total(), 0);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the parents are, and whatever batches the spans come in.
    #[test]
    fn every_span_arrives_once_and_no_chunk_has_two_roots(
        spans in prop::collection::vec((1u64..30, any::<bool>(), 1u128..4, 1usize..5), 1..30),
    ) {
        let (builder, captured) = captured();
        let exporter = builder.build();
        let mut batch = Vec::new();
        for (place, (parent, is_remote, trace, size)) in spans.iter().enumerate() {
            let id = place as u64 + 1;
            let data = of_trace(*trace, span(id, parent % 30));
            batch.push(if *is_remote && parent % 5 == 0 { below_remote(data) } else { data });
            if batch.len() >= *size {
                export(&exporter, std::mem::take(&mut batch)).unwrap();
            }
        }
        export(&exporter, batch).unwrap();
        let chunks = flushed(&exporter, &captured);
        let mut all = ids(&chunks).concat();
        all.sort_unstable();
        prop_assert_eq!(all, (1..=spans.len() as u64).collect::<Vec<_>>());
        for chunk in chunks {
            prop_assert!(chunk.iter().filter(|span| span.is_local_root).count() <= 1);
            prop_assert!(chunk.iter().all(|span| span.trace_id == chunk[0].trace_id));
        }
    }
}
