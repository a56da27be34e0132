//! What the agent says of itself (trace-payload §10.2).

use std::net::SocketAddr;

use serde_json::json;

use super::endpoint::{ENDPOINTS, MAX_BODY};
use super::options::AGENT_PORT;

/// Tracers turn on features by version; this one has all that is offered here, and none of the
/// statistics bugs of the ones right after.
const COMPATIBLE_VERSION: &str = "7.72.0";

/// The body of `/info`.
pub(super) fn info(address: Option<SocketAddr>) -> String {
    let endpoints: Vec<&str> = ENDPOINTS.iter().map(|(path, _)| *path).collect();
    json!({
        "version": COMPATIBLE_VERSION,
        "git_commit": "",
        "endpoints": endpoints,
        "feature_flags": [],
        // What is not sampled is shown as well.
        "client_drop_p0s": false,
        "span_meta_structs": true,
        "long_running_spans": true,
        "span_events": true,
        "config": {
            "default_env": "none",
            "target_tps": 10,
            "max_eps": 200,
            "receiver_port": address.map_or(AGENT_PORT, |address| address.port()),
            "receiver_socket": "",
            "connection_limit": 0,
            "receiver_timeout": 0,
            "max_request_bytes": MAX_BODY,
            "statsd_port": 0,
        },
        "peer_tags": [],
        "span_kinds_stats_computed": ["client", "server", "producer", "consumer"],
    })
    .to_string()
}
