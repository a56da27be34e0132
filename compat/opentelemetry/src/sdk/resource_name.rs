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
/// the name of the span. Attributes of the SDK's resource count, too; empty ones count as absent.
pub(super) fn semantic(span: &SpanView<'_>, kind: SpanKind) -> Option<String> {
    let text = |key| span.tag(key).filter(|value| !value.is_empty());
    let either = |first, second| text(first).or_else(|| text(second));
    let both = |first: &str, second: Option<Cow<'_, str>>| match second {
        Some(second) => format!("{first} {second}"),
        None => first.to_owned(),
    };
    if let Some(method) = text("http.method") {
        let method = if method == "_OTHER" { "HTTP" } else { &*method };
        return Some(both(method, text("http.route").filter(|_| kind == SpanKind::Server)));
    }
    if let Some(operation) = either("messaging.operation.type", "messaging.operation") {
        let destination = either("messaging.destination", "messaging.destination.name");
        return Some(both(&operation, destination));
    }
    if let Some(method) = text("rpc.method") {
        return Some(both(&method, text("rpc.service")));
    }
    if let Some(operation) = text("graphql.operation.type") {
        return Some(both(&operation, text("graphql.operation.name")));
    }
    either("db.system.name", "db.system")?;
    either("db.statement", "db.query.text").map(Cow::into_owned)
}
