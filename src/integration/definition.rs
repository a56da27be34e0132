//! What an integration is, and the beginning of its spans.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use super::pin::Pin;
use super::registry::announce;
use crate::config::{Config, IntegrationSettings, compare_names};
use crate::naming::Naming;
use crate::text::Text;
use crate::trace::{ServiceSource, SourceCache, SpanBuilder, SpanKind};
use crate::tracer::tracer;

/// An integration: its name, and what its spans are where nobody says otherwise.
///
/// One static for each, from which all of its spans begin:
///
/// ```
/// use tracehound::SpanKind;
/// use tracehound::integration::{Integration, Pin};
///
/// static REDIS: Integration =
///     Integration::new("redis").service("redis").kind(SpanKind::Client);
///
/// fn get(pin: &Pin, key: &str) -> Option<String> {
///     let query = || Some(format!("value of {key}"));
///     // Off: straight through.
///     let Some(span) = REDIS.span(pin, "redis.command") else { return query() };
///     let span = span.resource("GET").span_type("redis").enter();
///     let value = query();
///     span.set_tag("redis.hit", value.is_some());
///     value
/// }
/// # assert_eq!(get(&Pin::new(), "a"), Some("value of a".to_owned()));
/// ```
///
/// # What is decided here
///
/// - Whether there is a span: [`Integrations::set`](crate::integration::Integrations::set), then the settings of the
///   tracer (`DD_TRACE_<NAME>_ENABLED`), then on; and the [`Pin`] can switch a single client off.
/// - The service: that of the [`Pin`], then `DD_<NAME>_SERVICE`, then the integration's own, unless
///   `DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED` puts the tracer's in its place. An integration without a
///   service of its own leaves it to the parent, as any span does. `DD_SERVICE_MAPPING` applies to the result, and
///   `_dd.svc_src` says where it came from: `m` for a pin, `opt.<name>_service` for the setting, else the
///   integration's name.
/// - The tags `component`, `_dd.integration`, `span.kind`, and those of the pin.
pub struct Integration {
    name: &'static str,
    service: Option<&'static str>,
    kind: Option<SpanKind>,
    distributed_tracing: bool,
    /// A [`State`].
    state: AtomicU8,
    /// The integration itself, and its option, as what a service came from.
    own: SourceCache,
    option: SourceCache,
}

/// Whether there are spans: in one byte, so that a switch costs a load and a branch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not used so far.
    New = 0,
    /// Code has not said anything: the settings of the tracer decide.
    AsSet = 1,
    /// On by code's word, whatever the settings are.
    On = 2,
    /// Off, by code's word.
    Off = 3,
    /// Off by the settings of the process's tracer, which those of another tracer do not know of.
    OffAsSet = 4,
}

impl Integration {
    /// An integration whose variables have this name in them: `redis` for `DD_TRACE_REDIS_ENABLED`.
    ///
    /// It is what is traced, as Datadog calls it, where it has a name for it (`postgres`, `redis`, `kafka`), and else
    /// the library. It is the tag `component` of its spans.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Integration {
            name,
            service: None,
            kind: None,
            distributed_tracing: true,
            state: AtomicU8::new(State::New as u8),
            own: SourceCache::new(),
            option: SourceCache::new(),
        }
    }

    /// The service of its spans where nobody names another: for clients of something that has no tracer itself, such as
    /// a database. Default: as for any span, the parent's or the tracer's.
    #[must_use]
    pub const fn service(mut self, name: &'static str) -> Self {
        self.service = Some(name);
        self
    }

    /// The kind of its spans; default: none.
    #[must_use]
    pub const fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Whether it sends and takes over the context of traces where nobody says otherwise; default: yes.
    #[must_use]
    pub const fn distributed_tracing(mut self, enabled: bool) -> Self {
        self.distributed_tracing = enabled;
        self
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        compare_names(self.name, name).is_eq()
    }

    /// Makes the integration known to [`integrations`](crate::integrations), as its first span does.
    ///
    /// For a library that is set up before it is used, so that it is in the list from then on.
    pub fn announce(&'static self) {
        if self.state() == State::New {
            self.meet();
        }
    }

    /// Whether it makes spans with the process's tracer, so far as the switches say; not what a pin says.
    #[must_use]
    pub fn is_enabled(&'static self) -> bool {
        match self.state_met() {
            State::Off | State::OffAsSet => false,
            State::On => true,
            State::AsSet | State::New => {
                let settings = tracer().config().map(|config| config.integration(self.name));
                settings.and_then(IntegrationSettings::enabled).unwrap_or(true)
            }
        }
    }

    /// Begins a span of a client with this pin: a child of what is active, as from
    /// [`Tracer::span`](crate::Tracer::span). `None` where there is none to be: call what is traced, and do nothing
    /// else.
    ///
    /// Service and tags are set already. The resource, the type and tags of this one call are the integration's to add,
    /// before [`start`](SpanBuilder::start).
    #[must_use = "nothing starts before `start` or `enter`"]
    #[inline]
    pub fn span<'p>(
        &'static self,
        pin: &'p Pin,
        operation: impl Into<Text>,
    ) -> Option<SpanBuilder<'p>> {
        // The two that mean "off" come last.
        let state = self.state.load(Ordering::Relaxed);
        if state >= State::Off as u8 && (state == State::Off as u8 || !pin.has_own_tracer()) {
            return None;
        }
        if !pin.is_switched_on() {
            return None;
        }
        self.begin(pin, operation.into())
    }

    /// Whether a client with this pin sends and takes over the context of traces (`DD_<NAME>_DISTRIBUTED_TRACING`).
    /// Not where the integration is off.
    #[must_use]
    pub fn propagates(&'static self, pin: &Pin) -> bool {
        let Some((_, settings)) = self.settings(pin) else { return false };
        settings.distributed_tracing().unwrap_or(self.distributed_tracing)
    }

    /// The settings of the tracer; `None` where there are to be no spans.
    fn settings<'p>(&'static self, pin: &'p Pin) -> Option<(&'p Config, &'p IntegrationSettings)> {
        let state = self.state_met();
        if state == State::Off || !pin.is_switched_on() {
            return None;
        }
        let tracer = pin.tracer();
        if state == State::OffAsSet && !pin.has_own_tracer() {
            return None;
        }
        let config = tracer.config()?;
        let settings = config.integration(self.name);
        if state != State::On && settings.enabled() == Some(false) {
            if !pin.has_own_tracer() {
                self.exchange(State::AsSet, State::OffAsSet);
            }
            return None;
        }
        Some((config, settings))
    }

    #[inline(never)]
    fn begin<'p>(&'static self, pin: &'p Pin, operation: Text) -> Option<SpanBuilder<'p>> {
        let (config, settings) = self.settings(pin)?;
        let service = self.service_of(pin, config, settings);
        let mut span = pin.tracer().span(operation).of_integration(self.name, self.kind, service);
        for (key, value) in pin.tags() {
            span = span.tag(key, value);
        }
        Some(span)
    }

    /// The service and who chose it; `None` where it is left to the parent.
    fn service_of(
        &self,
        pin: &Pin,
        config: &Config,
        settings: &IntegrationSettings,
    ) -> Option<(Text, ServiceSource)> {
        if let Some(service) = pin.service_text() {
            return Some((service.clone(), ServiceSource::MANUAL));
        }
        if let Some(service) = settings.service_text() {
            let option = || format!("opt.{}_service", crate::config::canonical(self.name));
            return Some((service.clone(), self.option.get(option)));
        }
        let service = self.service?;
        Some(match Naming::of(config).service(Text::literal(service)) {
            Some(service) => (service, self.own.get(|| self.name.to_owned())),
            None => (Text::EMPTY, ServiceSource::OWN),
        })
    }

    // ===== the switch =====

    pub(super) fn switch(&self, enabled: bool) {
        let state = if enabled { State::On } else { State::Off };
        self.state.store(state as u8, Ordering::SeqCst);
    }

    fn state(&self) -> State {
        match self.state.load(Ordering::Relaxed) {
            1 => State::AsSet,
            2 => State::On,
            3 => State::Off,
            4 => State::OffAsSet,
            _ => State::New,
        }
    }

    /// The state, after the integration has announced itself.
    fn state_met(&'static self) -> State {
        match self.state() {
            State::New => self.meet(),
            state => state,
        }
    }

    #[cold]
    fn meet(&'static self) -> State {
        let state = match announce(self) {
            None => State::AsSet,
            Some(true) => State::On,
            Some(false) => State::Off,
        };
        // Not where code has set a switch meanwhile: that is newer.
        self.exchange(State::New, state);
        self.state()
    }

    fn exchange(&self, from: State, to: State) {
        let order = Ordering::SeqCst;
        // Where it is something else, somebody has just said so.
        let _ = self.state.compare_exchange(from as u8, to as u8, order, order);
    }
}

impl fmt::Debug for Integration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Integration").field("name", &self.name).finish_non_exhaustive()
    }
}
