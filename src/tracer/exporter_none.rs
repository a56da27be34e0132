//! Where finished traces go without the feature `agent`: nowhere.

use std::sync::Arc;
use std::time::Duration;

use super::sampling_choice::SamplingChoice;
use crate::config::Config;
use crate::diag::{Diag, Statistics};
use crate::error::FlushError;
use crate::propagation::HttpPropagator;
use crate::trace::{Nowhere, Sink};

/// Drops finished traces.
#[derive(Clone)]
pub(super) struct Exporter(Arc<Diag>);

impl Exporter {
    pub(super) fn start(
        _: &Config,
        diag: &Arc<Diag>,
        _: SamplingChoice,
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
