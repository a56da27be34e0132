//! As much of HTTP/1.1 as tracers use.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    /// In bytes, with its head.
    pub(crate) size: usize,
}

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Connection { stream: BufReader::with_capacity(64 * 1024, stream) }
    }

    /// `None` when the client has closed the connection.
    pub(crate) fn next(&mut self) -> io::Result<Option<Request>> {
        let mut size = 0;
        let Some(first) = self.line(&mut size)? else { return Ok(None) };
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut length, mut chunked) = (0, false);
        while let Some(line) = self.line(&mut size)?.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').unwrap_or_default();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or_default(),
                "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
                "expect" => self.write("HTTP/1.1 100 Continue\r\n\r\n")?,
                _ => {}
            }
        }
        let mut body = Vec::new();
        if chunked {
            while self.chunk(&mut body, &mut size)? {}
        } else {
            self.read(&mut body, length)?;
            size += length;
        }
        Ok(Some(Request { path, body, size }))
    }

    fn line(&mut self, size: &mut usize) -> io::Result<Option<String>> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line)?;
        *size += length;
        Ok((length > 0).then(|| line.trim_end().to_owned()))
    }

    /// Whether there is another chunk behind this one.
    fn chunk(&mut self, body: &mut Vec<u8>, size: &mut usize) -> io::Result<bool> {
        let line = self.line(size)?.unwrap_or_default();
        let length = usize::from_str_radix(line.split(';').next().unwrap_or_default(), 16);
        let length = length.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.read(body, length)?;
        self.line(size)?;
        *size += length;
        Ok(length > 0)
    }

    fn read(&mut self, body: &mut Vec<u8>, length: usize) -> io::Result<()> {
        let before = body.len();
        (&mut self.stream).take(length as u64).read_to_end(body)?;
        if body.len() - before == length {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    pub(crate) fn respond(&mut self, body: &str) -> io::Result<()> {
        self.write(&format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes())
    }
}
