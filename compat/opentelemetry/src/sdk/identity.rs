//! Service, environment, version and tags from the SDK's resource.

use opentelemetry::{Key, Value};
use opentelemetry_sdk::Resource;
use tracehound::Text;
use tracehound::bridge::Identity;
use tracehound::config::{Config, Origin};

use crate::convert::value::key_text;

/// The SDK's default for the service, followed by the name of the program.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// The identity that a resource describes. What the exporter's builder has set is left out, because code wins over the
/// resource, which wins over the environment (`DD_SERVICE`).
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

    /// What the resource says; whether code names the service; service, env and version; tags.
    type Case<'a> = (&'a [(&'static str, &'static str)], bool, [Option<&'a str>; 3], &'a [&'a str]);

    #[test]
    fn code_wins_over_the_resource_and_the_resource_over_the_environment() {
        let stage = |name| ("deployment.environment", name);
        #[rustfmt::skip]
        let cases: [Case<'_>; 4] = [
            (
                &[("service.name", "res"), stage("stg")], false,
                [Some("res"), Some("stg"), None], &["deployment.environment"],
            ),
            (
                &[("service.name", "res"), stage("stg")], true,
                [None, Some("stg"), None], &["deployment.environment"],
            ),
            // A service that nobody has named is none.
            (&[("service.name", "unknown_service:shop")], false, [None; 3], &[]),
            // The new name of the environment comes first, and all but the service are tags.
            (
                &[
                    stage("old"), ("deployment.environment.name", "new"),
                    ("service.version", "1.2"), ("service.name", "shop"), ("host.name", "h"),
                ],
                false,
                [Some("shop"), Some("new"), Some("1.2")],
                &["deployment.environment", "deployment.environment.name", "host.name", "service.version"],
            ),
        ];
        for (attributes, by_code, expected, tags) in cases {
            let environment = Environment::from_pairs([("DD_SERVICE", "env"), ("DD_ENV", "env")]);
            let config = Config::builder().environment(environment);
            let config = if by_code { config.service("code") } else { config }.build();
            let given = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value));
            let resource = Resource::builder_empty().with_attributes(given).build();
            let Identity { service, env, version, tags: found, .. } =
                identity(&resource, Some(&config));
            assert_eq!([service.as_deref(), env.as_deref(), version.as_deref()], expected);
            let mut found: Vec<_> = found.iter().map(|(key, _)| key.as_str()).collect();
            found.sort_unstable();
            assert_eq!(found, tags);
        }
    }
}
