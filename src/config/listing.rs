//! `docs/configuration.md`, written from the table.

use std::fmt::Write as _;

use super::key::Row;
use super::table::rows;

const HEAD: &str = "\
# Configuration

Every setting has a variable. Most have a setter of the same meaning in `tracehound::config::ConfigBuilder`, and
in code the order of the setters does not matter.
This page is written from the table in `src/config/table.rs`; a test fails when it is out of date.

## Sources

A value may come from several sources; the highest wins:

1. code: the setters of the builder;
2. the environment: `DD_*`;
3. OpenTelemetry's environment, where a variable says the same: `OTEL_*`;
4. what follows from other settings, and then the default.

A value that cannot be used is skipped and the next source is asked; one line on the standard error stream
says so, and names the variable or the setter. Blank variables are unset, except where the table says that nothing
has a meaning. The environment is read once, when the tracer is built.

What came of it all is in `Config::report()`: the value in force of every setting, and its source; printed, it is a
table.

One more line lists the variables that look as if they were meant for a tracer and have no effect: misspelt ones
(`DD_SERVCE`), and those of other Datadog tracers for which there is nothing here in this version. Variables of the
agent and of other products are left alone.

## Values

| Type | How to write it |
|---|---|
| boolean | `true`, `1` or `t`; `false`, `0` or `f`; in any case |
| integer, number | decimal |
| seconds | decimal, with a fraction if need be |
| list | separated by commas; space around items does not count |
| map | `key:value` pairs, separated by commas, or by spaces if there is no comma; the first colon splits; without a colon it is a key alone, but `key=value` is read as it is meant, with a warning |
| rules | a JSON list of objects; a rule with an unknown field, or a value of another type, is skipped with a warning |

## Settings

| Variable | Setter | Type | Default | Meaning |
|---|---|---|---|---|
";

fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for row in rows() {
        let default = match row.default.as_deref() {
            None => "unset".to_owned(),
            Some("") => "empty".to_owned(),
            Some(text) => code(text),
        };
        let _ = writeln!(
            page,
            "| {} | {} | {} | {default} | {} |",
            code(row.name),
            row.setter.map(code).unwrap_or_default(),
            row.kind,
            meaning(&row)
        );
    }
    page
}

fn meaning(row: &Row) -> String {
    let mut meaning = row.doc.to_owned();
    let mut also = |label: &str, names: &[&str]| {
        if !names.is_empty() {
            let names: Vec<_> = names.iter().map(|name| code(name)).collect();
            let _ = write!(meaning, " {label}: {}.", names.join(", "));
        }
    };
    also("Also read", row.aliases);
    also("OpenTelemetry", &row.otel);
    meaning
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[test]
fn the_page_of_settings_is_up_to_date() {
    let root = env!("CARGO_MANIFEST_DIR");
    let expected = markdown();
    let page = std::fs::read_to_string(format!("{root}/docs/configuration.md")).unwrap_or_default();
    // By lines: a checkout may have other line ends.
    if !page.lines().eq(expected.lines()) {
        std::fs::create_dir_all(format!("{root}/target")).unwrap();
        std::fs::write(format!("{root}/target/configuration.md"), expected).unwrap();
        panic!("out of date; update it with: cp target/configuration.md docs/configuration.md");
    }
}
