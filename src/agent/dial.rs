//! Opening a connection: name lookup, every address of a host, Unix sockets, TLS.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use socket2::SockAddr;
use tracehound_machine::spawn_background;

use super::connection::Version;
use super::deadline::Deadline;
use super::meanwhile::{Meanwhile, work};
use super::socket::Socket;
use super::stream::Stream;
use super::tls::Tls;
use crate::config::{Endpoint, Host};

/// Opens connections to one agent.
#[derive(Debug)]
pub(super) struct Dialer {
    tls: Tls,
    lookup: Option<Receiver<io::Result<Vec<SocketAddr>>>>,
}

impl Dialer {
    /// `ca_file`: the only certificates that an agent behind TLS may be signed with; `None` for those of the platform.
    pub(super) fn new(ca_file: Option<PathBuf>) -> Self {
        Dialer { tls: Tls::new(ca_file), lookup: None }
    }

    /// What is spoken over TLS, which both ends agree on with the handshake.
    pub(super) fn speak(&mut self, version: Version) {
        self.tls.speak(version);
    }

    /// Connects to the agent within `timeout`.
    pub(super) fn dial(
        &mut self,
        endpoint: &Endpoint,
        timeout: Duration,
        meanwhile: Meanwhile<'_>,
    ) -> io::Result<Box<dyn Stream>> {
        let deadline = Deadline::after(timeout);
        match endpoint {
            Endpoint::Http { is_tls, host, port, .. } => {
                let addresses = self.addresses(host, *port, deadline, &mut *meanwhile)?;
                let socket = connect_to_any(&addresses, deadline, &mut *meanwhile)?;
                if *is_tls {
                    return self.tls.secure(socket, host, deadline, meanwhile);
                }
                Ok(Box::new(socket))
            }
            Endpoint::Unix { path } => {
                Ok(Box::new(Socket::connect(&SockAddr::unix(path)?, deadline, meanwhile)?))
            }
        }
    }

    fn addresses(
        &mut self,
        host: &Host,
        port: u16,
        deadline: Deadline,
        meanwhile: Meanwhile<'_>,
    ) -> io::Result<Vec<SocketAddr>> {
        match host {
            Host::Ip(address) => Ok(vec![SocketAddr::new(*address, port)]),
            // The default. RFC 6761 fixes its addresses, so the resolver is not asked.
            Host::Name(name) if name.eq_ignore_ascii_case("localhost") => {
                let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
                Ok(both.map(|address| SocketAddr::new(address, port)).into())
            }
            Host::Name(name) => self.look_up(name, port, deadline, meanwhile),
        }
    }

    /// Asks the system's resolver, on a thread of its own.
    ///
    /// The resolver blocks for half a minute if its servers do not answer, and cannot be stopped, so on the worker's
    /// thread it would outlast every deadline. While it has not answered it is not asked again, so there is one such
    /// thread at most.
    fn look_up(
        &mut self,
        name: &str,
        port: u16,
        deadline: Deadline,
        meanwhile: Meanwhile<'_>,
    ) -> io::Result<Vec<SocketAddr>> {
        let lookup = match &mut self.lookup {
            Some(lookup) => lookup,
            None => {
                let (answer, lookup) = channel();
                let name = name.to_owned();
                spawn_background("tracehound-dns", move || {
                    let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect);
                    // Fails only if the client is gone.
                    let _ = answer.send(found);
                })?;
                self.lookup.insert(lookup)
            }
        };
        let answer = loop {
            let time = work(&mut *meanwhile, deadline.remaining());
            match lookup.recv_timeout(time.ok_or_else(|| deadline.error())?) {
                Ok(answer) => break answer,
                Err(RecvTimeoutError::Disconnected) => {
                    break Err(io::Error::other("the name lookup failed"));
                }
                Err(RecvTimeoutError::Timeout) if deadline.has_passed() => {
                    return Err(deadline.error());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        };
        self.lookup = None;
        answer
    }
}

/// Connects to the first address that answers. Each has its share of the time, so that one which does not answer leaves
/// time for the next.
fn connect_to_any(
    addresses: &[SocketAddr],
    deadline: Deadline,
    meanwhile: Meanwhile<'_>,
) -> io::Result<Socket> {
    let mut first_error = None;
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let share = deadline.remaining().checked_div(left).unwrap_or_default();
        left -= 1;
        match Socket::connect(&(*address).into(), Deadline::after(share), &mut *meanwhile) {
            Ok(socket) => return Ok(socket),
            // The first error tells most: often `127.0.0.1` has refused, and `::1` does not exist.
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| io::Error::other("the host has no address")))
}

#[cfg(test)]
mod tests {
    use super::super::meanwhile::Step;
    use super::*;
    use std::net::TcpListener;

    const ENOUGH: Duration = Duration::from_secs(5);

    fn dial(url: &str, timeout: Duration) -> io::Result<Box<dyn Stream>> {
        Dialer::new(None).dial(&Endpoint::parse(url).unwrap(), timeout, &mut || Step::Idle)
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
        let mut dialer = Dialer::new(None);
        let (answer, lookup) = channel();
        dialer.lookup = Some(lookup);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint =
            Endpoint::parse(&format!("http://agent.invalid:{}", address.port())).unwrap();
        let mut worked = 0;
        let mut work = || {
            worked += 1;
            if worked < 10 { Step::More } else { Step::Idle }
        };
        let late = dialer.dial(&endpoint, Duration::from_millis(1), &mut work).err().unwrap();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        answer.send(Ok(vec![address])).unwrap();
        assert!(dialer.dial(&endpoint, ENOUGH, &mut work).is_ok());
        assert!(dialer.lookup.is_none());
        assert!(worked > 1, "meanwhile");
    }

    #[test]
    fn the_first_address_that_listens_is_taken() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let connect =
            |to: &[SocketAddr]| connect_to_any(to, Deadline::after(ENOUGH), &mut || Step::Idle);
        connect(&[closed, open]).unwrap();
        listener.accept().unwrap();
        assert_eq!(connect(&[closed]).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(connect(&[]).is_err());
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
