//! Payloads that are divided when they become v0.4, and such as nobody has written.

use proptest::prelude::*;
use tracehound_test_support::Span as Decoded;

use super::Limits;
use crate::encode::tests::{FORMATS, MAX, decoded, encoder};
use crate::encode::{Format, Memory, Payload, Sealed};
use crate::id::{SpanId, TraceId};
use crate::trace::SpanContext;
use crate::trace::testkit::Bench;

/// Two chunks of a trace that came from elsewhere, in a format: ten spans with the local root, and twenty without it.
fn payload(format: Format) -> Sealed {
    let bench = Bench::with(|shared| {
        shared.env = Some("prod".into());
        shared.set_partial_flush(Some(20));
    });
    let upstream = SpanContext::new(TraceId::from_halves(1, 2).unwrap(), SpanId::new(5))
        .with_origin("rum")
        .with_tag("_dd.p.usr", "u");
    let root = bench.span("root").child_of(upstream).start();
    for number in 0..29 {
        let child = bench.span("child").child_of(&root).tag("number", number);
        child.tag("fill", "x".repeat(100)).start().finish();
    }
    drop(root);
    let (mut payload, mut encoder) = (Payload::new(format, Memory::default()), encoder(MAX));
    for mut chunk in bench.take_chunks() {
        chunk.settle();
        encoder.add(&mut payload, &chunk, 0);
    }
    payload.seal()
}

fn names(chunks: &[Vec<Decoded>]) -> Vec<String> {
    let tag = |span: &Decoded| format!("{} {:?}", span.name, span.metric("number"));
    chunks.iter().flatten().map(tag).collect()
}

#[test]
fn a_chunk_that_is_too_large_is_divided_and_each_part_has_the_tags_of_a_chunk() {
    let by_v04 = decoded(&payload(Format::V04));
    let of_chunk = |span: &Decoded| {
        let metas = ["language", "_dd.p.tid", "_dd.p.dm", "_dd.p.usr"].map(|key| span.meta(key));
        let metrics = ["_sampling_priority_v1", "_dd.tracer_kr"].map(|key| span.metric(key));
        (metas.map(|tag| tag.map(str::to_owned)), metrics)
    };
    for format in [Format::V05, Format::V1] {
        for chunk_bytes in [0, 1_000, 3_000] {
            let limits = Limits { native_events: true, chunk_bytes };
            let mut divided = payload(format).to_v04(limits).unwrap();
            assert_eq!((divided.format(), divided.span_count()), (Format::V04, 30));
            let chunks = decoded(&divided);
            assert!(chunks.len() > 2, "{}", chunks.len());
            while let Some(chunk) = divided.split_front(0) {
                assert!(chunk.len() <= chunk_bytes + 5 || chunk.span_count() == 1);
            }
            assert_eq!(names(&chunks), names(&by_v04));
            for chunk in &chunks {
                assert_eq!(of_chunk(&chunk[0]), of_chunk(&by_v04[0][0]), "{format:?}");
                let others = chunk.iter().skip(1).map(of_chunk);
                assert!(others.into_iter().all(|tags| tags == Default::default()));
                assert!(chunk.iter().all(|span| span.meta("_dd.origin") == Some("rum")));
            }
        }
    }
}

proptest! {
    /// What is read was written here, so this is for a fault of ours: a payload is then as it was, and is not replaced
    /// by anything else.
    #[test]
    fn what_cannot_be_read_is_no_payload(at in 0usize..1 << 16, byte: u8, cut: bool) {
        for format in FORMATS {
            let mut payload = payload(format);
            for part in [&mut payload.body, &mut payload.strings] {
                let mut bytes = part.to_vec();
                let at = at.checked_rem(bytes.len()).unwrap_or_default();
                if cut {
                    bytes.truncate(at);
                } else if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
                *part = bytes.into();
            }
            let limits = Limits { native_events: true, chunk_bytes: MAX };
            if let Some(converted) = payload.to_v04(limits) {
                prop_assert_eq!(converted.span_count(), 30);
            }
        }
    }
}
