//! Putting a tracer together.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracehound_machine::find_literals;

use super::bridge::TracerExt;
use super::exporter::WriterChoice;
use super::global::{TracerGuard, install};
use super::handle::{Parts, Tracer};
use super::sampling_choice::SamplingChoice;
use super::setup::{Live, Past, Setup};
use super::wrap::WrapExecutor;
use crate::config::{
    ApiVersion, Config, ConfigBuilder, Environment, SourceCodeLink, Style, tracer_setters,
};
use crate::diag::{Diag, LogFn, LogLevel};
use crate::filter::{Filters, TraceFilter};
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
    pub(super) config: ConfigBuilder,
    /// What [`TracerBuilder::config`] was given: below the setters.
    pub(super) base: ConfigBuilder,
    pub(super) is_named_later: bool,
    pub(super) context_provider: Option<Box<dyn ContextProvider>>,
    pub(super) log: Option<LogFn>,
    pub(super) sink: Option<Arc<dyn Sink>>,
    pub(super) sampling: SamplingChoice,
    pub(super) writer: WriterChoice,
    /// `None` where nothing is said of filters.
    pub(super) filters: Option<Vec<Arc<dyn TraceFilter>>>,
    pub(super) propagators: Vec<Box<dyn Propagator>>,
    pub(super) wrap_executor: Option<Arc<dyn WrapExecutor>>,
    pub(super) panic_hook: bool,
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
            writer: WriterChoice::default(),
            filters: None,
            propagators: Vec::new(),
            wrap_executor: None,
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

    /// Where the source code is, as it was known when the program was built: [`source_code!`](crate::source_code). The
    /// environment wins over it (`DD_GIT_REPOSITORY_URL`, `DD_GIT_COMMIT_SHA`, `DD_TAGS`); see
    /// [`ConfigBuilder::source_code`].
    pub fn source_code(mut self, link: SourceCodeLink) -> Self {
        self.config = self.config.source_code(link);
        self
    }

    /// Whether an integration makes spans (`DD_TRACE_<NAME>_ENABLED`): see [`ConfigBuilder::integration_enabled`].
    pub fn integration_enabled(mut self, name: &str, enabled: bool) -> Self {
        self.config = self.config.integration_enabled(name, enabled);
        self
    }

    /// The service of an integration's spans (`DD_<NAME>_SERVICE`): see [`ConfigBuilder::integration_service`].
    pub fn integration_service(mut self, name: &str, service: impl Into<Text>) -> Self {
        self.config = self.config.integration_service(name, service);
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

    /// Adds a filter behind the others: it looks at each finished trace before it is sent, and may change or drop it;
    /// see [`TraceFilter`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracehound::{DropResources, FinishedTrace, KeepSlow, Tracer, Verdict};
    ///
    /// let tracer = Tracer::builder()
    ///     .trace_filter(|trace: &mut FinishedTrace<'_>| {
    ///         trace.for_each_span(|span| span.remove_tag("user.email"));
    ///         Verdict::Next
    ///     })
    ///     .trace_filter(KeepSlow(Duration::from_secs(1)))
    ///     .trace_filter(DropResources::new("GET /health*"))
    ///     .build();
    /// ```
    pub fn trace_filter(mut self, filter: impl TraceFilter + 'static) -> Self {
        self.filters.get_or_insert_default().push(Arc::new(filter));
        self
    }

    /// No filters: takes back those that were added here before, and in [`Tracer::reconfigure`] all that the tracer
    /// has.
    pub fn no_trace_filters(mut self) -> Self {
        self.filters = Some(Vec::new());
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

    /// Runs the wrapped functions, those of [`Tracer::wrap_fn`] and `#[tracehound::wrap]`, in a way of the program's own.
    ///
    /// A closure is called for each call of a plain function, with what its span is to be like and with the function,
    /// which it calls. It starts the span, or does not. For async functions see [`WrapExecutor::start`].
    ///
    /// ```
    /// use tracehound::{Tracer, WrapCall};
    /// use tracehound::config::Environment;
    /// use tracehound::testing::Captured;
    ///
    /// let captured = Captured::default();
    /// let tracer = Tracer::builder()
    ///     .environment(Environment::empty())
    ///     .service("test")
    ///     .wrap_executor(|call: WrapCall<'_>, run: &mut dyn FnMut()| {
    ///         if call.name() == "cache.lookup" {
    ///             return run(); // not traced
    ///         }
    ///         let span = call.enter();
    ///         span.set_tag("wrapped", true);
    ///         run();
    ///     })
    ///     .capture(&captured)
    ///     .build();
    ///
    /// let found = tracer.wrap_fn("cart.load", || tracer.wrap_fn("cache.lookup", || "cart 7"));
    /// assert_eq!(found, "cart 7");
    /// assert_eq!(captured.tree(), "cart.load wrapped=true\n");
    /// ```
    pub fn wrap_executor(mut self, executor: impl WrapExecutor + 'static) -> Self {
        self.wrap_executor = Some(Arc::new(executor));
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
        let given = self.config.or(self.base).with_captured_environment();
        let mut config = given.clone().build();
        self.sampling.report(&mut config);
        let diag = Arc::new(Diag::new(config.debug(), self.log));
        for problem in config.problems() {
            diag.warn(&problem.to_string());
        }
        if let Err(error) = watch_forks() {
            diag.warn(&format!("forks go unnoticed, and children must not trace: {error}"));
        }
        let propagator = Arc::new(HttpPropagator::new(&config));
        let mut live = Live {
            given,
            sampling: self.sampling,
            samplers: None,
            filters: Filters::of(self.filters.unwrap_or_default(), &diag),
            writer: self.writer,
            sink: self.sink,
            exporter: None,
            retired: Vec::new(),
            past: Past::default(),
        };
        let sink = live.start(&config, &diag, &propagator);
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
            partial_flush: partial_flush(&config).unwrap_or_default().into(),
            max_trace_bytes: config.buffer_bytes(),
            stack_limit: config.traceback_max_frames(),
            enabled: config.enabled().into(),
            context_stores: self
                .context_provider
                .map(|provider| ContextStore::of(provider, &diag))
                .into(),
            ..Shared::new(sink, diag)
        });
        let propagators = self.propagators.into();
        let wrap_executor = self.wrap_executor;
        let setup = Arc::new(Setup::new(config, live));
        setup.say("started", &shared.diag);
        let tracer = Tracer::of(Parts { shared, setup, propagator, propagators, wrap_executor });
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

/// The least number of finished spans of a trace that are sent before its end.
pub(super) fn partial_flush(config: &Config) -> Option<u32> {
    config.partial_flush().map(|least| u32::try_from(least).unwrap_or(u32::MAX))
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
