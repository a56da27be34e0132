//! The status of a gRPC call, as a number.

use std::io::Write as _;

use super::tag_key::{tag, text};
use crate::trace::SpanView;

/// The names of the statuses, without underscores; the number is the place.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALIDARGUMENT",
    "DEADLINEEXCEEDED",
    "NOTFOUND",
    "ALREADYEXISTS",
    "PERMISSIONDENIED",
    "RESOURCEEXHAUSTED",
    "FAILEDPRECONDITION",
    "ABORTED",
    "OUTOFRANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATALOSS",
    "UNAUTHENTICATED",
];

/// The status of a span's call: of the first tag that has one, texts before numbers.
pub(super) fn status(span: &SpanView<'_>) -> Option<u8> {
    let tags = [
        tag!(span, "rpc.grpc.status_code"),
        tag!(span, "grpc.code"),
        tag!(span, "rpc.grpc.status.code"),
        tag!(span, "grpc.status.code"),
    ];
    let texts = tags.iter().filter_map(|tag| of_text(text(*tag)?));
    let numbers = tags.iter().filter_map(|tag| of_number((*tag)?.number()?));
    texts.chain(numbers).next()
}

/// The number as it is sent: in decimal, written into `room`.
pub(super) fn decimal(status: u8, room: &mut [u8; 3]) -> &[u8] {
    let mut rest = &mut room[..];
    // Three digits are enough for every `u8`.
    let written = write!(rest, "{status}");
    debug_assert!(written.is_ok());
    let left = rest.len();
    room.get(..room.len() - left).unwrap_or_default()
}

/// `5`, `NOT_FOUND`, `NotFound` and `StatusCode.NOT_FOUND` are one status.
pub(super) fn of_text(text: &str) -> Option<u8> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let name = text.strip_prefix("StatusCode.").unwrap_or(text);
    let letters =
        || name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_uppercase());
    let is_it = |known: &str| known.bytes().eq(letters());
    let place = NAMES.iter().position(|known| is_it(known));
    // Go's spelling of the second one.
    let place = place.or_else(|| is_it("CANCELED").then_some(1));
    place.and_then(|place| u8::try_from(place).ok())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "compared before")]
fn of_number(number: f64) -> Option<u8> {
    let is_whole = (0.0..=255.0).contains(&number) && number.fract() == 0.0;
    is_whole.then_some(number as u8)
}

#[cfg(test)]
mod tests {
    use crate::trace::testkit::Bench;

    #[test]
    fn the_first_text_counts_and_then_the_first_number() {
        let bench = Bench::new();
        let status = |tags: &[(&'static str, &'static str)], number: Option<f64>| {
            let span = bench.span("call").root().start();
            tags.iter().for_each(|(key, value)| span.set_tag(*key, *value));
            span.set_tag("grpc.code", number);
            span.read(super::status).unwrap()
        };
        assert_eq!(status(&[], None), None);
        assert_eq!(status(&[], Some(7.0)), Some(7));
        for wrong in [7.5, -1.0, 256.0] {
            assert_eq!(status(&[], Some(wrong)), None, "{wrong}");
        }
        assert_eq!(status(&[("grpc.status.code", "NOT_FOUND")], Some(7.0)), Some(5));
        let two = [("rpc.grpc.status_code", "what"), ("rpc.grpc.status.code", "2")];
        assert_eq!(status(&two, None), Some(2));
    }
}
