//! Commands on the standard input, answers on the standard output.

use std::fmt::Write as _;
use std::io::{BufRead as _, Write as _, stdin, stdout};
use std::str::SplitWhitespace;
use std::time::{Duration, Instant};

use crate::measure::{self, CountAllocations, Workload};
use crate::peer::Peer;
use crate::{clock, paced, threads};

/// Serves commands until the input ends; each is answered by one line of `name=value`,
/// or by `unable` where the peer cannot do it. Times are nanoseconds, memory is KiB.
///
/// | command | answer |
/// | --- | --- |
/// | `run <workload> <samples> <times>` | `cpu` of the median sample |
/// | `allocations <workload> <times>` | `count` |
/// | `threads <n> <workload> <samples> <times>` | `cpu`, `wall` of the median sample |
/// | `burst <workload> <times>` | `wall`, `spans`; nothing is flushed |
/// | `paced <workload> <spans a second> <milliseconds>` | `spans`, `cpu`, `application_cpu`, `stall`; then flushed |
/// | `flood <workload> <spans a second> <milliseconds>` | the same, not flushed |
/// | `open <traces>` | `open`: opens traces that stay open until the end |
/// | `flush` | `wall` |
/// | `memory` | `now`, `peak` |
/// | `lost` | `spans` |
/// | `shutdown <milliseconds>` | `wall` |
pub fn serve(peer: &dyn Peer, count: Option<CountAllocations>) {
    let mut open = Vec::new();
    println!("ready");
    for line in stdin().lock().lines() {
        let Ok(line) = line else { return };
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let answer = match name {
            "open" => {
                let traces: usize = number(&mut words).unwrap_or_default();
                open.extend((0..traces).map_while(|_| peer.open()));
                (open.len() >= traces).then(|| format!("open={}", open.len()))
            }
            name => answer(peer, count, name, &mut words),
        };
        println!("{}", answer.as_deref().unwrap_or("unable"));
        let _ = stdout().flush();
    }
}

fn number<T: std::str::FromStr>(words: &mut SplitWhitespace<'_>) -> Option<T> {
    words.next()?.parse().ok()
}

fn answer(
    peer: &dyn Peer,
    count: Option<CountAllocations>,
    name: &str,
    words: &mut SplitWhitespace<'_>,
) -> Option<String> {
    let mut line = String::new();
    match name {
        "run" => {
            let workload = Workload::parse(words.next()?)?;
            let cpu = measure::samples(peer, workload, number(words)?, number(words)?)?;
            write!(line, "cpu={}", cpu.as_nanos()).ok()?;
        }
        "allocations" => {
            let workload = Workload::parse(words.next()?)?;
            let counted = measure::allocations(peer, workload, number(words)?, count?)?;
            write!(line, "count={counted}").ok()?;
        }
        "threads" => {
            let number_of_threads = number(words)?;
            let workload = Workload::parse(words.next()?)?;
            let sample =
                threads::samples(peer, workload, number_of_threads, number(words)?, number(words)?);
            write!(line, "cpu={} wall={}", sample.cpu.as_nanos(), sample.wall.as_nanos()).ok()?;
        }
        "burst" => {
            let workload = Workload::parse(words.next()?)?;
            let times: usize = number(words)?;
            let mut wall = Duration::ZERO;
            workload.with(peer, &mut |work| wall = measure::sample(times, work).wall);
            write!(line, "wall={} spans={}", wall.as_nanos(), times * workload.spans()).ok()?;
        }
        "paced" | "flood" => {
            let workload = Workload::parse(words.next()?)?;
            let rate = number(words)?;
            let length = Duration::from_millis(number(words)?);
            let paced = paced::run(peer, workload, rate, length, name == "paced");
            write!(line, "spans={} cpu={} ", paced.spans, paced.cpu.as_nanos()).ok()?;
            write!(line, "application_cpu={} ", paced.application_cpu.as_nanos()).ok()?;
            write!(line, "stall={}", paced.stall.as_nanos()).ok()?;
        }
        "flush" => {
            let start = Instant::now();
            peer.flush();
            write!(line, "wall={}", start.elapsed().as_nanos()).ok()?;
        }
        "memory" => {
            let (now, peak) = clock::memory_kib();
            write!(line, "now={now} peak={peak}").ok()?;
        }
        "lost" => write!(line, "spans={}", peer.lost()?).ok()?,
        "shutdown" => {
            let timeout = Duration::from_millis(number(words)?);
            let start = Instant::now();
            peer.shutdown(timeout);
            write!(line, "wall={}", start.elapsed().as_nanos()).ok()?;
        }
        _ => return None,
    }
    Some(line)
}
