//! Listens, prints, ends.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tracehound_local_agent::{Limits, LocalAgent, Options, Style};

use super::args::{Args, Command, HELP, parse};
use super::printer::Printer;
use super::terminal::color;

/// Tracers send what they have every second or two, each process by itself; a trace that was quiet
/// for this long is mostly complete, and the wait does not feel long.
const QUIET: Duration = Duration::from_millis(500);

/// For a second Ctrl-C, which does not wait: 128 and the number of SIGINT.
const INTERRUPTED: i32 = 130;

/// The whole program.
pub(crate) fn run() -> ExitCode {
    let command = parse(std::env::args_os().skip(1));
    let outcome = match command {
        Ok(Command::Help) => print(HELP),
        Ok(Command::Version) => {
            print(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n"))
        }
        Ok(Command::Run(args)) => serve(args),
        Err(error) => {
            complain(&format!("{error}\nTry --help.\n"));
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has gone: there is nothing left to do, and nothing wrong.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn serve(args: Args) -> io::Result<()> {
    let colors = (color(args.color, &io::stdout()), color(args.color, &io::stderr()));
    let style = Style { color: colors.0, ..args.style };
    let complaint_style = Style { color: colors.1, ..style.clone() };
    // Traces that wait to be printed must not make room for others of the same burst; spans and bytes still bound the
    // memory.
    let limits = Limits { traces: 10_000, ..Limits::default() };
    let options = Options { tcp: args.listen, unix: args.unix, limits };

    let agent = LocalAgent::start(options).map_err(advise)?;
    let mut printer = Printer::new(io::stdout().lock(), style, io::stderr(), complaint_style);
    if let Some(address) = agent.address() {
        printer.say(&format!("Listening on http://{address}\n"));
        if !address.ip().is_loopback() {
            printer.say("Other machines can connect to this address.\n");
        }
    }
    if let Some(path) = agent.unix_path() {
        printer.say(&format!("Listening on unix://{}\n", path.display()));
    }

    let agent = Arc::new(agent);
    stop_on_signal(Arc::clone(&agent))?;
    let printed = std::iter::from_fn(|| agent.next_report(QUIET))
        .try_for_each(|report| printer.print(&report));
    // The signal thread holds the agent too, so it is not dropped here: close its sockets.
    agent.shutdown();
    printed?;
    let counts = agent.read(|store| store.counts().clone());
    printer.finish(&counts);
    Ok(())
}

/// Says what to do when the port is taken.
fn advise(error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::AddrInUse {
        return error;
    }
    io::Error::new(error.kind(), format!("{error} Use --listen to choose another port."))
}

/// Ends the reports at the first signal and the program at the second.
fn stop_on_signal(agent: Arc<LocalAgent>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let wait = move || {
        runtime.block_on(async {
            #[cfg(unix)]
            drop(tokio::spawn(stop_on_terminate(Arc::clone(&agent))));
            if tokio::signal::ctrl_c().await.is_ok() {
                agent.shutdown();
                if tokio::signal::ctrl_c().await.is_ok() {
                    std::process::exit(INTERRUPTED);
                }
            }
        });
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait)?;
    Ok(())
}

#[cfg(unix)]
async fn stop_on_terminate(agent: Arc<LocalAgent>) {
    use tokio::signal::unix::{SignalKind, signal};

    if let Ok(mut terminate) = signal(SignalKind::terminate()) {
        if terminate.recv().await.is_some() {
            agent.shutdown();
        }
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
