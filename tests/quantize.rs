//! Statements, commands and addresses without their values, as the Agent writes them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::Value;
use tracehound::quantize::{
    self, SqlDialect, SqlMode, SqlQuantizer, UrlParts, is_card_number, peer_address, redis,
    redis_arguments, redis_command_only,
};

/// Runs the cases of a group of the vectors that all tracers share.
fn each(group: &str, written: impl Fn(&Value, &str) -> String) {
    let vectors: Value = serde_json::from_str(include_str!("vectors/obfuscation.json")).unwrap();
    let cases = vectors[group].as_array().unwrap();
    assert!(!cases.is_empty());
    let mut wrong = Vec::new();
    for case in cases {
        let (text, expected) = (case["in"].as_str().unwrap(), case["out"].as_str().unwrap());
        let written = written(case, text);
        if written != expected {
            wrong.push(format!("{text:?}: {written:?} and not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{group}: {wrong:#?}");
}

#[test]
fn statements_are_as_the_agent_writes_them() {
    each("sql_legacy_mode", |_, text| quantize::sql(text, SqlMode::Legacy, SqlDialect::Generic));
    each("sql_obfuscate_and_normalize", |_, text| {
        quantize::sql(text, SqlMode::ObfuscateAndNormalize, SqlDialect::Generic)
    });
    each("sql_replace_digits", |case, text| {
        let quantizer = SqlQuantizer::new(SqlMode::Legacy, SqlDialect::Generic);
        quantizer.replace_digits(case["replace_digits"].as_bool().unwrap()).quantize(text)
    });
}

#[test]
fn commands_are_as_the_agent_writes_them() {
    each("redis_quantize_resource", |_, text| redis(text));
    each("redis_obfuscate", |_, text| redis_arguments(text));
    each("redis_remove_all_args", |_, text| redis_command_only(text));
    each("memcached", |_, text| quantize::memcached(text).to_owned());
}

#[test]
fn addresses_are_as_the_agent_writes_them() {
    each("url", |case, text| {
        let parts = UrlParts {
            query: case["remove_query_string"].as_bool().unwrap(),
            path_digits: case["remove_path_digits"].as_bool().unwrap(),
        };
        quantize::url(text, parts).into_owned()
    });
    each("peer_ip_quantize", |_, text| peer_address(text).into_owned());
}

#[test]
fn a_password_that_is_not_encoded_is_not_taken_for_the_rest_of_an_address() {
    for address in [
        "http://me:p/w@host/x",
        "http://me:p?w@host/x",
        "http://me:p#w@host/x",
        "//me:p/w@[::1]:80",
    ] {
        assert_eq!(quantize::url(address, UrlParts::default()), "?", "{address}");
    }
    for (address, expected) in [
        ("http://host:80/x@y", "http://host:80/x@y"),
        ("http://[::1]:80/x@y", "http://[::1]:80/x@y"),
        ("http://[fe80::a]/x@y", "http://[fe80::a]/x@y"),
        ("http://me:pw@host:80/x@y", "http://host:80/x@y"),
        ("http://host:port/x", "http://host:port/x"),
    ] {
        assert_eq!(quantize::url(address, UrlParts::default()), expected);
    }
}

#[test]
fn names_are_as_the_agent_writes_them() {
    each("normalize_tag", |_, text| quantize::tag_name(text));
    each("normalize_service", |_, text| quantize::service_name(text));
    each("normalize_name", |_, text| quantize::operation_name(text));
}

#[test]
fn card_numbers_are_known_by_their_issuer() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/obfuscation.json")).unwrap();
    for case in vectors["credit_card"].as_array().unwrap() {
        let text = case["in"].as_str().unwrap();
        for (key, checksum) in [("luhn_off", false), ("luhn_on", true)] {
            let expected = case[key].as_bool().unwrap();
            assert_eq!(is_card_number(text, checksum), expected, "{text}, {key}");
        }
    }
}

/// Options on top of a mode and a dialect, with a statement and what it becomes.
type Case = (SqlQuantizer, &'static str, &'static str);

#[test]
fn modes_and_options_of_the_agent_can_be_chosen() {
    use SqlMode::{Legacy, NormalizeOnly, ObfuscateAndNormalize, ObfuscateOnly};
    let of = |mode| SqlQuantizer::new(mode, SqlDialect::Generic);
    let on = |dialect| SqlQuantizer::new(ObfuscateAndNormalize, dialect);
    let normal = of(ObfuscateAndNormalize);
    let cases: &[Case] = &[
        // What a mode leaves.
        (of(NormalizeOnly), "SELECT  a AS b,1 /* c */ FROM \"t\";", "SELECT a, 1 FROM t"),
        (of(ObfuscateOnly), "SELECT  a AS b,1 /* c */ FROM \"t\";", "SELECT a AS b,? FROM \"t\";"),
        (of(ObfuscateOnly), "f(1, 'x')->'k'", "f(?, ?)->?"),
        (of(Legacy), "SELECT a AS b, 1; SELECT 2;", "SELECT a, ? SELECT ?"),
        (normal, "SELECT a AS b, 1; SELECT 2;", "SELECT a, ?; SELECT ?"),
        // Lists of values, and rows of them, are one.
        (
            normal,
            "VALUES (1, 2), (3, 4) ON CONFLICT DO NOTHING",
            "VALUES ( ? ) ON CONFLICT DO NOTHING",
        ),
        (normal, "WHERE (a, b) IN ((1, 2), (3, 4))", "WHERE ( a, b ) IN ( ( ? ) )"),
        (normal, "ARRAY[1, 2] || ARRAY[3]", "ARRAY [ ? ] | | ARRAY [ ? ]"),
        (normal, "VALUES (1, now()), (2, now())", "VALUES ( ?, now ( ) ), ( ?, now ( ) )"),
        (normal, "SELECT a-1, a - 1, -1", "SELECT a - ?, a - ?, ?"),
        // Aliases are not what a statement is about, what is named is.
        (normal, "CREATE VIEW v AS SELECT 1", "CREATE VIEW v AS SELECT ?"),
        (normal, "SELECT a AS [my b], c AS \"d\" FROM t", "SELECT a, c FROM t"),
        (normal.keep_sql_alias(true), "SELECT a AS b", "SELECT a AS b"),
        // Options.
        (normal.keep_null(true), "a = NULL, b = TRUE", "a = NULL, b = ?"),
        (normal.keep_boolean(true), "a = NULL, b = TRUE", "a = ?, b = TRUE"),
        (normal.keep_positional_parameter(true), "a = $1 AND b = 2", "a = $1 AND b = ?"),
        (normal.keep_trailing_semicolon(true), "SELECT 1;", "SELECT ?;"),
        (normal.keep_identifier_quotation(true), "SELECT \"a\".`b`", "SELECT \"a\" . `b`"),
        (normal.keep_json_path(true), "a->'k'->>2 = 'v'", "a -> 'k' ->> 2 = ?"),
        (normal.remove_space_between_parentheses(true), "f((1), b)", "f ((?), b)"),
        (normal.replace_digits(true), "SELECT `t1`.a2 FROM t33_4", "SELECT t? . a? FROM t?_?"),
        (normal, "SELECT $func$SELECT 'x'$func$", "SELECT ?"),
        (
            normal.dollar_quoted_func(true),
            "SELECT $func$SELECT 'x'$func$, $$y$$",
            "SELECT $func$SELECT ?$func$, ?",
        ),
        // Dialects.
        (
            on(SqlDialect::MsSql),
            "SELECT [a b] FROM #t WHERE c = 1 # x",
            "SELECT a b FROM #t WHERE c = ?",
        ),
        (on(SqlDialect::PostgreSql), "a #>> '{b}' # x\n", "a #>> ?"),
        (on(SqlDialect::MySql), "a = 'x\\' OR b = 1' # c", "a = ?"),
        (on(SqlDialect::Generic), "a = 'it\\'s' AND b = 'C:\\'", "a = ? AND b = ?"),
        (on(SqlDialect::Generic), "a = E'\\' OR ' AND b", "a = E ? AND b"),
        // What is left of nothing.
        (normal, "-- password=x", quantize::NON_PARSABLE_SQL),
        (normal, "/* not closed", quantize::NON_PARSABLE_SQL),
        (normal, "  ", quantize::NON_PARSABLE_SQL),
        (normal, "a = 'not closed", "a = ?"),
        (normal, "a = $x$not closed", "a = ?"),
        (normal, "a = {not: 'closed'", "a = ?"),
        (normal, "{call p(1)}", "{ call p ( ? ) }"),
    ];
    for (quantizer, statement, expected) in cases {
        assert_eq!(&quantizer.quantize(statement), expected, "{statement}, {quantizer:?}");
    }
}

#[test]
fn modes_are_read_as_the_agent_says_them() {
    for mode in ["normalize_only", "OBFUSCATE_ONLY", " obfuscate_and_normalize ", ""] {
        assert!(mode.parse::<SqlMode>().is_ok(), "{mode}");
    }
    let problem = "obfuscate".parse::<SqlMode>().unwrap_err().to_string();
    assert!(problem.contains("obfuscate_and_normalize"), "{problem}");
    assert_eq!(SqlDialect::of_database("PostgreSQL"), SqlDialect::PostgreSql);
    assert_eq!(SqlDialect::of_database("cassandra"), SqlDialect::Generic);
}

/// Beginnings that are repeated a hundred thousand times: a reader that goes back for each of them needs hours.
#[test]
fn the_time_is_linear_in_the_text() {
    let pieces = [
        "(", "'", "'a\\'b", "$a$", "$a ", "{", "/*", "`", "\"", "[", "a.", "AS ", "(1),", "{call ",
        "%(", "$func$", "-", "x'", "--", "?|", "\u{2003}", "@", "AS [", "\\", ";",
    ];
    for piece in pieces {
        let text = piece.repeat(100_000);
        for mode in [SqlMode::Legacy, SqlMode::ObfuscateAndNormalize] {
            let quantizer = SqlQuantizer::new(mode, SqlDialect::Generic).dollar_quoted_func(true);
            let written = quantizer.quantize(&text);
            assert!(written.len() <= 2 * quantize::MAX_SQL_BYTES, "{piece}");
        }
        assert!(redis(&text).len() <= text.len() + 8);
        assert!(redis_arguments(&text).len() <= text.len() + 8);
        assert!(redis_command_only(&text).len() <= text.len() + 8);
    }
}

#[test]
fn a_statement_that_is_too_long_is_what_its_beginning_is() {
    let rows = format!("INSERT INTO t VALUES (1{})", ", 'two'".repeat(100_000));
    for mode in [SqlMode::Legacy, SqlMode::ObfuscateAndNormalize] {
        let written = quantize::sql(&rows, mode, SqlDialect::Generic);
        assert_eq!(written, "INSERT INTO t VALUES ( ?");
    }
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    fn mode() -> impl Strategy<Value = SqlMode> {
        use SqlMode::{Legacy, ObfuscateAndNormalize, ObfuscateOnly};
        prop::sample::select(&[Legacy, ObfuscateAndNormalize, ObfuscateOnly][..])
    }

    fn dialect() -> impl Strategy<Value = SqlDialect> {
        use SqlDialect::{Generic, MsSql, MySql, Oracle, PostgreSql};
        prop::sample::select(&[Generic, MsSql, MySql, Oracle, PostgreSql][..])
    }

    /// Texts of what statements are made of.
    fn sql() -> impl Strategy<Value = String> {
        let pieces = [
            "SELECT",
            " ",
            "a",
            "AS",
            "(",
            ")",
            ",",
            "'",
            "\\",
            "\"",
            "`",
            "[",
            "]",
            "{",
            "}",
            "$",
            "$$",
            "1",
            ".",
            "-",
            "--",
            "/*",
            "*/",
            "\n",
            "?",
            ";",
            "=",
            "savepoint",
            "é",
            "call",
            "$func$",
            "#",
            "@",
            ":",
            "%(",
            "NULL",
            "x'",
            "\u{2003}",
            "VALUES",
        ];
        prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..60)
            .prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_grows(text in any::<String>(), sql in sql(), mode in mode(), dialect in dialect()) {
            for text in [text, sql] {
                let quantizer = SqlQuantizer::new(mode, dialect).dollar_quoted_func(true).replace_digits(true);
                let written = quantizer.quantize(&text);
                prop_assert!(written.len() <= (2 * text.len()).max(quantize::NON_PARSABLE_SQL.len()), "{written}");
                let _ = (redis(&text), redis_arguments(&text), redis_command_only(&text));
                let _ = (peer_address(&text), quantize::tag_name(&text), quantize::operation_name(&text));
                let _ = (quantize::url(&text, UrlParts { query: true, path_digits: true }), is_card_number(&text, true));
            }
        }

        /// Whatever comes before it, as long as no string or name is open there.
        #[test]
        fn a_value_does_not_get_through(before in "[a-z =(),<>+*.;]{0,30}", after in "[a-z =(),']{0,20}", mode in mode(), dialect in dialect(), value in 0..6_usize) {
            let secret = ["'Secret'", "'it''s Secret'", "$$Secret$$", "N'Secret'", "{a: 'Secret'}", "98765"][value];
            let statement = format!("{before} {secret} {after}");
            let written = quantize::sql(&statement, mode, dialect);
            prop_assert!(!written.contains("Secret") && !written.contains("98765"), "{statement} -> {written}");
        }
    }
}
