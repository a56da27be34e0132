//! A span written out, to be looked at: what is printed of one, and its JSON.

use std::fmt;
use std::time::Duration;

use super::owned::{ActiveSpan, Span};
use crate::id::{SpanId, TraceId};
use crate::trace::store::{SpanRef, SpanView};
use crate::trace::tags::StoredValue;

/// A copy of what is written: a tag may be a stack, whose symbols are looked up while it is written, which must not
/// happen under the lock of the trace.
struct Written {
    trace_id: TraceId,
    span_id: Option<SpanId>,
    parent_id: Option<SpanId>,
    service: String,
    name: String,
    resource: String,
    span_type: Option<String>,
    is_error: bool,
    start_ns: i64,
    duration_ns: Option<u64>,
    tags: Vec<(String, StoredValue)>,
}

impl Written {
    fn of(span: &SpanView<'_>) -> Self {
        let mut tags: Vec<_> =
            span.all().map(|(key, value)| (key.as_str().to_owned(), value.copy())).collect();
        if let Some(kind) = span.kind() {
            tags.push(("span.kind".to_owned(), StoredValue::Text(kind.as_str().into())));
        }
        Written {
            trace_id: span.trace_id(),
            span_id: span.span_id(),
            parent_id: span.parent_id(),
            service: span.service().to_owned(),
            name: span.name().into_owned(),
            resource: span.resource().into_owned(),
            span_type: span.span_type().map(std::borrow::Cow::into_owned),
            is_error: span.is_error(),
            start_ns: span.start_ns(),
            duration_ns: span.duration_ns(),
            tags,
        }
    }

    #[cfg(feature = "agent")]
    fn json(&self) -> String {
        use serde_json::{Map, Value, json};

        let (mut meta, mut metrics) = (Map::new(), Map::new());
        for (key, value) in &self.tags {
            let Some(value) = value.read("") else { continue };
            match value.number() {
                Some(number) => metrics.insert(key.clone(), Value::from(number)),
                None => value.text().and_then(|text| meta.insert(key.clone(), text.into())),
            };
        }
        let id = |id: Option<SpanId>| id.map(|id| id.to_string());
        json!({
            "trace_id": self.trace_id.to_string(),
            "span_id": id(self.span_id),
            "parent_id": id(self.parent_id),
            "service": self.service,
            "name": self.name,
            "resource": self.resource,
            "type": self.span_type,
            "start": self.start_ns,
            "duration": self.duration_ns,
            "error": u8::from(self.is_error),
            "meta": meta,
            "metrics": metrics,
        })
        .to_string()
    }
}

/// A line for each field, and one for each tag.
impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "name       {}", self.name)?;
        writeln!(f, "service    {}", self.service)?;
        writeln!(f, "resource   {}", self.resource)?;
        if let Some(span_type) = &self.span_type {
            writeln!(f, "type       {span_type}")?;
        }
        writeln!(f, "trace_id   {}", self.trace_id)?;
        for (field, id) in [("span_id", self.span_id), ("parent_id", self.parent_id)] {
            if let Some(id) = id {
                writeln!(f, "{field:<10} {id}")?;
            }
        }
        writeln!(f, "start      {} ns since 1970", self.start_ns)?;
        match self.duration_ns {
            Some(ns) => write!(f, "duration   {:?}", Duration::from_nanos(ns))?,
            None => f.write_str("duration   open")?,
        }
        if self.is_error {
            f.write_str("\nerror      yes")?;
        }
        for (key, value) in &self.tags {
            let Some(value) = value.read("") else { continue };
            match value.number() {
                Some(number) => write!(f, "\n  {key}: {number}")?,
                None => write!(f, "\n  {key}: {}", value.text().unwrap_or_default())?,
            }
        }
        Ok(())
    }
}

impl SpanRef {
    /// The span as one line of JSON, with its own tags: the ids in hexadecimal, the times in nanoseconds. `None` where
    /// there is no span, and after it was sent.
    ///
    /// Links, events and structured tags are left out.
    ///
    /// ```
    /// let (tracer, _) = tracehound::testing::tracer();
    /// let span = tracer.trace("web.request");
    /// span.set_tag("http.method", "GET");
    /// assert!(span.to_json().unwrap().contains(r#""meta":{"http.method":"GET"}"#));
    /// ```
    #[cfg(feature = "agent")]
    #[doc(alias = "to_dict")]
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        Some(self.read(Written::of)?.json())
    }
}

impl SpanView<'_> {
    /// The span as one line of JSON; see [`SpanRef::to_json`].
    #[cfg(feature = "agent")]
    #[must_use]
    pub fn to_json(&self) -> String {
        Written::of(self).json()
    }
}

/// The fields and the tags, a line for each: what `span.pprint()` of the first Datadog tracers printed.
///
/// ```
/// let (tracer, _) = tracehound::testing::tracer();
/// let span = tracer.trace("web.request");
/// span.set_tag("http.method", "GET");
/// let text = span.to_string();
/// assert!(text.starts_with("name       web.request\nservice    test\nresource   web.request\n"));
/// assert!(text.ends_with("\nduration   open\n  http.method: GET"));
/// ```
impl fmt::Display for SpanRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.read(Written::of) {
            Some(written) => fmt::Display::fmt(&written, f),
            None => f.write_str("no span"),
        }
    }
}

/// As a [`SpanRef`] is printed.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

/// As a [`SpanRef`] is printed.
impl fmt::Display for ActiveSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

/// As a [`SpanRef`] is printed.
impl fmt::Display for SpanView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Written::of(self), f)
    }
}

#[cfg(all(test, feature = "agent"))]
mod tests {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde_json::{Value, json};

    use super::*;
    use crate::trace::SpanKind;
    use crate::trace::testkit::Bench;

    fn span(bench: &Bench) -> Span {
        let at = |ns: u64| UNIX_EPOCH + Duration::from_nanos(1_700_000_000_000_000_000 + ns);
        let start: SystemTime = at(0);
        let root = bench.span("root").start();
        let span =
            bench.span("web.request").child_of(&root).start_time(start).resource("GET \"/\"");
        let span =
            span.span_type("web").kind(SpanKind::Server).tag("a", "1\n2").tag("n", 2).start();
        span.set_error_message("oh");
        span.finish_at(at(1_500_000));
        let _root = root.detach();
        span
    }

    #[test]
    fn a_span_is_printed_with_all_of_its_tags() {
        let bench = Bench::new();
        let span = span(&bench);
        let (trace, id, parent) =
            (span.trace_id().unwrap(), span.span_id().unwrap(), span.parent_id().unwrap());
        let expected = format!(
            "name       web.request\nservice    web\nresource   GET \"/\"\ntype       web\ntrace_id   {trace}\n\
             span_id    {id}\nparent_id  {parent}\nstart      1700000000000000000 ns since 1970\n\
             duration   1.5ms\nerror      yes\n  a: 1\n2\n  n: 2\n  error.message: oh\n  span.kind: server"
        );
        assert_eq!(span.to_string(), expected);
        assert_eq!(span.read(|span| span.to_string()).unwrap(), expected);
        assert_eq!(SpanRef::none().to_string(), "no span");
    }

    #[test]
    fn a_span_is_one_line_of_json() {
        let bench = Bench::new();
        let span = span(&bench);
        let text = span.to_json().unwrap();
        assert!(!text.contains('\n'));
        let expected = json!({
            "trace_id": span.trace_id().unwrap().to_string(),
            "span_id": span.span_id().unwrap().to_string(),
            "parent_id": span.parent_id().unwrap().to_string(),
            "service": "web",
            "name": "web.request",
            "resource": "GET \"/\"",
            "type": "web",
            "start": 1_700_000_000_000_000_000_i64,
            "duration": 1_500_000,
            "error": 1,
            "meta": {"a": "1\n2", "error.message": "oh", "span.kind": "server"},
            "metrics": {"n": 2.0},
        });
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
        assert_eq!(SpanRef::none().to_json(), None);
    }
}
