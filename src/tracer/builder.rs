//! Putting a tracer together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracehound_machine::find_literals;

use super::bridge::TracerExt;
use super::exporter::Exporter;
use super::global::{TracerGuard, install};
use super::handle::{Parts, Tracer};
use super::sampling_choice::SamplingChoice;
use super::startup;
use crate::config::{ApiVersion, Config, ConfigBuilder, Environment, Style, tracer_setters};
use crate::diag::{Diag, LogFn, LogLevel};
use crate::panics;
use crate::propagation::{HttpPropagator, Propagator};
use crate::sampling::{Sampler, SamplingRule, SpanSamplingRule};
use crate::sync::Snapshot;
use crate::text::Text;
use crate::trace::{ContextProvider, ContextStore, Shared, SharedShards, Sink, watch_forks};

/// Describes a tracer: what is said here wins over the environment (`DD_*`), which wins over the defaults.
///
/// No setter fails. A value that cannot be used is said once in a warning, and the next source counts. The order of
/// the calls does not matter, except that of two calls of one setter the later one counts, and that rules and
/// propagators stand in the order in which they are added.
///
/// ```
/// let tracer = tracehound::Tracer::builder()
///     .service("checkout")
///     .env("prod")
///     .version("1.4.2")
///     .tag("team", "payments")
///     .agent_url("http://localhost:8126")
///     .build();
/// assert_eq!(tracer.service(), Some("checkout"));
/// ```
#[must_use = "nothing happens before `build` or `install`"]
pub struct TracerBuilder {
    config: ConfigBuilder,
    /// What [`TracerBuilder::config`] was given: below the setters.
    base: ConfigBuilder,
    pub(super) is_named_later: bool,
    context_provider: Option<Box<dyn ContextProvider>>,
    log: Option<LogFn>,
    sink: Option<Arc<dyn Sink>>,
    sampling: SamplingChoice,
    propagators: Vec<Box<dyn Propagator>>,
    panic_hook: bool,
}

impl TracerBuilder {
    pub(super) fn new() -> Self {
        TracerBuilder {
            config: Config::builder(),
            base: Config::builder(),
            is_named_later: false,
            context_provider: None,
            log: None,
            sink: None,
            sampling: SamplingChoice::default(),
            propagators: Vec::new(),
            panic_hook: true,
        }
    }

    /// Adds a tag of every span to those of `DD_TAGS`; of two with the same key this one counts.
    pub fn tag(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.config = self.config.tag(key, value);
        self
    }

    /// The agent's address, such as `http://host:port` or `unix:///path` (`DD_TRACE_AGENT_URL`): see
    /// [`ConfigBuilder::agent_url`].
    pub fn agent_url(mut self, url: impl Into<Text>) -> Self {
        self.config = self.config.agent_url(url);
        self
    }

    /// The agent's Unix socket, an absolute path: [`agent_url`](Self::agent_url) with `unix://` before it.
    pub fn agent_socket(mut self, path: impl AsRef<Path>) -> Self {
        self.config = self.config.agent_socket(path);
        self
    }

    /// A file in PEM with the only certificate authorities that may sign the certificate of an agent behind `https://`:
    /// see [`ConfigBuilder::agent_ca_file`].
    #[cfg(feature = "tls")]
    pub fn agent_ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.config = self.config.agent_ca_file(path);
        self
    }

    /// After how many finished spans, 1 to 100,000, a trace with open ones is sent in parts
    /// (`DD_TRACE_PARTIAL_FLUSH_MIN_SPANS`), or `None` for never; default: 300.
    pub fn partial_flush(mut self, min_spans: Option<usize>) -> Self {
        self.config = self.config.partial_flush(min_spans);
        self
    }

    /// Where settings that are not given here are read; default: the environment of the process.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.config = self.config.environment(environment);
        self
    }

    tracer_setters!();

    /// Settings, with those that have no setter of their own here. The setters here win over them, whether called
    /// before or after; where it is called twice, the later settings win one by one.
    ///
    /// ```
    /// use tracehound::config::Config;
    ///
    /// let config = Config::builder().service("both").traceback_max_frames(10);
    /// let tracer = tracehound::Tracer::builder().service("shop").config(config).build();
    /// assert_eq!(tracer.service(), Some("shop"));
    /// ```
    pub fn config(mut self, config: ConfigBuilder) -> Self {
        self.base = config.or(self.base);
        self
    }

    /// Adds a sampling rule. Rules given here take the place of `DD_TRACE_SAMPLING_RULES`; the first that
    /// matches decides.
    pub fn sampling_rule(mut self, rule: SamplingRule) -> Self {
        self.sampling.rules.push(rule);
        self
    }

    /// Adds a rule for single spans of traces that are dropped. Rules given here take the place of
    /// `DD_SPAN_SAMPLING_RULES`; the first that matches decides.
    pub fn span_sampling_rule(mut self, rule: SpanSamplingRule) -> Self {
        self.sampling.span_rules.push(rule);
        self
    }

    /// Decides on traces in the place of rules, rates and the agent.
    pub fn sampler(mut self, sampler: impl Sampler + 'static) -> Self {
        self.sampling.sampler = Some(Arc::new(sampler));
        self
    }

    /// Adds a way of the program's own to carry context, beside the styles: asked first to extract.
    pub fn propagator(mut self, propagator: impl Propagator + 'static) -> Self {
        self.propagators.push(Box::new(propagator));
        self
    }

    /// Keeps what is active in a store of the program's own; by default in one stack for each thread.
    pub fn context_provider(mut self, provider: impl ContextProvider + 'static) -> Self {
        self.context_provider = Some(Box::new(provider));
        self
    }

    /// Whether spans that a panic ends tell what it said and where; by default they do.
    ///
    /// A panic's message is known to the panic hook alone. The first tracer that is built puts one before the
    /// program's, which it calls, and changes nothing else: it notes the message (up to 25,000 bytes), the place,
    /// and a stack where `RUST_BACKTRACE` asks for one. `false` leaves the hooks of the process alone, as long as
    /// every tracer of it says so; so does a program that sets a hook later and does not call the one before.
    /// Spans then say that a panic ended them.
    ///
    /// ```
    /// let (tracer, captured) = tracehound::testing::tracer();
    /// let work = || tracer.in_span("job", |_| panic!("out of eggs"));
    /// std::panic::catch_unwind(work).unwrap_err();
    /// assert_eq!(captured.span("job").tags["error.message"], "out of eggs");
    /// ```
    pub fn panic_hook(mut self, wanted: bool) -> Self {
        self.panic_hook = wanted;
        self
    }

    /// Where the tracer's own lines go; by default warnings go to the standard error stream.
    ///
    /// Called on a thread of the library's own, one line at a time, so it stops nobody if it waits. At most 256
    /// lines (64 KiB) wait for it; those beyond are left out, and the next line says how many. It is not called
    /// for what it causes itself, and spans that it makes do not exist. [`Tracer::flush`], [`Tracer::shutdown`],
    /// the [`TracerGuard`] and the end of the process wait for it, for a quarter of a second at the most.
    ///
    /// What recurs is said once a minute at the most. A panic ends at the call.
    pub fn log(mut self, log: impl Fn(LogLevel, &str) + Send + Sync + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Takes the place of the pipeline to the agent.
    #[cfg_attr(not(any(test, feature = "testing")), expect(dead_code, reason = "for tests"))]
    pub(crate) fn sink(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sink = Some(sink);
        self
    }

    /// Builds the tracer and starts its worker.
    pub fn build(self) -> Tracer {
        find_literals();
        if self.panic_hook {
            panics::watch();
        }
        let mut config = self.config.or(self.base).build();
        self.sampling.report(&mut config);
        let diag = Arc::new(Diag::new(config.debug(), self.log));
        for problem in config.problems() {
            diag.warn(&problem.to_string());
        }
        if let Err(error) = watch_forks() {
            diag.warn(&format!("forks go unnoticed, and children must not trace: {error}"));
        }
        let propagator = Arc::new(HttpPropagator::new(&config));
        let (exporter, sink) = match self.sink {
            Some(sink) => (None, sink),
            None => {
                let exporter = Exporter::start(&config, &diag, self.sampling, &propagator);
                let sink = exporter.sink();
                diag.debug(|| startup::line(&config, exporter.url()));
                (Some(exporter), sink)
            }
        };
        // Read for every trace: in this form without a check that they are UTF-8.
        let often_read = |text| Text::from(Arc::<str>::from(text));
        let shared = SharedShards::new(Shared {
            service: often_read(config.service()),
            env: config.env().map(often_read),
            version: config.version().map(|version| Text::copy(version).into_shared()),
            tags: Snapshot::new(config.tags().to_vec()),
            service_mapping: config.service_mapping().to_vec(),
            apm_tracing: config.apm_tracing(),
            wide_trace_ids: config.trace_id_128_bit(),
            partial_flush: config
                .partial_flush()
                .map(|least| u32::try_from(least).unwrap_or(u32::MAX)),
            max_trace_bytes: config.buffer_bytes(),
            stack_limit: config.traceback_max_frames(),
            enabled: config.enabled().into(),
            context_store: self
                .context_provider
                .map_or(ContextStore::PROCESS, |provider| ContextStore::of(provider, &diag)),
            ..Shared::new(sink, diag)
        });
        let propagators = self.propagators.into();
        let tracer = Tracer::of(Parts { shared, exporter, config, propagator, propagators });
        if !self.is_named_later {
            tracer.warn_of_default_service();
        }
        tracer
    }

    /// Builds the tracer and makes it the one of the process, which [`tracer`](crate::tracer) and the
    /// functions at the top of this crate use.
    ///
    /// The guard sends what is left and stops the tracer when it is dropped: keep it until the end of
    /// `main`. Once only: where a tracer is installed already, a warning says so and that one stays.
    pub fn install(self) -> TracerGuard {
        install(self.build())
    }
}

impl Tracer {
    /// Describes a tracer; see [`TracerBuilder`].
    pub fn builder() -> TracerBuilder {
        TracerBuilder::new()
    }
}

impl std::fmt::Debug for TracerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TracerBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
