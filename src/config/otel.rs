//! OpenTelemetry's variables, and how they are converted to values of the table.
//!
//! Values are compared without case, except names of services and resource attributes.

#![deny(clippy::arithmetic_side_effects)]

use crate::text::Text;

use super::key::{Otel, Quoted, Reason};
use super::propagation::{self, Style};
use super::resolve::Resolver;
use super::value::Map;
use super::{Origin, key::Remarks, parse, percent};

pub(super) const SERVICE_NAME: Otel<Text> =
    Otel::new("OTEL_SERVICE_NAME", |text, _, _| Ok(is_service(text).then(|| Text::copy(text))));

pub(super) const RESOURCE_ATTRIBUTES: Otel<Map> =
    Otel::new("OTEL_RESOURCE_ATTRIBUTES", |text, _, remarks| {
        resource_attributes(text, remarks).map(Some)
    });

/// `debug` turns debugging on. The levels above it are what the tracer logs anyway.
pub(super) const LOG_LEVEL: Otel<bool> =
    Otel::new("OTEL_LOG_LEVEL", |text, _, _| match text.to_ascii_lowercase().as_str() {
        "debug" => Ok(Some(true)),
        "info" | "warn" | "error" => Ok(Some(false)),
        _ => Err("is not a level that the tracer has".into()),
    });

pub(super) const PROPAGATORS: Otel<Vec<Style>> =
    Otel::new("OTEL_PROPAGATORS", |text, _, remarks| propagation::styles(text, remarks).map(Some));

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
                    // The specification demands that a bad argument counts as unset.
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

/// `none` switches tracing off. What else it says is a setting of its own, which also reports words that mean nothing.
pub(super) const TRACES_EXPORTER: Otel<bool> = Otel::new("OTEL_TRACES_EXPORTER", |text, _, _| {
    Ok(text.eq_ignore_ascii_case("none").then_some(false))
});

/// OpenTelemetry's booleans have only these two words.
pub(super) const SDK_DISABLED: Otel<bool> =
    Otel::new("OTEL_SDK_DISABLED", |text, _, _| match text.to_ascii_lowercase().as_str() {
        "true" => Ok(Some(false)),
        "false" => Ok(Some(true)),
        _ => Err("is neither `true` nor `false`".into()),
    });

/// Variables of the OpenTelemetry SDK that have no effect here, and what to set instead.
const UNSUPPORTED: [(&str, &str); 4] = [
    ("OTEL_BSP_EXPORT_TIMEOUT", "DD_TRACE_AGENT_TIMEOUT_SECONDS"),
    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "DD_TRACE_WRITER_BUFFER_SIZE_BYTES"),
    ("OTEL_BSP_SCHEDULE_DELAY", "DD_TRACE_WRITER_INTERVAL_SECONDS"),
];

/// Reports which of those are set, so that nobody waits for their effect.
pub(super) fn report_unsupported(sends_otlp: bool, resolver: &mut Resolver<'_>) {
    let compression = ["OTEL_EXPORTER_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"];
    for name in compression.into_iter().filter(|_| sends_otlp) {
        let text = resolver.environment.text(name);
        if text.is_some_and(|text| !text.eq_ignore_ascii_case("none")) {
            let reason = "is not supported: requests are not compressed".to_owned();
            resolver.problem(name, Origin::OtelEnv, reason);
        }
    }
    for (name, instead) in UNSUPPORTED {
        if resolver.environment.text(name).is_some() {
            let reason = format!("is not supported; see {instead}");
            resolver.problem(name, Origin::OtelEnv, reason);
        }
    }
}

/// Whether somebody gave this name: SDKs use `unknown_service:<executable>` where nobody did.
fn is_service(name: &str) -> bool {
    !name.starts_with("unknown_service")
}

/// The number of tags that Datadog tracers take from resource attributes.
const MAX_RESOURCE_TAGS: usize = 10;

/// Reads `key=value,key=value`, percent-encoded. Attributes that have their own name at Datadog come first, under that
/// name.
///
/// After any error the whole value is discarded, as OpenTelemetry's specification of resources demands.
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
    use crate::config::testkit::with;

    type Converted<T> = (Result<Option<T>, Reason>, Vec<String>);

    fn convert<T>(otel: &Otel<T>, text: &str, arg: &str) -> Converted<T> {
        let mut remarks = Remarks::default();
        let environment = Environment::from_pairs([(SAMPLER_ARG, arg)]);
        ((otel.convert)(text, &environment, &mut remarks), remarks)
    }

    #[test]
    fn a_made_up_service_name_says_nothing() {
        for (name, said) in
            [("shop", true), ("unknown_service", false), ("unknown_service:x", false)]
        {
            assert_eq!(convert(&SERVICE_NAME, name, "").0, Ok(said.then(|| name.into())));
        }
    }

    #[test]
    fn samplers_are_rates() {
        let parent = "taken as \"parentbased_always_off\": a decision that comes in stands";
        let traces = "OTEL_TRACES_SAMPLER_ARG \"2\" is not a number from 0 to 1; 1 is used";
        for (text, arg, rate, said) in [
            ("parentbased_always_on", "0.25", Some(1.0), None),
            ("ParentBased_Always_Off", "0.25", Some(0.0), None),
            ("parentbased_traceidratio", "0.25", Some(0.25), None),
            ("parentbased_traceidratio", "", Some(1.0), None),
            ("always_off", "", Some(0.0), Some(parent)),
            ("parentbased_traceidratio", "2", Some(1.0), Some(traces)),
            ("parentbased_traceidratio", "x", Some(1.0), Some("\"x\" is not a number; 1 is used")),
            ("parentbased_traceidratio", "nan", Some(1.0), Some("is not a number from 0 to 1")),
            ("parentbased_traceidratio", "-0.1", Some(1.0), Some("is not a number from 0 to 1")),
            ("jaeger_remote", "", None, None),
            ("parentbased_", "", None, None),
            ("parentbased_parentbased_always_on", "", None, None),
        ] {
            let (found, remarks) = convert(&TRACES_SAMPLER, text, arg);
            assert_eq!(found.ok(), rate.map(|rate| Some(Some(rate))), "{text} {arg}");
            assert_eq!(remarks.len(), usize::from(said.is_some()), "{text} {arg}");
            assert!(remarks.concat().contains(said.unwrap_or_default()), "{arg}: {remarks:?}");
        }
    }

    #[test]
    fn variables_without_effect_are_reported() {
        let pairs = [("OTEL_BSP_SCHEDULE_DELAY", "5000"), ("OTEL_BSP_MAX_QUEUE_SIZE", " ")];
        let config = with(&pairs).build();
        let instead = "is not supported; see DD_TRACE_WRITER_INTERVAL_SECONDS";
        assert_eq!(config.said(), [format!("OTEL_BSP_SCHEDULE_DELAY (otel_env_var): {instead}")]);
        let pairs = [("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"), ("OTEL_TRACES_EXPORTER", "otlp")];
        let said = "OTEL_EXPORTER_OTLP_COMPRESSION (otel_env_var): is not supported: requests are not compressed";
        assert_eq!(with(&pairs).build().said(), [said]);
        assert_eq!(with(&pairs[..1]).build().said(), [""; 0], "for other signals");
        // What is recommended exists.
        for (_, instead) in UNSUPPORTED {
            assert!(config.report().get(instead).is_some(), "{instead}");
        }
    }

    #[test]
    fn switches_are_converted_each_in_its_own_way() {
        for (otel, text, expected) in [
            (&LOG_LEVEL, "DEBUG", Some(true)),
            (&LOG_LEVEL, "info", Some(false)),
            (&LOG_LEVEL, "loud", None),
            (&TRACES_EXPORTER, "None", Some(false)),
            (&SDK_DISABLED, "True", Some(false)),
            (&SDK_DISABLED, "FALSE", Some(true)),
            (&SDK_DISABLED, "maybe", None),
            (&SDK_DISABLED, "1", None),
            (&SDK_DISABLED, "t", None),
            (&SDK_DISABLED, "yes", None),
        ] {
            let found = convert(otel, text, "").0.ok();
            assert_eq!(found, expected.map(Some), "{} {text}", otel.name);
        }
    }

    #[test]
    fn resource_attributes_become_tags_decoded_and_with_the_known_ones_first() {
        for (text, tags) in [
            (
                "team=a:b, service.version = 2 ,deployment.environment=old,\
                 Deployment.Environment.Name=prod,service.name=shop,team=c,empty=",
                &["service:shop", "env:prod", "version:2", "team:c", "empty:"][..],
            ),
            (
                "service.name=my%20shop,team=a%2Cb,q=x%3Dy,plain=100%25,%6Bey=v,é=pr%C3%BCf,z=%00",
                &["service:my shop", "team:a,b", "q:x=y", "plain:100%", "key:v", "é:prüf", "z:\0"],
            ),
            // Empty members are none.
            ("a=b,, ,", &["a:b"]),
            ("service.name=unknown_service:x,a=b", &["a:b"]),
        ] {
            let tags = tags.iter().filter_map(|tag| tag.split_once(':')).collect();
            assert_eq!(convert(&RESOURCE_ATTRIBUTES, text, ""), (Ok(Some(tags)), vec![]));
        }
    }

    #[test]
    fn ten_tags_are_taken_from_resource_attributes() {
        let text: String = (0..12).map(|n| format!("k{n}=v,")).collect();
        let (tags, remarks) = convert(&RESOURCE_ATTRIBUTES, &(text + "service.name=shop"), "");
        let tags = tags.unwrap().unwrap();
        assert_eq!((tags.0.len(), tags.get("service")), (10, Some(&"shop".into())));
        assert_eq!(remarks, ["gives 13 tags; 10 are used"]);
    }

    #[test]
    fn one_error_discards_all_resource_attributes() {
        for bad in ["a", "=b", "%=b", "k=%", "k=%2", "k=%zz", "k=%ff", "%20=b"] {
            let text = format!("service.name=shop,{bad},c=d");
            let config = with(&[("OTEL_RESOURCE_ATTRIBUTES", &text)]).build();
            assert_eq!((config.service(), config.tags()), ("unnamed-rust-service", &[][..]));
            let said = config.said();
            assert_eq!(said.len(), 1, "{bad}");
            assert!(said[0].starts_with("OTEL_RESOURCE_ATTRIBUTES (otel_env_var): "), "{said:?}");
        }
    }
}
