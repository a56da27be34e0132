//! Settings that decide about each other.

use std::path::Path;

use crate::text::Text;

use super::Origin;
use super::endpoint::{DEFAULT_SOCKET, Endpoint, bare_host};
use super::key::Key;
use super::origin::Setting;
use super::resolve::Resolver;
use super::table::{
    DD_SPAN_SAMPLING_RULES_FILE, DD_TRACE_AGENT_URL, DD_TRACE_PROPAGATION_STYLE_EXTRACT,
    DD_TRACE_PROPAGATION_STYLE_INJECT, DD_TRACE_SAMPLING_RULES_FILE, Settings,
};
use super::value::Value;

pub(super) fn settle(settings: &mut Settings, resolver: &mut Resolver<'_>) {
    styles(settings, resolver);
    agent_address(settings, resolver);
    rules_before_file(
        &settings.sampling_rules,
        (&DD_TRACE_SAMPLING_RULES_FILE, &mut settings.sampling_rules_file),
        resolver,
    );
    rules_before_file(
        &settings.span_sampling_rules,
        (&DD_SPAN_SAMPLING_RULES_FILE, &mut settings.span_sampling_rules_file),
        resolver,
    );
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

/// A URL beats host and port of the same source; host and port beat the URL of a lower one. With none of the three
/// it is the agent's default socket, where there is one.
fn agent_address(settings: &mut Settings, resolver: &mut Resolver<'_>) {
    let Settings { agent_url: url, agent_host: host, agent_port: port, .. } = settings;
    let of_both = host.origin.max(port.origin);
    if url.value.is_some() && url.origin >= of_both {
        return;
    }
    if url.value.is_some() {
        let reason = format!("not used: the agent's host or port is set by {of_both}");
        resolver.problem(DD_TRACE_AGENT_URL.said_by(url.origin), url.origin, reason);
    }
    let (endpoint, origin) = if host.value.is_some() || port.value.is_some() {
        let host = host.value.as_deref().and_then(|host| bare_host(host).ok());
        (Endpoint::at(host, port.value), of_both)
    } else if Path::new(DEFAULT_SOCKET).exists() {
        (Endpoint::default_socket(), Origin::Calculated)
    } else {
        (Endpoint::default(), Origin::Default)
    };
    let address = Some(Text::from(endpoint.to_string()));
    resolver.derive(&DD_TRACE_AGENT_URL, url, address, origin);
}

/// Rules that are given as text beat a file, whatever their sources.
fn rules_before_file<T: Value>(
    rules: &Setting<Option<T>>,
    (key, file): (&Key<Option<T>>, &mut Setting<Option<T>>),
    resolver: &mut Resolver<'_>,
) {
    if rules.value.is_some() && file.value.is_some() {
        let reason = "not used: the rules themselves are set".to_owned();
        resolver.problem(key.said_by(file.origin), file.origin, reason);
        resolver.derive(key, file, None, file.origin.max(rules.origin));
    }
}

/// The agent's address where nobody says one: tests run beside agents, too.
#[cfg(test)]
pub(super) static DEFAULT_URL: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    let endpoint = match Path::new(DEFAULT_SOCKET).exists() {
        true => Endpoint::default_socket(),
        false => Endpoint::default(),
    };
    endpoint.to_string()
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigBuilder, Environment, Style};

    fn with(pairs: &[(&str, &str)]) -> ConfigBuilder {
        Config::builder().environment(Environment::from_pairs(pairs.iter().copied()))
    }

    #[test]
    fn the_styles_of_one_direction_win_over_those_of_both() {
        let config = with(&[
            ("OTEL_PROPAGATORS", "b3"),
            ("DD_TRACE_PROPAGATION_STYLE", "datadog"),
            ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "tracecontext,b3multi"),
        ])
        .build();
        assert_eq!(config.inject_styles(), [Style::Datadog]);
        assert_eq!(config.extract_styles(), [Style::TraceContext, Style::B3Multi]);
    }

    #[test]
    fn without_any_variable_the_styles_are_the_default_ones() {
        let default = [Style::Datadog, Style::TraceContext, Style::Baggage];
        for pairs in [
            &[][..],
            &[("DD_TRACE_PROPAGATION_STYLE", " ")],
            &[("DD_TRACE_PROPAGATION_STYLE", "xray"), ("OTEL_PROPAGATORS", "jaeger,ottrace")],
        ] {
            let config = with(pairs).build();
            assert_eq!(config.inject_styles(), default);
            assert_eq!(config.extract_styles(), default);
        }
        let config = with(&[("OTEL_PROPAGATORS", "b3,b3multi,xray")]).build();
        assert_eq!(config.inject_styles(), [Style::B3Single, Style::B3Multi]);
    }

    #[test]
    fn none_in_one_direction_leaves_the_other() {
        let config = with(&[("DD_TRACE_PROPAGATION_STYLE_INJECT", "none")]).build();
        assert!(config.inject_styles().is_empty());
        assert_eq!(config.extract_styles().len(), 3);
        let config = with(&[("OTEL_PROPAGATORS", "none")]).build();
        assert!(config.inject_styles().is_empty() && config.extract_styles().is_empty());
    }

    #[test]
    fn styles_given_in_code_win_over_the_environment_of_one_direction() {
        let config = with(&[("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "b3")])
            .propagation_styles([Style::Datadog, Style::Datadog])
            .inject_styles([])
            .build();
        assert!(config.inject_styles().is_empty());
        assert_eq!(config.extract_styles(), [Style::Datadog]);
        let inject = config.report().get("DD_TRACE_PROPAGATION_STYLE_INJECT").unwrap();
        let extract = config.report().get("DD_TRACE_PROPAGATION_STYLE_EXTRACT").unwrap();
        assert_eq!(inject.value(), Some("none"));
        assert_eq!(extract.value(), Some("datadog"));
    }

    #[test]
    fn an_agent_address_in_code_wins_over_a_url_in_the_environment() {
        let url = ("DD_TRACE_AGENT_URL", "http://a:1");
        let config = with(&[url, ("DD_AGENT_HOST", "b")]).build();
        assert_eq!((config.agent_url(), config.agent_host()), ("http://a:1", Some("b")));
        assert!(config.problems().is_empty());

        let config = with(&[url]).agent_port(2).build();
        assert_eq!((config.agent_url(), config.agent_port()), ("http://localhost:2", Some(2)));
        assert_eq!(
            config.problems().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["DD_TRACE_AGENT_URL (env_var): not used: the agent's host or port is set by code"]
        );

        let config = with(&[url]).agent_port(2).agent_url("http://c:3").build();
        assert_eq!(config.agent_url(), "http://c:3");
    }

    #[test]
    fn the_vectors_of_addresses_hold() {
        let vectors = include_str!("../../tests/vectors/configuration.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        for case in vectors["agent_url"].as_array().unwrap() {
            let pairs = case["env"].as_object().unwrap().iter();
            let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
            let config = Config::builder().environment(Environment::from_pairs(pairs)).build();
            // One vector explains itself after the URL.
            let expected = match case["url"].as_str().unwrap().split(' ').next().unwrap() {
                "http://localhost:8126" => DEFAULT_URL.as_str(),
                url => url,
            };
            assert_eq!(config.agent_url(), expected, "{case}");
        }
    }

    #[test]
    fn an_address_that_cannot_be_used_gives_way_to_the_next() {
        for (url, host, port, expected, problems) in [
            ("", "h", "9126", "http://h:9126", 0),
            (" \t", " h ", " 9126 ", "http://h:9126", 0),
            ("http://u:1", "a b", "0", "http://u:1", 2),
            ("ftp://x", "h", "", "http://h:8126", 1),
            ("https://x", "h", "", "http://h:8126", 1),
            ("", "h:8126", "9126", "http://localhost:9126", 1),
            ("", "h", "0", "http://h:8126", 1),
            ("", "0:0::1", "", "http://[::1]:8126", 0),
            ("", "[::1", "", DEFAULT_URL.as_str(), 1),
            ("", "", "65536", DEFAULT_URL.as_str(), 1),
            ("http://user:hunter2@h", "hunter2@h", "", DEFAULT_URL.as_str(), 2),
        ] {
            let config = with(&[
                ("DD_TRACE_AGENT_URL", url),
                ("DD_AGENT_HOST", host),
                ("DD_TRACE_AGENT_PORT", port),
            ])
            .build();
            let said = format!("{:?}", config.problems());
            assert_eq!(
                (config.agent_url(), config.problems().len()),
                (expected, problems),
                "{url} {host} {port}"
            );
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn the_report_has_the_address_in_force_and_who_said_it() {
        for (pairs, value, origin) in [
            (
                &[("DD_AGENT_HOST", "a"), ("DD_TRACE_AGENT_PORT", "1")][..],
                "http://a:1",
                Origin::Env,
            ),
            (&[("DD_TRACE_AGENT_URL", "HTTP://a:1/")], "http://a:1", Origin::Env),
        ] {
            let config = with(pairs).build();
            let row = config.report().get("DD_TRACE_AGENT_URL").unwrap();
            assert_eq!((row.value(), row.origin()), (Some(value), origin));
        }
        let config = with(&[("DD_TRACE_AGENT_URL", "http://a:1")]).agent_host("b").build();
        let row = config.report().get("DD_TRACE_AGENT_URL").unwrap();
        assert_eq!((row.value(), row.origin()), (Some("http://b:8126"), Origin::Code));
        let config = with(&[]).build();
        let row = config.report().get("DD_TRACE_AGENT_URL").unwrap();
        assert_eq!(row.value(), Some(DEFAULT_URL.as_str()));
        assert!(row.origin() < Origin::Env);
    }

    #[test]
    fn rules_given_as_text_win_over_a_file() {
        let config = with(&[
            ("DD_SPAN_SAMPLING_RULES", "[]"),
            ("DD_SPAN_SAMPLING_RULES_FILE", "/rules.json"),
            ("DD_TRACE_SAMPLING_RULES_FILE", "/traces.json"),
        ])
        .build();
        assert_eq!(config.span_sampling_rules(), Some("[]"));
        assert_eq!(config.span_sampling_rules_file(), None);
        assert_eq!(config.sampling_rules_file(), Some("/traces.json"));
        assert_eq!(config.problems().len(), 1);

        let config = with(&[("DD_TRACE_SAMPLING_RULES_FILE", "/traces.json")]);
        assert_eq!(config.sampling_rules("[]").build().sampling_rules_file(), None);
    }
}
