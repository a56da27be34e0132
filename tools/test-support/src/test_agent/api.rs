//! What an agent has received, and what it thinks of it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value, json};

use super::TestAgent;
use crate::decode;
use crate::fail::must;
use crate::http::{Call, Request, Response, get, post};
use crate::span::{Span, tree};
use crate::time::Deadline;

/// A check that a payload did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFailure {
    /// The agent's name of the check, like `trace_count_header`.
    pub check: String,
    /// What is wrong, with the request it was found in.
    pub message: String,
}

#[derive(Deserialize)]
struct Stored {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl TestAgent {
    // ===== what it has =====

    /// The traces received so far, each the spans of all its chunks, the first started first.
    /// Panics if one of the payloads does not decode.
    ///
    /// The agent's own form of v1.0 leaves out what a payload says once, and puts what a chunk says once on all of its
    /// spans. Spans that came so have the tags that they would have by v0.4.
    #[track_caller]
    pub fn traces(&self) -> Vec<Vec<Span>> {
        must("the agent's traces", self.try_traces())
    }

    /// The spans received so far, of all traces.
    #[track_caller]
    pub fn spans(&self) -> Vec<Span> {
        self.traces().concat()
    }

    /// The requests so far to the endpoints for tracers, except `/info`, first to last.
    #[track_caller]
    pub fn requests(&self) -> Vec<Request> {
        let stored = must("the agent's requests", self.fetch("/test/session/requests"));
        let stored: Vec<Stored> = must("the agent's requests", typed(stored));
        let decode = |Stored { method, url, headers, body }: Stored| {
            // The agent tells the URL with the Host that the client has sent, whatever that was.
            let path = url.splitn(4, '/').nth(3).map(|path| format!("/{path}"));
            let body = must("a body in base64", BASE64.decode(body).map_err(io::Error::other));
            let (path, headers) = (path.unwrap_or_default(), headers.into_iter().collect());
            Request { method, path, headers, body }
        };
        stored.into_iter().map(decode).collect()
    }

    /// The `/v0.6/stats` payloads so far, as the agent decodes them.
    #[track_caller]
    pub fn stats(&self) -> Vec<Value> {
        self.list("/test/session/stats")
    }

    /// The telemetry events so far.
    #[track_caller]
    pub fn telemetry(&self) -> Vec<Value> {
        self.list("/test/apmtelemetry")
    }

    /// What any other of the agent's `GET` endpoints answers, as JSON; panics unless it answers
    /// 200.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        must(path, self.fetch(path))
    }

    // ===== waiting =====

    /// Waits until there are at least so many spans, of whatever traces, and gives all traces.
    /// Panics with the traces after the limit.
    #[track_caller]
    pub fn wait_for_spans(&self, count: usize, limit: Duration) -> Vec<Vec<Span>> {
        let wanted = |traces: &[Vec<Span>]| traces.iter().map(Vec::len).sum::<usize>() >= count;
        must(&format!("{count} spans"), self.try_wait_for(limit, wanted))
    }

    /// Waits until the traces are as wanted, and gives all. Panics with the traces after the limit.
    #[track_caller]
    pub fn wait_for(
        &self,
        limit: Duration,
        wanted: impl FnMut(&[Vec<Span>]) -> bool,
    ) -> Vec<Vec<Span>> {
        must("the wanted traces", self.try_wait_for(limit, wanted))
    }

    // ===== checks =====

    /// The checks that failed so far.
    #[track_caller]
    pub fn trace_check_failures(&self) -> Vec<CheckFailure> {
        must("the agent's checks", self.try_check_failures())
    }

    /// Panics if a check has failed, or a payload does not decode.
    #[track_caller]
    pub fn assert_no_check_failures(&self) {
        let failures = self.trace_check_failures();
        if !failures.is_empty() {
            let mut dump = "the agent's checks failed".to_owned();
            for CheckFailure { check, message } in failures {
                let _ = write!(dump, "\n{check}: {message}");
            }
            panic!("{dump}");
        }
        // Payloads that do not decode pass all checks.
        self.traces();
    }

    // ===== what it does =====

    /// Answers trace payloads only after so long, from now on.
    #[track_caller]
    pub fn set_delay(&self, delay: Duration) {
        let settings = json!({"trace_request_delay": delay.as_secs_f64()}).to_string();
        must("setting the delay", self.send(post("/test/settings").body(settings), 202));
    }

    /// Forgets what it has received and found.
    #[track_caller]
    pub fn clear(&self) {
        for path in ["/test/session/clear", "/test/trace_check/clear?clear_all=true"] {
            must("clearing the agent", self.send(get(path), 200));
        }
    }

    // ===== the requests behind it =====

    fn try_traces(&self) -> io::Result<Vec<Vec<Span>>> {
        let mut traces: Vec<Vec<Span>> = typed(self.fetch("/test/traces")?)?;
        let by_v1 = self.spans_by_v1()?;
        for trace in &mut traces {
            for span in trace.iter_mut() {
                if let Some(whole) = by_v1.get(&(span.trace_id, span.span_id)) {
                    span.clone_from(whole);
                }
            }
            trace.sort_by_key(|span| (span.start, span.span_id));
        }
        traces.sort_by_key(|trace| trace.first().map(|span| (span.start, span.span_id)));
        Ok(traces)
    }

    /// The spans that came by v1.0, by their ids.
    fn spans_by_v1(&self) -> io::Result<BTreeMap<(u64, u64), Span>> {
        let stored: Vec<Stored> = typed(self.fetch("/test/session/requests")?)?;
        let mut spans = BTreeMap::new();
        for Stored { url, body, .. } in stored {
            if url.ends_with("/v1.0/traces") {
                let body = BASE64.decode(body).map_err(io::Error::other)?;
                let of_body = decode::v1(&body)?.into_iter().flatten();
                spans.extend(of_body.map(|span| ((span.trace_id, span.span_id), span)));
            }
        }
        Ok(spans)
    }

    fn try_wait_for(
        &self,
        limit: Duration,
        mut wanted: impl FnMut(&[Vec<Span>]) -> bool,
    ) -> io::Result<Vec<Vec<Span>>> {
        let mut last = Vec::new();
        let waited = Deadline::after(limit).poll(|| {
            last = self.try_traces()?;
            Ok(wanted(&last).then_some(()))
        });
        match waited {
            Ok(()) => Ok(last),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                let mut dump = format!("{error}; the agent has {} traces", last.len());
                for trace in &last {
                    let id = trace.first().map(|span| span.trace_id).unwrap_or_default();
                    let _ = write!(dump, "\ntrace {id}, {} spans\n{}", trace.len(), tree(trace));
                }
                Err(io::Error::new(ErrorKind::TimedOut, dump))
            }
            Err(error) => Err(error),
        }
    }

    fn try_check_failures(&self) -> io::Result<Vec<CheckFailure>> {
        let response =
            get("/test/trace_check/failures?return_all=true&use_json=true").send(&self.address)?;
        if response.status == 200 {
            return Ok(Vec::new());
        }
        let failures: BTreeMap<String, Vec<String>> = serde_json::from_slice(&response.body)
            .map_err(|_| io::Error::other(response.text()))?;
        let each = |(check, messages): (String, Vec<String>)| {
            messages.into_iter().map(move |message| CheckFailure { check: check.clone(), message })
        };
        Ok(failures.into_iter().flat_map(each).collect())
    }

    #[track_caller]
    fn list(&self, path: &str) -> Vec<Value> {
        must(path, self.fetch(path).and_then(typed))
    }

    fn fetch(&self, path: &str) -> io::Result<Value> {
        let response = self.send(get(path), 200)?;
        serde_json::from_slice(&response.body).map_err(io::Error::other)
    }

    fn send(&self, call: Call, expected: u16) -> io::Result<Response> {
        let response = call.send(&self.address)?;
        if response.status == expected {
            return Ok(response);
        }
        let (status, text) = (response.status, response.text());
        Err(io::Error::other(format!("the agent answers {status}: {text}")))
    }
}

fn typed<T: for<'de> Deserialize<'de>>(value: Value) -> io::Result<T> {
    serde_json::from_value(value).map_err(io::Error::other)
}
