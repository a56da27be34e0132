//! What OpenTelemetry's variables say in the words of the table.
//!
//! Values are compared without case, except names of services and resource attributes.

use crate::text::Text;

use super::key::{Otel, Quoted, Reason};
use super::propagation::{self, Style};
use super::resolve::Resolver;
use super::value::Map;
use super::{Origin, key::Remarks, parse};

pub(super) const SERVICE_NAME: Otel<Text> = Otel {
    name: "OTEL_SERVICE_NAME",
    with: &[],
    convert: |text, _, _| Ok(is_service(text).then(|| Text::copy(text))),
};

pub(super) const RESOURCE_ATTRIBUTES: Otel<Map> = Otel {
    name: "OTEL_RESOURCE_ATTRIBUTES",
    with: &[],
    convert: |text, _, remarks| Ok(Some(resource_attributes(text, remarks))),
};

/// Levels above debug are what the tracer does anyway.
pub(super) const LOG_LEVEL: Otel<bool> = Otel {
    name: "OTEL_LOG_LEVEL",
    with: &[],
    convert: |text, _, _| match text.to_ascii_lowercase().as_str() {
        "debug" => Ok(Some(true)),
        "info" | "warn" | "error" => Ok(Some(false)),
        _ => Err("is not a level that the tracer has".into()),
    },
};

pub(super) const PROPAGATORS: Otel<Vec<Style>> = Otel {
    name: "OTEL_PROPAGATORS",
    with: &[],
    convert: |text, _, remarks| propagation::styles(text, remarks).map(Some),
};

const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";

pub(super) const TRACES_SAMPLER: Otel<Option<f64>> = Otel {
    name: "OTEL_TRACES_SAMPLER",
    with: &[SAMPLER_ARG],
    convert: |text, environment, remarks| {
        let lower = text.to_ascii_lowercase();
        let parent_based = lower.strip_prefix("parentbased_");
        let rate = match parent_based.unwrap_or(&lower) {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => match environment.text(SAMPLER_ARG) {
                None => 1.0,
                Some(text) => parse::number(&text)
                    .and_then(|rate| parse::within(rate, 0.0..=1.0))
                    .map_err(|Reason(why)| {
                        Reason::from(format!("has {SAMPLER_ARG}={}, which {why}", Quoted(&text)))
                    })?,
            },
            _ => return Err("is not a sampler that the tracer has".into()),
        };
        if parent_based.is_none() {
            remarks
                .add(format!("taken as \"parentbased_{lower}\": a decision that comes in stands"));
        }
        Ok(Some(Some(rate)))
    },
};

pub(super) const TRACES_EXPORTER: Otel<bool> = Otel {
    name: "OTEL_TRACES_EXPORTER",
    with: &[],
    convert: |text, _, _| {
        if text.eq_ignore_ascii_case("none") {
            Ok(Some(false))
        } else {
            Err("is not supported: traces go to the Datadog Agent, or nowhere with `none`".into())
        }
    },
};

pub(super) const SDK_DISABLED: Otel<Option<bool>> = Otel {
    name: "OTEL_SDK_DISABLED",
    with: &[],
    convert: |text, _, _| parse::boolean(text).map(|disabled| Some(Some(!disabled))),
};

/// Variables of the SDK that say nothing to this tracer, and what to set instead.
const UNSUPPORTED: [(&str, &str); 5] = [
    ("OTEL_BSP_EXPORT_TIMEOUT", "DD_TRACE_AGENT_TIMEOUT_SECONDS"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "DD_TRACE_WRITER_BUFFER_SIZE_BYTES"),
    ("OTEL_BSP_SCHEDULE_DELAY", "DD_TRACE_WRITER_INTERVAL_SECONDS"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "DD_TRACE_AGENT_URL"),
];

/// Says which of those are set, so that nobody waits for their effect.
pub(super) fn report_unsupported(resolver: &mut Resolver<'_>) {
    for (name, instead) in UNSUPPORTED {
        if resolver.environment().text(name).is_some() {
            let reason = format!("is not supported; see {instead}");
            resolver.problem(name, Origin::OtelEnv, reason);
        }
    }
}

/// SDKs make up `unknown_service:<executable>` where nobody gave a name.
fn is_service(name: &str) -> bool {
    !name.starts_with("unknown_service")
}

/// So many tags are taken from resource attributes by every Datadog tracer.
const MAX_RESOURCE_TAGS: usize = 10;

/// `key=value,key=value`; what has a name of its own at Datadog comes first and under that name.
fn resource_attributes(text: &str, remarks: &mut Remarks) -> Map {
    let mut attributes = Map::default();
    for pair in parse::items(text) {
        match pair.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            None | Some(("", _)) => {
                remarks.add(format!("{} is not `key=value`; left out", Quoted(pair)));
            }
            Some((key, value)) => attributes.set(Text::copy(key), Text::copy(value)),
        }
    }

    let mut tags = Map::default();
    for (name, tag) in [
        ("service.name", "service"),
        ("deployment.environment", "env"),
        ("deployment.environment.name", "env"),
        ("service.version", "version"),
    ] {
        let found = attributes.0.iter().position(|(key, _)| key.eq_ignore_ascii_case(name));
        if let Some((_, value)) = found.map(|place| attributes.0.remove(place)) {
            if tag != "service" || is_service(&value) {
                tags.set(Text::literal(tag), value);
            }
        }
    }
    for (key, value) in attributes.0 {
        tags.set(key, value);
    }
    if tags.0.len() > MAX_RESOURCE_TAGS {
        remarks.add(format!("gives {} tags; {MAX_RESOURCE_TAGS} are used", tags.0.len()));
        tags.0.truncate(MAX_RESOURCE_TAGS);
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn convert<T: 'static>(
        otel: &Otel<T>,
        text: &str,
        environment: &Environment,
    ) -> (Result<Option<T>, Reason>, Vec<String>) {
        let mut remarks = Remarks::default();
        let value = (otel.convert)(text, environment, &mut remarks);
        (value, remarks.into_iter().collect())
    }

    #[test]
    fn a_made_up_service_name_says_nothing() {
        let none = Environment::empty();
        assert_eq!(convert(&SERVICE_NAME, "shop", &none).0, Ok(Some("shop".into())));
        assert_eq!(convert(&SERVICE_NAME, "unknown_service", &none).0, Ok(None));
        assert_eq!(convert(&SERVICE_NAME, "unknown_service:shop", &none).0, Ok(None));
        let tags = convert(&RESOURCE_ATTRIBUTES, "service.name=unknown_service:x,a=b", &none).0;
        assert_eq!(tags, Ok(Some(Map(vec![("a".into(), "b".into())]))));
    }

    #[test]
    fn samplers_are_rates() {
        let none = Environment::empty();
        let quarter = Environment::from_pairs([("OTEL_TRACES_SAMPLER_ARG", "0.25")]);
        for (text, environment, rate) in [
            ("parentbased_always_on", &quarter, 1.0),
            ("ParentBased_Always_Off", &quarter, 0.0),
            ("parentbased_traceidratio", &quarter, 0.25),
            ("parentbased_traceidratio", &none, 1.0),
        ] {
            assert_eq!(
                convert(&TRACES_SAMPLER, text, environment),
                (Ok(Some(Some(rate))), vec![]),
                "{text}"
            );
        }
    }

    #[test]
    fn a_sampler_without_parent_is_taken_as_one_with() {
        let (rate, remarks) = convert(&TRACES_SAMPLER, "always_off", &Environment::empty());
        assert_eq!(rate, Ok(Some(Some(0.0))));
        assert_eq!(
            remarks,
            ["taken as \"parentbased_always_off\": a decision that comes in stands"]
        );
    }

    #[test]
    fn a_sampler_that_we_do_not_have_is_refused() {
        for arg in ["2", "x", "nan"] {
            let environment = Environment::from_pairs([("OTEL_TRACES_SAMPLER_ARG", arg)]);
            assert!(convert(&TRACES_SAMPLER, "parentbased_traceidratio", &environment).0.is_err());
        }
        for text in ["jaeger_remote", "parentbased_", "parentbased_parentbased_always_on"] {
            assert!(convert(&TRACES_SAMPLER, text, &Environment::empty()).0.is_err(), "{text}");
        }
    }

    #[test]
    fn variables_without_effect_are_reported() {
        let pairs = [("OTEL_BSP_SCHEDULE_DELAY", "5000"), ("OTEL_BSP_MAX_QUEUE_SIZE", " ")];
        let config =
            crate::config::Config::builder().environment(Environment::from_pairs(pairs)).build();
        let problems: Vec<_> = config.problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            ["OTEL_BSP_SCHEDULE_DELAY (otel_env_var): is not supported; see \
              DD_TRACE_WRITER_INTERVAL_SECONDS"]
        );
        // What is recommended exists.
        for (_, instead) in UNSUPPORTED {
            assert!(config.report().iter().any(|row| row.name() == instead), "{instead}");
        }
    }

    #[test]
    fn switches_are_converted_each_in_its_own_way() {
        let none = Environment::empty();
        assert_eq!(convert(&LOG_LEVEL, "DEBUG", &none).0, Ok(Some(true)));
        assert_eq!(convert(&LOG_LEVEL, "info", &none).0, Ok(Some(false)));
        assert!(convert(&LOG_LEVEL, "loud", &none).0.is_err());
        assert_eq!(convert(&TRACES_EXPORTER, "None", &none).0, Ok(Some(false)));
        assert!(convert(&TRACES_EXPORTER, "otlp", &none).0.is_err());
        assert_eq!(convert(&SDK_DISABLED, "true", &none).0, Ok(Some(Some(false))));
        assert_eq!(convert(&SDK_DISABLED, "FALSE", &none).0, Ok(Some(Some(true))));
        assert!(convert(&SDK_DISABLED, "maybe", &none).0.is_err());
    }

    #[test]
    fn resource_attributes_become_tags_with_the_known_ones_first() {
        let text = "team=a:b, service.version = 2 ,deployment.environment=old,\
                    Deployment.Environment.Name=prod,service.name=shop,team=c,empty=";
        let (tags, remarks) = convert(&RESOURCE_ATTRIBUTES, text, &Environment::empty());
        let expected =
            [("service", "shop"), ("env", "prod"), ("version", "2"), ("team", "c"), ("empty", "")];
        assert_eq!(tags, Ok(Some(Map(expected.map(|(k, v)| (k.into(), v.into())).to_vec()))));
        assert!(remarks.is_empty());
    }

    #[test]
    fn ten_tags_are_taken_from_resource_attributes() {
        let mut text: Vec<_> = (0..12).map(|n| format!("k{n}=v")).collect();
        text.push("service.name=shop".into());
        let (tags, remarks) = convert(&RESOURCE_ATTRIBUTES, &text.join(","), &Environment::empty());
        let tags = tags.unwrap().unwrap();
        assert_eq!(tags.0.len(), 10);
        assert_eq!(tags.get("service"), Some(&"shop".into()));
        assert_eq!(remarks, ["gives 13 tags; 10 are used"]);
    }

    #[test]
    fn what_is_not_a_pair_is_left_out_and_reported() {
        let (tags, remarks) = convert(&RESOURCE_ATTRIBUTES, "a,=b,c=d", &Environment::empty());
        assert_eq!(tags, Ok(Some(Map(vec![("c".into(), "d".into())]))));
        assert_eq!(remarks.len(), 2);
    }
}
