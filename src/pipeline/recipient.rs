//! Who gets the payloads: the agent, a collector, or a stream.

use std::path::PathBuf;
use std::time::Duration;

use hyper::Method;
use hyper::body::Bytes;
use hyper::http::HeaderMap;

use super::destination::Destination;
use super::inner::Settings;
use super::link::Link;
use super::problem::{Peer, Role};
use super::stream::Stream;
use crate::agent::{
    Client, ClientStats, Meanwhile, Outcome, Request, SendError, SendErrorKind, Version, otlp,
};
use crate::config::{OtlpProtocol, OtlpSettings};
use crate::diag::Diag;
use crate::encode::Format;

/// Who gets the payloads.
pub(super) enum Recipient {
    Agent(Box<Link>),
    Collector(Box<Collector>),
    Stream(Lines),
}

/// A collector that takes OTLP.
pub(super) struct Collector {
    client: Client,
    is_grpc: bool,
    headers: HeaderMap,
    /// How long it wants to get nothing, by its last answer.
    pause: Option<Duration>,
}

/// A stream, and whether its last line is not whole.
pub(super) struct Lines {
    stream: Stream,
    is_torn: bool,
    patience: Duration,
}

impl Recipient {
    pub(super) fn new(destination: &Destination, settings: &Settings, diag: &Diag) -> Self {
        match destination {
            Destination::Otlp(otlp) => {
                let ca_file = settings.agent_ca_file.clone();
                Recipient::Collector(Box::new(Collector::new(otlp, ca_file)))
            }
            Destination::JsonLines(stream) => Recipient::Stream(Lines {
                stream: stream.clone(),
                is_torn: false,
                patience: settings.timeout,
            }),
            Destination::Agent | Destination::Memory(_) | Destination::Nowhere => {
                Recipient::Agent(Box::new(Link::new(settings, diag)))
            }
        }
    }

    /// The agent, where it is one: nobody else is asked for `/info`.
    pub(super) fn agent(&self) -> Option<&Link> {
        match self {
            Recipient::Agent(link) => Some(link),
            Recipient::Collector(_) | Recipient::Stream(_) => None,
        }
    }

    /// As [`Recipient::agent`].
    pub(super) fn agent_mut(&mut self) -> Option<&mut Link> {
        match self {
            Recipient::Agent(link) => Some(link),
            Recipient::Collector(_) | Recipient::Stream(_) => None,
        }
    }

    /// The other end, as lines name it; `None` where there is no connection.
    pub(super) fn peer(&self) -> Option<Peer<'_>> {
        match self {
            Recipient::Agent(link) => Some(Peer { role: Role::Agent, endpoint: link.endpoint() }),
            Recipient::Collector(collector) => {
                Some(Peer { role: Role::Collector, endpoint: collector.client.endpoint() })
            }
            Recipient::Stream(_) => None,
        }
    }

    /// How long it wants to get nothing, by its last answer.
    pub(super) fn pause(&self) -> Option<Duration> {
        match self {
            Recipient::Collector(collector) => collector.pause,
            Recipient::Agent(_) | Recipient::Stream(_) => None,
        }
    }

    /// Sends one request with so many chunks in this format. Only an agent is told about statistics.
    pub(super) fn post(
        &mut self,
        format: Format,
        chunks: usize,
        body: Vec<Bytes>,
        stats: ClientStats,
        meanwhile: Meanwhile<'_>,
    ) -> Result<Outcome, SendError> {
        match self {
            Recipient::Agent(link) => link.post(format, chunks, body, stats, meanwhile),
            Recipient::Collector(collector) => collector.post(format, body, meanwhile),
            Recipient::Stream(lines) => lines.write(&body),
        }
    }
}

impl Collector {
    fn new(settings: &OtlpSettings, ca_file: Option<PathBuf>) -> Self {
        let content_type = Format::Otlp(settings.protocol).content_type();
        let is_grpc = settings.protocol == OtlpProtocol::Grpc;
        let version = if is_grpc { Version::Http2 } else { Version::Http1 };
        Collector {
            client: Client::new(settings.endpoint.clone(), settings.timeout, ca_file)
                .speaking(version),
            is_grpc,
            headers: otlp::otlp_headers(&settings.headers, content_type),
            pause: None,
        }
    }

    fn post(
        &mut self,
        format: Format,
        body: Vec<Bytes>,
        meanwhile: Meanwhile<'_>,
    ) -> Result<Outcome, SendError> {
        self.pause = None;
        let headers = &self.headers;
        let request = Request { method: Method::POST, path: format.path(), headers, body };
        let response = self.client.send(request, meanwhile)?;
        self.pause = otlp::pause(&response.headers);
        if self.is_grpc { otlp::read_grpc(response) } else { Ok(otlp::read(&response)) }
    }
}

impl Lines {
    fn write(&mut self, body: &[Bytes]) -> Result<Outcome, SendError> {
        // What is there of the line before is no JSON. It must not spoil this one.
        let end_of_last: &[u8] = if self.is_torn { b"\n" } else { b"" };
        // In one piece, so that what the program writes there does not come in between.
        let line = [&[Bytes::from_static(end_of_last)], body].concat().concat();
        match self.stream.write(&line, self.patience) {
            Ok(()) => {
                self.is_torn = false;
                Ok(Outcome::Accepted { rates: None })
            }
            Err((written, error)) => {
                self.is_torn |= written > 0;
                Err(SendError::new(SendErrorKind::Stream(error), false))
            }
        }
    }
}
