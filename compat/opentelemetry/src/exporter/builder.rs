//! Putting an exporter together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use tracehound::bridge::TracerBuilderExt as _;
use tracehound::bridge::TracerExt as _;
use tracehound::config::Config;
use tracehound::{Text, Tracer, TracerBuilder};

use super::assembler;
use super::exit;
use super::handle::SpanExporter;
use super::inbox::Inbox;
use super::mapping::Mappings;
use super::resource_name::ResourceNaming;
use super::shared::Shared;
use super::waiting::Patience;

/// Describes a [`SpanExporter`]. Without a word here it follows the environment (`DD_*`).
///
/// Service, environment and version are, by falling precedence: what is said here, the SDK's resource, the
/// environment.
#[must_use = "nothing happens before `build`"]
pub struct SpanExporterBuilder {
    tracer: TracerBuilder,
    service: Option<Text>,
    env: Option<Text>,
    version: Option<Text>,
    agent_url: Option<Text>,
    mappings: Mappings,
    naming: ResourceNaming,
    for_late: Duration,
    for_root: Duration,
}

impl Default for SpanExporterBuilder {
    fn default() -> Self {
        SpanExporterBuilder {
            tracer: Tracer::builder(),
            service: None,
            env: None,
            version: None,
            agent_url: None,
            mappings: Mappings::default(),
            naming: ResourceNaming::default(),
            for_late: Duration::from_millis(500),
            for_root: Duration::from_secs(10),
        }
    }
}

impl SpanExporterBuilder {
    /// Settings of the pipeline that have no setter here: sampling rules, buffers, where warnings go. The setters
    /// here win over them, whether called before or after; of two calls the later one counts.
    pub fn tracer(mut self, tracer: TracerBuilder) -> Self {
        self.tracer = tracer;
        self
    }

    /// The service of spans that name none: `DD_SERVICE`.
    pub fn service(mut self, name: impl Into<Text>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// The environment, such as `prod`: `DD_ENV`.
    pub fn env(mut self, name: impl Into<Text>) -> Self {
        self.env = Some(name.into());
        self
    }

    /// The version of the service: `DD_VERSION`.
    pub fn version(mut self, version: impl Into<Text>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Where the agent is, as `http://host:port` or `unix:///path`: `DD_TRACE_AGENT_URL`.
    pub fn agent_url(mut self, url: impl Into<Text>) -> Self {
        self.agent_url = Some(url.into());
        self
    }

    /// Where resources come from that no attribute and no mapping says.
    pub fn resource_naming(mut self, naming: ResourceNaming) -> Self {
        self.naming = naming;
        self
    }

    /// How long the spans of a trace wait for its local root: 10 s, by default. A longer trace is sent in
    /// several chunks.
    pub fn wait_for_root(mut self, time: Duration) -> Self {
        self.for_root = time;
        self
    }

    /// How long spans that end after their local root are waited for: 500 ms, by default. Later ones are
    /// sent in a chunk of their own.
    pub fn wait_for_late_spans(mut self, time: Duration) -> Self {
        self.for_late = time;
        self
    }

    // ===== names of the program's own =====

    /// Gives spans their operation names; where it says `None`, they follow from the attributes.
    ///
    /// The functions run on a thread of the exporter's own and must not wait. If one panics, the span is
    /// named as without it; that is counted ([`SpanExporter::mapping_panics`]) and said once.
    ///
    /// ```
    /// use tracehound_opentelemetry::SpanExporter;
    ///
    /// let exporter = SpanExporter::builder()
    ///     .name_mapping(|span, _| Some(format!("shop.{}", span.name)))
    ///     .service_mapping(|span, _| span.name.starts_with("db.").then_some("shop-db"));
    /// # let _ = exporter;
    /// ```
    pub fn name_mapping<T: Into<Text>>(
        mut self,
        map: impl Fn(&SpanData, &Resource) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        self.mappings.name = Some(Box::new(move |span, resource| map(span, resource).map(T::into)));
        self
    }

    /// Gives spans their services; see [`name_mapping`](Self::name_mapping).
    pub fn service_mapping<T: Into<Text>>(
        mut self,
        map: impl Fn(&SpanData, &Resource) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        self.mappings.service =
            Some(Box::new(move |span, resource| map(span, resource).map(T::into)));
        self
    }

    /// Gives spans their resources; see [`name_mapping`](Self::name_mapping).
    pub fn resource_mapping<T: Into<Text>>(
        mut self,
        map: impl Fn(&SpanData, &Resource) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        self.mappings.resource =
            Some(Box::new(move |span, resource| map(span, resource).map(T::into)));
        self
    }

    /// Builds the exporter and starts its threads: one that puts traces together, and the pipeline's.
    pub fn build(self) -> SpanExporter {
        let mut tracer = self.tracer.service_named_later();
        if let Some(service) = self.service {
            tracer = tracer.service(service);
        }
        if let Some(env) = self.env {
            tracer = tracer.env(env);
        }
        if let Some(version) = self.version {
            tracer = tracer.version(version);
        }
        if let Some(url) = self.agent_url {
            tracer = tracer.agent_url(url);
        }
        let tracer = tracer.build();
        let room = tracer.config().map_or(0, Config::buffer_bytes);
        let patience = Patience {
            for_late: self.for_late,
            for_root: self.for_root,
            partial: tracer.config().and_then(Config::partial_flush),
            max_bytes: room / 2,
        };
        let shared = Shared::new(tracer, self.mappings, self.naming, Inbox::new(room));
        let shared = Arc::new(shared);
        if let Err(error) = assembler::spawn(&shared, patience) {
            let line = || format!("no thread for OpenTelemetry's spans: {error}; they are lost");
            shared.base().warn_once("assembler", line);
            shared.inbox.end();
        }
        exit::watch(&shared);
        SpanExporter::of(shared)
    }
}

impl fmt::Debug for SpanExporterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanExporterBuilder")
            .field("tracer", &self.tracer)
            .field("mappings", &self.mappings)
            .finish_non_exhaustive()
    }
}
