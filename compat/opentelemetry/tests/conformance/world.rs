//! What is left of a program: its spans, and what it has seen, as text that can be compared.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tracehound::{SpanEvent, SpanLink};

/// In whose terms a span of OpenTelemetry becomes one of Datadog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mapping {
    /// Of Datadog's tracers, for spans made through OpenTelemetry's API.
    Tracer,
    /// Of the agent, for what it receives as OTLP.
    Agent,
}

/// By the name of the span, the fields of Datadog's spans; what the program has seen is under `PROGRAM`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct World {
    spans: BTreeMap<String, BTreeMap<String, String>>,
}

pub(crate) const PROGRAM: &str = "(program)";

impl World {
    pub(crate) fn set(&mut self, span: &str, field: &str, value: impl ToString) {
        self.spans.entry(span.to_owned()).or_default().insert(field.to_owned(), value.to_string());
    }

    pub(crate) fn take(&mut self, span: &str, field: &str) -> Option<String> {
        self.spans.get_mut(span)?.remove(field)
    }

    /// A span about which nothing is special.
    pub(crate) fn add_plain(&mut self, span: &str, trace: &str, parent: &str, priority: i32) {
        for (field, value) in [
            ("trace", trace),
            ("parent", parent),
            ("service", "test"),
            ("name", "internal"),
            ("type", "custom"),
            ("kind", "internal"),
            ("start", "now"),
            ("end", "now"),
        ] {
            self.set(span, field, value);
        }
        self.set(span, "local root", parent.starts_with("0x"));
        self.set(span, "error", false);
        self.set(span, "priority", priority);
    }

    /// What is here and not there, and the reverse; one line each.
    pub(crate) fn compare(&self, found: &World) -> Vec<String> {
        let mut lines = Vec::new();
        let names = self.spans.keys().chain(found.spans.keys());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let empty = BTreeMap::new();
            let expected = self.spans.get(name).unwrap_or(&empty);
            let found = found.spans.get(name).unwrap_or(&empty);
            let mut fields: Vec<_> = expected.keys().chain(found.keys()).collect();
            fields.sort_unstable();
            fields.dedup();
            for field in fields {
                let (expected, found) = (expected.get(field), found.get(field));
                if expected != found {
                    lines.push(format!("{name:?} {field}: {expected:?}, here {found:?}"));
                }
            }
        }
        lines
    }
}

/// What a program sees.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    seen: Vec<(String, String)>,
}

impl Notes {
    pub(crate) fn see(&mut self, what: &str, value: impl ToString) {
        self.seen.push((what.to_owned(), value.to_string()));
    }
}

// ===== spans to text =====

/// A span in Datadog's terms, whoever made it so.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    /// 0 for none.
    pub(crate) parent_id: u64,
    pub(crate) is_local_root: bool,
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) resource: String,
    pub(crate) span_type: String,
    pub(crate) kind: String,
    pub(crate) is_error: bool,
    /// Of the whole trace.
    pub(crate) priority: i32,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) meta: BTreeMap<String, String>,
    pub(crate) metrics: BTreeMap<String, f64>,
    pub(crate) links: Vec<SpanLink>,
    pub(crate) events: Vec<SpanEvent>,
}

/// Times are given by the rows, or the clock's; the clocks of two runs and of two sources are not compared.
pub(crate) struct Run {
    began: SystemTime,
}

impl Run {
    pub(crate) fn begin() -> Self {
        Run { began: SystemTime::now() }
    }

    pub(crate) fn end(self, records: &[Record], notes: Notes) -> World {
        let mut world = World::default();
        let mut traces: Vec<u128> = Vec::new();
        let mut records: Vec<_> = records.iter().collect();
        records.sort_by(|a, b| a.resource.cmp(&b.resource));
        for record in &records {
            let place = traces.iter().position(|id| *id == record.trace_id).unwrap_or_else(|| {
                traces.push(record.trace_id);
                traces.len() - 1
            });
            // An id that a row has given is small; a random one is told from others by its place.
            let trace = match record.trace_id {
                given if given < 1 << 32 => format!("{given:#x}"),
                _ => format!("new {place}"),
            };
            let of_parent = |other: &&&Record| {
                (other.trace_id, other.span_id) == (record.trace_id, record.parent_id)
            };
            let parent = match records.iter().find(of_parent) {
                Some(parent) => parent.resource.clone(),
                None => format!("{:#x}", record.parent_id),
            };
            self.add(&mut world, record, trace, parent);
        }
        for (what, value) in notes.seen {
            world.set(PROGRAM, &what, value);
        }
        world
    }

    fn add(&self, world: &mut World, record: &Record, trace: String, parent: String) {
        let span = &*record.resource;
        // The name is the key: no two spans of a row may share it.
        assert!(!world.spans.contains_key(span), "two spans {span:?}");
        world.set(span, "trace", trace);
        world.set(span, "parent", parent);
        world.set(span, "local root", record.is_local_root);
        world.set(span, "service", &record.service);
        world.set(span, "name", &record.name);
        world.set(span, "type", &record.span_type);
        world.set(span, "kind", &record.kind);
        world.set(span, "error", record.is_error);
        world.set(span, "priority", record.priority);
        world.set(span, "start", self.time(record.start));
        world.set(span, "end", self.time(record.end));
        for (key, value) in &record.meta {
            let value =
                if key == "otel.trace_id" { self.same(value, record) } else { value.clone() };
            world.set(span, &format!("meta.{key}"), value);
        }
        for (key, value) in &record.metrics {
            world.set(span, &format!("metrics.{key}"), value);
        }
        for (place, link) in record.links.iter().enumerate() {
            world.set(span, &format!("link.{place}"), format!("{link:?}"));
        }
        for (place, event) in record.events.iter().enumerate() {
            world.set(span, &format!("event.{place}"), self.event(event));
        }
    }

    fn same(&self, text: &str, record: &Record) -> String {
        let is_same = text == format!("{:032x}", record.trace_id);
        if is_same { "the trace's".to_owned() } else { text.to_owned() }
    }

    fn time(&self, time: SystemTime) -> String {
        let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let slack = Duration::from_secs(2);
        if time > self.began - slack && time < SystemTime::now() + slack {
            return "now".to_owned();
        }
        since(time).to_string()
    }

    fn event(&self, event: &SpanEvent) -> String {
        let text = format!("{event:?}");
        let (before, rest) = text.split_once("unix_ns: ").unwrap();
        let (ns, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap());
        let time = UNIX_EPOCH + Duration::from_nanos(ns.parse().unwrap());
        format!("{before}{}{after}", self.time(time))
    }
}
