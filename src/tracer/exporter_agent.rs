//! Where finished traces go: to the agent.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::exit;
use super::sampling_choice::SamplingChoice;
use crate::config::{Config, Endpoint};
use crate::diag::Diag;
use crate::encode::SourceCode;
use crate::pipeline::{Pipeline, Plan, Schedule, Settings, set_exit_timeout};
use crate::propagation::HttpPropagator;
use crate::text::Text;
use crate::trace::Sink;

/// The pipeline to the agent.
#[derive(Clone)]
pub(super) struct Exporter {
    pipeline: Arc<Pipeline>,
    url: String,
}

impl Exporter {
    pub(super) fn start(
        config: &Config,
        diag: &Arc<Diag>,
        sampling: SamplingChoice,
        propagator: &Arc<HttpPropagator>,
    ) -> Self {
        // The configuration has checked it.
        let endpoint = Endpoint::parse(config.agent_url()).unwrap_or_default();
        let url = endpoint.to_string();
        let hostname = config.hostname().filter(|_| config.report_hostname());
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
            long_running: Schedule {
                first: config.long_running_first(),
                interval: config.long_running_interval(),
            },
            external_env: config.external_env().map(str::to_owned),
            hostname: hostname.map(Text::copy),
            source_code: SourceCode {
                repository_url: config.git_repository_url().map(Text::copy),
                commit_sha: config.git_commit_sha().map(Text::copy),
            },
        };
        let (traces, spans) = sampling.samplers(config, diag);
        let pipeline = Pipeline::start(Plan {
            settings,
            diag: Arc::clone(diag),
            sampler: traces,
            span_sampler: Arc::new(spans),
            propagator: Arc::clone(propagator),
        });
        exit::watch(diag);
        Exporter { pipeline: Arc::new(pipeline), url }
    }

    pub(super) fn sink(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.pipeline) as Arc<dyn Sink>
    }

    pub(super) fn url(&self) -> Option<&str> {
        Some(&self.url)
    }

    pub(super) fn set_exit_timeout(timeout: Duration) {
        set_exit_timeout(timeout);
    }
}

/// Flushing and shutting down are the pipeline's.
impl std::ops::Deref for Exporter {
    type Target = Pipeline;

    fn deref(&self) -> &Pipeline {
        &self.pipeline
    }
}
