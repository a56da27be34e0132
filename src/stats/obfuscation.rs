//! Resources without the values in them, where the agent leaves that to tracers.

use std::borrow::Cow;

use super::tag_key::{tag, text};
use crate::agent::{AgentInfo, OBFUSCATION_VERSION};
use crate::quantize::{SqlDialect, SqlMode, SqlQuantizer, redis};
use crate::text::first_bytes;
use crate::trace::SpanView;

/// The longest resource, in bytes, and the longest where the agent has the flag `big_resource`.
const MAX_RESOURCE: usize = 5_000;
const MAX_BIG_RESOURCE: usize = 15_000;
/// The longest service, name and type, in bytes.
const MAX_NAME: usize = 100;

/// How the agent would obfuscate resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Obfuscation {
    mode: SqlMode,
    max_resource: usize,
    replace_digits: bool,
    keep_sql_alias: bool,
    dollar_quoted_func: bool,
}

impl Obfuscation {
    /// `None` where the agent has to do it: it does not say that tracers may, or does it in a way that is not known here.
    pub(super) fn of(info: &AgentInfo) -> Option<Self> {
        if !(1..=OBFUSCATION_VERSION).contains(&info.obfuscation_version) {
            return None;
        }
        let has = |flag: &str| info.feature_flags.iter().any(|known| known == flag);
        Some(Obfuscation {
            mode: info.sql_obfuscation_mode.parse().ok()?,
            max_resource: if has("big_resource") { MAX_BIG_RESOURCE } else { MAX_RESOURCE },
            replace_digits: has("replace_sql_digits") || has("quantize_sql_tables"),
            keep_sql_alias: has("keep_sql_alias"),
            dollar_quoted_func: has("dollar_quoted_func"),
        })
    }

    /// The resource of a span of this type.
    pub(super) fn resource<'a>(
        &self,
        span: &SpanView<'_>,
        span_type: &str,
        resource: &'a str,
    ) -> Cow<'a, str> {
        let obfuscated: Cow<'_, str> = match span_type {
            "sql" | "cassandra" if !resource.is_empty() => {
                let dialect = text(tag!(span, "db.type")).map(SqlDialect::of_database);
                let quantizer = SqlQuantizer::new(self.mode, dialect.unwrap_or_default())
                    .replace_digits(self.replace_digits)
                    .keep_sql_alias(self.keep_sql_alias)
                    .dollar_quoted_func(self.dollar_quoted_func);
                quantizer.quantize(resource).into()
            }
            "redis" | "valkey" => redis(resource).into(),
            _ => return first_bytes(resource, self.max_resource).into(),
        };
        first_bytes(&obfuscated, self.max_resource).to_owned().into()
    }

    /// A service, a name or a type.
    pub(super) fn name<'a>(&self, name: &'a str) -> &'a str {
        first_bytes(name, MAX_NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::testkit::Bench;
    use serde_json::{Value, json};

    fn obfuscation(info: &Value) -> Option<Obfuscation> {
        Obfuscation::of(&AgentInfo::of_json(info))
    }

    #[test]
    fn it_is_done_here_where_the_agent_does_it_in_a_way_that_is_known() {
        for (info, expected) in [
            (json!({}), false),
            (json!({"obfuscation_version": 0}), false),
            (json!({"obfuscation_version": 1}), true),
            (json!({"obfuscation_version": 2}), false),
            (json!({"obfuscation_version": "1"}), false),
        ] {
            assert_eq!(obfuscation(&info).is_some(), expected, "{info}");
        }
        let of = |mode: &str| {
            obfuscation(&json!({
                "obfuscation_version": 1, "config": {"obfuscation": {"sql_obfuscation_mode": mode}}
            }))
        };
        assert!(of("obfuscate_only").is_some() && of("").is_some());
        assert!(of("in a new way").is_none());
    }

    #[test]
    fn statements_and_commands_lose_their_values_and_long_texts_their_ends() {
        let plain = obfuscation(&json!({"obfuscation_version": 1})).unwrap();
        let flags = ["big_resource", "quantize_sql_tables"];
        let flagged = json!({"obfuscation_version": 1, "feature_flags": flags});
        let flagged = obfuscation(&flagged).unwrap();
        let bench = Bench::new();
        let span = bench.span("query").root().start();
        let sql = "SELECT * FROM t1 WHERE id = 7";
        for (of, span_type, resource, expected) in [
            (plain, "sql", sql, "SELECT * FROM t1 WHERE id = ?"),
            (flagged, "cassandra", sql, "SELECT * FROM t? WHERE id = ?"),
            (plain, "sql", "", ""),
            (plain, "web", sql, sql),
            (plain, "redis", "set a 1", "SET"),
            (plain, "valkey", "config get x", "CONFIG GET"),
        ] {
            let found = span.read(|span| of.resource(span, span_type, resource).into_owned());
            assert_eq!(found.as_deref(), Some(expected), "{span_type} {resource}");
        }
        let long = "é".repeat(20_000);
        let len = |of: Obfuscation| span.read(|span| of.resource(span, "web", &long).len());
        assert_eq!((len(plain), len(flagged)), (Some(5_000), Some(15_000)));
        assert_eq!(plain.name(&long).len(), 100);
    }
}
