//! The table of settings in `docs/configuration.md`, written from the rows.

use super::key::Row;
use super::table::{rows, rows_of_integrations};

/// The line of the page above the rows of its table.
const HEAD: &str = "|---|---|---|---|---|\n";

fn line(row: &Row) -> String {
    let code = |text: &str| format!("`{text}`");
    let default = match row.default.as_deref() {
        None => "unset".to_owned(),
        Some("") => "empty".to_owned(),
        Some(text) => code(text),
    };
    let also = |label: &str, names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| code(name)).collect();
        if names.is_empty() { String::new() } else { format!(" {label}: {}.", names.join(", ")) }
    };
    format!(
        "| {} | {} | {} | {default} | {}{}{} |\n",
        code(row.name),
        row.setter.map(code).unwrap_or_default(),
        row.kind,
        row.doc,
        also("Also read", row.aliases),
        also("OpenTelemetry", &row.otel),
    )
}

#[test]
fn the_page_of_settings_is_up_to_date() {
    let root = env!("CARGO_MANIFEST_DIR");
    let page = std::fs::read_to_string(format!("{root}/docs/configuration.md")).unwrap();
    // A checkout may have other line ends.
    let page = page.replace("\r\n", "\n");
    let (text, _) = page.split_once(HEAD).expect("the page has no table of five columns");
    let lines = rows().iter().chain(&rows_of_integrations()).map(line).collect::<String>();
    let expected = format!("{text}{HEAD}{lines}");
    if page != expected {
        std::fs::create_dir_all(format!("{root}/target")).unwrap();
        std::fs::write(format!("{root}/target/configuration.md"), expected).unwrap();
        panic!("out of date; update it with: cp target/configuration.md docs/configuration.md");
    }
}
