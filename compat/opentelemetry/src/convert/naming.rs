//! The operation name and the type of an OpenTelemetry span, from its kind and semantic attributes.
//!
//! The table is the one that Datadog's agent and tracers share; both the old and the new names of the
//! semantic conventions count.

use std::borrow::Cow;

use opentelemetry::trace as otel;
use tracehound::bridge::DerivedNames;
use tracehound::naming::Operation;
use tracehound::{SpanKind, SpanView};

/// Operation name and type of a span. Runs when they are needed: to sample, to read, or to send.
pub(crate) fn names(span: &SpanView<'_>) -> DerivedNames {
    let kind = span.kind().unwrap_or(SpanKind::Internal);
    let database = if kind == SpanKind::Client { first(span, DB_SYSTEM) } else { None };
    let name = match operation_name(span, kind, database) {
        Cow::Borrowed(literal) => literal.into(),
        Cow::Owned(name) => name.to_lowercase().into(),
    };
    let span_type = match kind {
        SpanKind::Server => "web",
        SpanKind::Client => database.map_or("http", database_type),
        _ => "custom",
    };
    DerivedNames { name, span_type: Some(span_type.into()) }
}

/// OpenTelemetry's kind as one of the core.
pub(crate) fn kind(kind: Option<&otel::SpanKind>) -> SpanKind {
    match kind {
        Some(otel::SpanKind::Client) => SpanKind::Client,
        Some(otel::SpanKind::Server) => SpanKind::Server,
        Some(otel::SpanKind::Producer) => SpanKind::Producer,
        Some(otel::SpanKind::Consumer) => SpanKind::Consumer,
        Some(otel::SpanKind::Internal) | None => SpanKind::Internal,
    }
}

// Attributes with a new and an old name, of which the new one comes first.
const METHOD: [&str; 2] = ["http.request.method", "http.method"];
const DB_SYSTEM: [&str; 2] = ["db.system.name", "db.system"];
const MESSAGING_OPERATION: [&str; 2] = ["messaging.operation.type", "messaging.operation"];
const RPC_SYSTEM: [&str; 2] = ["rpc.system.name", "rpc.system"];

/// The first of these attributes that is there; empty ones count as absent.
fn first<'a, const N: usize>(span: &SpanView<'a>, keys: [&str; N]) -> Option<&'a str> {
    keys.into_iter().find_map(|key| span.text(key).filter(|text| !text.is_empty()))
}

/// The first row of the table in the crate's documentation that applies. Literals are in lower case.
fn operation_name(
    span: &SpanView<'_>,
    kind: SpanKind,
    database: Option<&str>,
) -> Cow<'static, str> {
    let text = |key| first(span, [key]);
    let (server, client) = (kind == SpanKind::Server, kind == SpanKind::Client);
    if (server || client) && first(span, METHOD).is_some() {
        return request("http", server).name();
    }
    if let Some(system) = database {
        return Operation::Database { system }.name();
    }
    if kind != SpanKind::Internal {
        let message = text("messaging.system")
            .and_then(|system| Some((system, first(span, MESSAGING_OPERATION)?)));
        if let Some((system, action)) = message {
            return Operation::Messaging { system, action }.name();
        }
    }
    match (server || client).then(|| first(span, RPC_SYSTEM)).flatten() {
        Some("aws-api") if client => {
            return match text("rpc.service") {
                Some(service) => Operation::CloudRequest { cloud: "aws", service }.name(),
                None => Operation::Client { protocol: "aws" }.name(),
            };
        }
        Some(system) => return request(system, server).name(),
        None => {}
    }
    if client {
        let function = text("faas.invoked_provider")
            .and_then(|provider| Some((provider, text("faas.invoked_name")?)));
        if let Some((cloud, service)) = function {
            return Operation::CloudFunction { cloud, service }.name();
        }
    }
    if let Some(trigger) = server.then(|| text("faas.trigger")).flatten() {
        return format!("{trigger}.invoke").into();
    }
    if text("graphql.operation.type").is_some() {
        return Operation::GraphQl.name();
    }
    if !server && !client {
        return kind.as_str().into();
    }
    match text("network.protocol.name") {
        Some(protocol) => request(protocol, server).name(),
        None => if server { "server.request" } else { "client.request" }.into(),
    }
}

/// What a server or a client of a protocol does.
fn request(protocol: &str, server: bool) -> Operation<'_> {
    if server { Operation::Server { protocol } } else { Operation::Client { protocol } }
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
