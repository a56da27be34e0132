//! Settings that depend on each other: the propagation styles, the agent's address, rules and their files.

use std::path::PathBuf;

use crate::text::Text;

use super::Origin;
use super::endpoint::{DEFAULT_SOCKET, Endpoint, bare_host};
use super::resolve::Resolver;
use super::table::{
    DD_SPAN_SAMPLING_RULES_FILE, DD_TRACE_AGENT_URL, DD_TRACE_PROPAGATION_STYLE_EXTRACT,
    DD_TRACE_PROPAGATION_STYLE_INJECT, DD_TRACE_SAMPLING_RULES_FILE, OTEL_TRACES_EXPORTER,
    Settings,
};

pub(super) fn resolve(settings: &mut Settings, resolver: &mut Resolver<'_>) {
    styles(settings, resolver);
    agent_address(settings, resolver);
    rules_before_files(settings, resolver);
    agent_before_otlp(settings, resolver);
}

/// Who chooses a version of the agent's protocol wants it, whatever else says OTLP. As in the other Datadog tracers.
fn agent_before_otlp(settings: &mut Settings, resolver: &mut Resolver<'_>) {
    const VERSION: &str = "DD_TRACE_AGENT_PROTOCOL_VERSION";
    let otlp = &mut settings.otlp_traces;
    if otlp.value && resolver.environment.text(VERSION).is_some() {
        let reason = format!("not used: {VERSION} is set, so traces go to the agent");
        resolver.problem(OTEL_TRACES_EXPORTER.name, otlp.origin, reason);
        resolver.derive(&OTEL_TRACES_EXPORTER, otlp, false, otlp.origin);
    }
}

/// The styles of one direction are those of both, unless the same source or a higher one gave its own.
fn styles(settings: &mut Settings, resolver: &mut Resolver<'_>) {
    let both = &settings.propagation_styles;
    for (key, direction) in [
        (&DD_TRACE_PROPAGATION_STYLE_INJECT, &mut settings.inject_styles),
        (&DD_TRACE_PROPAGATION_STYLE_EXTRACT, &mut settings.extract_styles),
    ] {
        if both.origin > direction.origin {
            resolver.derive(key, direction, both.value.clone(), both.origin);
        }
    }
}

/// A URL wins over host and port of the same source; host and port win over the URL of a lower source. With none
fn agent_address(settings: &mut Settings, resolver: &mut Resolver<'_>) {
    let Settings { agent_url: url, agent_host: host, agent_port: port, .. } = settings;
    let of_both = host.origin.max(port.origin);
    if url.value.is_some() && url.origin >= of_both {
        return;
    }
    if url.value.is_some() {
        let reason = format!("not used: the agent's host or port is set by {of_both}");
        resolver.problem(DD_TRACE_AGENT_URL.source_name(url.origin), url.origin, reason);
    }
    let (endpoint, origin) = if host.value.is_some() || port.value.is_some() {
        let host = host.value.as_deref().and_then(|host| bare_host(host).ok());
        (Endpoint::at(host, port.value), of_both)
    } else {
        default_address()
    };
    let address = Some(Text::from(endpoint.to_string()));
    resolver.derive(&DD_TRACE_AGENT_URL, url, address, origin);
}

/// The address where no setting gives one: the agent's default socket, if it exists, or else the default port.
fn default_address() -> (Endpoint, Origin) {
    let path = PathBuf::from(DEFAULT_SOCKET);
    if path.exists() {
        (Endpoint::Unix { path }, Origin::Calculated)
    } else {
        (Endpoint::default(), Origin::Default)
    }
}

/// Rules that are given as text win over a file, whatever their sources.
fn rules_before_files(settings: &mut Settings, resolver: &mut Resolver<'_>) {
    for (rules, key, file) in [
        (
            &settings.sampling_rules,
            &DD_TRACE_SAMPLING_RULES_FILE,
            &mut settings.sampling_rules_file,
        ),
        (
            &settings.span_sampling_rules,
            &DD_SPAN_SAMPLING_RULES_FILE,
            &mut settings.span_sampling_rules_file,
        ),
    ] {
        if rules.value.is_some() && file.value.is_some() {
            let reason = "not used: the rules themselves are set".to_owned();
            resolver.problem(key.source_name(file.origin), file.origin, reason);
            resolver.derive(key, file, None, file.origin.max(rules.origin));
        }
    }
}

/// The default address, for tests: the socket of an agent may exist on the machine.
#[cfg(test)]
pub(super) static DEFAULT_URL: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| default_address().0.to_string());

#[cfg(test)]
mod tests {
    use Style::{B3Multi, B3Single, Baggage, Datadog, TraceContext};

    use super::*;
    use crate::config::Style;
    use crate::config::testkit::with;

    #[test]
    fn the_styles_of_one_direction_win_over_those_of_both() {
        let default = &[Datadog, TraceContext, Baggage][..];
        let [both, inject, extract, otel] = [
            "DD_TRACE_PROPAGATION_STYLE",
            "DD_TRACE_PROPAGATION_STYLE_INJECT",
            "DD_TRACE_PROPAGATION_STYLE_EXTRACT",
            "OTEL_PROPAGATORS",
        ];
        for (pairs, injected, extracted) in [
            (&[][..], default, default),
            (&[(both, " ")], default, default),
            (&[(both, "xray"), (otel, "jaeger,ottrace")], default, default),
            (&[(otel, "b3,b3multi,xray")], &[B3Single, B3Multi], &[B3Single, B3Multi]),
            (&[(both, "datadog"), (extract, "b3multi,b3")], &[Datadog], &[B3Multi, B3Single]),
            (&[(otel, "b3"), (both, "datadog")], &[Datadog], &[Datadog]),
            (
                &[(otel, "b3"), (both, "datadog"), (extract, "tracecontext,b3multi")],
                &[Datadog],
                &[TraceContext, B3Multi],
            ),
            (&[(inject, "none")], &[], default),
            (&[(otel, "none")], &[], &[]),
        ] {
            let config = with(pairs).build();
            let found = (config.inject_styles(), config.extract_styles());
            assert_eq!(found, (injected, extracted), "{pairs:?}");
        }
    }

    #[test]
    fn styles_given_in_code_win_over_the_environment_of_one_direction() {
        let config = with(&[("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "b3")])
            .propagation_styles([Datadog, Datadog])
            .inject_styles([])
            .build();
        assert_eq!((config.inject_styles(), config.extract_styles()), (&[][..], &[Datadog][..]));
        let value = |name| config.report().get(name).unwrap().value();
        assert_eq!(value("DD_TRACE_PROPAGATION_STYLE_INJECT"), Some("none"));
        assert_eq!(value("DD_TRACE_PROPAGATION_STYLE_EXTRACT"), Some("datadog"));
    }

    #[test]
    fn the_vectors_of_addresses_hold() {
        let vectors = include_str!("../../tests/vectors/configuration.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        for case in vectors["agent_url"].as_array().unwrap() {
            let pairs = case["env"].as_object().unwrap().iter();
            let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
            // One vector explains itself after the URL.
            let expected = match case["url"].as_str().unwrap().split(' ').next().unwrap() {
                "http://localhost:8126" => DEFAULT_URL.as_str(),
                url => url,
            };
            assert_eq!(with(&pairs.collect::<Vec<_>>()).build().agent_url(), expected, "{case}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_gives_way_to_the_next() {
        for (url, host, port, expected, problems) in [
            ("", "h", "9126", "http://h:9126", 0),
            (" \t", " h ", " 9126 ", "http://h:9126", 0),
            ("HTTP://a:1/", "b", "", "http://a:1", 0),
            ("http://u:1", "a b", "0", "http://u:1", 2),
            ("ftp://x", "h", "", "http://h:8126", 1),
            ("https://u@x", "h", "", "http://h:8126", 1),
            (r"\\.\pipe\dd", "h", "", "http://h:8126", 1),
            ("", "h:8126", "9126", "http://localhost:9126", 1),
            ("", "h", "0", "http://h:8126", 1),
            ("", "0:0::1", "", "http://[::1]:8126", 0),
            ("", "", "", DEFAULT_URL.as_str(), 0),
            ("", "[::1", "", DEFAULT_URL.as_str(), 1),
            ("", "", "65536", DEFAULT_URL.as_str(), 1),
            ("http://user:hunter2@h", "hunter2@h", "", DEFAULT_URL.as_str(), 2),
        ] {
            let variables = ["DD_TRACE_AGENT_URL", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT"];
            let pairs = [(variables[0], url), (variables[1], host), (variables[2], port)];
            let config = with(&pairs).build();
            let said = config.said();
            assert_eq!((config.agent_url(), said.len()), (expected, problems), "{pairs:?}");
            assert!(!said.concat().contains("hunter2"), "{said:?}");
            if problems == 0 && !url.trim().is_empty() {
                assert_eq!(config.agent_host(), Some(host).filter(|host| !host.is_empty()));
            }
            // The report has what is in force, and who said it.
            let row = config.report().get("DD_TRACE_AGENT_URL").unwrap();
            let is_said = expected != DEFAULT_URL.as_str();
            assert_eq!((row.value(), row.origin() == Origin::Env), (Some(expected), is_said));
        }
    }

    #[test]
    fn an_agent_address_in_code_wins_over_a_url_in_the_environment() {
        let url = with(&[("DD_TRACE_AGENT_URL", "http://a:1")]);
        let said =
            "DD_TRACE_AGENT_URL (env_var): not used: the agent's host or port is set by code";
        for (builder, host, port, expected, problems) in [
            (url.clone().agent_port(2), None, Some(2), "http://localhost:2", &[said][..]),
            (url.clone().agent_host("b"), Some("b"), None, "http://b:8126", &[said]),
            (url.agent_port(2).agent_url("http://c:3"), None, Some(2), "http://c:3", &[]),
        ] {
            let config = builder.build();
            assert_eq!((config.agent_host(), config.agent_port()), (host, port));
            let row = config.report().get("DD_TRACE_AGENT_URL").unwrap();
            assert_eq!((row.value(), row.origin()), (Some(expected), Origin::Code));
            assert_eq!(config.agent_url(), expected);
            assert_eq!(config.said(), problems);
        }
    }

    #[test]
    fn rules_given_as_text_win_over_a_file() {
        let file = ("DD_TRACE_SAMPLING_RULES_FILE", "/traces.json");
        let span_file = ("DD_SPAN_SAMPLING_RULES_FILE", "/rules.json");
        let config = with(&[("DD_SPAN_SAMPLING_RULES", "[]"), span_file, file]).build();
        assert_eq!(config.span_sampling_rules(), Some("[]"));
        assert_eq!(config.span_sampling_rules_file(), None);
        assert_eq!(config.sampling_rules_file(), Some("/traces.json"));
        assert_eq!(config.problems().len(), 1);
        assert_eq!(with(&[file]).sampling_rules("[]").build().sampling_rules_file(), None);
    }
}
