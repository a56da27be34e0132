//! How and where spans go as OTLP: the `OTEL_EXPORTER_OTLP_*` variables.
//!
//! Each has a form for traces alone, which wins (OpenTelemetry, "OTLP exporter configuration").

use std::fmt;

use crate::text::Text;

use super::endpoint::Endpoint;
use super::key::{Key, Reason, Remarks};
use super::parse;
use super::percent;
use super::value::Value;
use super::words::words;

words! {
    /// How spans are sent as OTLP (`OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, `OTEL_EXPORTER_OTLP_PROTOCOL`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum OtlpProtocol {
        /// HTTP with JSON: the default, as of every Datadog tracer. It can be read without tools.
        #[default]
        HttpJson = "http/json",
        /// HTTP with protobuf: less than half as large. A span with five tags takes 380 bytes, where JSON takes 850.
        HttpProtobuf = "http/protobuf",
        /// gRPC. Needs the feature `grpc`; without it, a warning says that `http/json` is used.
        Grpc = "grpc",
    }
}

impl Value for OtlpProtocol {
    const KIND: &'static str = "word";

    fn show(&self) -> Option<String> {
        Some(self.as_str().to_owned())
    }
}

impl OtlpProtocol {
    pub(super) fn parse(text: &str, remarks: &mut Remarks) -> Result<Self, Reason> {
        let protocol = OtlpProtocol::from_word(text)
            .ok_or("is none of `http/json`, `http/protobuf` and `grpc`")?;
        Ok(protocol.supported(|| {
            remarks.push(WITHOUT_GRPC.to_owned());
        }))
    }

    /// This protocol, or the default where this one is not built in; then `otherwise` is called.
    pub(crate) fn supported(self, otherwise: impl FnOnce()) -> Self {
        if self == OtlpProtocol::Grpc && !cfg!(feature = "grpc") {
            otherwise();
            return OtlpProtocol::default();
        }
        self
    }

    /// The port of a receiver, where no address is given.
    pub(super) fn default_port(self) -> u16 {
        match self {
            OtlpProtocol::HttpJson | OtlpProtocol::HttpProtobuf => 4318,
            OtlpProtocol::Grpc => 4317,
        }
    }
}

/// The remark where gRPC is asked for and not built in.
pub(crate) const WITHOUT_GRPC: &str =
    "grpc is not built in (the feature `grpc` of the crate); http/json is used";

/// Headers that are sent with each request. They may hold a key, so nothing shows them.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct OtlpHeaders(pub(crate) Vec<(Text, Text)>);

impl fmt::Debug for OtlpHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} headers", self.0.len())
    }
}

/// In no report either, as in no Datadog tracer.
impl Value for OtlpHeaders {
    const KIND: &'static str = "headers";

    fn show(&self) -> Option<String> {
        None
    }
}

impl OtlpHeaders {
    /// Reads `name=value,name=value`; the values may be percent-encoded. No message repeats any of it.
    pub(super) fn parse(text: &str, remarks: &mut Remarks) -> Result<Option<Self>, Reason> {
        let mut headers = Vec::new();
        for (place, pair) in parse::items(text).enumerate() {
            let pair = pair.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            let decoded = pair.and_then(|(name, value)| Some((name, percent::decode(value)?)));
            match decoded.filter(|(name, value)| is_header(name, value)) {
                Some((name, value)) => headers.push((Text::copy(name), Text::from(value))),
                None => {
                    let number = place.saturating_add(1);
                    remarks.push(format!(
                        "its item {number} is no `name=value` that a header can carry; left out"
                    ));
                }
            }
        }
        if headers.is_empty() {
            Err("holds no header".into())
        } else {
            Ok(Some(OtlpHeaders(headers)))
        }
    }
}

/// Whether HTTP takes this header (RFC 9110, section 5), and it is not one of those that the library sets itself.
pub(crate) fn is_header(name: &str, value: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_text = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte) || byte >= 0x80;
    let own = ["connection", "content-length", "content-type", "host", "te", "transfer-encoding"];
    !name.is_empty()
        && name.bytes().all(is_token)
        && value.bytes().all(is_text)
        && !own.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// The address of a receiver of OTLP, in its normal form.
pub(super) fn url(text: Text) -> Result<Text, Reason> {
    match Endpoint::parse(&text)? {
        Endpoint::Unix { .. } => Err("has a scheme other than http".into()),
        endpoint => Ok(endpoint.to_string().into()),
    }
}

/// A row for headers.
pub(super) const HEADERS: Key<Option<OtlpHeaders>> =
    Key { repeats: false, ..Key::new(|| None, OtlpHeaders::parse) };
