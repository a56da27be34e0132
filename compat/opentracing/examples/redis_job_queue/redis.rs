//! A Redis server of one's own, and the two commands of a job queue.

use std::error::Error;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

type AnyError = Box<dyn Error + Send + Sync>;

/// No answer takes longer.
const LIMIT: Duration = Duration::from_secs(20);

/// A server that keeps nothing on disk, and ends when this is dropped.
pub(crate) struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts this program, a `redis-server`.
    pub(crate) fn start(program: &Path) -> Result<Self, AnyError> {
        // Somebody else may take the port before the server does.
        Server::try_to_start(program).or_else(|_| Server::try_to_start(program))
    }

    fn try_to_start(program: &Path) -> Result<Self, AnyError> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let process = Command::new(program)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()?;
        let mut server = Server { process, port };
        let started = Instant::now();
        while server.connect().and_then(|mut redis| redis.call(&["PING"])).is_err() {
            if let Some(status) = server.process.try_wait()? {
                return Err(format!("redis-server has ended: {status}").into());
            }
            if started.elapsed() > LIMIT {
                return Err("redis-server does not answer".into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    pub(crate) fn connect(&self) -> Result<Redis, AnyError> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Redis(BufReader::new(stream)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A connection.
pub(crate) struct Redis(BufReader<TcpStream>);

/// What the server answers, as far as the commands here are concerned.
enum Reply {
    Text(Option<String>),
    Number(i64),
    List(Option<Vec<Reply>>),
}

impl Redis {
    /// Puts a job at the end of a list.
    pub(crate) fn push(&mut self, list: &str, job: &str) -> Result<(), AnyError> {
        match self.call(&["RPUSH", list, job])? {
            Reply::Number(length) if length > 0 => Ok(()),
            _ => Err("not an answer to RPUSH".into()),
        }
    }

    /// Takes the first job of a list, and waits for one if it is empty; `None` when the time is over.
    pub(crate) fn pop(&mut self, list: &str, wait: Duration) -> Result<Option<String>, AnyError> {
        match self.call(&["BLPOP", list, &wait.as_secs().to_string()])? {
            Reply::List(None) => Ok(None),
            Reply::List(Some(mut items)) => match items.pop() {
                Some(Reply::Text(job)) => Ok(job),
                _ => Err("not an answer to BLPOP".into()),
            },
            _ => Err("not an answer to BLPOP".into()),
        }
    }

    /// Sends a command, as an array of its words, and reads the answer.
    fn call(&mut self, words: &[&str]) -> Result<Reply, AnyError> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.0.get_mut().write_all(command.as_bytes())?;
        self.reply()
    }

    /// The first byte says what it is: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.
    fn reply(&mut self) -> Result<Reply, AnyError> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        let (kind, rest) = line.trim_end().split_at_checked(1).ok_or("an empty line")?;
        match kind {
            "+" => Ok(Reply::Text(Some(rest.to_owned()))),
            ":" => Ok(Reply::Number(rest.parse()?)),
            // A negative length is that of nothing.
            "$" => match rest.parse::<usize>() {
                Ok(length) => {
                    let mut text = vec![0; length];
                    self.0.read_exact(&mut text)?;
                    self.0.read_exact(&mut [0; 2])?;
                    Ok(Reply::Text(Some(String::from_utf8(text)?)))
                }
                Err(_) => Ok(Reply::Text(None)),
            },
            "*" => match rest.parse::<usize>() {
                Ok(length) => {
                    let items = (0..length).map(|_| self.reply()).collect::<Result<_, _>>()?;
                    Ok(Reply::List(Some(items)))
                }
                Err(_) => Ok(Reply::List(None)),
            },
            _ => Err(format!("Redis says {rest}").into()),
        }
    }
}
