//! The propagated tags, `_dd.p.*`, whichever header carries them.

#![deny(clippy::arithmetic_side_effects)]

use crate::text::Text;
use crate::trace::{OwnField, SamplingMechanism, SpanContext};

/// What the names of all propagated tags begin with.
pub(super) const PREFIX: &str = "_dd.p.";
/// The decision maker, which travels as [`SpanContext::mechanism`].
const DECISION_MAKER: &str = "dm";
/// The high bits of the trace id, which are part of [`SpanContext::trace_id`].
pub(super) const TRACE_ID_HIGH: &str = "tid";
/// The marker of the organisation; see `org_guard.rs`.
pub(super) const ORG_MARKER: &str = "opm";
/// Which products keep the trace: a bit mask in hexadecimal.
const TRACE_SOURCE: &str = "ts";
/// A tag of old tracers that nobody reads any more.
const UPSTREAM_SERVICES: &str = "upstream_services";

impl SpanContext {
    /// Takes a tag that came in, by its name without the prefix; the later of two wins.
    ///
    /// `key` makes the name with the prefix, and `decode` what is kept of the value: only where they are needed.
    pub(super) fn take_tag(
        &mut self,
        name: &str,
        value: &str,
        key: impl FnOnce() -> Text,
        decode: impl FnOnce(&str) -> Text,
    ) {
        match name {
            "" | UPSTREAM_SERVICES | TRACE_ID_HIGH => {}
            DECISION_MAKER => {
                if self.mechanism.is_none() {
                    self.tag_order.note(OwnField::Mechanism, self.tags.len());
                }
                self.mechanism = SamplingMechanism::parse(value);
                if self.mechanism.is_none() {
                    self.report(Text::literal(DECODING_ERROR));
                }
            }
            TRACE_SOURCE if !is_trace_source(value) => {}
            _ => match self.tags.iter_mut().find(|(known, _)| is_named(known, name)) {
                Some((_, old)) => *old = decode(value),
                None => self.tags.push((key(), decode(value))),
            },
        }
    }

    /// Notes what was wrong with the headers, for `_dd.propagation_error`; the first problem counts.
    pub(super) fn report(&mut self, error: Text) {
        self.error.get_or_insert(error);
    }
}

/// `_dd.propagation_error` for headers that do not follow their grammar.
pub(super) const DECODING_ERROR: &str = "decoding_error";

/// The name without the prefix; `None` for what is not propagated.
pub(super) fn strip(name: &[u8]) -> Option<&[u8]> {
    name.strip_prefix(PREFIX.as_bytes())
}

/// Whether a tag is the propagated one with this name, which is without the prefix.
pub(super) fn is_named(tag: &Text, name: &str) -> bool {
    strip(tag.as_bytes()) == Some(name.as_bytes())
}

fn is_trace_source(value: &str) -> bool {
    (2..=8).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What the local root of a continued trace is tagged with, beside the propagated tags: `_dd.parent_id`,
/// `_dd.propagation_error` and the baggage that the settings ask for.
pub(crate) fn root_tags(context: &SpanContext) -> impl Iterator<Item = (Text, Text)> {
    let tag = |name, value: &Option<Text>| Some((Text::literal(name), value.clone()?));
    let parent = tag("_dd.parent_id", &context.last_parent);
    let error = tag("_dd.propagation_error", &context.error);
    parent.into_iter().chain(error).chain(context.root_tags.iter().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tag_is_judged_by_itself() {
        let mut context = SpanContext::default();
        for (name, value, tags, mechanism, error) in [
            ("usr", "1", &[("_dd.p.usr", "1")][..], None, None),
            ("", "x", &[("_dd.p.usr", "1")], None, None),
            ("upstream_services", "x", &[("_dd.p.usr", "1")], None, None),
            ("tid", "x", &[("_dd.p.usr", "1")], None, None),
            ("ts", "2", &[("_dd.p.usr", "1")], None, None),
            ("ts", "0g", &[("_dd.p.usr", "1")], None, None),
            ("ts", "123456789", &[("_dd.p.usr", "1")], None, None),
            ("dm", "-4", &[("_dd.p.usr", "1")], Some(4), None),
            ("usr", "2", &[("_dd.p.usr", "2")], Some(4), None),
            ("ts", "0A", &[("_dd.p.usr", "2"), ("_dd.p.ts", "0A")], Some(4), None),
            ("dm", "4", &[("_dd.p.usr", "2"), ("_dd.p.ts", "0A")], None, Some("decoding_error")),
        ] {
            context.take_tag(name, value, || format!("{PREFIX}{name}").into(), Text::copy);
            assert_eq!(context.tags().collect::<Vec<_>>(), tags, "{name}={value}");
            assert_eq!(context.mechanism.map(SamplingMechanism::get), mechanism);
            assert_eq!(context.error.as_deref(), error);
        }
    }
}
