//! What a tracer was built from, and what takes its finished traces: all that a reconfiguration needs, and replaces.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard};

use tracehound_fork::{PerProcess, WriteOnce};

use super::exporter::{Exporter, Samplers, WriterChoice};
use super::sampling_choice::SamplingChoice;
use super::startup;
use crate::config::{Config, ConfigBuilder};
use crate::diag::{Diag, Statistics};
use crate::filter::{Filters, filtered};
use crate::propagation::HttpPropagator;
use crate::sync::{Snapshot, lock};
use crate::trace::Sink;

/// What tracers of one pipeline share, and a reconfiguration replaces.
pub(super) struct Setup {
    first: Era,
    live: Snapshot<Live>,
    /// Held while something is replaced, so that reconfigurations come one after the other, and none behind the end.
    turn: PerProcess<Mutex<()>>,
}

/// The settings between two reconfigurations. Earlier ones stay as long as the tracer, because it lends them out.
pub(super) struct Era {
    pub(super) config: Config,
    /// `None` where nothing is sent to an agent.
    pub(super) agent_url: Option<String>,
    next: WriteOnce<Box<Era>>,
}

/// What is in force now.
#[derive(Clone)]
pub(super) struct Live {
    /// What code has said, with the environment that it was resolved with.
    pub(super) given: ConfigBuilder,
    pub(super) sampling: SamplingChoice,
    pub(super) samplers: Option<Samplers>,
    pub(super) filters: Filters,
    pub(super) writer: WriterChoice,
    /// What has the place of the pipeline to the agent.
    pub(super) sink: Option<Arc<dyn Sink>>,
    /// `None` where `sink` is not.
    pub(super) exporter: Option<Exporter>,
    /// Those before, as long as they have something to send, the oldest first.
    pub(super) retired: Vec<Exporter>,
    pub(super) past: Past,
}

/// What pipelines have sent that are no more, in this process: a forked child begins without any.
#[derive(Clone, Copy, Default)]
pub(super) struct Past {
    process: u32,
    statistics: Statistics,
}

impl Past {
    fn get(self) -> Statistics {
        if self.process == process::id() { self.statistics } else { Statistics::default() }
    }
}

impl Era {
    fn new(config: Config, agent_url: Option<String>) -> Self {
        Era { config, agent_url, next: WriteOnce::new() }
    }
}

impl Setup {
    pub(super) fn new(config: Config, live: Live) -> Self {
        let url = live.url();
        Setup { first: Era::new(config, url), live: Snapshot::new(live), turn: PerProcess::new() }
    }

    /// The settings in force.
    pub(super) fn era(&self) -> &Era {
        let mut era = &self.first;
        while let Some(next) = era.next.get() {
            era = next;
        }
        era
    }

    pub(super) fn live(&self) -> Arc<Live> {
        self.live.load()
    }

    /// Nothing else is replaced until the result is dropped, and the tracer does not end.
    pub(super) fn take_turn(&self) -> MutexGuard<'_, ()> {
        lock(self.turn.get_or_make(Mutex::default))
    }

    /// To be called by who has the turn.
    pub(super) fn replace(&self, config: Config, live: Live) {
        let next = Box::new(Era::new(config, live.url()));
        // It has no next one yet: whoever adds one has the turn.
        let _ = self.era().next.set(next);
        self.live.store(live);
    }

    /// Says in debug output what is in force from now on.
    pub(super) fn say(&self, event: &str, diag: &Diag) {
        let config = &self.era().config;
        if let Some(exporter) = &self.live().exporter {
            diag.debug(|| startup::line(event, config, exporter.url(), exporter.elsewhere()));
        }
    }

    /// All that may have something to send, what was replaced first.
    pub(super) fn exporters(&self) -> Vec<Exporter> {
        let live = self.live();
        let retired = live.retired.iter().filter(|exporter| !exporter.is_drained());
        retired.chain(&live.exporter).cloned().collect()
    }
}

impl Live {
    /// What has become of spans, by all pipelines together; `known` is what does not depend on them.
    pub(super) fn statistics(&self, known: Statistics) -> Statistics {
        let all = self.retired.iter().chain(&self.exporter).map(|exporter| exporter.statistics());
        all.fold(known.and(self.past.get()), Statistics::and)
    }

    /// Forgets pipelines that have nothing to send any more, but not what they have sent.
    pub(super) fn forget_drained(&mut self) {
        let mut statistics = self.past.get();
        self.retired.retain(|retired| {
            let is_drained = retired.is_drained();
            if is_drained {
                // Nothing waits there; what has room in advance is freed a moment later.
                let sent = Statistics { queued: 0, queued_bytes: 0, ..retired.statistics() };
                statistics = statistics.and(sent);
            }
            !is_drained
        });
        self.past = Past { process: process::id(), statistics };
    }

    /// Starts what takes finished traces, by these settings: a pipeline to the agent, or the sink that was given.
    pub(super) fn start(
        &mut self,
        config: &Config,
        diag: &Arc<Diag>,
        propagator: &Arc<HttpPropagator>,
    ) -> Arc<dyn Sink> {
        if let Some(sink) = &self.sink {
            return filtered(self.filters.clone(), Arc::clone(sink), diag);
        }
        let new = || Samplers::new(self.sampling.clone(), config, diag);
        let samplers = self.samplers.get_or_insert_with(new).clone();
        let filters = self.filters.clone();
        let exporter = Exporter::start(config, diag, samplers, filters, &self.writer, propagator);
        let sink = exporter.sink();
        self.exporter = Some(exporter);
        sink
    }

    fn url(&self) -> Option<String> {
        self.exporter.as_ref()?.url().map(str::to_owned)
    }
}
