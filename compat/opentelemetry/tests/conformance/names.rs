//! Names that follow from kind and semantic attributes, as published for OpenTelemetry's spans at Datadog.

use std::borrow::Cow;

use super::expected::Tags;

/// The first of these that has a text.
fn any(tags: &Tags, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| tags.text(key).filter(|text| !text.is_empty()))
}

/// The first rule that applies.
pub(crate) fn operation(tags: &Tags, kind: &str) -> String {
    let (server, client) = (kind == "server", kind == "client");
    let http = any(tags, &["http.request.method", "http.method"]);
    let messaging = any(tags, &["messaging.system"])
        .zip(any(tags, &["messaging.operation.type", "messaging.operation"]));
    let rpc = any(tags, &["rpc.system.name", "rpc.system"]);
    let rules = [
        http.filter(|_| server || client).map(|_| format!("http.{kind}.request")),
        any(tags, &["db.system.name", "db.system"])
            .filter(|_| client)
            .map(|db| format!("{db}.query")),
        messaging.filter(|_| kind != "internal").map(|(system, done)| format!("{system}.{done}")),
        rpc.filter(|_| server || client).map(|system| format!("{system}.{kind}.request")),
        any(tags, &["faas.trigger"]).filter(|_| server).map(|trigger| format!("{trigger}.invoke")),
        any(tags, &["graphql.operation.type"]).map(|_| "graphql.server.request".to_owned()),
        any(tags, &["network.protocol.name"])
            .filter(|_| server || client)
            .map(|protocol| format!("{protocol}.{kind}.request")),
        (server || client).then(|| format!("{kind}.request")),
    ];
    rules.into_iter().flatten().next().unwrap_or_else(|| kind.to_owned()).to_lowercase()
}

pub(crate) fn span_type(tags: &Tags, kind: &str) -> &'static str {
    let database = any(tags, &["db.system.name", "db.system"]);
    match (kind, database.as_deref()) {
        ("server", _) => "web",
        ("client", None) => "http",
        ("client", Some("redis")) => "redis",
        ("client", Some("postgresql" | "mysql")) => "sql",
        ("client", Some("homemade")) => "db",
        ("client", Some(other)) => panic!("no row is about {other}"),
        _ => "custom",
    }
}

/// The agent's resources; `None` where it is the span's name.
pub(crate) fn resource(tags: &Tags, kind: &str) -> Option<String> {
    let joined = |first: String, second: Option<String>| match second {
        Some(second) => format!("{first} {second}"),
        None => first,
    };
    if let Some(method) = any(tags, &["http.method"]) {
        let route = any(tags, &["http.route"]).filter(|_| kind == "server");
        return Some(joined(method, route));
    }
    if let Some(done) = any(tags, &["messaging.operation.type", "messaging.operation"]) {
        let place = any(tags, &["messaging.destination", "messaging.destination.name"]);
        return Some(joined(done, place));
    }
    if let Some(method) = any(tags, &["rpc.method"]) {
        return Some(joined(method, any(tags, &["rpc.service"])));
    }
    if let Some(done) = any(tags, &["graphql.operation.type"]) {
        return Some(joined(done, any(tags, &["graphql.operation.name"])));
    }
    any(tags, &["db.system.name", "db.system"])?;
    any(tags, &["db.statement", "db.query.text"])
}

/// The agent's name for an attribute.
pub(crate) fn of_agent(key: &str) -> Cow<'_, str> {
    Cow::Borrowed(match key {
        "http.request.method" => "http.method",
        "http.response.status_code" => "http.status_code",
        "url.full" => "http.url",
        "server.address" => "http.server_name",
        "client.address" => "http.client_ip",
        "user_agent.original" => "http.useragent",
        own => own,
    })
}
