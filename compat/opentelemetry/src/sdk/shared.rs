//! What the exporter, its assembler and its sampler share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::Resource;
use tracehound::bridge::RecordedSpan;
use tracehound::bridge::TracerExt as _;
use tracehound::config::{Config, Origin, ReportRow};
use tracehound::{LossReason, Tracer};

use super::agent_names::agent_name;
use super::identity::identity;
use super::mapping::{Mapped, Mappings};
use super::pending::WaitPolicy;
use super::queue::Queue;
use super::resource_name::ResourceNaming;
use super::span_data;
use super::starter::Starter;
use crate::convert::value::{key_text, tag_value};

#[derive(Debug)]
pub(super) struct Shared {
    /// The tracer as built, before there is a resource.
    base: Tracer,
    identified: RwLock<Identified>,
    pub(super) mappings: Mappings,
    pub(super) naming: ResourceNaming,
    pub(super) queue: Queue,
    pub(super) policy: WaitPolicy,
    /// Of the assembler.
    pub(super) starter: Starter,
    /// The exporter has made a sampler.
    pub(super) has_sampler: AtomicBool,
}

/// The tracer with the service, environment and tags of the SDK's resource.
#[derive(Clone, Debug)]
pub(super) struct Identified {
    pub(super) tracer: Tracer,
    pub(super) resource: Resource,
}

impl Shared {
    pub(super) fn new(
        base: Tracer,
        mappings: Mappings,
        naming: ResourceNaming,
        queue: Queue,
        policy: WaitPolicy,
    ) -> Self {
        let resource = Resource::builder_empty().build();
        let identified = RwLock::new(Identified { tracer: base.clone(), resource });
        let (starter, has_sampler) = (Starter::default(), AtomicBool::new(false));
        Shared { base, identified, mappings, naming, queue, policy, starter, has_sampler }
    }

    pub(super) fn identified(&self) -> Identified {
        self.identified.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_resource(&self, resource: &Resource) {
        let identity = identity(resource, self.base.config());
        if identity.service.is_none() {
            self.base.warn_of_default_service();
        }
        let tracer = self.base.with_identity(identity);
        let identified = Identified { tracer, resource: resource.clone() };
        *self.identified.write().unwrap_or_else(PoisonError::into_inner) = identified;
    }

    /// Describes a span that has only begun as it would be sent, for a rule to match.
    pub(super) fn describe(
        &self,
        span: &mut RecordedSpan<'_>,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
    ) {
        // Rules may ask for an attribute by either of its names.
        for attribute in attributes.iter().filter(|given| agent_name(given.key.as_str()).is_some())
        {
            span.set_tag(key_text(attribute.key.clone()), tag_value(attribute.value.clone()));
        }
        span_data::describe(span, name, kind, attributes.to_vec(), Mapped::default(), self.naming);
    }

    /// Warns of sampling rules that nobody applies, because the SDK decides by its own sampler.
    pub(super) fn warn_of_idle_rules(&self) {
        if self.has_sampler.load(Ordering::Relaxed) {
            return;
        }
        const RULES: [&str; 3] =
            ["DD_TRACE_SAMPLE_RATE", "DD_TRACE_SAMPLING_RULES", "DD_TRACE_SAMPLING_RULES_FILE"];
        // The SDK reads the variables of OpenTelemetry itself.
        let is_set = |row: &&ReportRow| RULES.contains(&row.name()) && row.origin() >= Origin::Env;
        let mut rows = self.base.config().into_iter().flat_map(Config::report);
        if let Some(row) = rows.find(is_set) {
            self.base.warn_once("idle-rules", || {
                format!(
                    "{} has no effect: the SDK samples by itself unless its provider is given the \
                     exporter's sampler",
                    row.name()
                )
            });
        }
    }

    /// Counts spans that do not get as far as the pipeline.
    pub(super) fn lose(&self, reason: LossReason, spans: usize, detail: &str) {
        if spans > 0 {
            let spans = u64::try_from(spans).unwrap_or(u64::MAX);
            self.base.count_lost(reason, spans, || detail.to_owned());
        }
    }

    /// Closes the queue for good, and counts what it still holds as lost.
    pub(super) fn end_queue(&self) {
        self.lose(LossReason::WorkerFailed, self.queue.end(), "nobody puts them together any more");
    }

    /// The tracer whose pipeline it is.
    pub(super) fn base(&self) -> &Tracer {
        &self.base
    }
}
