//! Where finished traces go without the feature `agent`: nowhere.

use std::sync::Arc;
use std::time::Duration;

use super::sampling_choice::SamplingChoice;
use crate::config::Config;
use crate::diag::{Diag, Statistics};
use crate::error::FlushError;
use crate::filter::Filters;
use crate::propagation::HttpPropagator;
use crate::trace::{Nowhere, Sink};

/// There is nothing to choose from.
#[derive(Clone, Debug, Default)]
pub(super) struct WriterChoice {}

impl WriterChoice {
    pub(super) fn is_made(&self) -> bool {
        false
    }

    pub(super) fn or(self, _: Self, _: bool) -> Self {
        self
    }
}

/// There is nothing to decide on.
#[derive(Clone)]
pub(super) struct Samplers;

impl Samplers {
    pub(super) fn new(_: SamplingChoice, _: &Config, _: &Diag) -> Self {
        Samplers
    }
}

/// Drops finished traces.
#[derive(Clone)]
pub(super) struct Exporter(Arc<Diag>);

impl Exporter {
    pub(super) fn start(
        _: &Config,
        diag: &Arc<Diag>,
        _: Samplers,
        _: Filters,
        _: &WriterChoice,
        _: &Arc<HttpPropagator>,
    ) -> Self {
        Exporter(Arc::clone(diag))
    }

    pub(super) fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(Nowhere)
    }

    pub(super) fn url(&self) -> Option<&str> {
        None
    }

    pub(super) fn elsewhere(&self) -> &str {
        "agent none"
    }

    pub(super) fn retire(&self) {}

    pub(super) fn hurry(&self) {}

    pub(super) fn is_drained(&self) -> bool {
        true
    }

    pub(super) fn statistics(&self) -> Statistics {
        self.0.statistics()
    }

    pub(super) fn set_exit_timeout(_: Duration) {}

    pub(super) fn flush(&self, _: Duration) -> Result<(), FlushError> {
        Ok(())
    }

    pub(super) async fn flush_async(&self, _: Duration) -> Result<(), FlushError> {
        Ok(())
    }

    pub(super) async fn shutdown_async(&self, _: Duration) -> Result<(), FlushError> {
        Ok(())
    }

    pub(super) fn shutdown(&self, _: Duration) -> Result<(), FlushError> {
        Ok(())
    }
}
