//! The propagated tags, `_dd.p.*`, whichever header carries them.

#![deny(clippy::arithmetic_side_effects)]

use crate::text::Text;
use crate::trace::{OwnField, SamplingMechanism, SpanContext, TagOrder};

/// What the names of all propagated tags begin with.
pub(super) const PREFIX: &str = "_dd.p.";
/// The decision maker, which travels as [`SpanContext::mechanism`].
pub(super) const DECISION_MAKER: &str = "dm";
/// The high bits of the trace id, which are part of [`SpanContext::trace_id`].
pub(super) const TRACE_ID_HIGH: &str = "tid";
/// The marker of the organisation; see `org_guard.rs`.
pub(super) const ORG_MARKER: &str = "opm";
/// Which products keep the trace: a bit mask in hexadecimal.
const TRACE_SOURCE: &str = "ts";
/// A tag of old tracers that nobody reads any more.
const UPSTREAM_SERVICES: &str = "upstream_services";

/// The propagated tags of incoming headers, of any style.
#[derive(Debug, Default)]
pub(super) struct IncomingTags {
    pub(super) tags: Vec<(Text, Text)>,
    pub(super) order: TagOrder,
    pub(super) mechanism: Option<SamplingMechanism>,
    /// The first thing that was wrong: `_dd.propagation_error`.
    pub(super) error: Option<Text>,
}

impl IncomingTags {
    /// Takes a tag by its name without the prefix; the later of two wins.
    ///
    /// `key` is the name with the prefix, and `decode` what is kept of the value: neither is made for nothing.
    pub(super) fn set(
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
                    self.order.note(OwnField::Mechanism, self.tags.len());
                }
                self.mechanism = SamplingMechanism::parse(value);
                if self.mechanism.is_none() {
                    self.report(Text::literal(DECODING_ERROR));
                }
            }
            TRACE_SOURCE if !is_trace_source(value) => {}
            _ => {
                let is_known = |(known, _): &&mut (Text, Text)| {
                    strip(known.as_bytes()) == Some(name.as_bytes())
                };
                match self.tags.iter_mut().find(is_known) {
                    Some((_, old)) => *old = decode(value),
                    None => self.tags.push((key(), decode(value))),
                }
            }
        }
    }

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
        let set = |incoming: &mut IncomingTags, name: &str, value: &str| {
            incoming.set(name, value, || format!("{PREFIX}{name}").into(), Text::copy);
        };
        let mut incoming = IncomingTags::default();
        for (name, value) in [
            ("usr", "1"),
            ("", "x"),
            ("upstream_services", "x"),
            ("tid", "x"),
            ("ts", "2"),
            ("ts", "0g"),
            ("ts", "123456789"),
            ("dm", "-4"),
            ("usr", "2"),
        ] {
            set(&mut incoming, name, value);
        }
        assert_eq!(incoming.tags, [("_dd.p.usr".into(), "2".into())]);
        assert_eq!(
            (incoming.mechanism, incoming.error.clone()),
            (Some(SamplingMechanism::MANUAL), None)
        );

        set(&mut incoming, "ts", "0A");
        set(&mut incoming, "dm", "4");
        assert_eq!(incoming.tags[1], ("_dd.p.ts".into(), "0A".into()));
        assert_eq!((incoming.mechanism, incoming.error.as_deref()), (None, Some("decoding_error")));
    }
}
