//! How do two databases of one kind become two services?
//!
//! Each client that an integration traces has a pin, which names its service, its tags, or a tracer of its own. The
//! client here stands for one of a library: the part of an integration's author is at the end.
//!
//! `cargo run --example two_databases` needs no agent.

mod support;

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use support::{Agent, say};
use tracehound::Tracer;
use tracehound::integration::{Pin, Pinned};

use database::Connection;

fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::start()?;
    let guard = agent.receive_from(Tracer::builder().service("album")).install();

    let mut users = Connection::open("/tmp/user.db");
    Pin::override_on(&mut users, |pin| pin.service("user-db").tag("db.cluster", "eu-1"));
    // The same in the line that opens it.
    let images = Connection::open("/tmp/image.db").pinned(|pin| pin.service("image-db"));
    let other = Connection::open("/tmp/other.db");
    say(&format!("The pin of {}: service {:?}", users.path(), Pin::of(&users).service()));

    tracehound::in_span("web.request", |_| {
        users.execute("SELECT name FROM user WHERE id = ?");
        images.execute("SELECT url FROM image WHERE user_id = ?");
        // Without a pin: as all of its kind.
        other.execute("SELECT 1");
    });
    tracehound::integrations().set("sqlite", false);
    tracehound::in_span("web.request", |_| users.execute("SELECT 'nobody sees this'"));

    guard.tracer().flush(Duration::from_secs(5))?;
    let mut services = BTreeMap::new();
    for span in agent.traces(5).iter().flat_map(|trace| trace.spans()) {
        services.entry(span.service.clone()).or_insert_with(Vec::new).push(span.resource.clone());
    }
    for (service, resources) in services {
        say(&format!("{service:<9} {}", resources.join(", ")));
    }
    say(&format!("Integrations: {}", tracehound::integrations().to_string().trim_end()));
    agent.say_where();
    Ok(())
}

/// What the author of an integration writes.
mod database {
    use tracehound::SpanKind;
    use tracehound::integration::{Integration, Pin, Pinned};

    static SQLITE: Integration =
        Integration::new("sqlite").service("sqlite").kind(SpanKind::Client);

    pub(crate) struct Connection {
        path: String,
        pin: Pin,
    }

    impl Pinned for Connection {
        fn pin(&self) -> &Pin {
            &self.pin
        }

        fn set_pin(&mut self, pin: Pin) {
            self.pin = pin;
        }
    }

    impl Connection {
        pub(crate) fn open(path: &str) -> Self {
            Connection { path: path.to_owned(), pin: Pin::new() }
        }

        pub(crate) fn path(&self) -> &str {
            &self.path
        }

        /// Would run a statement; here every one finds one row.
        pub(crate) fn execute(&self, statement: &str) -> u64 {
            let run = || 1;
            // Switched off: straight through.
            let Some(span) = SQLITE.span(&self.pin, "sqlite.query") else { return run() };
            let span = span.resource(statement).span_type("sql").tag("db.name", &*self.path);
            span.in_scope(|span| {
                let rows = run();
                span.set_tag("db.row_count", rows);
                rows
            })
        }
    }
}
