//! Ready-made scripts.

use serde_json::{Value, json};

use super::{Received, Reply};

/// What `/info` answers on a current agent.
pub fn info() -> Value {
    json!({
        "version": "7.78.0",
        "endpoints": [
            "/v0.3/traces", "/v0.4/traces", "/v0.5/traces", "/v0.7/traces", "/v0.6/stats",
            "/telemetry/proxy/", "/v0.7/config"
        ],
        "client_drop_p0s": true,
        "span_meta_structs": true,
        "span_events": true,
        "long_running_spans": true,
        "config": {"receiver_port": 8126, "max_request_bytes": 26_214_400},
    })
}

/// Answers as an agent which is well.
pub fn healthy(request: &Received) -> Reply {
    match request.path.as_str() {
        "/info" => Reply::json(&info()),
        _ => Reply::rates(&[("service:,env:", 1.0)]),
    }
}

/// An agent that is well and announces that it takes v1.0 as well.
pub fn with_v1(request: &Received) -> Reply {
    match request.path.as_str() {
        "/info" => Reply::json(&info_of(&["/v0.4/traces", "/v0.5/traces", "/v1.0/traces"])),
        _ => healthy(request),
    }
}

/// What `/info` answers on an agent that has these endpoints.
pub fn info_of(endpoints: &[&str]) -> Value {
    let mut info = info();
    if let Value::Object(fields) = &mut info {
        fields.insert("endpoints".to_owned(), json!(endpoints));
    }
    info
}

/// An agent from before `/info`, which knows no other trace endpoints than `/v0.3/traces` and
/// `/v0.4/traces`.
pub fn old_agent(request: &Received) -> Reply {
    match request.path.as_str() {
        "/v0.3/traces" | "/v0.4/traces" => healthy(request),
        _ => Reply::status(404),
    }
}

/// Refuses bodies of more than so many bytes with 413.
pub fn at_most(bytes: usize) -> impl Fn(&Received) -> Reply + Send + Sync + 'static {
    move |request| {
        if request.body.len() > bytes { Reply::status(413) } else { healthy(request) }
    }
}

/// Does this to the first so many requests other than for `/info`, and then gets well.
pub fn first(times: usize, reply: Reply) -> impl Fn(&Received) -> Reply + Send + Sync + 'static {
    let left = std::sync::atomic::AtomicUsize::new(times);
    move |request| {
        use std::sync::atomic::Ordering::Relaxed;
        let take = |left: usize| left.checked_sub(1);
        if request.path != "/info" && left.fetch_update(Relaxed, Relaxed, take).is_ok() {
            return reply.clone();
        }
        healthy(request)
    }
}

/// Answers well and closes each connection afterwards without saying so, as a proxy does with one
/// that it finds idle.
pub fn stale_connections(request: &Received) -> Reply {
    healthy(request).and_close()
}
