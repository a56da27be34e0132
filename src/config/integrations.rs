//! The settings that there is one of for each integration: `DD_TRACE_<NAME>_ENABLED` and the like.
//!
//! Which integrations a program has is not known when its settings are read, because each announces itself when it is
//! first used. So whatever looks like such a variable is kept, under the name that is in it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::text::Text;

use super::Origin;
use super::other_tracers::{is_listed_without_effect, is_not_for_tracers};
use super::resolve::Resolver;
use super::table::{INTEGRATION_DISTRIBUTED_TRACING, INTEGRATION_ENABLED, INTEGRATION_SERVICE};
use super::table::{OF_INTEGRATIONS, PLACE_OF_NAME, is_read};
use super::unknown::is_nearly_known;

/// What was said about one integration: each setting is `None` where nobody gave it, and the integration's own default
/// counts.
///
/// ```
/// use tracehound::config::{Config, Environment};
///
/// let environment = Environment::from_pairs([("DD_REDIS_SERVICE", "cache"), ("DD_TRACE_KAFKA_ENABLED", "0")]);
/// let config = Config::builder().environment(environment).integration_enabled("redis", true).build();
/// assert_eq!(config.integration("redis").service(), Some("cache"));
/// assert_eq!(config.integration("redis").enabled(), Some(true));
/// assert_eq!(config.integration("kafka").enabled(), Some(false));
/// assert_eq!(config.integration("postgres").enabled(), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntegrationSettings {
    pub(super) enabled: Option<bool>,
    pub(super) service: Option<Text>,
    pub(super) distributed_tracing: Option<bool>,
}

impl IntegrationSettings {
    const NONE: &'static IntegrationSettings =
        &IntegrationSettings { enabled: None, service: None, distributed_tracing: None };

    /// These, and others where there are none.
    pub(super) fn or(self, others: &IntegrationSettings) -> Self {
        IntegrationSettings {
            enabled: self.enabled.or(others.enabled),
            service: self.service.or_else(|| others.service.clone()),
            distributed_tracing: self.distributed_tracing.or(others.distributed_tracing),
        }
    }

    /// Whether the integration makes spans (`DD_TRACE_<NAME>_ENABLED`).
    #[must_use]
    pub fn enabled(&self) -> Option<bool> {
        self.enabled
    }

    /// The service of its spans (`DD_<NAME>_SERVICE`); never empty.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    /// The same, to be shared with a span.
    pub(crate) fn service_text(&self) -> Option<&Text> {
        self.service.as_ref()
    }

    /// Whether it sends and takes over the context of traces (`DD_<NAME>_DISTRIBUTED_TRACING`).
    #[must_use]
    pub fn distributed_tracing(&self) -> Option<bool> {
        self.distributed_tracing
    }
}

/// The settings of every integration about which something was said, by [canonical](canonical) name.
#[derive(Clone, Debug, Default)]
pub(super) struct Integrations(Vec<(String, IntegrationSettings)>);

impl Integrations {
    pub(super) fn get(&self, name: &str) -> &IntegrationSettings {
        let place = self.0.binary_search_by(|(known, _)| compare_names(known, name));
        let found = place.ok().and_then(|place| self.0.get(place));
        found.map_or(IntegrationSettings::NONE, |(_, settings)| settings)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// What code gave.
pub(super) type Given = BTreeMap<String, IntegrationSettings>;

/// Asks code and the environment about every integration that either names.
pub(super) fn resolve(given: &Given, resolver: &mut Resolver<'_>) -> Integrations {
    let variables = resolver.environment.names();
    let mut names: BTreeSet<String> =
        variables.iter().filter_map(|variable| named_by(variable)).map(canonical).collect();
    names.extend(given.keys().filter(|name| !name.is_empty()).cloned());
    if given.contains_key("") {
        let reason = "an integration without a name; left out".to_owned();
        resolver.problem("integration", Origin::Code, reason);
    }
    let resolve = |name: String| {
        let given = given.get(&name).cloned().unwrap_or_default();
        let variable = name.to_ascii_uppercase();
        let named = |row: &'static str| Cow::Owned(row.replace(PLACE_OF_NAME, &variable));
        let settings = IntegrationSettings {
            enabled: resolver
                .resolve_named(&INTEGRATION_ENABLED, &named, given.enabled.map(Some))
                .value,
            service: resolver
                .resolve_named(&INTEGRATION_SERVICE, &named, given.service.map(Some))
                .value
                .map(Text::into_shared),
            distributed_tracing: resolver
                .resolve_named(
                    &INTEGRATION_DISTRIBUTED_TRACING,
                    &named,
                    given.distributed_tracing.map(Some),
                )
                .value,
        };
        (name, settings)
    };
    Integrations(names.into_iter().map(resolve).collect())
}

/// The integration that a variable is about: `REDIS` of `DD_TRACE_REDIS_ENABLED`.
pub(super) fn named_by(variable: &str) -> Option<&str> {
    let name = OF_INTEGRATIONS.iter().find_map(|pattern| {
        let (before, after) = pattern.split_once(PLACE_OF_NAME)?;
        let name = variable.strip_prefix(before)?.strip_suffix(after)?;
        let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        (!name.is_empty() && name.bytes().all(is_name)).then_some(name)
    })?;
    let is_of_others = is_read(variable)
        || is_not_for_tracers(variable)
        || is_listed_without_effect(variable)
        || is_nearly_known(variable);
    (!is_of_others).then_some(name)
}

/// The name as it is compared and listed: as in its variables, in lower case. So `tokio-postgres` is `tokio_postgres`.
pub(crate) fn canonical(name: &str) -> String {
    name.trim().bytes().map(|byte| char::from(canonical_byte(byte))).collect()
}

/// The order of names in [canonical](canonical) form, which neither needs to have.
pub(crate) fn compare_names(a: &str, b: &str) -> Ordering {
    a.bytes().map(canonical_byte).cmp(b.bytes().map(canonical_byte))
}

fn canonical_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'_' }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testkit::with;

    #[test]
    fn a_variable_of_the_family_names_its_integration() {
        for (variable, name) in [
            ("DD_TRACE_REDIS_ENABLED", Some("REDIS")),
            ("DD_TRACE_AIOHTTP_CLIENT_ENABLED", Some("AIOHTTP_CLIENT")),
            ("DD_TRACE_PG_ENABLED", Some("PG")),
            ("DD_TRACE_SQL_ENABLED", Some("SQL")),
            ("DD_REDIS_SERVICE", Some("REDIS")),
            ("DD_REDIS_SERVICE_NAME", Some("REDIS")),
            ("DD_TRACE_REDIS_SERVICE", Some("REDIS")),
            ("DD_H2_SERVICE", Some("H2")),
            ("DD_REQUESTS_DISTRIBUTED_TRACING", Some("REQUESTS")),
            ("DD_TRACE_REQUESTS_DISTRIBUTED_TRACING", Some("REQUESTS")),
            // Settings of the tracer, misspelt ones, and those of other products.
            ("DD_TRACE_ENABLED", None),
            ("DD_SERVICE", None),
            ("DD_TRACE_SERVICE", None),
            ("DD_SERVICE_NAME", None),
            ("DD_TRACE_DEBUG_STACK", None),
            ("DD_TRACE_GIT_METADTA_ENABLED", None),
            ("DD_TRACE_STATS_COMPUTATION_ENABLED", None),
            ("DD_TRACE__ENABLED", None),
            ("DD_TRACE_ré_ENABLED", None),
            ("DD_APPSEC_ENABLED", None),
            ("DD_DBM_ENABLED", None),
        ] {
            let name = name.filter(|_| variable != "DD_TRACE__ENABLED");
            assert_eq!(named_by(variable), name, "{variable}");
        }
    }

    #[test]
    fn code_wins_and_aliases_are_read() {
        let config = with(&[
            ("DD_TRACE_REDIS_ENABLED", "true"),
            ("DD_TRACE_REDIS_SERVICE", "env-cache"),
            ("DD_TOKIO_POSTGRES_DISTRIBUTED_TRACING", "1"),
        ])
        .integration_enabled("Redis", false)
        .integration_service("tokio-postgres", "users-db")
        .integration_distributed_tracing("kafka", false)
        .build();
        let redis = config.integration("redis");
        assert_eq!((redis.enabled(), redis.service()), (Some(false), Some("env-cache")));
        let postgres = config.integration("tokio-postgres");
        assert_eq!(postgres, config.integration("TOKIO_POSTGRES"));
        assert_eq!(postgres.service(), Some("users-db"));
        assert_eq!(postgres.distributed_tracing(), Some(true));
        assert_eq!(config.integration("kafka").distributed_tracing(), Some(false));
        assert_eq!(config.integration("").enabled(), None);
        assert!(config.said().is_empty(), "{:?}", config.said());
        let row = config.report().get("DD_TRACE_REDIS_ENABLED").unwrap();
        assert_eq!(row.to_string(), "DD_TRACE_REDIS_ENABLED: false (code), over true (env_var)");
        assert!(config.report().iter().map(|row| row.name().to_owned()).is_sorted());
    }

    #[test]
    fn what_cannot_be_used_is_said_with_the_variable_and_the_default_counts() {
        let config = with(&[("DD_TRACE_REDIS_ENABLED", "maybe"), ("DD_REDIS_SERVICE", "  ")])
            .integration_service("kafka", " ")
            .integration_enabled(" ", false)
            .build();
        assert_eq!(config.integration("redis"), &IntegrationSettings::default());
        assert_eq!(config.integration("kafka").service(), None);
        assert_eq!(
            config.said(),
            [
                "integration (code): an integration without a name; left out",
                "integration_service (code): \" \" says nothing; it stays unset",
                "DD_TRACE_REDIS_ENABLED (env_var): \"maybe\" is neither `true` nor `false`; it stays unset",
            ]
        );
    }

    #[test]
    fn thousands_of_names_are_found_one_by_one() {
        let pairs: Vec<_> =
            (0..3000).map(|n| (format!("DD_TRACE_N{n}_ENABLED"), ["0", "1"][n % 2])).collect();
        let pairs: Vec<_> = pairs.iter().map(|(name, text)| (name.as_str(), *text)).collect();
        let config = with(&pairs).build();
        for n in 0..3000 {
            assert_eq!(config.integration(&format!("n{n}")).enabled(), Some(n % 2 == 1));
        }
    }
}
