//! Whose spans they are, by the SDK's resource.

use opentelemetry::{Key, Value};
use opentelemetry_sdk::Resource;
use tracehound::Text;
use tracehound::bridge::Identity;
use tracehound::config::{Config, Origin};

use crate::keys::key_text;

/// The service that the SDK names where nobody has, followed by the name of the program.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// What a resource says, where the exporter's builder has not said it: code wins over the resource, which
/// wins over the environment (`DD_SERVICE`).
pub(super) fn identity(resource: &Resource, config: Option<&Config>) -> Identity {
    let is_open = |setting: &str| {
        let row = config.and_then(|config| config.report().get(setting));
        row.is_none_or(|row| row.origin() != Origin::Code)
    };
    let text = |key: &'static str| {
        let value = resource.get_ref(&Key::from_static_str(key))?;
        Some(value_text(value)).filter(|text| !text.is_empty())
    };
    let service = text("service.name").filter(|name| !name.starts_with(UNKNOWN_SERVICE));
    let env = text("deployment.environment.name").or_else(|| text("deployment.environment"));
    let tags = resource.iter().filter(|(key, _)| key.as_str() != "service.name");
    Identity {
        service: service.filter(|_| is_open("DD_SERVICE")),
        env: env.filter(|_| is_open("DD_ENV")),
        version: text("service.version").filter(|_| is_open("DD_VERSION")),
        tags: tags.map(|(key, value)| (key_text(key.clone()), value_text(value))).collect(),
    }
}

/// The agent keeps attributes of resources and scopes as text, whatever their type.
pub(super) fn value_text(value: &Value) -> Text {
    Text::copy(&value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::KeyValue;
    use tracehound::config::Environment;

    fn identity_of(attributes: &[(&'static str, &'static str)], config: &Config) -> Identity {
        let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value));
        identity(&Resource::builder_empty().with_attributes(attributes).build(), Some(config))
    }

    #[test]
    fn code_wins_over_the_resource_and_the_resource_over_the_environment() {
        let environment = || Environment::from_pairs([("DD_SERVICE", "env"), ("DD_ENV", "env")]);
        let said = [("service.name", "res"), ("deployment.environment", "stg")];
        let config = Config::builder().environment(environment()).build();
        let of_resource = identity_of(&said, &config);
        assert_eq!(of_resource.service.as_deref(), Some("res"));
        assert_eq!(of_resource.env.as_deref(), Some("stg"));

        let config = Config::builder().environment(environment()).service("code").build();
        let of_code = identity_of(&said, &config);
        assert_eq!(of_code.service, None);
        assert_eq!(of_code.env.as_deref(), Some("stg"));
    }

    #[test]
    fn a_service_that_nobody_named_is_no_service() {
        let config = Config::builder().environment(Environment::empty()).build();
        assert_eq!(identity_of(&[("service.name", "unknown_service:shop")], &config).service, None);
    }

    #[test]
    fn the_new_name_of_the_environment_comes_first_and_all_but_the_service_are_tags() {
        let config = Config::builder().environment(Environment::empty()).build();
        let identity = identity_of(
            &[
                ("deployment.environment", "old"),
                ("deployment.environment.name", "new"),
                ("service.version", "1.2"),
                ("service.name", "shop"),
                ("host.name", "h"),
            ],
            &config,
        );
        assert_eq!(identity.env.as_deref(), Some("new"));
        assert_eq!(identity.version.as_deref(), Some("1.2"));
        let mut keys: Vec<_> = identity.tags.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "deployment.environment",
                "deployment.environment.name",
                "host.name",
                "service.version"
            ]
        );
    }
}
