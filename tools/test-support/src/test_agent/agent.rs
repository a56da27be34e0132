//! Starting and stopping.

use std::io;
#[cfg(unix)]
use std::path::Path;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};
#[cfg(unix)]
use tempfile::TempDir;

use super::host::host;
use crate::fail::must;
use crate::http::{Address, get};
use crate::python::Peer;

/// A test agent of one's own, on a free TCP port of the loopback interface and, where there are
/// such, on a Unix socket. All checks that it has are on. Dropping it stops it; it never outlives
/// the test process.
#[derive(Debug)]
pub struct TestAgent {
    pub(super) address: Address,
    otlp: Address,
    #[cfg(unix)]
    socket: Address,
    #[cfg(unix)]
    _socket_dir: TempDir,
    key: u64,
    host: Arc<Peer>,
    owner: u32,
}

/// What an agent is to be told before it starts.
#[derive(Debug, Clone, Default)]
#[must_use = "start it"]
pub struct Builder {
    info: Map<String, Value>,
    tracer_variables: Map<String, Value>,
}

impl Builder {
    /// Adds a field to what `/info` answers, or replaces one: by null, as if the agent did not know
    /// it.
    pub fn info(mut self, field: &str, value: Value) -> Self {
        self.info.insert(field.to_owned(), value);
        self
    }

    /// Lets the checks know a setting of the tracer, as if that had sent the header
    /// `X-Datadog-Trace-Env-Variables`. With `DD_TRACE_SPAN_ATTRIBUTE_SCHEMA=v1` the checks of
    /// `peer.service` and of the service name do something, which without it they do not.
    pub fn tracer_variable(mut self, name: &str, value: &str) -> Self {
        self.tracer_variables.insert(name.to_owned(), value.into());
        self
    }

    /// Starts it; panics with the reason if it cannot.
    #[track_caller]
    pub fn start(self) -> TestAgent {
        must("starting a test agent", self.try_start())
    }

    fn try_start(self) -> io::Result<TestAgent> {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let key = KEYS.fetch_add(1, Ordering::Relaxed);
        let host = host()?;
        #[cfg(unix)]
        let socket_dir = TempDir::with_prefix("agent-")?;
        #[cfg(unix)]
        let socket_path = Some(socket_dir.path().join("apm.socket"));
        #[cfg(not(unix))]
        let socket_path = None::<std::path::PathBuf>;
        let started = host.try_call(&json!({
            "command": "start",
            "key": key,
            "socket": socket_path,
            "info": self.info,
            "tracer_variables": self.tracer_variables,
        }))?;
        let at = |port: &str| {
            let port = started.get(port).and_then(Value::as_u64);
            let port = port.and_then(|port| u16::try_from(port).ok());
            port.map(Address::loopback).ok_or_else(|| io::Error::other(started.to_string()))
        };
        let agent = TestAgent {
            address: at("port")?,
            otlp: at("otlp_port")?,
            #[cfg(unix)]
            socket: Address::Unix(socket_dir.path().join("apm.socket")),
            #[cfg(unix)]
            _socket_dir: socket_dir,
            key,
            host,
            owner: process::id(),
        };
        match get("/info").send(&agent.address)?.status {
            200 => Ok(agent),
            status => Err(io::Error::other(format!("/info answers {status}"))),
        }
    }
}

impl TestAgent {
    /// Starts one that knows all that a current agent does, and wants every span, also of traces that are not sampled.
    /// For one that takes statistics instead, say so: `.info("client_drop_p0s", true.into())`.
    #[track_caller]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// One that is to be different.
    pub fn builder() -> Builder {
        Builder::default().info("client_drop_p0s", false.into())
    }

    /// Its TCP address.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Its TCP address, as in `DD_TRACE_AGENT_URL`.
    pub fn url(&self) -> String {
        self.address.to_string()
    }

    /// Its Unix socket.
    #[cfg(unix)]
    pub fn socket(&self) -> &Address {
        &self.socket
    }

    /// The path of its Unix socket.
    #[cfg(unix)]
    pub fn socket_path(&self) -> &Path {
        match &self.socket {
            Address::Unix(path) => path,
            Address::Tcp(_) => Path::new(""),
        }
    }

    /// Where it takes OTLP over HTTP, as in `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn otlp_address(&self) -> &Address {
        &self.otlp
    }

    /// Answers trace payloads with these sample rates, by `service:<service>,env:<env>`, from now
    /// on.
    #[track_caller]
    pub fn set_rates(&self, rates: &[(&str, f64)]) {
        let rates: Map<_, _> =
            rates.iter().map(|(key, rate)| ((*key).to_owned(), Value::from(*rate))).collect();
        let command = json!({"command": "set_rates", "key": self.key, "rates": rates});
        must("setting the rates", self.host.try_call(&command));
    }
}

impl Drop for TestAgent {
    fn drop(&mut self) {
        // A forked child has a copy of the handle, but not the agent.
        if process::id() == self.owner {
            // A host that has ended has no agents left to stop.
            let _ = self.host.try_call(&json!({"command": "stop", "key": self.key}));
        }
    }
}
