//! Where a tracer writes its finished traces.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use super::builder::TracerBuilder;
use crate::captured::Captured;
use crate::config::{
    Config, Destination as Wanted, Endpoint, OtlpProtocol, OtlpSettings, WITHOUT_GRPC, is_header,
};
use crate::diag::Diag;
use crate::pipeline::{Destination, Stream};
use crate::text::Text;

/// Where a tracer writes its finished traces: for [`TracerBuilder::writer`].
///
/// A plain value; clones are the same place. Whatever it is, application threads only hand traces over, within the same
/// bounds; a background thread writes them; and each span is delivered, withheld because its trace was not sampled
/// (OTLP only), or lost for a reason that is counted ([`Tracer::losses`](crate::Tracer::losses)).
///
/// ```
/// use tracehound::{TraceWriter, Tracer};
///
/// let tracer = Tracer::builder().writer(TraceWriter::json_lines_to_stdout()).build();
/// tracer.in_span("job.run", |_| ());
/// ```
#[derive(Clone, Debug)]
pub struct TraceWriter(Place);

#[derive(Clone, Debug)]
enum Place {
    Agent,
    Otlp(OtlpWriter),
    JsonLines(Stream),
    Memory(Captured),
    None,
}

impl TraceWriter {
    /// To the Datadog agent, whatever `OTEL_TRACES_EXPORTER` or a serverless platform say.
    #[must_use]
    pub fn agent() -> Self {
        TraceWriter(Place::Agent)
    }

    /// As OTLP to an OpenTelemetry Collector, or to anything else that takes it: as `OTEL_TRACES_EXPORTER=otlp`.
    ///
    /// Where to and how is said by `OTEL_EXPORTER_OTLP_*`, or by the result. Traces that are not sampled are not sent.
    ///
    /// ```
    /// use tracehound::config::OtlpProtocol;
    /// use tracehound::{TraceWriter, Tracer};
    ///
    /// let writer = TraceWriter::otlp()
    ///     .protocol(OtlpProtocol::HttpProtobuf)
    ///     .endpoint("http://localhost:4318/v1/traces")
    ///     .header("x-team", "checkout");
    /// let tracer = Tracer::builder().service("checkout").writer(writer).build();
    /// ```
    pub fn otlp() -> OtlpWriter {
        OtlpWriter::default()
    }

    /// As lines of JSON to a stream: `{"traces":[[span, ...], ...]}`, each line at most 256 KiB, as Datadog's log
    /// exporter writes them. A span that alone is longer is lost, as [`LossReason::TooLarge`](crate::LossReason::TooLarge).
    ///
    /// Only the background thread writes, and it may wait there. What cannot be written is lost, as
    /// [`LossReason::StreamFailed`](crate::LossReason::StreamFailed), and not tried again; a stream that would block is,
    /// for as long as an agent may take to answer ([`TracerBuilder::agent_timeout`]). A forked child does not use the
    /// stream of its parent, because a thread of that may be in the middle of it; what it writes there is lost.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path().join("traces.jsonl");
    /// use tracehound::{TraceWriter, Tracer};
    ///
    /// let file = std::fs::File::create(&path)?;
    /// let tracer = Tracer::builder().writer(TraceWriter::json_lines(file)).build();
    /// tracer.in_span("job.run", |_| ());
    /// # tracer.shutdown(std::time::Duration::from_secs(10)).unwrap();
    /// # assert!(std::fs::read_to_string(&path)?.starts_with("{\"traces\":[[{"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn json_lines(stream: impl Write + Send + 'static) -> Self {
        TraceWriter(Place::JsonLines(Stream::own(Box::new(stream))))
    }

    /// As [`json_lines`](Self::json_lines), to the standard output of the process; also in a forked child.
    #[must_use]
    pub fn json_lines_to_stdout() -> Self {
        TraceWriter(Place::JsonLines(Stream::Stdout))
    }

    /// Into memory, where the program reads it: up to 100,000 spans, until [`Captured::take`] makes room. What comes
    /// beyond them is lost, as [`LossReason::QueueFull`](crate::LossReason::QueueFull).
    ///
    /// Spans are there after a flush. They are those of the whole tracer, with its sampling; the tracer of
    /// `tracehound::testing` has them at once.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracehound::{Captured, TraceWriter, Tracer};
    ///
    /// let captured = Captured::default();
    /// let tracer = Tracer::builder().writer(TraceWriter::memory(&captured)).build();
    /// tracer.in_span("job.run", |_| ());
    /// tracer.flush(Duration::from_secs(10)).unwrap();
    /// assert_eq!(captured.span("job.run").resource, "job.run");
    /// ```
    #[must_use]
    pub fn memory(captured: &Captured) -> Self {
        TraceWriter(Place::Memory(captured.clone()))
    }

    /// Nowhere: spans are made and contexts travel, and what has finished is dropped. It counts as delivered.
    #[must_use]
    pub fn none() -> Self {
        TraceWriter(Place::None)
    }

    /// Where this leads to; `None` is where the settings say.
    pub(super) fn destination(
        writer: Option<&TraceWriter>,
        config: &Config,
        diag: &Diag,
    ) -> Destination {
        let Some(TraceWriter(place)) = writer else {
            return match config.destination() {
                Wanted::Agent => Destination::Agent,
                Wanted::Otlp => Destination::Otlp(config.otlp(None, None, None)),
                Wanted::JsonLines => Destination::JsonLines(Stream::Stdout),
            };
        };
        match place {
            Place::Agent => Destination::Agent,
            Place::Otlp(writer) => Destination::Otlp(writer.settings(config, diag)),
            Place::JsonLines(stream) => Destination::JsonLines(stream.clone()),
            Place::Memory(captured) => Destination::Memory(captured.clone()),
            Place::None => Destination::Nowhere,
        }
    }
}

/// OTLP, as [`TraceWriter::otlp`] begins it: what is said here wins over `OTEL_EXPORTER_OTLP_*`.
///
/// No setter fails. A value that cannot be used is said once in a warning, without the value, and the setting counts.
#[derive(Clone, Default)]
#[must_use = "a writer does nothing before `TracerBuilder::writer`"]
pub struct OtlpWriter {
    protocol: Option<OtlpProtocol>,
    endpoint: Option<Text>,
    headers: Vec<(Text, Text)>,
    timeout: Option<Duration>,
}

impl OtlpWriter {
    /// How it is sent (`OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`); default: [`OtlpProtocol::HttpJson`].
    pub fn protocol(mut self, protocol: OtlpProtocol) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// The whole address, used as it is over HTTP; with gRPC, a path in it is not used
    /// (`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`). Default: `/v1/traces` below `OTEL_EXPORTER_OTLP_ENDPOINT`, or the host of
    /// the agent with port 4318, and with 4317 for gRPC.
    pub fn endpoint(mut self, url: impl Into<Text>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Adds a header to those of every request (`OTEL_EXPORTER_OTLP_TRACES_HEADERS`); of two with the same name this
    /// one counts. It is never logged, so it may be a key.
    pub fn header(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How long a request waits while nothing of it moves, a millisecond to an hour
    /// (`OTEL_EXPORTER_OTLP_TRACES_TIMEOUT`); default: 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    fn settings(&self, config: &Config, diag: &Diag) -> OtlpSettings {
        let warn = |what: &str| diag.warn(&format!("TraceWriter::otlp (code): {what}"));
        let protocol = self.protocol.map(|of| of.supported(|| warn(WITHOUT_GRPC)));
        let endpoint =
            self.endpoint.as_deref().map(Endpoint::parse).and_then(|parsed| match parsed {
                Ok(Endpoint::Unix { .. }) => {
                    warn("the endpoint has a scheme other than http; the setting is used");
                    None
                }
                Ok(endpoint) => Some(endpoint),
                Err(why) => {
                    warn(&format!("the endpoint {why}; the setting is used"));
                    None
                }
            });
        let is_sensible = |timeout: &Duration| {
            let limits = Duration::from_millis(1)..=Duration::from_secs(3600);
            let is_sensible = limits.contains(timeout);
            if !is_sensible {
                warn("the timeout is not between a millisecond and an hour; the setting is used");
            }
            is_sensible
        };
        let mut settings = config.otlp(protocol, endpoint, self.timeout.filter(is_sensible));
        for (name, value) in &self.headers {
            if is_header(name, value) {
                settings.headers.0.push((name.clone(), value.clone()));
            } else {
                warn("a header is none that HTTP can carry, or one of the library's own; left out");
            }
        }
        settings
    }
}

/// Without the headers, which may be secret, and the address, which may hold a password.
impl fmt::Debug for OtlpWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpWriter").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl From<OtlpWriter> for TraceWriter {
    fn from(writer: OtlpWriter) -> Self {
        TraceWriter(Place::Otlp(writer))
    }
}

/// What the program has said about the writer.
#[derive(Clone, Debug, Default)]
pub(super) struct WriterChoice {
    pub(super) writer: Option<TraceWriter>,
    pub(super) flush_on_root_end: Option<bool>,
}

impl WriterChoice {
    /// Whether the program has chosen a writer.
    pub(super) fn is_made(&self) -> bool {
        self.writer.is_some()
    }

    /// These, and others where nothing is said; but no other writer where the agent has a new address.
    pub(super) fn or(self, others: Self, has_address: bool) -> Self {
        WriterChoice {
            writer: self.writer.or(others.writer.filter(|_| !has_address)),
            flush_on_root_end: self.flush_on_root_end.or(others.flush_on_root_end),
        }
    }

    /// How long the thread that ends a local root waits; `None` where it does not.
    pub(super) fn root_end_wait(&self, config: &Config) -> Option<Duration> {
        let waits = self.flush_on_root_end.unwrap_or(config.is_serverless());
        Some(config.flush_deadline()).filter(|wait| waits && !wait.is_zero())
    }
}

impl TracerBuilder {
    /// Where finished traces are written. Default: the Datadog agent; a collector with `OTEL_TRACES_EXPORTER=otlp`; and
    /// the standard output, as lines of JSON, in a function of AWS Lambda that has neither Datadog's extension nor an
    /// agent's address.
    ///
    /// ```
    /// use tracehound::{TraceWriter, Tracer};
    ///
    /// let tracer = Tracer::builder().writer(TraceWriter::none()).build();
    /// ```
    pub fn writer(mut self, writer: impl Into<TraceWriter>) -> Self {
        self.writer.writer = Some(writer.into());
        self
    }

    /// Whether the thread that ends the last span of a local root waits for its delivery, up to
    /// `DD_APM_FLUSH_DEADLINE_MILLISECONDS` (100 by default). Default: on serverless platforms, which may stop the process
    /// as soon as a request is answered: AWS Lambda, and functions of Google Cloud and Azure.
    ///
    /// It waits in the drop or the [`finish`](crate::SpanRef::finish) of that span, and never longer than that time. In
    /// async programs the thread of the executor waits, and with it its other tasks; where that matters, set it to
    /// `false` and await [`Tracer::flush_async`](crate::Tracer::flush_async) before a request is answered.
    pub fn flush_on_root_end(mut self, wanted: bool) -> Self {
        self.writer.flush_on_root_end = Some(wanted);
        self
    }
}
