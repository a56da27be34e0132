//! The command line.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use lexopt::prelude::*;
use tracehound_local_agent::{Options, Style};

pub(super) const HELP: &str = "\
Listens where a Datadog agent would and prints the traces it gets, as trees.

Usage: tracehound-local-agent [OPTIONS]

Options:
  -l, --listen ADDRESS  host:port or port to listen on [default: 127.0.0.1:8126,
                        or nothing if --unix is given]
  -u, --unix PATH       Unix socket to listen on
  -t, --tags            list the tags of each span
      --links           list the links of each span
      --events          list the events of each span
  -a, --all             all three
  -w, --width COLUMNS   columns to fill [default: 100]
      --color WHEN      auto, always or never [default: auto: on a terminal,
                        unless NO_COLOR is set]
  -h, --help            print this
  -V, --version         print the version

A trace is printed when nothing of it has arrived for half a second, and once
more when more of it arrives later. What a strict agent would object to goes to
standard error. Ctrl-C prints what is still to come and ends.

Nothing is sent anywhere. Only this machine can connect, unless --listen says
otherwise.
";

/// What to do.
#[derive(Debug)]
pub(super) enum Command {
    Help,
    Version,
    Run(Args),
}

/// How to listen and print.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Args {
    pub(super) listen: Option<SocketAddr>,
    pub(super) unix: Option<PathBuf>,
    /// But for its colour, which depends on the stream.
    pub(super) style: Style,
    /// As wished; by default terminals get colours.
    pub(super) color: Option<bool>,
}

/// Reads the arguments, without the program's name.
pub(super) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Command, lexopt::Error> {
    let mut args = Args::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('l') | Long("listen") => args.listen = Some(parser.value()?.parse_with(address)?),
            Short('u') | Long("unix") => args.unix = Some(parser.value()?.into()),
            Short('t') | Long("tags") => args.style.tags = true,
            Long("links") => args.style.links = true,
            Long("events") => args.style.events = true,
            Short('a') | Long("all") => {
                args.style = Style { width: args.style.width, ..Style::detailed() };
            }
            Short('w') | Long("width") => args.style.width = parser.value()?.parse()?,
            Long("color" | "colour") => args.color = parser.value()?.parse_with(color)?,
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            other => return Err(other.unexpected()),
        }
    }
    if args.listen.is_none() && args.unix.is_none() {
        args.listen = Some(Options::agent_address());
    }
    Ok(Command::Run(args))
}

/// `8126`, `localhost:8126`, `0.0.0.0:8126` or `[::1]:8126`.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(port) = text.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let mut addresses = text.to_socket_addrs().map_err(|error| error.to_string())?;
    addresses.next().ok_or_else(|| "no such host".to_owned())
}

fn color(text: &str) -> Result<Option<bool>, String> {
    match text {
        "auto" => Ok(None),
        "always" => Ok(Some(true)),
        "never" => Ok(Some(false)),
        _ => Err("expected auto, always or never".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Args {
        match parse(text.split_whitespace().map(OsString::from)).unwrap() {
            Command::Run(args) => args,
            other => panic!("{other:?}"),
        }
    }

    fn error(text: &str) -> String {
        parse(text.split_whitespace().map(OsString::from)).unwrap_err().to_string()
    }

    #[test]
    fn the_default_is_the_agent_s_own_address() {
        assert_eq!(run("").listen, Some(([127, 0, 0, 1], 8126).into()));
        assert_eq!(run("--unix a.sock").listen, None);
    }

    #[test]
    fn addresses_are_ports_or_hosts_with_ports() {
        assert_eq!(run("--listen 9000").listen, Some(([127, 0, 0, 1], 9000).into()));
        assert_eq!(run("-l 0.0.0.0:9000").listen, Some(([0, 0, 0, 0], 9000).into()));
        assert_eq!(run("-l [::1]:9000 -u s").listen.map(|a| a.is_ipv6()), Some(true));
        assert!(error("--listen 127.0.0.1").contains("127.0.0.1"));
    }

    #[test]
    fn details_and_colours_are_asked_for() {
        let args = run("-a --color=never -w 120");
        assert_eq!(args.style, Style { width: 120, ..Style::detailed() });
        assert_eq!(args.color, Some(false));
        assert!(error("--color blue").contains("expected auto, always or never"));
        assert!(error("--port 1").contains("--port"));
    }
}
