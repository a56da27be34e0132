//! The exporter as the SDK sees it.

use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::SpanData;
use tracehound::{FlushError, LossReason, Losses, Tracer};

use super::assembler;
use super::builder::SpanExporterBuilder;
use super::queue::Deadline;
use super::sampler::Sampler;
use super::shared::Shared;
use super::size;
use crate::api::{Propagator, TracerProvider};

/// How long [`force_flush`](opentelemetry_sdk::trace::SpanExporter::force_flush), which gets no time, waits: as long as
/// the SDK waits for it.
const FORCE_FLUSH: Duration = Duration::from_secs(5);

/// Sends spans of OpenTelemetry's SDK to the Datadog agent: in the place of an OTLP exporter, in one line.
///
/// ```no_run
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use tracehound_opentelemetry::SpanExporter;
///
/// let exporter = SpanExporter::builder().build();
/// let provider = SdkTracerProvider::builder()
///     .with_sampler(exporter.sampler())
///     .with_batch_exporter(exporter.clone())
///     .build();
/// opentelemetry::global::set_text_map_propagator(exporter.propagator());
/// opentelemetry::global::set_tracer_provider(provider.clone());
/// // ...
/// let _ = provider.shutdown();
/// ```
///
/// It is the pipeline of a [`Tracer`] with another way in: the same settings (`DD_*`), queue, worker,
/// retries, counters and sampling. Clones are the same exporter; keep one to [`flush`](Self::flush) and to
/// ask for [`losses`](Self::losses) after the SDK has been given the other. An exporter is for one provider,
/// whose resource names the service.
///
/// # How spans become chunks
///
/// The SDK hands over spans as they end, and does not say when a trace is complete. So the spans of a trace
/// wait for each other, on a thread of the exporter's own:
///
/// | spans wait | until | so that |
/// | --- | --- | --- |
/// | for their local root | it has ended, 10 s at the most | a trace is one chunk, whatever batches it came in |
/// | for late ones, when it has | 500 ms | children that end on other threads come along |
/// | after the root was sent | 500 ms | late children come along with each other |
///
/// Nothing waits when 300 spans of a trace do (`DD_TRACE_PARTIAL_FLUSH_MIN_SPANS`), when all that wait hold
/// more than half of the buffer (`DD_TRACE_WRITER_BUFFER_SIZE_BYTES`, 20 MiB; the oldest go), and on a flush
/// or shutdown. Spans that come when the buffer is full are lost and counted (`queue_full`), and the SDK gets
/// an error; so are those that come after the shutdown (`shutdown`), and those without ids (`invalid`).
///
/// [`export`](opentelemetry_sdk::trace::SpanExporter::export) hands a batch over under one short lock and
/// never waits, whatever the agent does: it is as good behind a simple processor as behind a batch processor.
///
/// # Which traces are kept
///
/// The last of these counts: the flags of the span context (sampled is priority 1, not sampled 0); what the
/// `dd` member of its trace state says; an attribute `sampling.priority`, `_sampling_priority_v1`,
/// `manual.keep` or `manual.drop` of any span of the trace. Rules, rates and the agent's wishes take part if
/// [`Sampler`] is the provider's.
///
/// With another sampler, what [`Propagator`] has extracted goes on as far as that agrees: the SDK's own samplers pass
/// the trace state on, in which priority, origin and `_dd.p.*` are, as far as its member `dd` has room for them (256
/// bytes). Of a sampler that returns an empty trace state the exporter knows the flag alone. What such a sampler does
/// not record (`Drop`, as the SDK's do with what they do not keep) is never handed over.
///
/// # What becomes of a span
///
/// What Datadog's agent makes of one that it receives as OTLP: in the [crate's tables](crate), with these
/// differences. The resource follows from the attributes ([`ResourceNaming`](crate::ResourceNaming));
/// attributes of HTTP have the agent's names (`http.request.method` is `http.method`); `datadog.service`,
/// `datadog.name`, `datadog.resource`, `datadog.type`, `datadog.error`, `datadog.error.msg`,
/// `datadog.error.type`, `datadog.error.stack`, `datadog.env`, `datadog.version`, `datadog.span.kind` and
/// `datadog.http_status_code` are the field of that name, and others of `datadog.` are dropped; exceptions
/// describe spans with the status `Error` only; clients and producers are measured. Resource and
/// instrumentation scope are tags of every span (`otel.scope.name`); the resource's `service.name`,
/// `deployment.environment.name` and `service.version` are service, environment and version. What the SDK's
/// limits have dropped is counted in `otel.dropped_attributes_count`, `otel.dropped_events_count` and
/// `otel.dropped_links_count`. Arrays are tags `key.0`, `key.1`, as in the rest of this crate.
#[derive(Clone, Debug)]
pub struct SpanExporter {
    handle: Arc<Handle>,
}

/// Held by the clones, and not by the assembler: it ends with the last of them.
#[derive(Debug)]
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        assembler::start(&self.0, true);
        self.0.queue.stop_later();
        if !self.0.starter.is_started() {
            self.0.end_queue();
        }
    }
}

impl SpanExporter {
    /// Describes an exporter.
    pub fn builder() -> SpanExporterBuilder {
        SpanExporterBuilder::default()
    }

    pub(super) fn new(shared: Arc<Shared>) -> Self {
        SpanExporter { handle: Arc::new(Handle(shared)) }
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }

    // ===== what belongs to it =====

    /// A sampler for the provider that follows Datadog's rules, and the rates that the agent answers to this
    /// exporter.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        self.shared().has_sampler.store(true, Ordering::Relaxed);
        Sampler::new(Arc::clone(self.shared()))
    }

    /// A propagator for the headers of `DD_TRACE_PROPAGATION_STYLE`, by the exporter's settings.
    #[must_use]
    pub fn propagator(&self) -> Propagator {
        TracerProvider::new(self.shared().base().clone()).propagator()
    }

    /// The tracer whose pipeline it is, for native spans beside those of the SDK.
    #[must_use]
    pub fn tracer(&self) -> Tracer {
        self.shared().identified().tracer
    }

    /// Spans lost so far, by reason.
    #[must_use]
    pub fn losses(&self) -> Losses {
        self.shared().base().losses()
    }

    /// How often a function that names spans has panicked; see [`SpanExporterBuilder::name_mapping`].
    #[must_use]
    pub fn mapping_panics(&self) -> u64 {
        self.shared().mappings.panics()
    }

    // ===== flush and shutdown =====

    /// Sends everything that the SDK has handed over, and waits for it.
    ///
    /// What is still in the SDK's batch processor is not here yet: call the provider's `force_flush` before.
    /// That alone does not wait for the agent: the SDK's processors do not ask their exporter to.
    ///
    /// # Errors
    ///
    /// When the time is over, or the agent did not take everything. What was not sent is kept and tried
    /// again.
    pub fn flush(&self, timeout: Duration) -> Result<(), FlushError> {
        let deadline = Deadline::after(timeout);
        assembler::start(self.shared(), true);
        self.shared().queue.flush(deadline);
        self.shared().base().flush(deadline.left())
    }

    /// `start` starts the assembler, or returns `false`.
    fn shut_down(
        &self,
        timeout: Duration,
        start: impl FnOnce(&Arc<Shared>) -> bool,
    ) -> OTelSdkResult {
        let (shared, deadline) = (self.shared(), Deadline::after(timeout));
        if !shared.queue.close() {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        if !start(shared) {
            return self.stop_without_thread(timeout);
        }
        let in_time = shared.queue.stop(deadline);
        if !in_time {
            let left = shared.queue.abandon();
            shared.lose(LossReason::ShutdownTimeout, left, "the time for the shutdown was over");
        }
        let stopped = shared.base().shutdown(deadline.left());
        if !in_time {
            return Err(OTelSdkError::Timeout(timeout));
        }
        stopped.map_err(|error| failure(error, timeout))
    }

    /// The end of a shutdown for which the system has no thread: nobody would end the wait for one.
    fn stop_without_thread(&self, timeout: Duration) -> OTelSdkResult {
        let shared = self.shared();
        // Abandoned first: whoever exports at this moment may have got a thread all the same, which is not to count or
        // send these spans once more, and is to end.
        let lost = shared.queue.abandon();
        shared.lose(LossReason::WorkerFailed, lost, "there is no thread that puts them together");
        shared.queue.stop_later();
        shared.end_queue();
        let stopped = shared.base().shutdown(timeout);
        if lost > 0 {
            return Err(OTelSdkError::InternalFailure(format!("no thread: {lost} spans are lost")));
        }
        stopped.map_err(|error| failure(error, timeout))
    }

    fn take(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if batch.is_empty() {
            return Ok(());
        }
        let (shared, spans) = (self.shared(), batch.len());
        assembler::start(shared, false);
        let bytes = batch.iter().map(size::span).sum();
        let Err(reason) = shared.queue.push(batch, bytes) else { return Ok(()) };
        if reason == LossReason::Shutdown {
            shared.lose(reason, spans, "they came after the exporter's shutdown");
            return Err(OTelSdkError::AlreadyShutdown);
        }
        shared.lose(reason, spans, "the exporter's buffer is full");
        Err(OTelSdkError::InternalFailure(format!("no room: {spans} spans are lost")))
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        ready(self.take(batch))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.shut_down(timeout, |shared| assembler::start(shared, true))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flush(FORCE_FLUSH).map_err(|error| failure(error, FORCE_FLUSH))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.shared().set_resource(resource);
    }
}

fn failure(error: FlushError, timeout: Duration) -> OTelSdkError {
    if error.is_timeout() {
        return OTelSdkError::Timeout(timeout);
    }
    OTelSdkError::InternalFailure(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdk::pending::WaitPolicy;
    use crate::sdk::pending::tests::span;
    use crate::sdk::queue::Queue;
    use opentelemetry_sdk::trace::SpanExporter as _;
    use std::io;
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(60);

    /// An exporter whose thread was not started, for want of room.
    fn without_thread(tracer: Tracer) -> (SpanExporter, Arc<Shared>) {
        let policy = WaitPolicy { late: LONG, root: LONG, ..WaitPolicy::default() };
        let (mappings, naming) = Default::default();
        let queue = Queue::new(usize::MAX);
        let shared = Arc::new(Shared::new(tracer, mappings, naming, queue, policy));
        assert!(shared.starter.start(true, || Err(io::Error::other("no room"))).is_some());
        (SpanExporter::new(Arc::clone(&shared)), shared)
    }

    #[test]
    fn what_waits_for_a_thread_that_was_not_started_is_sent_by_the_next_start() {
        let ends: [fn(SpanExporter); 3] = [
            |exporter| assert!(exporter.flush(LONG).is_ok()),
            |exporter| assert!(exporter.shutdown_with_timeout(LONG).is_ok()),
            drop,
        ];
        for end in ends {
            let (tracer, captured) = tracehound::testing::tracer();
            let start = Instant::now();
            let (exporter, shared) = without_thread(tracer);
            assert!(exporter.take(vec![span(1, 1, 0)]).is_ok(), "it waits");
            let is_soon = start.elapsed() < Duration::from_secs(1);
            assert!(!shared.starter.is_started() || !is_soon, "so soon");
            end(exporter);
            assert!(shared.queue.stop(Deadline::after(LONG)));
            assert_eq!(captured.spans().len(), 1);
        }
    }

    #[test]
    fn a_shutdown_does_not_wait_for_a_thread_that_cannot_be_started() {
        for spans in [0, 2] {
            let (exporter, shared) = without_thread(tracehound::testing::tracer().0);
            let batch = (1..=spans).map(|id| span(1, id, 0)).collect();
            // Not by `take`, which would try to start it after a second.
            assert_eq!(shared.queue.push(batch, 1), Ok(()));
            let stopped = exporter.shut_down(Duration::MAX, |_| false);
            assert_eq!(stopped.is_ok(), spans == 0, "{stopped:?}");
            let losses = exporter.losses();
            assert_eq!((losses.spans(LossReason::WorkerFailed), losses.total()), (spans, spans));
            assert!(!shared.queue.settle(1, 1), "counted already");
        }
    }
}
