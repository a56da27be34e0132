//! Which settings a running tracer can change.

/// Those that stay as long as the tracer: they are part of spans and traces in the making, or of what others hold.
pub(super) const FIXED: [&str; 26] = [
    "DD_APM_TRACING_ENABLED",
    "DD_ENV",
    "DD_SERVICE",
    "DD_SERVICE_MAPPING",
    "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED",
    "DD_TRACE_BAGGAGE_TAG_KEYS",
    "DD_TRACE_ORG_GUARD_ENABLED",
    "DD_TRACE_ORG_GUARD_STRICT",
    "DD_TRACE_ORG_GUARD_TRUSTED_OPMS",
    "DD_TRACE_OTEL_ENABLED",
    "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT",
    "DD_TRACE_PROPAGATION_EXTRACT_FIRST",
    "DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED",
    "DD_TRACE_PROPAGATION_STYLE",
    "DD_TRACE_PROPAGATION_STYLE_EXTRACT",
    "DD_TRACE_PROPAGATION_STYLE_INJECT",
    "DD_TRACE_SPAN_TRACEBACK_MAX_SIZE",
    "DD_TRACE_WRITER_BUFFER_SIZE_BYTES",
    "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH",
    "DD_VERSION",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Environment, ReportRow};

    /// Those that [`Tracer::reconfigure`](crate::Tracer::reconfigure) changes, and those that stand for others.
    const CHANGED: [&str; 24] = [
        "DD_AGENT_HOST",
        "DD_EXTERNAL_ENV",
        "DD_GIT_COMMIT_SHA",
        "DD_GIT_REPOSITORY_URL",
        "DD_HOSTNAME",
        "DD_SPAN_SAMPLING_RULES",
        "DD_SPAN_SAMPLING_RULES_FILE",
        "DD_TAGS",
        "DD_TRACE_AGENT_PORT",
        "DD_TRACE_AGENT_TIMEOUT_SECONDS",
        "DD_TRACE_AGENT_URL",
        "DD_TRACE_DEBUG",
        "DD_TRACE_ENABLED",
        "DD_TRACE_GIT_METADATA_ENABLED",
        "DD_TRACE_NATIVE_SPAN_EVENTS",
        "DD_TRACE_PARTIAL_FLUSH_ENABLED",
        "DD_TRACE_PARTIAL_FLUSH_MIN_SPANS",
        "DD_TRACE_RATE_LIMIT",
        "DD_TRACE_REPORT_HOSTNAME",
        "DD_TRACE_SAMPLE_RATE",
        "DD_TRACE_SAMPLING_RULES",
        "DD_TRACE_SAMPLING_RULES_FILE",
        "DD_TRACE_WRITER_INTERVAL_SECONDS",
        "DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES",
    ];

    /// Whoever adds a setting says here, or above, whether a running tracer can change it.
    #[test]
    fn every_setting_is_one_or_the_other() {
        let config = Config::builder().environment(Environment::empty()).build();
        let mut all: Vec<_> = config.report().iter().map(ReportRow::name).collect();
        let mut said = [&FIXED[..], &CHANGED[..]].concat();
        all.sort_unstable();
        said.sort_unstable();
        assert_eq!(said, all);
    }
}
