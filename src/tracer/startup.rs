//! What a tracer says of itself when it starts and debugging is on.

use crate::config::{Config, Origin, Quoted, ReportRow};

/// What gives the agent's address.
const ADDRESS: [&str; 3] = ["DD_TRACE_AGENT_URL", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT"];

/// What has happened, who traces, and where to, with the source of each; of other settings only who set them, as
/// values may be secret.
pub(super) fn line(
    event: &str,
    config: &Config,
    agent_url: Option<&str>,
    elsewhere: &str,
) -> String {
    let origin = |name: &str| config.report().get(name).map_or(Origin::Default, ReportRow::origin);
    let said = |name: &str, value: Option<&str>| match value {
        Some(value) => format!("{} ({})", Quoted(value), origin(name)),
        None => "unset".to_owned(),
    };
    let address = ADDRESS.into_iter().map(origin).max().unwrap_or(Origin::Default);
    let to = match agent_url {
        Some(url) => format!("agent {url} ({address})"),
        None => elsewhere.to_owned(),
    };
    let named = ["DD_SERVICE", "DD_ENV", "DD_VERSION"];
    let others: Vec<_> = config
        .report()
        .iter()
        .map(ReportRow::name)
        .filter(|name| !named.contains(name) && !ADDRESS.contains(name))
        .map(|name| (name, origin(name)))
        .filter(|(_, origin)| *origin > Origin::Default)
        .map(|(name, origin)| format!("{name} ({origin})"))
        .collect();
    format!(
        "{event}, version {}: service {}, env {}, version {}, {to}, {}; also set: {}",
        env!("CARGO_PKG_VERSION"),
        said("DD_SERVICE", Some(config.service())),
        said("DD_ENV", config.env()),
        said("DD_VERSION", config.version()),
        if config.enabled() { "sending" } else { "not sending" },
        if others.is_empty() { "nothing".to_owned() } else { others.join(", ") },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn who_traces_where_to_and_by_whose_word() {
        let pairs = [("DD_ENV", "prod"), ("DD_AGENT_HOST", "agent"), ("DD_TAGS", "key:hunter2")];
        let builder = Config::builder().environment(Environment::from_pairs(pairs));
        let config = builder.service("shop").enabled(false).build();
        let line = line("started", &config, Some("http://agent:8126"), "");
        for part in [
            "service \"shop\" (code), env \"prod\" (env_var), version unset, ",
            "agent http://agent:8126 (env_var), not sending; also set: ",
            "DD_TAGS (env_var)",
            "DD_TRACE_ENABLED (code)",
        ] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(!line.contains("hunter2"), "{line}");
    }
}
