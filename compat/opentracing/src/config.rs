//! The keys by which OpenTracing tracers of Datadog are configured.

use crate::builder::TracerBuilder;
use crate::config_value::ConfigValue;
use crate::error::{Error, ErrorKind};

/// The one key of `settings`.
const FILTERS: &str = "FILTERS";

impl TracerBuilder {
    /// Sets a key of the configuration; see [`TracerBuilder::config`].
    pub(crate) fn set(self, key: &str, value: ConfigValue) -> Self {
        if value == ConfigValue::Null && KEYS.contains(&key) {
            return self;
        }
        match (key, value) {
            ("agent_hostname", ConfigValue::Text(host)) => self.agent_hostname(host),
            ("agent_port", ConfigValue::Integer(port)) => match u16::try_from(port) {
                Ok(port) if port != 0 => self.agent_port(port),
                _ => self.wrong("agent_port", "a number from 1 to 65535"),
            },
            ("agent_https", ConfigValue::Bool(https)) => self.agent_https(https),
            ("uds_path", ConfigValue::Text(path)) => self.uds_path(path),
            ("debug", ConfigValue::Bool(debug)) => self.debug(debug),
            ("enabled", ConfigValue::Bool(enabled)) => self.enabled(enabled),
            ("priority_sampling", ConfigValue::Bool(on)) => self.priority_sampling(on),
            ("global_tags", ConfigValue::Map(tags)) => {
                tags.into_iter().fold(self, |builder, (key, value)| match text(value) {
                    Some(value) => builder.global_tag(key, value),
                    None => builder.wrong("global_tags", "a map of text, numbers and truth values"),
                })
            }
            ("settings", ConfigValue::Map(settings)) => {
                settings.into_iter().fold(self, TracerBuilder::setting)
            }
            ("agent_hostname" | "uds_path", _) => self.wrong(key, "text"),
            ("agent_port", _) => self.wrong(key, "a number from 1 to 65535"),
            ("agent_https" | "debug" | "enabled" | "priority_sampling", _) => {
                self.wrong(key, "true or false")
            }
            ("global_tags" | "settings", _) => self.wrong(key, "a map"),
            ("sampler", _) => self.wrong(key, "given in code, to TracerBuilder::sampler"),
            _ => self.unknown(key),
        }
    }

    fn setting(self, (key, value): (String, ConfigValue)) -> Self {
        match (key.as_str(), value) {
            (FILTERS, ConfigValue::Null) => self,
            (FILTERS, ConfigValue::List(filters)) if filters.is_empty() => self,
            // What they would have changed or held back must not be sent as it is.
            (FILTERS, _) => self.unsupported(
                "settings.FILTERS: trace filters are not supported; \
                 drop traces with sampling rules, or clear the key",
            ),
            _ => self.unknown(&format!("settings.{key}")),
        }
    }

    fn wrong(self, key: &str, expected: &str) -> Self {
        let text = format!("{key} is to be {expected}");
        self.problem(Error::new(ErrorKind::InvalidValue, text))
    }

    fn unknown(self, key: &str) -> Self {
        let text = format!("{key:?} is no configuration key (there are {})", KEYS.join(", "));
        self.problem(Error::new(ErrorKind::UnknownKey, text))
    }
}

const KEYS: [&str; 10] = [
    "agent_hostname",
    "agent_https",
    "agent_port",
    "debug",
    "enabled",
    "global_tags",
    "priority_sampling",
    "sampler",
    "settings",
    "uds_path",
];

fn text(value: ConfigValue) -> Option<String> {
    match value {
        ConfigValue::Text(text) => Some(text),
        ConfigValue::Bool(value) => Some(value.to_string()),
        ConfigValue::Integer(value) => Some(value.to_string()),
        ConfigValue::Null | ConfigValue::List(_) | ConfigValue::Map(_) => None,
    }
}
