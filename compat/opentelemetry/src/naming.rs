//! The operation name and the type of an OpenTelemetry span, from its kind and semantic attributes.
//!
//! The table is the one that Datadog's agent and tracers share; both the old and the new names of the
//! semantic conventions count.

use std::borrow::Cow;

use tracehound::{LateNames, SpanKind, SpanView};

/// Works the names out. Runs when somebody needs them: to sample, to read, or to send.
pub(crate) fn names(span: &SpanView<'_>) -> LateNames {
    let kind = span.kind().unwrap_or(SpanKind::Internal);
    LateNames {
        name: operation_name(span, kind).to_lowercase().into(),
        span_type: Some(span_type(span, kind).into()),
    }
}

/// The first of some tags that is there and not empty.
fn first<'a>(span: &SpanView<'a>, keys: &[&str]) -> Option<Cow<'a, str>> {
    keys.iter().find_map(|key| span.tag(key).filter(|value| !value.is_empty()))
}

fn operation_name(span: &SpanView<'_>, kind: SpanKind) -> String {
    let tag = |keys: &[&str]| first(span, keys);
    let (server, client) = (kind == SpanKind::Server, kind == SpanKind::Client);
    let has_method = || tag(&["http.request.method", "http.method"]).is_some();
    if server && has_method() {
        return "http.server.request".into();
    }
    if client && has_method() {
        return "http.client.request".into();
    }
    if client {
        if let Some(system) = tag(&["db.system.name", "db.system"]) {
            return format!("{system}.query");
        }
    }
    if kind != SpanKind::Internal {
        let operation = || tag(&["messaging.operation.type", "messaging.operation"]);
        if let Some((system, operation)) = tag(&["messaging.system"]).zip(operation()) {
            return format!("{system}.{operation}");
        }
    }
    if let Some(system) = tag(&["rpc.system", "rpc.system.name"]).filter(|_| server || client) {
        if system == "aws-api" && client {
            return match tag(&["rpc.service"]) {
                Some(service) => format!("aws.{service}.request"),
                None => "aws.client.request".into(),
            };
        }
        return format!("{system}.{kind}.request");
    }
    if client {
        let provider = tag(&["faas.invoked_provider"]);
        if let Some((provider, name)) = provider.zip(tag(&["faas.invoked_name"])) {
            return format!("{provider}.{name}.invoke");
        }
    }
    if server {
        if let Some(trigger) = tag(&["faas.trigger"]) {
            return format!("{trigger}.invoke");
        }
    }
    if tag(&["graphql.operation.type"]).is_some() {
        return "graphql.server.request".into();
    }
    if server || client {
        return match tag(&["network.protocol.name"]) {
            Some(protocol) => format!("{protocol}.{kind}.request"),
            None => format!("{kind}.request"),
        };
    }
    kind.as_str().into()
}

fn span_type(span: &SpanView<'_>, kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Server => "web",
        SpanKind::Client => match first(span, &["db.system.name", "db.system"]) {
            Some(system) => database_type(&system),
            None => "http",
        },
        _ => "custom",
    }
}

/// The type of a database by its name, spelt exactly so, as the agent has it.
fn database_type(system: &str) -> &'static str {
    match system {
        "redis" => "redis",
        "memcached" => "memcached",
        "mongodb" => "mongodb",
        "elasticsearch" => "elasticsearch",
        "opensearch" => "opensearch",
        "cassandra" => "cassandra",
        "other_sql" | "mssql" | "mysql" | "oracle" | "db2" | "postgresql" | "redshift"
        | "cloudscape" | "hsqldb" | "maxdb" | "ingres" | "firstsql" | "edb" | "cache"
        | "firebird" | "derby" | "informix" | "mariadb" | "sqlite" | "sybase" | "teradata"
        | "vertica" | "h2" | "coldfusion" | "cockroachdb" | "progress" | "hanadb" | "adabas"
        | "filemaker" | "instantdb" | "interbase" | "netezza" | "pervasive" | "pointbase"
        | "clickhouse" => "sql",
        _ => "db",
    }
}
