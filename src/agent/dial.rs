//! Opening a connection: name lookup, every address of a host, Unix sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tracehound_machine::spawn_background;

use super::deadline::{Deadline, Passed};
use crate::config::{Endpoint, Host};

/// What a connection runs over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens connections to one agent.
#[derive(Debug, Default)]
pub(super) struct Dialer {
    lookup: Option<oneshot::Receiver<io::Result<Vec<SocketAddr>>>>,
}

impl Dialer {
    /// A connection to the agent, or why there is none when the deadline has come.
    pub(super) async fn dial(
        &mut self,
        endpoint: &Endpoint,
        deadline: Deadline,
    ) -> io::Result<Box<dyn Stream>> {
        match deadline.bound(self.connect(endpoint, deadline)).await {
            Ok(connected) => connected,
            Err(Passed) => Err(too_late(deadline.timeout())),
        }
    }

    async fn connect(
        &mut self,
        endpoint: &Endpoint,
        deadline: Deadline,
    ) -> io::Result<Box<dyn Stream>> {
        match endpoint {
            Endpoint::Http { host, port, .. } => {
                let addresses = self.addresses(host, *port).await?;
                let stream = connect_to_any(&addresses, deadline).await?;
                // A request is written whole: nothing is gained by waiting for more of it.
                let _ = stream.set_nodelay(true);
                Ok(Box::new(stream))
            }
            #[cfg(unix)]
            Endpoint::Unix { path } => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
            #[cfg(not(unix))]
            Endpoint::Unix { .. } => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    async fn addresses(&mut self, host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
        match host {
            Host::Ip(address) => Ok(vec![SocketAddr::new(*address, port)]),
            // The default; what it means is fixed (RFC 6761), so the usual case asks no resolver.
            Host::Name(name) if name.eq_ignore_ascii_case("localhost") => {
                let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                Ok(both.map(|address| SocketAddr::new(address, port)).into())
            }
            Host::Name(name) => self.look_up(name, port).await,
        }
    }

    /// Asks the system's resolver, on a thread of its own.
    ///
    /// The resolver blocks, for half a minute when its servers do not answer, and cannot be told to stop. On
    /// the worker's thread it would outlast every deadline. tokio's blocking pool would be outlasted too, at
    /// shutdown, and panics where no thread can be had. One that has not answered yet is not asked again, so
    /// there is at most one such thread.
    async fn look_up(&mut self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let lookup = match &mut self.lookup {
            Some(lookup) => lookup,
            None => {
                let (answer, lookup) = oneshot::channel();
                let name = name.to_owned();
                spawn_background("tracehound-dns", move || {
                    let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
                    // Nobody waits any more once the client is gone.
                    let _ = answer.send(found);
                })?;
                self.lookup.insert(lookup)
            }
        };
        let answer = lookup.await;
        self.lookup = None;
        answer.unwrap_or_else(|_| Err(io::Error::other("the name lookup failed")))
    }
}

/// The first address that answers; each has its share of the time, so that a dead one leaves some to the next.
async fn connect_to_any(addresses: &[SocketAddr], deadline: Deadline) -> io::Result<TcpStream> {
    let mut first_error = None;
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = deadline.remaining().checked_div(left).unwrap_or_default();
        left = left.saturating_sub(1);
        let error = match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error,
            Err(_) => too_late(share),
        };
        // The first is the most telling: after `127.0.0.1` refused, `::1` often is just not there.
        first_error.get_or_insert(error);
    }
    Err(first_error.unwrap_or_else(|| io::Error::other("the host has no address")))
}

fn too_late(time: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {time:?}"))
}

#[cfg(test)]
mod tests {
    use super::super::test_server::run;
    use super::*;
    use std::net::TcpListener;

    const ENOUGH: Duration = Duration::from_secs(5);

    fn dial(url: &str, timeout: Duration) -> io::Result<Box<dyn Stream>> {
        let endpoint = Endpoint::parse(url).unwrap();
        run(async { Dialer::default().dial(&endpoint, Deadline::after(timeout)).await })
    }

    #[test]
    fn localhost_is_found_on_either_loopback_address() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            // A machine without IPv6 cannot be asked about it.
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let port = listener.local_addr().unwrap().port();
            assert!(dial(&format!("http://LocalHost:{port}"), ENOUGH).is_ok(), "{address}");
        }
    }

    #[test]
    fn a_name_that_nobody_knows_is_an_error_in_time() {
        assert!(dial("http://agent.invalid:8126", ENOUGH).is_err());
    }

    #[test]
    fn a_pending_lookup_is_waited_for_and_not_repeated() {
        let mut dialer = Dialer::default();
        let (answer, lookup) = oneshot::channel();
        dialer.lookup = Some(lookup);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint =
            Endpoint::parse(&format!("http://agent.invalid:{}", address.port())).unwrap();
        run(async {
            let short = Deadline::after(Duration::from_millis(1));
            let late = dialer.dial(&endpoint, short).await.err().unwrap();
            assert_eq!(late.kind(), io::ErrorKind::TimedOut);
            answer.send(Ok(vec![address])).unwrap();
            assert!(dialer.dial(&endpoint, Deadline::after(ENOUGH)).await.is_ok());
            assert!(dialer.lookup.is_none());
        });
    }

    #[test]
    fn the_first_address_that_listens_is_taken() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        run(async {
            let stream = connect_to_any(&[closed, open], Deadline::after(ENOUGH)).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), open);
            let none = connect_to_any(&[closed], Deadline::after(ENOUGH)).await;
            assert_eq!(none.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
            assert!(connect_to_any(&[], Deadline::after(ENOUGH)).await.is_err());
        });
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_that_is_not_there_is_an_error() {
        let error = dial("unix:///nonexistent/apm.socket", ENOUGH).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        let too_long = format!("unix:///{}", "x".repeat(200));
        assert!(dial(&too_long, ENOUGH).is_err());
    }
}
