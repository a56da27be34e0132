//! OpenTracing's carriers as the core's, and OpenTracing's own headers: one for each item of the baggage.

use opentracing_rs::{TextMapReader, TextMapWriter};
use tracehound::{Baggage, Extractor, header_value, is_header_name};

/// Before the name of an item, as every OpenTracing tracer of Datadog writes it. Neither name nor value is
/// encoded.
const PREFIX: &str = "ot-baggage-";
/// As many items as W3C Baggage has a tracer pass on: a limit for what a stranger may send us, too.
const MAX_ITEMS: usize = 64;
/// The same for the bytes of all names and values.
const MAX_BYTES: usize = 8192;

pub(crate) struct Reader<'c>(pub(crate) &'c dyn TextMapReader);

impl Extractor for Reader<'_> {
    fn for_each<'a>(&'a self, visit: &mut dyn FnMut(&'a str, &'a [u8])) {
        self.0.for_each(&mut |name, value| visit(name, value.as_bytes()));
    }
}

/// Whether a carrier takes any text, or what HTTP does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    Any,
    Http,
}

impl Charset {
    /// What a receiver could refuse, or take for another header, stays out of HTTP. W3C's `baggage` has it, encoded.
    fn sendable<'i>(self, (name, value): (&'i str, &'i str)) -> Option<(&'i str, &'i str)> {
        match self {
            Charset::Any => (!name.is_empty()).then_some((name, value)),
            Charset::Http if is_header_name(name) => Some((name, header_value(value)?)),
            Charset::Http => None,
        }
    }
}

/// Whether an item is still within the limits.
fn limit() -> impl FnMut(&str, &str) -> bool {
    let (mut items, mut bytes) = (MAX_ITEMS, MAX_BYTES);
    move |name, value| {
        let left = bytes.checked_sub(name.len()).and_then(|bytes| bytes.checked_sub(value.len()));
        let (Some(items_left), Some(bytes_left)) = (items.checked_sub(1), left) else {
            return false;
        };
        (items, bytes) = (items_left, bytes_left);
        true
    }
}

/// Writes the items up to the first that would exceed a limit.
pub(crate) fn write(baggage: &Baggage, charset: Charset, carrier: &mut dyn TextMapWriter) {
    let mut fits = limit();
    let items = baggage.iter().filter_map(|item| charset.sendable(item));
    for (name, value) in items.take_while(|(name, value)| fits(name, value)) {
        carrier.set(&format!("{PREFIX}{name}"), value);
    }
}

/// Adds the items in a carrier to those that W3C's header had, and says whether there were any.
pub(crate) fn read(carrier: &dyn TextMapReader, baggage: &mut Baggage) -> bool {
    let mut fits = limit();
    let mut found = false;
    carrier.for_each(&mut |header, value| {
        let Some((prefix, name)) = header.split_at_checked(PREFIX.len()) else { return };
        if !prefix.eq_ignore_ascii_case(PREFIX) || name.is_empty() || !fits(name, value) {
            return;
        }
        // HTTP may have changed the case of the name here, and not that in W3C's header.
        let is_same = |other: &&str| other.eq_ignore_ascii_case(name);
        let own = match baggage.get(name) {
            Some(_) => None,
            None => baggage.iter().map(|(other, _)| other).find(is_same).map(str::to_owned),
        };
        baggage.set(own.unwrap_or_else(|| name.to_owned()), value.to_owned());
        found = true;
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(items: &[(&str, &str)], charset: Charset) -> Vec<(String, String)> {
        let baggage = items.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let mut carrier = Vec::new();
        write(&baggage, charset, &mut carrier);
        carrier
    }

    fn read_from(carrier: &[(&str, &str)], known: &[(&'static str, &'static str)]) -> Baggage {
        let mut baggage = known.iter().copied().collect();
        read(&carrier, &mut baggage);
        baggage
    }

    #[test]
    fn what_could_forge_a_header_stays_out_of_http_only() {
        let items = [
            ("a", "1"),
            ("b c", "2"),
            ("d", "3\r\nx: y"),
            ("e:", "4"),
            ("", "5"),
            ("f", "gr\u{f6}\u{df}e"),
            ("g", " "),
            ("h(i)", "6"),
            ("j", " 7 "),
        ];
        let names = |charset| {
            written(&items, charset).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(Charset::Http), ["ot-baggage-a", "ot-baggage-j"]);
        assert_eq!(written(&[("j", " 7 ")], Charset::Http)[0].1, "7");
        assert_eq!(names(Charset::Any).len(), items.len() - 1);
    }

    #[test]
    fn there_is_a_limit_in_both_directions() {
        let many: Vec<(String, String)> =
            (0..100).map(|i| (format!("{PREFIX}{i}"), "v".to_owned())).collect();
        let mut baggage = Baggage::new();
        assert!(read(&many, &mut baggage));
        assert_eq!(baggage.len(), MAX_ITEMS);
        let (long, fits) = ("v".repeat(MAX_BYTES), "v".repeat(MAX_BYTES.saturating_sub(1)));
        assert!(written(&[("a", &long)], Charset::Any).is_empty());
        assert_eq!(written(&[("a", &fits)], Charset::Any).len(), 1);
    }

    #[test]
    fn an_item_whose_case_was_lost_is_the_one_of_the_other_header() {
        let lower = [("OT-Baggage-userid", "2"), ("ot-baggage-Other", "3"), ("ot-baggage-", "4")];
        let baggage = read_from(&lower, &[("userId", "1")]);
        assert_eq!(baggage.iter().collect::<Vec<_>>(), [("userId", "2"), ("Other", "3")]);
        let both = [("ot-baggage-a", "3"), ("ot-baggage-A", "4")];
        let baggage = read_from(&both, &[("a", "1"), ("A", "2")]);
        assert_eq!(baggage.iter().collect::<Vec<_>>(), [("a", "3"), ("A", "4")]);
    }
}
