//! What makes a connection go on.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::deadline::MoveDeadline;
use super::error::SendErrorKind;
use super::meanwhile::Meanwhile;
use super::shared_stream::SharedStream;

/// Polls hyper's connection, and knows whether hyper asked to be polled again at once.
pub(super) struct Driver {
    /// `None` when the connection is closed.
    pub(super) connection: Option<Running>,
    woken: Arc<Woken>,
    waker: Waker,
}

/// A connection of hyper, which makes progress when it is polled, until it is closed.
pub(super) type Running = Pin<Box<dyn Future<Output = ()>>>;

impl Default for Driver {
    fn default() -> Self {
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        Driver { connection: None, woken, waker }
    }
}

/// Set when hyper wakes itself. All else that it waits for is the stream, and [`Driver::run`] waits for that.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Driver {
    /// Its errors are not lost: the future of the answer returns them.
    pub(super) fn boxed<E>(connection: impl Future<Output = Result<(), E>> + 'static) -> Running {
        Box::pin(async {
            let _ = connection.await;
        })
    }

    /// Polls `talk` and the connection until `talk` is done or the deadline has passed.
    pub(super) fn run<T>(
        &mut self,
        stream: &SharedStream,
        deadline: &mut MoveDeadline,
        meanwhile: Meanwhile<'_>,
        talk: impl Future<Output = Result<T, SendErrorKind>>,
    ) -> Result<T, SendErrorKind> {
        let mut talk = pin!(talk);
        loop {
            self.woken.0.store(false, Ordering::Relaxed);
            self.advance();
            if let Poll::Ready(outcome) = talk.as_mut().poll(&mut Context::from_waker(&self.waker))
            {
                return outcome;
            }
            let is_woken = self.woken.0.load(Ordering::Relaxed);
            if !is_woken && !stream.wait(deadline, &mut *meanwhile) {
                return Err(SendErrorKind::Timeout(deadline.limit()));
            }
        }
    }

    /// Polls the connection once.
    pub(super) fn advance(&mut self) {
        if let Some(running) = &mut self.connection {
            if running.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready() {
                self.connection = None;
            }
        }
    }
}
