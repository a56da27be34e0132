//! How does a trace travel in a protocol of my own?
//!
//! A shop asks a price list over TCP. Their protocol has nothing to do with HTTP: a message is a line that
//! says what is wanted, lines of fields, and an empty line. A `Propagator` of the program's own puts the
//! trace into one of the fields, on one side, and finds it there, on the other.
//!
//! `cargo run --example custom_propagator` needs no agent: the trace is printed at the end.

mod support;

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use support::{Agent, say};
use tracehound::config::Style;
use tracehound::{
    Extractor, Injector, Propagator, SamplingPriority, SpanContext, SpanKind, Tracer,
};

type AnyError = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), AnyError> {
    let agent = Agent::start()?;
    // The field of our protocol, and W3C Baggage beside it; without the second line there would also be the
    // headers that Datadog's tracers use.
    let tracer = Tracer::builder()
        .propagator(TraceField)
        .propagation_styles([Style::Baggage])
        .service("shop");
    let guard = agent.receive_from(tracer).install();

    let address = start_price_list()?;
    tracehound::in_span("cart.total", |span| {
        span.set_baggage_item("customer", "4711");
        let mut prices = Vec::new();
        for article in ["lamp", "table", "unicorn"] {
            prices.extend(ask(address, article)?);
        }
        span.set_tag("cart.total", prices.iter().sum::<u32>());
        Ok::<_, io::Error>(())
    })?;

    guard.tracer().flush(Duration::from_secs(5))?;
    agent.print(7);
    Ok(())
}

// ===== the trace in a field =====

/// `trace: <trace id> <span id> <priority>`
struct TraceField;

impl Propagator for TraceField {
    fn inject(&self, context: &SpanContext, carrier: &mut dyn Injector) {
        let (Some(trace), Some(span)) = (context.trace_id(), context.span_id()) else { return };
        // Without the priority the other side would decide anew whether to keep the trace.
        let priority = context.priority().unwrap_or(SamplingPriority::AUTO_KEEP);
        carrier.set("trace", format!("{trace} {span} {priority}"));
    }

    fn extract(&self, carrier: &dyn Extractor) -> Option<SpanContext> {
        let mut parts = carrier.header("trace")?.split(' ');
        let trace = parts.next()?.parse().ok()?;
        let span = parts.next()?.parse().ok()?;
        let priority = SamplingPriority::new(parts.next()?.parse().ok()?);
        Some(SpanContext::new(trace, Some(span)).with_priority(priority))
    }
}

// ===== the protocol =====

/// A line, fields, an empty line.
#[derive(Default)]
struct Message {
    line: String,
    /// A carrier as it is: `Injector` and `Extractor` are there for pairs of text.
    fields: Vec<(String, String)>,
}

impl Message {
    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut text = format!("{}\n", self.line);
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {value}\n"));
        }
        to.write_all(format!("{text}\n").as_bytes())
    }

    /// `None` where the other side has hung up.
    fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut lines = from.lines();
        let Some(line) = lines.next().transpose()? else { return Ok(None) };
        let mut fields = Vec::new();
        for line in lines {
            let line = line?;
            match line.split_once(": ") {
                Some((name, value)) => fields.push((name.to_owned(), value.to_owned())),
                None => break,
            }
        }
        Ok(Some(Message { line, fields }))
    }
}

// ===== the shop =====

fn ask(address: SocketAddr, article: &'static str) -> io::Result<Option<u32>> {
    let _span = tracehound::span("price.ask").kind(SpanKind::Client).resource(article).enter();
    let mut question = Message { line: format!("price {article}"), ..Message::default() };
    tracehound::inject(&mut question.fields);
    say(&format!("{} {:?}", question.line, question.fields));

    let mut stream = TcpStream::connect(address)?;
    question.write(&mut stream)?;
    let answer = Message::read(&mut BufReader::new(stream))?.unwrap_or_default();
    Ok(answer.line.parse().ok())
}

// ===== the price list =====

fn start_price_list() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            if let Err(error) = serve(stream) {
                say(&format!("the price list: {error}"));
            }
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    let Some(question) = Message::read(&mut BufReader::new(&stream))? else { return Ok(()) };
    let span = tracehound::span("price.find")
        .service("price-list")
        .kind(SpanKind::Server)
        .resource(question.line.clone())
        .child_of(tracehound::extract(&question.fields))
        .enter();
    let line = match question.line.as_str() {
        "price lamp" => "39".to_owned(),
        "price table" => "180".to_owned(),
        other => {
            let customer = span.baggage_item("customer").unwrap_or_default();
            span.set_error_message(format!("cannot answer {other:?} to customer {customer}"));
            "unknown".to_owned()
        }
    };
    Message { line, ..Message::default() }.write(&mut stream)
}
