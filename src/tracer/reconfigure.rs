//! Other settings for a tracer that is in use.

use std::fmt;

use super::builder::{TracerBuilder, partial_flush};
use super::fixed_settings::FIXED;
use super::handle::{Parts, Tracer};
use super::setup::{Live, Setup};
use crate::config::{Config, Problem, Report, ReportRow};
use crate::diag::Diag;
use crate::filter::Filters;
use crate::trace::{ContextProvider, ContextStore, Shared};

/// Pipelines that were replaced and still have something to send. Of more than that, the oldest are told to end soon.
const MAX_RETIRED: usize = 8;

/// What the samplers are made from.
const OF_SAMPLERS: [&str; 6] = [
    "DD_TRACE_SAMPLE_RATE",
    "DD_TRACE_SAMPLING_RULES",
    "DD_TRACE_SAMPLING_RULES_FILE",
    "DD_TRACE_RATE_LIMIT",
    "DD_SPAN_SAMPLING_RULES",
    "DD_SPAN_SAMPLING_RULES_FILE",
];

impl Tracer {
    /// Gives a tracer that is in use other settings, as `tracer.configure(..)` does in Python.
    ///
    /// `change` says to an empty builder what is to be different; all else stays as it is. Where a builder collects
    /// several values (sampling rules, trace filters), those that are given here take the place of all that were there,
    /// and where none is given those stay; tags are added.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracehound::{DropResources, SamplingRule, Tracer};
    ///
    /// let tracer = Tracer::builder().service("shop").build();
    /// // .. and later, when the program has read its own settings:
    /// tracer.reconfigure(|change| {
    ///     change
    ///         .agent_host("agent.internal")
    ///         .agent_port(8136)
    ///         .sampling_rule(SamplingRule::new(0.1).unwrap())
    ///         .trace_filter(DropResources::new("GET /health*"))
    ///         .partial_flush(Some(500))
    /// })?;
    /// assert_eq!(tracer.agent_url(), Some("http://agent.internal:8136"));
    /// assert_eq!(tracer.service(), Some("shop"));
    /// # Ok::<(), tracehound::ReconfigureError>(())
    /// ```
    ///
    /// What takes effect at once, and when this returns:
    ///
    /// - **Where traces go and what is done with them on the way** (address, sampler, filters, limits of requests):
    ///   another pipeline takes the place of the old one. Each trace that finishes from now on goes to the new one,
    ///   whenever its spans were started; what has finished before is sent by the old one, in the background, as it would
    ///   have been without this. No span is sent twice, none is lost by the change. [`Tracer::flush`] and
    ///   [`Tracer::shutdown`] wait for both. Eight old pipelines can be at work at a time, each with as much memory as may
    ///   wait ([`buffer_bytes`](TracerBuilder::buffer_bytes)); the oldest of more gives up what its agent does not take
    ///   at once, and that is counted.
    /// - **A sampler** decides on traces that have no decision yet. It keeps what it has learned (the agent's rates,
    ///   the limit) where nothing is said of sampling.
    /// - **A context provider** keeps what is activated from now on, up to 16 of them in the life of a tracer. What is
    ///   active in the store before stays there until its scope ends, and what starts meanwhile is not below it: best
    ///   before the first span.
    /// - **Tags** are on all spans that are sent from now on; **`enabled`**, **`debug`** and **`partial_flush`** count
    ///   for what happens next.
    ///
    /// Some settings are part of every span or trace that is in the making, and stay for as long as the tracer does:
    /// service, environment, version, service mapping, propagation and others. For the arguments of Python's
    /// `configure` see
    /// [`docs/filters.md`](https://github.com/tracehound/tracehound/blob/main/docs/filters.md#reconfiguring).
    ///
    /// It takes a moment, as building a tracer does: it is for the start of a program and for the hand of an operator,
    /// not for every request. Calls on several threads come one after the other. Each leaves a copy of the settings
    /// behind for as long as the tracer lives, because [`Tracer::config`] lends them out.
    ///
    /// # Errors
    ///
    /// When something is said that cannot be changed, or the tracer was shut down. Then nothing is changed, and a
    /// warning says why.
    pub fn reconfigure(
        &self,
        change: impl FnOnce(TracerBuilder) -> TracerBuilder,
    ) -> Result<(), ReconfigureError> {
        let Some(Parts { shared, setup, propagator, .. }) = self.parts() else { return Ok(()) };
        let diag = &shared.diag;
        // What the program gives runs before the turn is taken: it may come back here.
        let mut change = change(TracerBuilder::new());
        let filters = change.filters.take().map(|filters| Filters::of(filters, diag));
        let provider = change.context_provider.take();
        let turn = setup.take_turn();
        let changed = Changed::new(change, filters, setup, provider.is_some(), shared);
        let (config, mut live) = match changed {
            Ok(Changed { config, live }) => (config, live),
            Err(error) => {
                drop(turn);
                diag.warn(&format!("the tracer is not reconfigured: {error}"));
                return Err(error);
            }
        };
        let before = setup.era();
        say_new_problems(&before.config, &config, diag);
        if let Some(provider) = provider {
            replace_provider(shared, provider);
        }
        shared.set_partial_flush(partial_flush(&config));
        if config.debug() != before.config.debug() {
            diag.set_debug(config.debug());
        }
        if config.enabled() != before.config.enabled() {
            self.set_enabled(config.enabled());
        }
        let old_tags = before.config.tags();
        self.set_tags(config.tags().iter().filter(|tag| !old_tags.contains(tag)).cloned());
        let retired = live.exporter.take();
        let sink = live.start(&config, diag, propagator);
        shared.sink.replace(&sink);
        // Only now: what the old one refuses finds the new one.
        if let Some(retired) = retired {
            retired.retire();
            live.retired.push(retired);
        }
        let too_many = live.retired.len().saturating_sub(MAX_RETIRED);
        live.retired.iter().take(too_many).for_each(|retired| retired.hurry());
        setup.replace(config, live);
        setup.say("reconfigured", diag);
        Ok(())
    }

    /// Switches debug output on or off (`DD_TRACE_DEBUG`), from now on.
    pub fn set_debug(&self, debug: bool) {
        if let Some(shared) = self.shared() {
            shared.diag.set_debug(debug);
        }
    }
}

/// What is to be in force.
struct Changed {
    config: Config,
    live: Live,
}

impl Changed {
    fn new(
        change: TracerBuilder,
        filters: Option<Filters>,
        setup: &Setup,
        has_provider: bool,
        shared: &Shared,
    ) -> Result<Self, ReconfigureError> {
        if shared.has_ended() {
            return Err(ReconfigureError { fixed: Vec::new() });
        }
        let mut fixed = fixed_in_builder(&change);
        if has_provider && !shared.context_stores.has_room() {
            fixed.push("context_provider, of which a tracer can have 16");
        }
        let mut live = Live::clone(&setup.live());
        live.forget_drained();
        let before = &setup.era().config;
        let given = change.config.or(change.base);
        let has_address = given.has_address();
        live.given = given.or(live.given);
        let mut config = live.given.clone().build();
        let has_changed =
            |name: &&&str| value(config.report(), name) != value(before.report(), name);
        fixed.extend(FIXED.iter().filter(has_changed));
        if !fixed.is_empty() {
            return Err(ReconfigureError { fixed });
        }
        if !change.sampling.is_empty() || OF_SAMPLERS.iter().any(|name| has_changed(&name)) {
            live.samplers = None;
        }
        live.sampling = change.sampling.or(live.sampling);
        live.sampling.report(&mut config);
        live.filters = filters.unwrap_or(live.filters);
        // An address says that traces go to an agent, whatever they went to before; so does another writer say where.
        let is_elsewhere = has_address || change.writer.is_made();
        live.sink = change.sink.or(live.sink.filter(|_| !is_elsewhere));
        live.writer = change.writer.or(live.writer, has_address);
        Ok(Changed { config, live })
    }
}

fn value<'a>(report: &'a Report, name: &str) -> Option<&'a str> {
    report.get(name).and_then(ReportRow::value)
}

/// What a builder was told that only a new tracer can be told.
fn fixed_in_builder(change: &TracerBuilder) -> Vec<&'static str> {
    let said = [
        ("log", change.log.is_some()),
        ("propagator", !change.propagators.is_empty()),
        ("wrap_executor", change.wrap_executor.is_some()),
        ("panic_hook", !change.panic_hook),
    ];
    said.into_iter().filter(|(_, is_said)| *is_said).map(|(name, _)| name).collect()
}

fn say_new_problems(before: &Config, now: &Config, diag: &Diag) {
    let is_new = |problem: &&Problem| !before.problems().contains(problem);
    now.problems().iter().filter(is_new).for_each(|problem| diag.warn(&problem.to_string()));
}

fn replace_provider(shared: &Shared, provider: Box<dyn ContextProvider>) {
    // There is room: that was looked at, and nobody else has the turn.
    let _ = shared.context_stores.replace(ContextStore::of(provider, &shared.diag));
}

/// Why a tracer keeps the settings that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReconfigureError {
    /// What cannot be changed; empty where the tracer was shut down.
    fixed: Vec<&'static str>,
}

impl ReconfigureError {
    /// Whether the tracer was shut down.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.fixed.is_empty()
    }

    /// What was said that a running tracer cannot be told: settings by their variables, others by their setters.
    #[must_use]
    pub fn fixed(&self) -> &[&'static str] {
        &self.fixed
    }
}

impl fmt::Display for ReconfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fixed.is_empty() {
            return f.write_str("it was shut down; build another tracer");
        }
        let fixed = self.fixed.join(", ");
        write!(f, "only a new tracer can have another value of: {fixed}; nothing was changed")
    }
}

impl std::error::Error for ReconfigureError {}
