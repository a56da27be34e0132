//! What does tracing cost, and what would the others cost?
//!
//! `cargo run --release` in this directory builds the peers, lets them take turns at the same work, and prints
//! `benches/RESULTS.md`. `benches/README.md` says what each line means.

mod agent;
mod answer;
mod arguments;
mod bars;
mod build;
mod findings;
mod growth;
mod instructions;
mod machine;
mod paced;
mod peers;
mod process;
mod program;
mod propagation;
mod rounds;
mod run;
mod slow;
mod spans;
mod table;
mod threads;
mod unsampled;

use std::error::Error;
use std::time::Instant;

use run::Run;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measures something and says it in Markdown.
type Section = fn(&mut Run) -> Result<String>;

const SECTIONS: [(&str, Section); 9] = [
    ("spans", spans::section),
    ("propagation", propagation::section),
    ("unsampled", unsampled::section),
    ("threads", threads::section),
    ("instructions", instructions::section),
    ("paced", paced::section),
    ("slow", slow::section),
    ("growth", growth::section),
    ("program", program::section),
];

fn main() -> Result<()> {
    let arguments = arguments::parse(SECTIONS.iter().map(|(name, _)| *name))?;
    let mut run = Run::prepare(arguments)?;
    let head = machine::head(&run.arguments)?;
    let mut sections = String::new();
    for (name, section) in SECTIONS {
        if run.arguments.is_wanted(name) {
            let start = Instant::now();
            // What the others found is not lost by one that fails.
            sections += &section(&mut run)
                .unwrap_or_else(|error| format!("\n## {name}\n\nNot measured: {error}.\n"));
            eprintln!("{name}: {:.0} s", start.elapsed().as_secs_f64());
        }
    }
    print!("{head}{}{sections}", bars::table(&run.findings));
    Ok(())
}
