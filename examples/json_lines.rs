//! Traces without an agent: as lines of JSON to a stream, and in memory.
//!
//! `cargo run --example json_lines` prints a line for each batch of traces, as a function of AWS Lambda without Datadog's
//! extension writes them; whoever reads the log of the process has them.

mod support;

use std::error::Error;
use std::time::Duration;

use support::say;
use tracehound::{Captured, TraceWriter, Tracer};

fn main() -> Result<(), Box<dyn Error>> {
    // A background thread writes there; `TraceWriter::json_lines(file)` takes any other stream.
    work(&Tracer::builder().service("shop").writer(TraceWriter::json_lines_to_stdout()).build())?;

    // What is kept in memory is read by the program itself.
    let captured = Captured::default();
    work(&Tracer::builder().service("shop").writer(TraceWriter::memory(&captured)).build())?;
    for span in captured.take().concat() {
        say(&format!("{} took {:?}, with {:?}", span.name, span.duration, span.metrics));
    }
    Ok(())
}

fn work(tracer: &Tracer) -> Result<(), Box<dyn Error>> {
    tracer.in_span("job.run", |_| tracer.in_span("job.step", |span| span.set_metric("rows", 3.0)));
    Ok(tracer.shutdown(Duration::from_secs(10))?)
}
