//! Settings that decide about each other.

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
    let both = &settings.propagation_style;
    for (key, direction) in [
        (&DD_TRACE_PROPAGATION_STYLE_INJECT, &mut settings.propagation_style_inject),
        (&DD_TRACE_PROPAGATION_STYLE_EXTRACT, &mut settings.propagation_style_extract),
    ] {
        if both.origin > direction.origin {
            resolver.derive(key, direction, both.value.clone(), both.origin);
        }
    }
}

/// A URL beats host and port of the same source; host and port beat the URL of a lower one.
fn agent_address(settings: &mut Settings, resolver: &mut Resolver<'_>) {
    let Settings { agent_url, agent_host, agent_port, .. } = settings;
    let host_or_port = agent_host.origin.max(agent_port.origin);
    if agent_url.value.is_some() && agent_url.origin < host_or_port {
        let reason = format!("not used: the agent's host or port is set by {host_or_port}");
        resolver.problem(DD_TRACE_AGENT_URL.name, agent_url.origin, reason);
        resolver.derive(&DD_TRACE_AGENT_URL, agent_url, None, host_or_port);
    }
}

/// Rules that are given as text beat a file, whatever their sources.
fn rules_before_file<T: Value>(
    rules: &Setting<Option<T>>,
    (key, file): (&Key<Option<T>>, &mut Setting<Option<T>>),
    resolver: &mut Resolver<'_>,
) {
    if rules.value.is_some() && file.value.is_some() {
        let reason = "not used: the rules themselves are set".to_owned();
        resolver.problem(key.name, file.origin, reason);
        resolver.derive(key, file, None, file.origin.max(rules.origin));
    }
}

#[cfg(test)]
mod tests {
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
        let row = |name| config.report().iter().find(move |row| row.name() == name);
        let inject = row("DD_TRACE_PROPAGATION_STYLE_INJECT").unwrap();
        let extract = row("DD_TRACE_PROPAGATION_STYLE_EXTRACT").unwrap();
        assert_eq!(inject.effective().unwrap().value(), Some("none"));
        assert_eq!(extract.effective().unwrap().value(), Some("datadog"));
    }

    #[test]
    fn an_agent_address_in_code_wins_over_a_url_in_the_environment() {
        let url = ("DD_TRACE_AGENT_URL", "http://a:1");
        let config = with(&[url, ("DD_AGENT_HOST", "b")]).build();
        assert_eq!((config.agent_url(), config.agent_host()), (Some("http://a:1"), Some("b")));
        assert!(config.problems().is_empty());

        let config = with(&[url]).agent_port(2).build();
        assert_eq!((config.agent_url(), config.agent_port()), (None, Some(2)));
        assert_eq!(
            config.problems().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["DD_TRACE_AGENT_URL (env_var): not used: the agent's host or port is set by code"]
        );

        let config = with(&[url]).agent_port(2).agent_url("http://c:3").build();
        assert_eq!(config.agent_url(), Some("http://c:3"));
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
