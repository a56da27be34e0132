//! An agent that counts what it gets and throws it away, in a process of its own.
//!
//! `sink [seconds]` prints its address and serves until its standard input ends. It takes traces as the agent
//! does (`/v0.3/traces` to `/v0.5/traces`, `/v1.0/traces`) and as an OpenTelemetry collector does (`/v1/traces`), decodes as much
//! of a payload as is needed to count its spans, and answers at once, or after so many seconds. `GET /counts`
//! says what came.
//!
//! The agent of `tools/local-agent` checks every field of every span and keeps the traces: on two cores it
//! would be most of what is measured.

mod count;
mod http;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Read as _, Write as _, stdin, stdout};
use std::net::{TcpListener, TcpStream};

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use http::{Connection, Request};

/// What came so far.
#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    /// Of requests with traces, heads included.
    bytes: AtomicU64,
    spans: AtomicU64,
    /// Without those of payloads that came before, byte for byte: what was sent again.
    distinct: AtomicU64,
    /// Requests with traces that could not be decoded.
    malformed: AtomicU64,
    payloads: Mutex<HashSet<u64>>,
}

impl Counts {
    fn is_new(&self, payload: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        hasher.write(payload);
        let mut payloads = self.payloads.lock().unwrap_or_else(PoisonError::into_inner);
        payloads.insert(hasher.finish())
    }
}

fn main() -> io::Result<()> {
    let delay = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok());
    let delay = Duration::from_secs(delay.unwrap_or_default());
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    stdout().flush()?;

    let counts = Arc::new(Counts::default());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counts = Arc::clone(&counts);
            thread::spawn(move || serve(stream, &counts, delay));
        }
    });
    // The driver holds the other end: when it goes, so does this.
    stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn serve(stream: TcpStream, counts: &Counts, delay: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = Connection::new(stream);
    while let Some(request) = connection.next()? {
        let body = answer(&request, counts, delay);
        connection.respond(&body)?;
    }
    Ok(())
}

fn answer(request: &Request, counts: &Counts, delay: Duration) -> String {
    let spans = match request.path.as_str() {
        "/counts" => {
            return format!(
                "requests={} bytes={} spans={} distinct={} malformed={}",
                counts.requests.load(Relaxed),
                counts.bytes.load(Relaxed),
                counts.spans.load(Relaxed),
                counts.distinct.load(Relaxed),
                counts.malformed.load(Relaxed),
            );
        }
        // Without `client_drop_p0s`: whatever is sampled out is sent all the same, by everyone.
        "/info" => {
            return r#"{"version":"7.70.0","endpoints":["/v0.3/traces","/v0.4/traces","/v0.5/traces","/v1.0/traces"],"client_drop_p0s":false,"config":{}}"#
                .to_owned();
        }
        "/v0.3/traces" | "/v0.4/traces" => count::datadog(&request.body),
        "/v0.5/traces" => count::v05(&request.body),
        "/v1.0/traces" => count::v1(&request.body),
        "/v1/traces" => count::otlp(&request.body),
        _ => return "{}".to_owned(),
    };
    counts.requests.fetch_add(1, Relaxed);
    counts.bytes.fetch_add(request.size as u64, Relaxed);
    match spans {
        Some(spans) => {
            counts.spans.fetch_add(spans, Relaxed);
            if counts.is_new(&request.body) {
                counts.distinct.fetch_add(spans, Relaxed);
            }
        }
        None => drop(counts.malformed.fetch_add(1, Relaxed)),
    }
    thread::sleep(delay);
    if request.path == "/v1/traces" {
        // An empty ExportTraceServiceResponse.
        String::new()
    } else {
        r#"{"rate_by_service":{}}"#.to_owned()
    }
}
