//! Variables of Datadog's other tracers that this one does not read.

/// Whether the variable is for the agent or another product, or is set by an installer: no user expects an effect on
/// traces.
pub(super) fn is_not_for_tracers(variable: &str) -> bool {
    NOT_OF_TRACERS.contains(&variable) || begins(variable, &NOT_OF_TRACERS_PREFIXES)
}

/// Whether other tracers read the variable, by its whole name, and this one does not.
pub(super) fn is_listed_without_effect(variable: &str) -> bool {
    NO_EFFECT.contains(&variable)
}

/// Whether other tracers read the variable, and this one does not.
pub(super) fn is_without_effect(variable: &str) -> bool {
    NO_EFFECT.contains(&variable) || begins(variable, NO_EFFECT_PREFIXES)
}

pub(super) fn begins(variable: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| variable.starts_with(prefix))
}

const NOT_OF_TRACERS_PREFIXES: [&str; 5] = [
    "DD_API_SECURITY_",
    "DD_DOGSTATSD_",
    "DD_INJECT",
    "DD_INSTRUMENTATION_CONFIG",
    "DD_INSTRUMENTATION_INSTALL_",
];

const NOT_OF_TRACERS: [&str; 8] = [
    "DD_AGENTLESS_LOG_SUBMISSION_ENABLED",
    "DD_API_KEY",
    "DD_APP_KEY",
    "DD_ENTITY_ID",
    "DD_ORIGIN_DETECTION_ENABLED",
    "DD_SITE",
    "DD_TELEMETRY_FORWARDER_PATH",
    "DD_TESTING_RAISE",
];

/// Whole products, and whole subjects of a tracer.
const NO_EFFECT_PREFIXES: &[&str] = &[
    "DD_CODE_ORIGIN_",
    "DD_CRASHTRACKING_",
    "DD_DATA_STREAMS_",
    "DD_DBM_",
    "DD_DYNAMIC_INSTRUMENTATION_",
    "DD_EXCEPTION_REPLAY_",
    "DD_GOOGLE_CLOUD_PUBSUB_",
    "DD_KAFKA_",
    "DD_PROFILING_",
    "DD_REDIS_",
    "DD_REMOTE_CONFIG",
    "DD_RUNTIME_METRICS_",
    "DD_SYMBOL_DATABASE_",
    "DD_TELEMETRY_",
    "DD_TRACE_CLOUD_",
    "DD_TRACE_EXPERIMENTAL_",
    "DD_TRACE_LOG_",
    "DD_TRACE_WEBSOCKET_",
    "DD_VALKEY_",
];

/// Those that end as a switch of an integration does have to be here by their whole names.
const NO_EFFECT: &[&str] = &[
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED",
    "DD_INTERNAL_TELEMETRY_DEBUG_ENABLED",
    "DD_LIVE_DEBUGGING_ENABLED",
    "DD_LOGGING_RATE",
    "DD_LOGS_INJECTION",
    "DD_LOGS_OTEL_ENABLED",
    "DD_LOG_LEVEL",
    "DD_METRICS_OTEL_ENABLED",
    "DD_RC_TUF_ROOT",
    "DD_SNAPSHOT_ENABLED",
    "DD_TRACER_EXPERIMENTAL_SPAN_POOL_ENABLED",
    "DD_TRACE_128_BIT_TRACEID_LOGGING_ENABLED",
    "DD_TRACE_ABANDONED_SPAN_TIMEOUT",
    "DD_TRACE_AGENT_HOST",
    "DD_TRACE_DEBUG_ABANDONED_SPANS",
    "DD_TRACE_DEBUG_SEELOG_WORKAROUND",
    "DD_TRACE_DEBUG_STACK",
    "DD_TRACE_EXPERIMENTAL_FEATURES_ENABLED",
    "DD_TRACE_EXPERIMENTAL_RUNTIME_ID_ENABLED",
    "DD_TRACE_FEATURES",
    "DD_TRACE_GRAPHQL_ERROR_EXTENSIONS",
    "DD_TRACE_HEALTH_METRICS_ENABLED",
    "DD_TRACE_HTTP_CLIENT_RESOURCE_NAME_QUANTIZE",
    "DD_TRACE_HTTP_HANDLER_RESOURCE_NAME_QUANTIZE",
    "DD_TRACE_INFERRED_PROXY_SERVICES_ENABLED",
    "DD_TRACE_LOGGING_RATE",
    "DD_TRACE_LOGS_INJECTION",
    "DD_TRACE_METHODS",
    "DD_TRACE_MONGODB_OBFUSCATION",
    "DD_TRACE_OTEL_CTX_ENABLED",
    "DD_TRACE_REDIS_RAW_COMMAND",
    "DD_TRACE_RETRY_INTERVAL",
    "DD_TRACE_SAFE_INSTRUMENTATION_ENABLED",
    "DD_TRACE_SEND_RETRIES",
    "DD_TRACE_SQL_COMMENT_INJECTION_MODE",
    "DD_TRACE_STARTUP_LOGS",
    "DD_TRACE_UNIVERSAL_VERSION_ENABLED",
    "DD_TRACE_STATS_ORIGIN_CARDINALITY_LIMIT",
    "DD_TRACE_VALKEY_RAW_COMMAND",
    "DD_TRACE_WRAP_SPAN_NAME_INCLUDE_CLASS",
    "DD_TRACE_WRITER_REUSE_CONNECTIONS",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::table::is_read;
    use crate::config::testkit::with;

    #[test]
    fn every_variable_of_the_other_tracers_is_known() {
        let known: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/env-vars.json")).unwrap();
        let names = known["variables"].as_object().unwrap().keys();
        let names: Vec<_> = names.filter(|name| name.starts_with("DD_")).collect();
        assert!(names.len() > 200);
        for name in names {
            let said = with(&[(name, "x")]).build().said().concat();
            let is_told = said.contains("without effect in this version");
            assert!(is_read(name) || is_not_for_tracers(name) || is_told, "{name}: {said}");
        }
    }

    #[test]
    fn what_the_table_reads_is_in_no_list() {
        for name in NO_EFFECT.iter().chain(&NOT_OF_TRACERS) {
            assert!(!is_read(name), "{name}");
        }
    }
}
