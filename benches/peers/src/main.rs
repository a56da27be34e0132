//! What does tracing cost, and what would the others cost?
//!
//! `cargo run --release` in this directory builds the peers, lets them take turns at the same work, and prints
//! the table of `benches/RESULTS.md`. `benches/README.md` says what each line means.

mod agent;
mod arguments;
mod build;
mod machine;
mod peers;
mod process;
mod rounds;
mod single;
mod table;
mod valgrind;

use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments = arguments::parse()?;
    let peers = peers::chosen(&arguments.peers);
    let binaries = build::binaries(&peers)?;
    print!("{}", machine::head(&arguments)?);
    for section in [single::section, valgrind::section] {
        println!("{}", section(&arguments, &peers, &binaries)?);
    }
    Ok(())
}
