//! Who sends the spans: what a request has once.

use super::fields::{resource, scope, scope_spans};
use super::form::Form;
use super::span::text_attribute;
use crate::encode::entries;
use crate::encode::process::Process;
use crate::trace::Shared;

/// Writes the attributes of the resource, which are about the process (OpenTelemetry's semantic conventions, "resource").
pub(in crate::encode) fn resource(form: &mut impl Form, shared: &Shared, process: &Process) {
    form.list(resource::ATTRIBUTES, |form| {
        let env = shared.env.as_deref();
        let version = shared.version.as_deref();
        let attributes = [
            ("service.name", Some(&*shared.service)),
            ("deployment.environment.name", env),
            ("service.version", version),
            ("telemetry.sdk.name", Some("datadog")),
            ("telemetry.sdk.language", Some("rust")),
            ("telemetry.sdk.version", Some(env!("CARGO_PKG_VERSION"))),
        ];
        let attributes = attributes.into_iter().filter_map(|(key, value)| Some((key, value?)));
        for (key, value) in attributes.chain(entries::texts(&process.runtime_id)) {
            text_attribute(form, resource::ATTRIBUTES, key, value);
        }
    });
}

/// Writes the scope of the spans, which is this library.
pub(in crate::encode) fn scope(form: &mut impl Form) {
    form.message(scope_spans::SCOPE, |form| {
        form.text(scope::NAME, "tracehound");
        form.text(scope::VERSION, env!("CARGO_PKG_VERSION"));
    });
}
