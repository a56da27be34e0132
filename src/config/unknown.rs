//! Reports variables that have no effect although somebody may expect one: misspelt ones, and those of other tracers.

use super::integrations::named_by;
use super::key::Quoted;
use super::other_tracers::{begins, is_not_for_tracers, is_without_effect};
use super::resolve::Resolver;
use super::spelling::{nearest, nearest_within};
use super::table::{NAMES, is_read};
use super::{Environment, Origin, endpoint, parse};

/// Names the pipe of an agent on Windows to some tracers.
const PIPE_NAME: &str = "DD_TRACE_PIPE_NAME";

/// How many names of a kind are listed; the others are only counted.
const LISTED: usize = 10;

/// The beginnings of names that are meant for a tracer. There are hundreds of other `DD_*` variables, for the agent and
/// other products; of those only the ones that nearly have a name of the table are reported.
const TRACERS_PREFIXES: [&str; 7] = [
    "DD_TRACE_",
    "DD_SERVICE_",
    "DD_ENV_",
    "DD_VERSION_",
    "DD_TAGS_",
    "DD_SPAN_",
    "DD_PROPAGATION_",
];

/// Reports all of them in one problem.
pub(super) fn report(resolver: &mut Resolver<'_>) {
    let environment = resolver.environment;
    if environment.text(PIPE_NAME).is_some() {
        resolver.problem(PIPE_NAME, Origin::Env, endpoint::IS_PIPE.to_owned());
    }
    let (mut unknown, mut without_effect) = (Vec::new(), Vec::new());
    for name in environment.names() {
        let is_known = is_read(&name)
            || is_not_for_tracers(&name)
            || named_by(&name).is_some()
            || name == PIPE_NAME;
        if !name.starts_with("DD_") || is_known {
            continue;
        }
        let is_without_effect = is_without_effect(&name);
        match meant(&name).filter(|_| !is_without_effect) {
            Some(meant) => unknown.push(format!("{} (did you mean {meant}?)", plain(&name))),
            None if is_without_effect => {
                without_effect.extend(asks_for_something(environment, &name).then(|| plain(&name)));
            }
            None if begins(&name, &TRACERS_PREFIXES) => unknown.push(plain(&name)),
            None => {}
        }
    }
    let kinds = [
        (unknown, "not known to this tracer"),
        (without_effect, "without effect in this version, though other Datadog tracers read it"),
    ];
    let kinds = kinds.iter().filter(|(names, _)| !names.is_empty());
    let parts: Vec<_> = kinds.map(|(names, what)| format!("{what}: {}", listed(names))).collect();
    if !parts.is_empty() {
        resolver.problem("DD_*", Origin::Env, parts.join("; "));
    }
}

/// The variable of the table that was probably meant by an unknown name.
fn meant(name: &str) -> Option<&'static str> {
    nearest(name, NAMES).or_else(|| with_or_without_trace(name)).or_else(|| begun(name))
}

/// Whether a variable that looks like one of an integration is rather a misspelt one of the table. One letter apart at
/// the most: `DD_TRACE_PG_ENABLED` is not `DD_TRACE_ENABLED`.
pub(super) fn is_nearly_known(name: &str) -> bool {
    nearest_within(name, NAMES, 1)
        .or_else(|| with_or_without_trace(name))
        .or_else(|| begun(name))
        .is_some()
}

/// `DD_SAMPLE_RATE` for `DD_TRACE_SAMPLE_RATE`, `DD_TRACE_SERVICE` for `DD_SERVICE`.
fn with_or_without_trace(name: &str) -> Option<&'static str> {
    let own = name.strip_prefix("DD_")?;
    let other = match own.strip_prefix("TRACE_") {
        Some(rest) => format!("DD_{rest}"),
        None => format!("DD_TRACE_{own}"),
    };
    NAMES.iter().find(|known| **known == other).copied()
}

/// `DD_SERVICE_NAME` for `DD_SERVICE`.
fn begun(name: &str) -> Option<&'static str> {
    ["DD_ENV", "DD_SERVICE", "DD_TAGS", "DD_VERSION"].into_iter().find(|known| {
        name.strip_prefix(known).is_some_and(|rest| matches!(rest, "_NAME" | "_ID" | "IRONMENT"))
    })
}

/// Whether the value asks for an effect: a switch that is off does not, because nothing happens anyway.
fn asks_for_something(environment: &Environment, name: &str) -> bool {
    environment.text(name).is_some_and(|text| parse::boolean(&text) != Ok(false))
}

fn plain(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.len() <= 60 && name.bytes().all(is_plain) {
        name.to_owned()
    } else {
        Quoted(name).to_string()
    }
}

fn listed(names: &[String]) -> String {
    let first: Vec<_> = names.iter().take(LISTED).map(String::as_str).collect();
    match names.len().saturating_sub(LISTED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::table::rows;
    use crate::config::testkit::with;

    fn said(pairs: &[(&str, &str)]) -> Vec<String> {
        with(pairs).build().said()
    }

    #[test]
    fn a_misspelt_variable_is_told_with_what_was_meant() {
        for (name, meant) in [
            ("DD_SERVCE", "DD_SERVICE"),
            ("DD_TRACE_SAMPEL_RATE", "DD_TRACE_SAMPLE_RATE"),
            ("DD_SAMPLE_RATE", "DD_TRACE_SAMPLE_RATE"),
            ("DD_TRACE_SERVICE", "DD_SERVICE"),
            ("DD_SERVICE_NAME", "DD_SERVICE"),
            ("DD_ENVIRONMENT", "DD_ENV"),
            ("DD_TRACE_PROPAGATION_STYLES", "DD_TRACE_PROPAGATION_STYLE"),
            ("DD_TRACE_ENABLE", "DD_TRACE_ENABLED"),
            ("DD_TRACE_WHATEVER", ""),
        ] {
            let mut expected = format!("DD_* (env_var): not known to this tracer: {name}");
            if !meant.is_empty() {
                expected += &format!(" (did you mean {meant}?)");
            }
            assert_eq!(said(&[(name, "x")]), [expected]);
        }
    }

    #[test]
    fn a_windows_pipe_is_told_with_the_reason() {
        let said = said(&[("DD_TRACE_PIPE_NAME", "datadog-apm")]);
        assert_eq!(said, [format!("DD_TRACE_PIPE_NAME (env_var): {}", endpoint::IS_PIPE)]);
    }

    #[test]
    fn all_are_told_in_one_line() {
        let expected = "DD_* (env_var): not known to this tracer: DD_SERVCE (did you mean DD_SERVICE?), \
             DD_TRACE_WHATEVER; without effect in this version, though other Datadog tracers read it: \
             DD_PROFILING_ENABLED, DD_TRACE_METHODS";
        let pairs = [
            ("DD_SERVCE", "x"),
            ("DD_TRACE_WHATEVER", "x"),
            ("DD_PROFILING_ENABLED", "true"),
            ("DD_TRACE_METHODS", "a:b"),
        ];
        assert_eq!(said(&pairs), [expected]);

        let many: Vec<_> = (0..1000).map(|n| (format!("DD_TRACE_{n:>04}_\u{7}"), "x")).collect();
        let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let said = said(&many);
        assert_eq!(said.len(), 1);
        assert!(said[0].ends_with("and 990 more"), "{said:?}");
        assert!(!said[0].contains('\u{7}') && said[0].len() < 1000, "{said:?}");
    }

    #[test]
    fn what_is_not_for_tracers_or_asks_for_nothing_is_no_problem() {
        let quiet = [
            ("DD_API_KEY", "x"),
            ("DD_SITE", "datadoghq.eu"),
            ("DD_APM_NON_LOCAL_TRAFFIC", "true"),
            ("DD_LOGS_CONFIG_CONTAINER_COLLECT_ALL", "true"),
            ("DD_DOGSTATSD_PORT", "8125"),
            ("DD_KUBERNETES_KUBELET_HOST", "x"),
            ("DD_AGENT_SERVICE_HOST", "10.0.0.1"),
            ("DD_AGENT_PORT_8126_TCP", "tcp://10.0.0.1:8126"),
            ("DD_APPSEC_ENABLED", "true"),
            ("DD_CIVISIBILITY_ENABLED", "true"),
            ("DD_PROFILING_ENABLED", "false"),
            ("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "0"),
            ("DD_TRACE_METHODS", " "),
            // Settings of integrations.
            ("DD_TRACE_REDIS_ENABLED", "1"),
            ("DD_REDIS_SERVICE", "cache"),
            ("DDX", "x"),
            ("dd_service", "x"),
            ("OTHER", "x"),
        ];
        assert_eq!(said(&quiet), Vec::<String>::new());
    }

    #[test]
    fn no_variable_of_the_table_is_told() {
        for row in rows() {
            for name in [&[row.name], row.aliases].concat() {
                assert!(is_read(name), "{name}");
            }
        }
    }
}
