//! The background thread: its runtime, its loop, its supervision.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tracehound_machine::spawn_background;

use super::inner::Inner;
use super::writer::Writer;
use crate::catch::catch;
use crate::clock;
use crate::diag::LossReason;
use crate::trace::suppress;

const THREAD_NAME: &str = "tracehound-worker";
/// A worker that fails this often does not start again: the cause is not one that passes.
const MAX_FAILURES: u32 = 5;

/// Starts the thread.
///
/// Its runtime is built here: tokio has a lock for all runtimes of the process, in which the new thread would
/// else be when the process forks right after this; those of a child would wait for it for ever.
pub(super) fn spawn(inner: &Arc<Inner>) -> io::Result<()> {
    let inner = Arc::clone(inner);
    let background = Background::build()?;
    // Detached: nothing ever waits for the thread itself, only for what it signals.
    spawn_background(THREAD_NAME, move || supervise(&inner, background)).map(drop)
}

/// The worker's runtime. Wherever it is dropped, nothing waits for it, nor panics.
struct Background(Option<Runtime>);

impl Background {
    fn build() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        Ok(Background(Some(runtime)))
    }

    /// Says whether all was delivered, and leaves what is to be freed when that has been told.
    fn run(&self, inner: &Arc<Inner>) -> (bool, Option<Writer>) {
        let Some(runtime) = self.0.as_ref() else { return (false, None) };
        let (delivered, writer) = runtime.block_on(serve(inner));
        (delivered, Some(writer))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs the loop, again if it panics; the queue is shared and outlives it.
fn supervise(inner: &Arc<Inner>, first: Background) {
    // Our own client must not be traced by our own integrations.
    let _off = suppress();
    let mut delivered = false;
    let mut rest = None;
    let mut next = Ok(first);
    for failure in 0..MAX_FAILURES {
        let background = match next {
            Ok(background) => background,
            Err(error) => {
                inner.diag.warn(&format!("the background runtime does not start: {error}"));
                break;
            }
        };
        match catch(|| background.run(inner)) {
            Some((all, writer)) => {
                delivered = all;
                // Nobody waits while connection and memory are given back.
                rest = Some((writer, background));
                break;
            }
            None => inner.diag.warn(&format!("the background worker failed ({failure})")),
        }
        next = Background::build();
    }
    inner.queue.close();
    let left = inner.queue.take(Vec::new());
    let spans = left.iter().fold(0u64, |sum, chunk| sum.saturating_add(chunk.len() as u64));
    if spans > 0 {
        inner.settled(spans);
        inner.diag.lose(LossReason::WorkerFailed, spans, || "the worker has ended".into());
    }
    inner.signal.end(delivered);
    drop(rest);
}

/// Sends at each interval, and earlier when woken; ends when told to. Says whether all was delivered.
async fn serve(inner: &Arc<Inner>) -> (bool, Writer) {
    let mut writer = Writer::new(Arc::clone(inner));
    loop {
        let woken = pause(inner, writer.next_attempt()).await;
        clock::keep();
        // Read before the queue is: what was submitted before the request is in what is taken.
        let state = inner.signal.read();
        if state.stop {
            inner.queue.close();
        }
        let insist = state.stop || inner.signal.is_awaited(state);
        let delivered = writer.run(insist).await;
        if !woken {
            writer.tick();
        }
        if state.stop {
            writer.give_up(LossReason::AgentUnreachable);
            return (delivered, writer);
        }
        inner.signal.done(state.asked, delivered);
    }
}

/// Waits for the interval to end, or for somebody to call; says whether somebody did.
async fn pause(inner: &Inner, next_attempt: Option<Duration>) -> bool {
    let interval = inner.settings.interval;
    let time = next_attempt.map_or(interval, |next| next.min(interval));
    tokio::time::timeout(time, inner.wake.notified()).await.is_ok()
}
