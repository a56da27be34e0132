//! The lines under a span: its error, and on request tags, links and events.

use std::collections::BTreeMap;

use super::Style;
use super::paint::Paint;
use super::text::{column, fit, width};
use super::units::duration;
use crate::model::{Event, Link, Span, Text, Value};

/// Lines of one value; a stack trace may have hundreds.
const VALUE_LINES: usize = 12;

/// Keys are aligned up to this width.
const KEY: usize = 28;

/// A line and its colour, escaped and not wider than asked for.
pub(super) type Line = (Paint, String);

/// All lines under a span, each at most `room` columns wide.
pub(super) fn details(span: &Span, style: &Style, room: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if span.is_error() {
        lines.push((Paint::Error, fit(&format!("✗ {}", error_text(span)), room)));
    }
    if style.events {
        for event in &span.events {
            lines.push((Paint::Plain, fit(&event_text(span, event), room)));
            attributes(&event.attributes, room, &mut lines);
        }
    }
    if style.links {
        for link in &span.links {
            lines.push((Paint::Plain, fit(&link_text(link), room)));
            attributes(&link.attributes, room, &mut lines);
        }
    }
    if style.tags {
        let entries = tags(span, style);
        list(&entries, "", room, &mut lines);
    }
    lines
}

fn error_text(span: &Span) -> String {
    // The second is the name that old tracers used.
    let message = span.meta("error.message").or_else(|| span.meta("error.msg"));
    match (span.meta("error.type"), message) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => "error".to_owned(),
    }
}

fn event_text(span: &Span, event: &Event) -> String {
    let time = i64::try_from(event.time_unix_ns).unwrap_or(i64::MAX);
    let since = time.saturating_sub(span.start_ns);
    let sign = if since < 0 { "" } else { "+" };
    format!("• {} at {sign}{}", event.name, duration(since))
}

fn link_text(link: &Link) -> String {
    let mut text = if (link.trace_id, link.span_id) == (0, 0) {
        "→ span pointer".to_owned()
    } else {
        format!("→ span {:016x} of trace {:032x}", link.span_id, link.trace_id)
    };
    if let Some(flags) = link.flags {
        text.push_str(if flags & 1 == 1 { ", sampled" } else { ", not sampled" });
    }
    if !link.tracestate.is_empty() {
        text.push_str(", ");
        text.push_str(&link.tracestate);
    }
    text
}

fn attributes(attributes: &BTreeMap<Text, Value>, room: usize, lines: &mut Vec<Line>) {
    let entries: Vec<_> =
        attributes.iter().map(|(key, value)| (&**key, value.to_string())).collect();
    list(&entries, "  ", room, lines);
}

/// The tags by name, whatever their type; without those that are shown as links or events.
fn tags<'a>(span: &'a Span, style: &Style) -> Vec<(&'a str, String)> {
    let shown = |key: &str| {
        (key == "_dd.span_links" && style.links && !span.links.is_empty())
            || (key == "events" && style.events && !span.events.is_empty())
    };
    let texts = span.meta.iter().map(|(key, value)| (&**key, value.to_string()));
    let numbers = span.metrics.iter().map(|(key, value)| (&**key, value.to_string()));
    let structs = span
        .meta_struct
        .iter()
        .map(|(key, bytes)| (&**key, format!("<{} bytes of MessagePack>", bytes.len())));
    let mut tags: Vec<_> =
        texts.filter(|(key, _)| !shown(key)).chain(numbers).chain(structs).collect();
    tags.sort_by(|a, b| a.0.cmp(b.0));
    tags
}

/// Keys and values in two columns, a value's lines below one another.
fn list(entries: &[(&str, String)], indent: &str, room: usize, lines: &mut Vec<Line>) {
    let keys = entries.iter().map(|(key, _)| width(&fit(key, KEY))).max().unwrap_or_default();
    let taken = width(indent).saturating_add(keys).saturating_add(2);
    let room = room.saturating_sub(taken).max(10);
    for (key, value) in entries {
        let mut rest = value.lines();
        let first = rest.next().unwrap_or_default();
        let key = column(key, keys);
        lines.push((Paint::Dim, format!("{indent}{key}  {}", fit(first, room))));
        let margin = " ".repeat(taken);
        for line in rest.by_ref().take(VALUE_LINES - 1) {
            lines.push((Paint::Dim, format!("{margin}{}", fit(line, room))));
        }
        let hidden = rest.count();
        if hidden > 0 {
            lines.push((Paint::Dim, format!("{margin}… {hidden} more lines")));
        }
    }
}
