//! Where finished traces go: to the agent, or where the writer leads.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracehound_machine::host_name;

use super::exit;
use super::sampling_choice::SamplingChoice;
use super::writer::TraceWriter;
pub(super) use super::writer::WriterChoice;
use crate::config::{Config, Endpoint, OtlpSettings};
use crate::diag::Diag;
use crate::encode::{SourceCode, process_tags};
use crate::filter::Filters;
use crate::pipeline::{
    Destination, Pipeline, Plan, Schedule, Settings, Synchronous, set_exit_timeout,
};
use crate::propagation::HttpPropagator;
use crate::sampling::{Sampler, SpanSampler};
use crate::text::Text;
use crate::trace::Sink;

/// What decides on traces, and on single spans of traces that are dropped.
#[derive(Clone)]
pub(super) struct Samplers {
    traces: Arc<dyn Sampler>,
    spans: Arc<SpanSampler>,
}

impl Samplers {
    pub(super) fn new(choice: SamplingChoice, config: &Config, diag: &Diag) -> Self {
        let (traces, spans) = choice.samplers(config, diag);
        Samplers { traces, spans: Arc::new(spans) }
    }
}

/// The pipeline to the agent, or to another place.
#[derive(Clone)]
pub(super) struct Exporter {
    pipeline: Arc<Pipeline>,
    place: Place,
    /// How long the thread that ends a local root waits for its delivery; `None` where it does not wait.
    root_end_wait: Option<Duration>,
}

/// Where finished traces go, for lines.
#[derive(Clone)]
enum Place {
    Agent { url: String },
    Elsewhere(String),
}

impl Exporter {
    pub(super) fn start(
        config: &Config,
        diag: &Arc<Diag>,
        samplers: Samplers,
        filters: Filters,
        writer: &WriterChoice,
        propagator: &Arc<HttpPropagator>,
    ) -> Self {
        // The configuration has checked it.
        let endpoint = Endpoint::parse(config.agent_url()).unwrap_or_default();
        let destination = TraceWriter::destination(writer.writer.as_ref(), config, diag);
        let place = Place::of(&destination, &endpoint);
        let settings = Settings {
            endpoint,
            agent_ca_file: config.agent_ca_file().map(Path::to_owned),
            timeout: config.agent_timeout(),
            interval: config.flush_interval(),
            queue_bytes: config.buffer_bytes(),
            max_payload_bytes: config.max_payload_bytes(),
            api_version: config.api_version().or(config.agent_protocol_version()),
            // A program that wants no tracing connects to nobody.
            asks_early: config.enabled(),
            native_events: config.native_span_events(),
            no_stats: !config.apm_tracing(),
            stats: config.stats(),
            long_running: Schedule {
                first: config.long_running_first(),
                interval: config.long_running_interval(),
            },
            external_env: config.external_env().map(str::to_owned),
            hostname: reported_hostname(config),
            source_code: SourceCode {
                repository_url: config.git_repository_url().map(Text::copy),
                commit_sha: config.git_commit_sha().map(Text::copy),
                process_tags: config.process_tags().then(|| {
                    let inferred = config.inferred_service();
                    process_tags(config.service_is_user_set(), inferred)
                }),
            },
        };
        let pipeline = Pipeline::start(Plan {
            settings,
            destination,
            diag: Arc::clone(diag),
            sampler: samplers.traces,
            span_sampler: samplers.spans,
            filters,
            propagator: Arc::clone(propagator),
        });
        exit::watch(diag);
        Exporter {
            pipeline: Arc::new(pipeline),
            place,
            root_end_wait: writer.root_end_wait(config),
        }
    }

    pub(super) fn sink(&self) -> Arc<dyn Sink> {
        let pipeline = Arc::clone(&self.pipeline);
        match self.root_end_wait {
            None => pipeline,
            Some(deadline) => Arc::new(Synchronous { pipeline, deadline }),
        }
    }

    /// The address of the agent, where that is where traces go.
    pub(super) fn url(&self) -> Option<&str> {
        match &self.place {
            Place::Agent { url } => Some(url),
            Place::Elsewhere(_) => None,
        }
    }

    /// Where traces go if not to the agent.
    pub(super) fn elsewhere(&self) -> &str {
        match &self.place {
            Place::Agent { .. } => "agent",
            Place::Elsewhere(what) => what,
        }
    }

    pub(super) fn set_exit_timeout(timeout: Duration) {
        set_exit_timeout(timeout);
    }
}

impl Place {
    fn of(destination: &Destination, agent: &Endpoint) -> Self {
        let what = match destination {
            Destination::Agent => return Place::Agent { url: agent.to_string() },
            Destination::Otlp(OtlpSettings { protocol, endpoint, .. }) => {
                format!("OTLP ({protocol}) to {endpoint}")
            }
            Destination::JsonLines(stream) => format!("JSON lines to {stream:?}"),
            Destination::Memory(_) => "memory".into(),
            Destination::Nowhere => "no writer".into(),
        };
        Place::Elsewhere(what)
    }
}

/// The name of the host, where it is to be reported.
fn reported_hostname(config: &Config) -> Option<Text> {
    let of_system = || config.hostname().map(str::to_owned).or_else(host_name);
    let wanted = || config.report_hostname().then(of_system).flatten();
    config.source_hostname().map(str::to_owned).or_else(wanted).map(Text::from)
}

/// Flushing and shutting down are the pipeline's.
impl std::ops::Deref for Exporter {
    type Target = Pipeline;

    fn deref(&self) -> &Pipeline {
        &self.pipeline
    }
}
