//! The agent's own names for attributes of OpenTelemetry's HTTP conventions.

use std::borrow::Cow;

/// Before the names of request headers.
const HEADER: &str = "http.request.header.";

/// The name under which the agent's OTLP intake stores an attribute; `None` where that is the attribute's
/// own. From its table of HTTP conventions (datadog-agent, `pkg/trace/transform`).
pub(super) fn agent_name(key: &str) -> Option<Cow<'static, str>> {
    Some(Cow::Borrowed(match key {
        "client.address" => "http.client_ip",
        "http.response.body.size" => "http.response.content_length",
        "http.request.body.size" => "http.request.content_length",
        "http.response.status_code" => "http.status_code",
        "http.request.method" => "http.method",
        "http.request.header.referrer" => "http.referrer",
        "network.protocol.version" => "http.version",
        "server.address" => "http.server_name",
        "url.full" => "http.url",
        "user_agent.original" => "http.useragent",
        _ => return Some(format!("http.request.headers.{}", key.strip_prefix(HEADER)?).into()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_table_change() {
        assert_eq!(agent_name("url.full").as_deref(), Some("http.url"));
        assert_eq!(
            agent_name("http.request.header.x-a").as_deref(),
            Some("http.request.headers.x-a")
        );
        assert_eq!(agent_name("http.request.header.referrer").as_deref(), Some("http.referrer"));
        for own in ["http.route", "url.path", "http.request.headers", "db.system", ""] {
            assert_eq!(agent_name(own), None);
        }
    }
}
