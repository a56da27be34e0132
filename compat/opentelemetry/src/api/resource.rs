//! Resource attributes given in code.

use opentelemetry::{KeyValue, Value};
use tracehound::{Text, TracerBuilder};

use crate::convert::value::key_text;

/// Takes the resource of OpenTelemetry for a tracer: service, environment, version, and tags.
///
/// ```
/// use opentelemetry::KeyValue;
/// use tracehound_opentelemetry::ResourceExt as _;
///
/// let tracer = tracehound::Tracer::builder()
///     .resource_attributes([
///         KeyValue::new("service.name", "shop"),
///         KeyValue::new("deployment.environment.name", "prod"),
///         KeyValue::new("cloud.region", "eu-west-1"),
///     ])
///     .build();
/// assert_eq!(tracer.config().map(|config| config.service()), Some("shop"));
/// ```
pub trait ResourceExt: Sized {
    /// Sets what the attributes say, as if it were given to the builder one by one.
    ///
    /// `service.name` is the service, `deployment.environment.name` (or `deployment.environment`) the
    /// environment, `service.version` the version; others are tags of every span. As everything given in
    /// code they win over the environment, `OTEL_RESOURCE_ATTRIBUTES` included, whose limit of ten tags does
    /// not hold for them. What an SDK says of itself is left out: a service that begins with
    /// `unknown_service`, and `telemetry.sdk.*`.
    #[must_use]
    fn resource_attributes(self, attributes: impl IntoIterator<Item = KeyValue>) -> Self;
}

impl ResourceExt for TracerBuilder {
    fn resource_attributes(self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        let mut builder = self;
        // The older name of the environment counts only where the newer one is not given.
        let mut has_environment = false;
        for KeyValue { key, value, .. } in attributes {
            builder = match key.as_str() {
                "service.name" if value.as_str().starts_with("unknown_service") => builder,
                "service.name" => builder.service(text(&value)),
                "service.version" => builder.version(text(&value)),
                "deployment.environment.name" => {
                    has_environment = true;
                    builder.env(text(&value))
                }
                "deployment.environment" if has_environment => builder,
                "deployment.environment" => builder.env(text(&value)),
                sdk if sdk.starts_with("telemetry.sdk.") => builder,
                _ => builder.tag(key_text(key), text(&value)),
            };
        }
        builder
    }
}

fn text(value: &Value) -> Text {
    value.as_str().into_owned().into()
}
