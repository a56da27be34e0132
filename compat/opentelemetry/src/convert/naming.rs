//! The operation name and the type of an OpenTelemetry span, from its kind and semantic attributes.
//!
//! The table is the one that Datadog's agent and tracers share; both the old and the new names of the
//! semantic conventions count.

use std::borrow::Cow;

use opentelemetry::trace as otel;
use tracehound::{LateNames, SpanKind, SpanView};

/// Works the names out. Runs when somebody needs them: to sample, to read, or to send.
pub(crate) fn names(span: &SpanView<'_>) -> LateNames {
    let kind = span.kind().unwrap_or(SpanKind::Internal);
    let semantic = match kind {
        // Most spans: one attribute says something about them.
        SpanKind::Internal => Semantic {
            has_graphql_operation: span
                .text(GRAPHQL_OPERATION)
                .is_some_and(|text| !text.is_empty()),
            ..Semantic::default()
        },
        _ => Semantic::of(span),
    };
    let name = match semantic.operation_name(kind) {
        Cow::Borrowed(literal) => literal.into(),
        Cow::Owned(name) => name.to_lowercase().into(),
    };
    LateNames { name, span_type: Some(semantic.span_type(kind).into()) }
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

const GRAPHQL_OPERATION: &str = "graphql.operation.type";

/// The attributes that names follow from; empty ones count as absent.
#[derive(Default)]
struct Semantic<'a> {
    has_method: bool,
    db_system: Option<&'a str>,
    messaging_system: Option<&'a str>,
    messaging_operation: Option<&'a str>,
    rpc_system: Option<&'a str>,
    rpc_service: Option<&'a str>,
    invoked_provider: Option<&'a str>,
    invoked_name: Option<&'a str>,
    faas_trigger: Option<&'a str>,
    has_graphql_operation: bool,
    protocol: Option<&'a str>,
}

impl<'a> Semantic<'a> {
    fn of(span: &SpanView<'a>) -> Self {
        let mut found = Semantic::default();
        for (key, value) in span.texts().filter(|(_, value)| !value.is_empty()) {
            match key.as_bytes() {
                b"http.request.method" | b"http.method" => found.has_method = true,
                b"db.system.name" => found.db_system = Some(value),
                b"messaging.system" => found.messaging_system = Some(value),
                b"messaging.operation.type" => found.messaging_operation = Some(value),
                b"rpc.system.name" => found.rpc_system = Some(value),
                b"rpc.service" => found.rpc_service = Some(value),
                b"faas.invoked_provider" => found.invoked_provider = Some(value),
                b"faas.invoked_name" => found.invoked_name = Some(value),
                b"faas.trigger" => found.faas_trigger = Some(value),
                b"graphql.operation.type" => found.has_graphql_operation = true,
                b"network.protocol.name" => found.protocol = Some(value),
                // Old names, where the new one is not there.
                b"db.system" => _ = found.db_system.get_or_insert(value),
                b"messaging.operation" => _ = found.messaging_operation.get_or_insert(value),
                b"rpc.system" => _ = found.rpc_system.get_or_insert(value),
                _ => {}
            }
        }
        found
    }

    /// The first of the table that applies; literals are in lower case.
    fn operation_name(&self, kind: SpanKind) -> Cow<'static, str> {
        let (server, client) = (kind == SpanKind::Server, kind == SpanKind::Client);
        match (server, client) {
            (true, _) if self.has_method => return "http.server.request".into(),
            (_, true) if self.has_method => return "http.client.request".into(),
            _ => {}
        }
        if let Some(system) = self.db_system.filter(|_| client) {
            return format!("{system}.query").into();
        }
        if kind != SpanKind::Internal {
            let operation = self.messaging_operation;
            if let Some((system, operation)) = self.messaging_system.zip(operation) {
                return format!("{system}.{operation}").into();
            }
        }
        match self.rpc_system {
            Some("aws-api") if client => {
                return match &self.rpc_service {
                    Some(service) => format!("aws.{service}.request").into(),
                    None => "aws.client.request".into(),
                };
            }
            Some(system) if client || server => return format!("{system}.{kind}.request").into(),
            _ => {}
        }
        if client {
            let name = self.invoked_name;
            if let Some((provider, name)) = self.invoked_provider.zip(name) {
                return format!("{provider}.{name}.invoke").into();
            }
        }
        if let Some(trigger) = self.faas_trigger.filter(|_| server) {
            return format!("{trigger}.invoke").into();
        }
        if self.has_graphql_operation {
            return "graphql.server.request".into();
        }
        match (kind, &self.protocol) {
            (SpanKind::Server | SpanKind::Client, Some(protocol)) => {
                format!("{protocol}.{kind}.request").into()
            }
            (SpanKind::Server, None) => "server.request".into(),
            (SpanKind::Client, None) => "client.request".into(),
            _ => kind.as_str().into(),
        }
    }

    fn span_type(&self, kind: SpanKind) -> &'static str {
        match kind {
            SpanKind::Server => "web",
            SpanKind::Client => self.db_system.map_or("http", |system| database_type(system)),
            _ => "custom",
        }
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
