//! The guide, and what it is held to.

const GUIDE: &str = include_str!("../../../../docs/migrating.md");
const SETTINGS: &str = include_str!("../../../../docs/configuration.md");

macro_rules! before {
    ($program:literal, $file:literal) => {
        include_str!(concat!("../../../../docs/migrating/before/", $program, "/", $file))
    };
}

/// What is compiled: `cargo build` in docs/migrating/before, and the examples of this crate.
const BEFORE: [&str; 3] = [
    before!("datadog-opentelemetry", "src/main.rs"),
    before!("opentelemetry-datadog", "src/main.rs"),
    before!("opentelemetry-otlp", "src/main.rs"),
];
const AFTER: [&str; 3] = [
    include_str!("../../examples/from_datadog_opentelemetry.rs"),
    include_str!("../../examples/from_opentelemetry_datadog.rs"),
    include_str!("../../examples/from_opentelemetry_otlp.rs"),
];
const DEPENDENCIES_BEFORE: [&str; 3] = [
    before!("datadog-opentelemetry", "Cargo.toml"),
    before!("opentelemetry-datadog", "Cargo.toml"),
    before!("opentelemetry-otlp", "Cargo.toml"),
];

/// The pieces of code in a part of the guide, with their languages.
fn blocks(text: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut parts = text.split("```");
    let mut blocks = Vec::new();
    parts.next();
    while let Some(block) = parts.next() {
        blocks.push(block.split_once('\n').unwrap());
        parts.next().expect("a block that does not end");
    }
    blocks
}

fn blocks_in(language: &str) -> Vec<&'static str> {
    let all = blocks(GUIDE).into_iter().filter(|(of, _)| *of == language);
    all.map(|(_, block)| block).collect()
}

/// What the section with this anchor says arrives.
pub(crate) fn tree_of(anchor: &str) -> &'static str {
    let as_anchor = |title: &str| {
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -".contains(*c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    let mut sections = GUIDE.split("\n## ");
    let section =
        sections.find(|section| as_anchor(section.lines().next().unwrap()) == anchor).unwrap();
    let mut trees = blocks(section).into_iter().filter(|(language, _)| *language == "text");
    trees.next().unwrap().1
}

pub(crate) fn its_code_is_compiled() {
    let rust = blocks_in("rust");
    assert_eq!(rust.len(), 7);
    for block in rust {
        let is_there = |program: &&str| program.contains(block);
        assert!(BEFORE.iter().chain(&AFTER).any(is_there), "in no program:\n{block}");
    }
    // Nothing but these is in the guide; the trees are looked at by running the programs.
    let languages = ["rust", "toml", "text"];
    assert!(blocks(GUIDE).iter().all(|(language, _)| languages.contains(language)));
    assert_eq!(blocks_in("text").len(), AFTER.len());
}

pub(crate) fn instrumented_code_stays() {
    let code = blocks_in("rust")[0];
    assert!(code.contains("fn handle_order"));
    for program in BEFORE.iter().chain(&AFTER) {
        assert!(program.contains(code), "handles orders in another way:\n{program}");
    }
}

pub(crate) fn its_dependencies_are_these() {
    let toml = blocks_in("toml");
    assert_eq!(toml.len(), 6);
    for pair in toml.chunks(2) {
        let is_there = |manifest: &&str| manifest.contains(pair[0]);
        assert!(DEPENDENCIES_BEFORE.iter().any(is_there), "in no program:\n{}", pair[0]);
        pair[1].lines().for_each(is_of_this_workspace);
    }
}

/// Whether a program may depend so on what is in this repository.
fn is_of_this_workspace(line: &str) {
    let (name, said) = line.split_once(" = ").unwrap();
    let quoted: Vec<_> = said.split('"').skip(1).step_by(2).collect();
    let (version, features) = quoted.split_first().unwrap();
    let workspace = include_str!("../../../../Cargo.toml");
    let starts = |text: &str| text.starts_with(&format!("{version}."));
    if name.starts_with("tracehound") {
        assert!(starts(env!("CARGO_PKG_VERSION")), "{line}");
    } else {
        assert!(workspace.contains(&format!("\n{name} = {{ version = \"{version}\"")), "{line}");
    }
    for feature in features {
        let manifest = include_str!("../../Cargo.toml");
        assert!(manifest.contains(&format!("\n{feature} = [")), "{line}");
    }
}

/// The variables that the guide sends readers to.
pub(crate) fn its_settings_exist() {
    let (_, section) = GUIDE.split_once("\n## Settings\n").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit_once(" | "));
    let mut count = 0;
    for (_, after) in rows.take_while(|(_, after)| *after != "sends with") {
        let names = after.split('`').skip(1).step_by(2);
        for name in names.filter(|name| name.starts_with("DD_")) {
            assert!(SETTINGS.contains(&format!("`{name}`")), "no setting: {name}");
            count += 1;
        }
    }
    assert!(count >= 15, "{count}");
}
