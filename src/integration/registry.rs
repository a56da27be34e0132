//! Which integrations there are, and the switches that are set in code.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering, fence};

use super::definition::Integration;
use super::list::List;
use crate::config::{Origin, canonical, compare_names};
use crate::tracer::tracer;

/// Integrations in the order in which they announced themselves.
static ANNOUNCED: List<&'static Integration> = List::new();
/// What code has said of single integrations, announced or not.
static SWITCHES: List<Switch> = List::new();
/// What code has said of all others: a [`Said`].
static OTHERS: AtomicU8 = AtomicU8::new(Said::Nothing as u8);

/// More names are a mistake, such as a switch for each customer.
const MAX_SWITCHES: usize = 1024;
const MAX_ANNOUNCED: usize = 1024;

struct Switch {
    /// In canonical form.
    name: String,
    /// A [`Said`].
    said: AtomicU8,
}

/// What code has said of an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Nothing = 0,
    On = 1,
    Off = 2,
}

impl Said {
    fn of(is_on: bool) -> Self {
        if is_on { Said::On } else { Said::Off }
    }

    fn load(from: &AtomicU8) -> Self {
        match from.load(Ordering::SeqCst) {
            1 => Said::On,
            2 => Said::Off,
            _ => Said::Nothing,
        }
    }

    fn as_option(self) -> Option<bool> {
        match self {
            Said::Nothing => None,
            said => Some(said == Said::On),
        }
    }
}

/// The integrations of this process: see [`Integrations`].
#[must_use]
pub fn integrations() -> Integrations {
    Integrations(())
}

/// Switches integrations on and off while the program runs, and lists them.
///
/// A switch that is set here wins over `DD_TRACE_<NAME>_ENABLED` and
/// [`TracerBuilder::integration_enabled`](crate::TracerBuilder::integration_enabled), is of the whole process, and may
/// be set before the integration is used for the first time. An integration that is off passes everything through, at
/// the cost of one branch: it makes no spans, and neither sends nor takes over the context of traces. Spans that are
/// open then end as they would have.
///
/// Names are compared without regard to case, with `-` and `.` as `_`. At most 1,024 of them can have a switch; more
/// are not switched, and a warning says so.
///
/// ```
/// use tracehound::integrations;
///
/// integrations().set("redis", false);
/// integrations().set_all([("postgres", true), ("kafka", false)]);
/// assert_eq!(integrations().get("redis").is_enabled(), false);
/// print!("{}", integrations());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Integrations(());

impl Integrations {
    /// Switches one integration on or off.
    #[doc(alias = "patch")]
    pub fn set(self, name: &str, enabled: bool) {
        let name = canonical(name);
        let is_wanted = |switch: &Switch| switch.name == name;
        let make = || Switch { name: name.clone(), said: AtomicU8::new(Said::Nothing as u8) };
        let Some(switch) = SWITCHES.find_or_add(MAX_SWITCHES, is_wanted, make) else {
            tracer().warn_once("switches of integrations", || {
                format!("{MAX_SWITCHES} integrations have a switch already; {name:?} gets none: use the names of integrations")
            });
            return;
        };
        // Noted first: an integration that announces itself meanwhile either finds it, or is found here.
        switch.said.store(Said::of(enabled) as u8, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        for integration in ANNOUNCED.iter().filter(|known| known.is_called(&name)) {
            integration.switch(enabled);
        }
    }

    /// Switches several, as [`set`](Self::set) does one: `patch_all(redis=False, cassandra=False)` of Datadog's Python
    /// tracer.
    #[doc(alias = "patch_all")]
    pub fn set_all<N: AsRef<str>>(self, switches: impl IntoIterator<Item = (N, bool)>) {
        for (name, enabled) in switches {
            self.set(name.as_ref(), enabled);
        }
    }

    /// Switches these on and all others off, also those that are used for the first time later:
    /// `patch(psycopg=True, elasticsearch=True)` of Datadog's Python tracer.
    pub fn only<N: AsRef<str>>(self, names: impl IntoIterator<Item = N>) {
        let names: Vec<_> = names.into_iter().map(|name| canonical(name.as_ref())).collect();
        OTHERS.store(Said::Off as u8, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        let known = ANNOUNCED.iter().map(|integration| canonical(integration.name()));
        let known = known.chain(SWITCHES.iter().map(|switch| switch.name.clone()));
        let others: Vec<_> = known.filter(|name| !names.contains(name)).collect();
        self.set_all(others.into_iter().map(|name| (name, false)));
        self.set_all(names.into_iter().map(|name| (name, true)));
    }

    /// What there is to know of one integration, whether it has announced itself or not.
    #[must_use]
    pub fn get(self, name: &str) -> IntegrationStatus {
        IntegrationStatus::of(&canonical(name))
    }

    /// All integrations that have announced themselves, or that somebody has said something about; by name.
    ///
    /// An integration announces itself when it is first used. One that was misspelt never does:
    /// [`IntegrationStatus::is_announced`].
    #[must_use]
    pub fn list(self) -> Vec<IntegrationStatus> {
        let announced = ANNOUNCED.iter().map(|integration| canonical(integration.name()));
        let mut names: Vec<_> =
            announced.chain(SWITCHES.iter().map(|switch| switch.name.clone())).collect();
        let config = tracer().config();
        names.extend(
            config.into_iter().flat_map(|config| config.integration_names()).map(str::to_owned),
        );
        names.sort_unstable();
        names.dedup();
        names.iter().map(|name| IntegrationStatus::of(name)).collect()
    }
}

/// A line for each integration: its name, whether it is on, and by whose word.
impl fmt::Display for Integrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = self.list();
        let width = list.iter().map(|status| status.name.len()).max().unwrap_or_default();
        list.iter().try_for_each(|status| {
            let is_on = if status.is_enabled { "on" } else { "off" };
            let absent =
                if status.is_announced { "" } else { ", not used so far: no such integration?" };
            writeln!(f, "{:width$}  {is_on:3}  {}{absent}", status.name, status.origin)
        })
    }
}

/// What there is to know of an integration. It is of the moment at which it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrationStatus {
    name: String,
    is_enabled: bool,
    is_announced: bool,
    origin: Origin,
}

impl IntegrationStatus {
    /// The name is canonical.
    fn of(name: &str) -> Self {
        let said = said(name);
        let set = tracer().config().and_then(|config| {
            let enabled = config.integration(name).enabled()?;
            let variable = format!("DD_TRACE_{}_ENABLED", name.to_ascii_uppercase());
            let origin = config.report().get(&variable).map_or(Origin::Env, |row| row.origin());
            Some((enabled, origin))
        });
        let (is_enabled, origin) = match said.as_option() {
            Some(is_on) => (is_on, Origin::Code),
            None => set.unwrap_or((true, Origin::Default)),
        };
        IntegrationStatus {
            is_announced: ANNOUNCED.iter().any(|known| known.is_called(name)),
            name: name.to_owned(),
            is_enabled,
            origin,
        }
    }

    /// The name, in lower case, with `_` for what is no letter or digit.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it makes spans.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Whether it was used so far, and so whether there is one of that name.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.is_announced
    }

    /// By whose word it is on or off.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }
}

/// Adds an integration to the list. Returns what code has said of it.
pub(super) fn announce(integration: &'static Integration) -> Option<bool> {
    let is_this = |known: &&'static Integration| std::ptr::eq(*known, integration);
    // Beyond the most it only cannot be switched by code any more.
    ANNOUNCED.find_or_add(MAX_ANNOUNCED, is_this, || integration);
    // The other side of the fence in `Integrations::set`.
    fence(Ordering::SeqCst);
    said(integration.name()).as_option()
}

fn said(name: &str) -> Said {
    let of_name = SWITCHES.iter().find(|switch| compare_names(&switch.name, name).is_eq());
    match of_name.map_or(Said::Nothing, |switch| Said::load(&switch.said)) {
        Said::Nothing => Said::load(&OTHERS),
        said => said,
    }
}
