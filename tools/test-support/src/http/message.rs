//! Reading requests and responses off a stream.

use std::io::{self, BufRead, Read};

use serde_json::Value;

use super::Headers;
use crate::decode;
use crate::fail::must;
use crate::span::Span;

/// Enough for any head that a tracer sends; a head without end must not fill the memory.
const MAX_HEAD_BYTES: u64 = 1 << 20;

/// A request, as an agent received it.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// `GET`, `PUT`, `POST`.
    pub method: String,
    /// The path, with the query if there is one.
    pub path: String,
    /// The header fields.
    pub headers: Headers,
    /// The body, without its transfer encoding.
    pub body: Vec<u8>,
}

impl Request {
    /// The first value of a header; its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Whether this is a request with traces, of any format that is decoded here.
    pub fn has_traces(&self) -> bool {
        decode::TRACE_PATHS.iter().any(|path| self.path.ends_with(path))
    }

    /// The chunks in the body of a request with traces; panics if it is not one.
    #[track_caller]
    pub fn chunks(&self) -> Vec<Vec<Span>> {
        must("the body is not a payload of this path", decode::payload(&self.path, &self.body))
    }

    /// The body, which must be JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        must("the body is not JSON", serde_json::from_slice(&self.body).map_err(io::Error::other))
    }
}

/// Reads a request; `None` if the stream ended before one began.
pub(crate) fn read_request(stream: &mut impl BufRead) -> io::Result<Option<Request>> {
    let Some((start, headers)) = read_head(stream)? else { return Ok(None) };
    let mut words = start.split(' ');
    let (Some(method), Some(path), Some("HTTP/1.1")) = (words.next(), words.next(), words.next())
    else {
        return Err(invalid(format!("not a request line: {start:?}")));
    };
    let body = read_body(stream, &headers)?.unwrap_or_default();
    Ok(Some(Request { method: method.to_owned(), path: path.to_owned(), headers, body }))
}

/// Reads a response: its status, headers and body.
pub(super) fn read_response(stream: &mut impl BufRead) -> io::Result<(u16, Headers, Vec<u8>)> {
    let (start, headers) = read_head(stream)?
        .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer"))?;
    let status = start
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.split(' ').next()?.parse().ok())
        .ok_or_else(|| invalid(format!("not a status line: {start:?}")))?;
    let body = match read_body(stream, &headers)? {
        Some(body) => body,
        None => {
            let mut body = Vec::new();
            stream.read_to_end(&mut body)?;
            body
        }
    };
    Ok((status, headers, body))
}

fn read_head(stream: &mut impl BufRead) -> io::Result<Option<(String, Headers)>> {
    let mut head = stream.take(MAX_HEAD_BYTES);
    let Some(start) = read_line(&mut head)? else { return Ok(None) };
    let mut headers = Headers::default();
    loop {
        let line = read_line(&mut head)?.ok_or_else(cut_short)?;
        if line.is_empty() {
            return Ok(Some((start, headers)));
        }
        let (name, value) =
            line.split_once(':').ok_or_else(|| invalid(format!("not a header: {line:?}")))?;
        headers.add(name, value.trim());
    }
}

/// A body of a length that the headers tell; `None` if they do not.
fn read_body(stream: &mut impl BufRead, headers: &Headers) -> io::Result<Option<Vec<u8>>> {
    if headers.get("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return read_chunked(stream).map(Some);
    }
    let Some(length) = headers.get("Content-Length") else { return Ok(None) };
    let length =
        length.parse().map_err(|_| invalid(format!("not a content length: {length:?}")))?;
    let mut body = Vec::new();
    read_exactly(stream, length, &mut body)?;
    Ok(Some(body))
}

fn read_chunked(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream)?.ok_or_else(cut_short)?;
        let length = u64::from_str_radix(&line, 16)
            .map_err(|_| invalid(format!("not a chunk length: {line:?}")))?;
        read_exactly(stream, length, &mut body)?;
        // The empty line after each chunk, and after the last one instead of trailers.
        if !read_line(stream)?.ok_or_else(cut_short)?.is_empty() {
            return Err(invalid("a chunk is longer than it says".to_owned()));
        }
        if length == 0 {
            return Ok(body);
        }
    }
}

fn read_exactly(stream: &mut impl BufRead, length: u64, into: &mut Vec<u8>) -> io::Result<()> {
    let read = stream.take(length).read_to_end(into)?;
    if u64::try_from(read).is_ok_and(|read| read == length) { Ok(()) } else { Err(cut_short()) }
}

fn read_line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    match line.strip_suffix(b"\r\n") {
        Some(line) => Ok(Some(String::from_utf8_lossy(line).into_owned())),
        None if line.ends_with(b"\n") => Err(invalid("a line ends without \\r".to_owned())),
        None => Err(cut_short()),
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the message is cut short")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(bytes: &str) -> io::Result<Option<Request>> {
        read_request(&mut bytes.as_bytes())
    }

    #[test]
    fn a_body_ends_where_its_headers_say() {
        let by_length = "PUT /v0.4/traces HTTP/1.1\r\nContent-length:  3\r\n\r\nabcGET";
        let read = request(by_length).unwrap().unwrap();
        assert_eq!((read.method.as_str(), read.path.as_str()), ("PUT", "/v0.4/traces"));
        assert_eq!((read.header("Content-Length"), read.body.as_slice()), (Some("3"), &b"abc"[..]));

        let chunked =
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(request(chunked).unwrap().unwrap().body, b"abc");
        assert_eq!(request("GET / HTTP/1.1\r\n\r\n").unwrap().unwrap().body, b"");
    }

    #[test]
    fn no_message_differs_from_half_a_message() {
        assert!(request("").unwrap().is_none());
        for half in ["GET", "GET / HTTP/1.1\r\n", "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab"] {
            assert_eq!(request(half).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{half:?}");
        }
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for garbage in [
            "garbage\r\n\r\n",
            "GET / HTTP/1.1\n\n",
            "GET / HTTP/1.1\r\nno colon\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        ] {
            let error = request(garbage).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{garbage:?}");
        }
    }

    #[test]
    fn a_response_may_end_with_its_connection() {
        let mut bytes: &[u8] = b"HTTP/1.1 503 Busy\r\nServer: x\r\n\r\nto the end";
        let (status, headers, body) = read_response(&mut bytes).unwrap();
        assert_eq!(
            (status, headers.get("server"), &body[..]),
            (503, Some("x"), &b"to the end"[..])
        );
    }
}
