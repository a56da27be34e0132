//! What OpenTelemetry's variables say in the words of the table.
//!
//! Values are compared without case, except names of services and resource attributes.

use crate::text::Text;

use super::key::{Otel, Quoted, Reason};
use super::propagation::{self, Style};
use super::resolve::Resolver;
use super::value::Map;
use super::{Origin, key::Remarks, parse, percent};

pub(super) const SERVICE_NAME: Otel<Text> = Otel {
    name: "OTEL_SERVICE_NAME",
    with: &[],
    convert: |text, _, _| Ok(is_service(text).then(|| Text::copy(text))),
};

pub(super) const RESOURCE_ATTRIBUTES: Otel<Map> = Otel {
    name: "OTEL_RESOURCE_ATTRIBUTES",
    with: &[],
    convert: |text, _, remarks| resource_attributes(text, remarks).map(Some),
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

/// The rate that keeps every trace.
const ALL: f64 = 1.0;

pub(super) const TRACES_SAMPLER: Otel<Option<f64>> = Otel {
    name: "OTEL_TRACES_SAMPLER",
    with: &[SAMPLER_ARG],
    convert: |text, environment, remarks| {
        let lower = text.to_ascii_lowercase();
        let parent_based = lower.strip_prefix("parentbased_");
        let rate = match parent_based.unwrap_or(&lower) {
            "always_on" => ALL,
            "always_off" => 0.0,
            "traceidratio" => environment.text(SAMPLER_ARG).map_or(ALL, |text| {
                let rate = parse::number(&text).and_then(|rate| parse::within(rate, 0.0..=1.0));
                rate.unwrap_or_else(|why| {
                    // As the specification wants: as if it were not set.
                    remarks.push(format!("{SAMPLER_ARG} {} {why}; {ALL} is used", Quoted(&text)));
                    ALL
                })
            }),
            _ => return Err("is not a sampler that the tracer has".into()),
        };
        if parent_based.is_none() {
            remarks
                .push(format!("taken as \"parentbased_{lower}\": a decision that comes in stands"));
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

/// By OpenTelemetry's rule for booleans, which has no other words than these.
pub(super) const SDK_DISABLED: Otel<bool> = Otel {
    name: "OTEL_SDK_DISABLED",
    with: &[],
    convert: |text, _, _| match text.to_ascii_lowercase().as_str() {
        "true" => Ok(Some(false)),
        "false" => Ok(Some(true)),
        _ => Err("is neither `true` nor `false`".into()),
    },
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

/// `key=value,key=value`, percent-encoded; what has a name of its own at Datadog comes first and under that name.
///
/// In case of any error the whole value is discarded, as OpenTelemetry's specification of resources has it.
fn resource_attributes(text: &str, remarks: &mut Remarks) -> Result<Map, Reason> {
    let mut attributes = Map::default();
    for pair in parse::items(text) {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(format!("has {}, which is not `key=value`", Quoted(pair)).into());
        };
        let decode = |text: &str| match percent::decode(text.trim()) {
            Some(text) => Ok(Text::from(text)),
            None => Err(Reason::from(format!("has {}, which does not decode", Quoted(pair)))),
        };
        let (key, value) = (decode(key)?, decode(value)?);
        if key.trim().is_empty() {
            return Err(format!("has {}, which has no key", Quoted(pair)).into());
        }
        attributes.set(key, value);
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
        remarks.push(format!("gives {} tags; {MAX_RESOURCE_TAGS} are used", tags.0.len()));
        tags.0.truncate(MAX_RESOURCE_TAGS);
    }
    Ok(tags)
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
    fn an_argument_that_is_no_rate_is_as_if_not_set() {
        for arg in ["2", "x", "nan", "-0.1"] {
            let environment = Environment::from_pairs([("OTEL_TRACES_SAMPLER_ARG", arg)]);
            let (rate, remarks) =
                convert(&TRACES_SAMPLER, "parentbased_traceidratio", &environment);
            assert_eq!((rate, remarks.len()), (Ok(Some(Some(1.0))), 1), "{arg}");
        }
    }

    #[test]
    fn a_sampler_that_we_do_not_have_is_refused() {
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
            assert!(config.report().get(instead).is_some(), "{instead}");
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
        assert_eq!(convert(&SDK_DISABLED, "True", &none).0, Ok(Some(false)));
        assert_eq!(convert(&SDK_DISABLED, "FALSE", &none).0, Ok(Some(true)));
        for text in ["maybe", "1", "t", "yes"] {
            assert!(convert(&SDK_DISABLED, text, &none).0.is_err(), "{text}");
        }
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
    fn resource_attributes_are_percent_decoded() {
        let text =
            "service.name=my%20shop,team=a%2Cb,q=x%3Dy,plain=100%25,%6Bey=v,é=pr%C3%BCf,z=%00";
        let (tags, remarks) = convert(&RESOURCE_ATTRIBUTES, text, &Environment::empty());
        let expected = [
            ("service", "my shop"),
            ("team", "a,b"),
            ("q", "x=y"),
            ("plain", "100%"),
            ("key", "v"),
            ("é", "prüf"),
            ("z", "\0"),
        ];
        assert_eq!(tags, Ok(Some(Map(expected.map(|(k, v)| (k.into(), v.into())).to_vec()))));
        assert!(remarks.is_empty());
    }

    #[test]
    fn one_error_discards_all_resource_attributes() {
        for bad in ["a", "=b", "%=b", "k=%", "k=%2", "k=%zz", "k=%ff", "%20=b"] {
            let text = format!("service.name=shop,{bad},c=d");
            let (tags, _) = convert(&RESOURCE_ATTRIBUTES, &text, &Environment::empty());
            assert!(tags.is_err(), "{bad}: {tags:?}");
            let pairs = [("OTEL_RESOURCE_ATTRIBUTES", text.as_str())];
            let config = crate::config::Config::builder()
                .environment(Environment::from_pairs(pairs))
                .build();
            assert_eq!((config.service(), config.tags()), ("unnamed-rust-service", &[][..]));
            let problem = config.problems()[0].to_string();
            assert!(problem.starts_with("OTEL_RESOURCE_ATTRIBUTES (otel_env_var): "), "{problem}");
            assert_eq!(config.problems().len(), 1);
        }
        // Empty members are none.
        let (tags, _) = convert(&RESOURCE_ATTRIBUTES, "a=b,, ,", &Environment::empty());
        assert_eq!(tags.unwrap().unwrap().0.len(), 1);
    }
}
