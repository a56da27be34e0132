//! The Python process which hosts all the agents of a test process.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::fail::lock;
use crate::python::{Peer, Script};

/// For the import of the agent on a busy machine; what comes after takes milliseconds.
const LIMIT: Duration = Duration::from_secs(60);

/// The host, started by the first who asks, and again if something has ended it.
pub(super) fn host() -> io::Result<Arc<Peer>> {
    static HOST: Mutex<Option<Arc<Peer>>> = Mutex::new(None);
    let mut host = lock(&HOST);
    match &*host {
        Some(running) if running.is_running() => Ok(Arc::clone(running)),
        _ => {
            let script = Script::new(include_str!("../../python/agent_host.py"))
                .name("agent_host.py")
                .limit(LIMIT);
            let started = Arc::new(script.try_serve()?);
            *host = Some(Arc::clone(&started));
            Ok(started)
        }
    }
}
