//! Putting an exporter together.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use tracehound::bridge::TracerBuilderExt as _;
use tracehound::config::Config;
use tracehound::{Text, Tracer, TracerBuilder};

use super::assembler;
use super::exit;
use super::exporter::SpanExporter;
use super::mapping::{Mappings, boxed};
use super::pending::WaitPolicy;
use super::queue::Queue;
use super::resource_name::ResourceNaming;
use super::shared::Shared;

/// Describes a [`SpanExporter`]. Without a word here it follows the environment (`DD_*`).
///
/// Service, environment and version are, by falling precedence: what is said here, the SDK's resource, the
/// environment.
#[must_use = "nothing happens before `build`"]
#[derive(Default)]
pub struct SpanExporterBuilder {
    tracer: Option<TracerBuilder>,
    /// Applied to `tracer` at the end, whenever that was given.
    settings: Vec<Setting>,
    mappings: Mappings,
    naming: ResourceNaming,
    policy: WaitPolicy,
}

type Setting = Box<dyn FnOnce(TracerBuilder) -> TracerBuilder + Send + Sync>;

impl SpanExporterBuilder {
    /// Settings of the pipeline that have no setter here: sampling rules, buffers, where warnings go. The setters
    /// here win over them, whether called before or after; of two calls the later one counts.
    pub fn tracer(mut self, tracer: TracerBuilder) -> Self {
        self.tracer = Some(tracer);
        self
    }

    fn set(
        mut self,
        setting: impl FnOnce(TracerBuilder) -> TracerBuilder + Send + Sync + 'static,
    ) -> Self {
        self.settings.push(Box::new(setting));
        self
    }

    /// The service of spans that name none: `DD_SERVICE`.
    pub fn service(self, name: impl Into<Text>) -> Self {
        let name = name.into();
        self.set(move |tracer| tracer.service(name))
    }

    /// The environment, such as `prod`: `DD_ENV`.
    pub fn env(self, name: impl Into<Text>) -> Self {
        let name = name.into();
        self.set(move |tracer| tracer.env(name))
    }

    /// The version of the service: `DD_VERSION`.
    pub fn version(self, version: impl Into<Text>) -> Self {
        let version = version.into();
        self.set(move |tracer| tracer.version(version))
    }

    /// Where the agent is, as `http://host:port` or `unix:///path`: `DD_TRACE_AGENT_URL`.
    pub fn agent_url(self, url: impl Into<Text>) -> Self {
        let url = url.into();
        self.set(move |tracer| tracer.agent_url(url))
    }

    /// Where resources come from that no attribute and no mapping says.
    pub fn resource_naming(mut self, naming: ResourceNaming) -> Self {
        self.naming = naming;
        self
    }

    /// How long the spans of a trace wait for its local root: 10 s, by default. A longer trace is sent in
    /// several chunks.
    pub fn wait_for_root(mut self, time: Duration) -> Self {
        self.policy.root = time;
        self
    }

    /// How long spans that end after their local root are waited for: 500 ms, by default. Later ones are
    /// sent in a chunk of their own.
    pub fn wait_for_late_spans(mut self, time: Duration) -> Self {
        self.policy.late = time;
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
        self.mappings.name = Some(boxed(map));
        self
    }

    /// Gives spans their services; see [`name_mapping`](Self::name_mapping).
    pub fn service_mapping<T: Into<Text>>(
        mut self,
        map: impl Fn(&SpanData, &Resource) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        self.mappings.service = Some(boxed(map));
        self
    }

    /// Gives spans their resources; see [`name_mapping`](Self::name_mapping).
    pub fn resource_mapping<T: Into<Text>>(
        mut self,
        map: impl Fn(&SpanData, &Resource) -> Option<T> + Send + Sync + 'static,
    ) -> Self {
        self.mappings.resource = Some(boxed(map));
        self
    }

    /// Builds the exporter and starts its threads: one that puts traces together, and the pipeline's. Where the system
    /// has no room for one, spans wait in the buffer, and it is tried again once a second, and on a flush or shutdown.
    pub fn build(self) -> SpanExporter {
        let tracer = self.tracer.unwrap_or_else(Tracer::builder).service_named_later();
        let tracer = self.settings.into_iter().fold(tracer, |tracer, set| set(tracer)).build();
        let room = tracer.config().map_or(0, Config::buffer_bytes);
        let partial_flush = tracer.config().and_then(Config::partial_flush).unwrap_or(usize::MAX);
        let policy = WaitPolicy { partial_flush, max_bytes: room / 2, ..self.policy };
        let queue = Queue::new(room);
        let shared = Arc::new(Shared::new(tracer, self.mappings, self.naming, queue, policy));
        assembler::start(&shared, true);
        exit::watch(&shared);
        SpanExporter::new(shared)
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
