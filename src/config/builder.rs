//! The source that is code.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::text::Text;

use super::endpoint::Endpoint;
use super::identity::Identity;
use super::key::Quoted;
use super::propagation::{BaggageTagKeys, ExtractBehavior, Style};
use super::resolve::Resolver;
use super::table::{DD_TRACE_AGENT_URL, Given, Settings};
use super::value::Map;
use super::{Config, Environment, otel, related, unknown};

/// Sets settings in code, where they win over every other source.
///
/// A setter takes any value and never fails: a value that is out of range becomes a
/// [`Problem`](super::Problem), and the next source is used. What is not set here comes from the
/// environment, or is the default; each setter names its variable. The order of the calls does not matter, except
/// that of two calls of one setter the later one counts.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing before `build`"]
pub struct ConfigBuilder {
    environment: Option<Environment>,
    given: Given,
    tags: Vec<(Text, Text)>,
    /// What is wrong with the path of the agent's socket, which could not be kept.
    bad_socket: Option<String>,
}

impl ConfigBuilder {
    /// Asks every source about every setting, once.
    #[must_use]
    pub fn build(self) -> Config {
        let environment = self.environment.unwrap_or_else(Environment::process);
        let mut resolver = Resolver::new(&environment);
        if let Some(reason) = self.bad_socket {
            resolver.refuse(&DD_TRACE_AGENT_URL, "agent_socket", reason);
        }
        let mut settings = Settings::resolve(self.given, &mut resolver);
        let identity = Identity::settle(&mut settings, self.tags, &mut resolver);
        related::settle(&mut settings, &mut resolver);
        otel::report_unsupported(&mut resolver);
        unknown::report(&mut resolver);
        let (report, problems) = resolver.finish();
        Config::new(settings, identity, report, problems)
    }

    /// Where to look up variables; default: the environment of the process.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// These settings, and those of `others` where these say nothing. What depends on each other is taken from
    /// one of the two: an address, and the styles of both directions.
    pub(crate) fn or(mut self, mut others: ConfigBuilder) -> Self {
        let of = &mut others.given;
        if self.given.agent_host.is_some() || self.given.agent_port.is_some() {
            of.agent_url = None;
            others.bad_socket = None;
        }
        if self.given.agent_url.is_some() {
            others.bad_socket = None;
        }
        if self.given.propagation_styles.is_some() {
            (of.inject_styles, of.extract_styles) = (None, None);
        }
        others.tags.append(&mut self.tags);
        ConfigBuilder {
            environment: self.environment.or(others.environment),
            given: self.given.or(others.given),
            tags: others.tags,
            bad_socket: self.bad_socket.or(others.bad_socket),
        }
    }

    // ===== identity =====

    /// The name of the service (`DD_SERVICE`); default: `unnamed-rust-service`.
    pub fn service(mut self, name: impl Into<Text>) -> Self {
        self.given.service = Some(name.into());
        self
    }

    /// The environment of the program, such as `prod` (`DD_ENV`); default: none.
    pub fn env(mut self, name: impl Into<Text>) -> Self {
        self.given.env = Some(Some(name.into()));
        self
    }

    /// The version of the program (`DD_VERSION`); default: none.
    pub fn version(mut self, version: impl Into<Text>) -> Self {
        self.given.version = Some(Some(version.into()));
        self
    }

    /// Adds a tag of every span to those of `DD_TAGS`; of two with the same key this one counts.
    pub fn tag(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Adds tags, as [`tag`](Self::tag) adds one.
    pub fn tags<K, V>(mut self, tags: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<Text>,
        V: Into<Text>,
    {
        self.tags.extend(tags.into_iter().map(|(key, value)| (key.into(), value.into())));
        self
    }

    /// Services to rename, from and to, the configured one included (`DD_SERVICE_MAPPING`); default: none.
    pub fn service_mapping<F, T>(mut self, mapping: impl IntoIterator<Item = (F, T)>) -> Self
    where
        F: Into<Text>,
        T: Into<Text>,
    {
        let mut map = Map::default();
        for (from, to) in mapping {
            map.set(from.into(), to.into());
        }
        self.given.service_mapping = Some(map);
        self
    }

    /// Whether local root spans are tagged with the name of the host (`DD_TRACE_REPORT_HOSTNAME`);
    /// default: no.
    pub fn report_hostname(mut self, report: bool) -> Self {
        self.given.report_hostname = Some(report);
        self
    }

    /// The name of the host (`DD_HOSTNAME`); default: what the operating system says.
    pub fn hostname(mut self, name: impl Into<Text>) -> Self {
        self.given.hostname = Some(Some(name.into()));
        self
    }

    // ===== agent =====

    /// The agent's address: `http://host:port` or `unix:///path` (`DD_TRACE_AGENT_URL`). TLS to the agent is not
    /// supported by this version: `https://` is refused.
    ///
    /// It wins over [`agent_host`](Self::agent_host) and [`agent_port`](Self::agent_port). Default: the
    /// socket `/var/run/datadog/apm.socket` where it exists, else `http://localhost:8126`.
    pub fn agent_url(mut self, url: impl Into<Text>) -> Self {
        self.given.agent_url = Some(Some(url.into()));
        self.bad_socket = None;
        self
    }

    /// The agent's Unix socket, an absolute path: [`agent_url`](Self::agent_url) with `unix://` before it.
    pub fn agent_socket(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match Endpoint::socket(path) {
            Ok(socket) => self.agent_url(socket.to_string()),
            Err(why) => {
                self.given.agent_url = None;
                self.bad_socket = Some(format!("{} {why}", Quoted(&path.to_string_lossy())));
                self
            }
        }
    }

    /// The agent's host (`DD_AGENT_HOST`); default: `localhost`.
    pub fn agent_host(mut self, host: impl Into<Text>) -> Self {
        self.given.agent_host = Some(Some(host.into()));
        self
    }

    /// The agent's port, not 0 (`DD_TRACE_AGENT_PORT`); default: 8126.
    pub fn agent_port(mut self, port: u16) -> Self {
        self.given.agent_port = Some(Some(port));
        self
    }

    /// How long a request waits while nothing of it moves, a millisecond to an hour
    /// (`DD_TRACE_AGENT_TIMEOUT_SECONDS`); default: 2 seconds.
    ///
    /// That is for a connection, and then each time for the agent to read more of the request or to answer more. A
    /// large request to a slow agent may take longer in all; an answer at most five times as long. None of the
    /// program's threads waits so long, but for those that flush or shut down, with a limit of their own.
    pub fn agent_timeout(mut self, timeout: Duration) -> Self {
        self.given.agent_timeout = Some(timeout);
        self
    }

    // ===== tracer =====

    /// Whether spans are sent (`DD_TRACE_ENABLED`); default: yes. Context travels all the same.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.given.enabled = Some(enabled);
        self
    }

    /// Whether the tracer says what it does and how it is misused (`DD_TRACE_DEBUG`); default: no.
    pub fn debug(mut self, debug: bool) -> Self {
        self.given.debug = Some(debug);
        self
    }

    /// Whether ids of new traces have 128 bits and not 64
    /// (`DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED`); default: yes.
    pub fn trace_id_128_bit(mut self, long: bool) -> Self {
        self.given.trace_id_128_bit = Some(long);
        self
    }

    /// After how many finished spans, 1 to 100,000, a trace with open ones is sent in parts
    /// (`DD_TRACE_PARTIAL_FLUSH_MIN_SPANS`), or `None` for never (`DD_TRACE_PARTIAL_FLUSH_ENABLED`);
    /// default: 300.
    pub fn partial_flush(mut self, min_spans: Option<usize>) -> Self {
        self.given.partial_flush = Some(min_spans.is_some());
        self.given.partial_flush_min_spans = min_spans;
        self
    }

    /// How many frames of a stack trace are kept (`DD_TRACE_SPAN_TRACEBACK_MAX_SIZE`); default: 30.
    pub fn traceback_max_frames(mut self, frames: usize) -> Self {
        self.given.traceback_max_frames = Some(frames);
        self
    }

    /// Whether span events are sent in their own field even if the agent does not announce that it knows
    /// it (`DD_TRACE_NATIVE_SPAN_EVENTS`); default: no.
    pub fn native_span_events(mut self, native: bool) -> Self {
        self.given.native_span_events = Some(native);
        self
    }

    /// Whether spans made through the OpenTelemetry API are traced (`DD_TRACE_OTEL_ENABLED`); default:
    /// yes, where its bridge is installed.
    pub fn otel_enabled(mut self, enabled: bool) -> Self {
        self.given.otel_enabled = Some(enabled);
        self
    }

    // ===== writer =====

    /// How often spans are sent, a millisecond to an hour (`DD_TRACE_WRITER_INTERVAL_SECONDS`); default:
    /// every second.
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.given.flush_interval = Some(interval);
        self
    }

    /// How many bytes of finished spans may wait to be sent (`DD_TRACE_WRITER_BUFFER_SIZE_BYTES`);
    /// default: 20 MiB.
    ///
    /// One budget from the end of a trace until the agent has it, for what the spans hold in memory and for what
    /// is encoded of them. What finishes when it is used up is dropped and counted as
    /// [`LossReason::QueueFull`](crate::LossReason::QueueFull). While the agent takes nothing, at most three
    /// quarters of it are kept, for 60 seconds; then the oldest go, as
    /// [`LossReason::AgentUnreachable`](crate::LossReason::AgentUnreachable).
    pub fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.given.buffer_bytes = Some(bytes);
        self
    }

    /// The largest request, at most 9,500,000 bytes (`DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES`), which is
    /// the default; or what the agent says that it takes, where that is less.
    ///
    /// A trace that is larger goes in parts. Only a span that alone is larger is lost, as
    /// [`LossReason::TooLarge`](crate::LossReason::TooLarge).
    pub fn max_payload_bytes(mut self, bytes: usize) -> Self {
        self.given.max_payload_bytes = Some(bytes);
        self
    }

    // ===== sampling =====

    /// The share of traces to keep where no rule matches, 0 to 1 (`DD_TRACE_SAMPLE_RATE`); default: the
    /// agent decides.
    pub fn sample_rate(mut self, rate: f64) -> Self {
        self.given.sample_rate = Some(Some(rate));
        self
    }

    /// Rules that decide which traces to keep, a JSON list (`DD_TRACE_SAMPLING_RULES`); default: none.
    pub fn sampling_rules(mut self, json: impl Into<Text>) -> Self {
        self.given.sampling_rules = Some(Some(json.into()));
        self
    }

    /// File to read trace sampling rules from (`DD_TRACE_SAMPLING_RULES_FILE`), where
    /// [`sampling_rules`](Self::sampling_rules) or its variable does not give them; default: none.
    pub fn sampling_rules_file(mut self, path: impl Into<Text>) -> Self {
        self.given.sampling_rules_file = Some(Some(path.into()));
        self
    }

    /// How many traces per second rules and rate may keep (`DD_TRACE_RATE_LIMIT`); default: 100.
    pub fn rate_limit(mut self, per_second: i64) -> Self {
        self.given.rate_limit = Some(per_second);
        self
    }

    /// Rules that keep single spans of traces that are not kept, a JSON list
    /// (`DD_SPAN_SAMPLING_RULES`); default: none.
    pub fn span_sampling_rules(mut self, json: impl Into<Text>) -> Self {
        self.given.span_sampling_rules = Some(Some(json.into()));
        self
    }

    /// File to read single-span sampling rules from (`DD_SPAN_SAMPLING_RULES_FILE`), where
    /// [`span_sampling_rules`](Self::span_sampling_rules) or its variable does not give them; default: none.
    pub fn span_sampling_rules_file(mut self, path: impl Into<Text>) -> Self {
        self.given.span_sampling_rules_file = Some(Some(path.into()));
        self
    }

    /// Whether traces are for APM; `false` where they only serve other products
    /// (`DD_APM_TRACING_ENABLED`); default: yes.
    pub fn apm_tracing(mut self, enabled: bool) -> Self {
        self.given.apm_tracing = Some(enabled);
        self
    }

    // ===== propagation =====

    /// The header styles in both directions, in order; no style for no propagation
    /// (`DD_TRACE_PROPAGATION_STYLE`); default: Datadog, Trace Context, Baggage.
    pub fn propagation_styles(mut self, styles: impl IntoIterator<Item = Style>) -> Self {
        self.given.propagation_styles = Some(styles.into_iter().collect());
        self
    }

    /// The header styles of outgoing requests (`DD_TRACE_PROPAGATION_STYLE_INJECT`); default: those of
    /// [`propagation_styles`](Self::propagation_styles).
    pub fn inject_styles(mut self, styles: impl IntoIterator<Item = Style>) -> Self {
        self.given.inject_styles = Some(styles.into_iter().collect());
        self
    }

    /// The header styles of incoming requests (`DD_TRACE_PROPAGATION_STYLE_EXTRACT`); default: those of
    /// [`propagation_styles`](Self::propagation_styles).
    pub fn extract_styles(mut self, styles: impl IntoIterator<Item = Style>) -> Self {
        self.given.extract_styles = Some(styles.into_iter().collect());
        self
    }

    /// Whether the first style that gives a trace is enough (`DD_TRACE_PROPAGATION_EXTRACT_FIRST`);
    /// default: no.
    pub fn extract_first(mut self, first: bool) -> Self {
        self.given.extract_first = Some(first);
        self
    }

    /// What to do with the context of incoming requests (`DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT`);
    /// default: continue the trace.
    pub fn extract_behavior(mut self, behavior: ExtractBehavior) -> Self {
        self.given.extract_behavior = Some(behavior);
        self
    }

    /// Whether baggage also travels as `ot-baggage-*` headers
    /// (`DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED`); default: no.
    pub fn http_baggage(mut self, enabled: bool) -> Self {
        self.given.http_baggage = Some(enabled);
        self
    }

    /// Which incoming baggage becomes tags (`DD_TRACE_BAGGAGE_TAG_KEYS`); default: `user.id`,
    /// `session.id` and `account.id`.
    pub fn baggage_tag_keys(mut self, keys: BaggageTagKeys) -> Self {
        self.given.baggage_tag_keys = Some(keys);
        self
    }

    /// The longest `x-datadog-tags` header in bytes, at most 512, 0 for none
    /// (`DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH`); default: 512.
    pub fn datadog_tags_max_length(mut self, bytes: usize) -> Self {
        self.given.datadog_tags_max_length = Some(bytes);
        self
    }

    /// Whether trace context is accepted only from the own organisation and trusted ones
    /// (`DD_TRACE_ORG_GUARD_ENABLED`); default: no.
    pub fn org_guard(mut self, enabled: bool) -> Self {
        self.given.org_guard = Some(enabled);
        self
    }

    /// Whether context without an organisation's marker counts as foreign
    /// (`DD_TRACE_ORG_GUARD_STRICT`); default: no.
    pub fn org_guard_strict(mut self, strict: bool) -> Self {
        self.given.org_guard_strict = Some(strict);
        self
    }

    /// The markers of trusted organisations (`DD_TRACE_ORG_GUARD_TRUSTED_OPMS`); default: none.
    pub fn org_guard_trusted<M>(mut self, markers: impl IntoIterator<Item = M>) -> Self
    where
        M: Into<Text>,
    {
        self.given.org_guard_trusted = Some(markers.into_iter().map(Into::into).collect());
        self
    }
}

impl fmt::Debug for ConfigBuilder {
    /// Without the values, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigBuilder")
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}
