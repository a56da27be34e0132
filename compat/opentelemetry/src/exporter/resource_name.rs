//! The resource of a span, by what it does.

use std::borrow::Cow;

use tracehound::{SpanKind, SpanView};

/// Where the resource of a span comes from, unless an attribute (`resource.name`) or a mapping says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceNaming {
    /// From the semantic attributes, as Datadog's agent names what it receives as OTLP: `GET /users/{id}`,
    /// `receive orders`, the text of a query; without any, the name of the span. The default, so that
    /// dashboards made for spans that came as OTLP go on.
    #[default]
    Semantic,
    /// The name of the span, as Datadog's tracers name spans of OpenTelemetry's API, and as spans of this
    /// crate's [`TracerProvider`](crate::TracerProvider) are named.
    SpanName,
}

/// The resource that follows from the attributes, which have the agent's names by now; `None` where it is
/// the name of the span.
pub(super) fn semantic(span: &SpanView<'_>, kind: SpanKind) -> Option<String> {
    let found = Found::of(span);
    let first = |texts: [&Option<Cow<'_, str>>; 2]| {
        texts.into_iter().find_map(|text| text.as_deref()).map(str::to_owned)
    };
    let both = |first: String, second: &Option<Cow<'_, str>>| match second {
        Some(second) => format!("{first} {second}"),
        None => first,
    };
    if let Some(method) = &found.method {
        let method = if method == "_OTHER" { "HTTP" } else { &**method };
        let route = found.route.filter(|_| kind == SpanKind::Server);
        return Some(both(method.to_owned(), &route));
    }
    if let Some(operation) = first([&found.messaging_operation, &found.old_messaging_operation]) {
        let destination = first([&found.old_destination, &found.destination]);
        return Some(both(operation, &destination.map(Cow::Owned)));
    }
    if let Some(method) = found.rpc_method {
        return Some(both(method.into_owned(), &found.rpc_service));
    }
    if let Some(operation) = found.graphql_type {
        return Some(both(operation.into_owned(), &found.graphql_name));
    }
    found.has_database.then(|| first([&found.statement, &found.query])).flatten()
}

/// The attributes that a resource follows from; empty ones count as absent.
#[derive(Default)]
struct Found<'a> {
    method: Option<Cow<'a, str>>,
    route: Option<Cow<'a, str>>,
    messaging_operation: Option<Cow<'a, str>>,
    old_messaging_operation: Option<Cow<'a, str>>,
    destination: Option<Cow<'a, str>>,
    old_destination: Option<Cow<'a, str>>,
    rpc_method: Option<Cow<'a, str>>,
    rpc_service: Option<Cow<'a, str>>,
    graphql_type: Option<Cow<'a, str>>,
    graphql_name: Option<Cow<'a, str>>,
    has_database: bool,
    statement: Option<Cow<'a, str>>,
    query: Option<Cow<'a, str>>,
}

impl<'a> Found<'a> {
    fn of(span: &SpanView<'a>) -> Self {
        let mut found = Found::default();
        for (key, value) in span.tags().filter(|(_, value)| !value.is_empty()) {
            let place = match key {
                "http.method" => &mut found.method,
                "http.route" => &mut found.route,
                "messaging.operation.type" => &mut found.messaging_operation,
                "messaging.operation" => &mut found.old_messaging_operation,
                "messaging.destination.name" => &mut found.destination,
                "messaging.destination" => &mut found.old_destination,
                "rpc.method" => &mut found.rpc_method,
                "rpc.service" => &mut found.rpc_service,
                "graphql.operation.type" => &mut found.graphql_type,
                "graphql.operation.name" => &mut found.graphql_name,
                "db.statement" => &mut found.statement,
                "db.query.text" => &mut found.query,
                "db.system" | "db.system.name" => {
                    found.has_database = true;
                    continue;
                }
                _ => continue,
            };
            *place = Some(value);
        }
        found
    }
}
