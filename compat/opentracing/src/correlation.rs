//! What connects a line of a log with its trace.

use std::fmt;

use tracehound::{SpanId, TraceId, Tracer};

/// The fields by which Datadog connects a line of a log with its trace, made by
/// [`Tracer::log_correlation_context`](crate::Tracer::log_correlation_context).
///
/// All are text. Where nothing is active the ids are `0`; what is not configured is empty. Its `Display` is
/// what Datadog recommends to put into a line, between square brackets.
///
/// ```
/// let (native, _) = tracehound::testing::tracer();
/// let tracer = tracehound_opentracing::Tracer::new(native);
/// assert_eq!(
///     tracer.log_correlation_context().to_string(),
///     "dd.service=test dd.env= dd.version= dd.trace_id=0 dd.span_id=0"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogCorrelation {
    /// `dd.service`: the tracer's service, which the active span may have changed for itself.
    pub service: String,
    /// `dd.env`.
    pub env: String,
    /// `dd.version`.
    pub version: String,
    /// `dd.trace_id`: 32 hexadecimal digits, or decimal for an id of 64 bits.
    pub trace_id: String,
    /// `dd.span_id`: decimal.
    pub span_id: String,
}

impl LogCorrelation {
    pub(crate) fn here(native: &Tracer, service: &str) -> Self {
        let config = native.config();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let (trace_id, span_id) = active_ids(native);
        LogCorrelation {
            service: service.to_owned(),
            env: text(config.and_then(|config| config.env())),
            version: text(config.and_then(|config| config.version())),
            trace_id: trace_id.map_or_else(|| "0".to_owned(), trace_id_text),
            span_id: span_id.map_or(0, SpanId::get).to_string(),
        }
    }

    /// Every field with its name, for a structured log.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("dd.service", self.service.as_str()),
            ("dd.env", &self.env),
            ("dd.version", &self.version),
            ("dd.trace_id", &self.trace_id),
            ("dd.span_id", &self.span_id),
        ]
        .into_iter()
    }
}

/// Those of the active span, else of what came in and is active.
fn active_ids(native: &Tracer) -> (Option<TraceId>, Option<SpanId>) {
    if let Some(span) = native.current_span() {
        return (span.trace_id(), span.span_id());
    }
    let context = native.context();
    let remote = context.remote();
    (remote.and_then(|remote| remote.trace_id()), remote.and_then(|remote| remote.span_id()))
}

fn trace_id_text(id: TraceId) -> String {
    if id.high() == 0 { id.low().to_string() } else { id.to_string() }
}

impl fmt::Display for LogCorrelation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<_> = self.iter().map(|(name, value)| format!("{name}={value}")).collect();
        f.write_str(&fields.join(" "))
    }
}
