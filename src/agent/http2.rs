//! HTTP/2, for gRPC: hyper's connection and the futures that it wants to have run beside it.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use hyper::client::conn::http2;
use hyper::http;
use hyper::rt::Executor;

use super::body::Whole;
use super::connection::{Answer, Sender};
use super::driver::Running;
use super::error::SendErrorKind;
use super::transport::Transport;

/// The longest head of an answer that is read.
const MAX_HEAD_BYTES: u32 = 64 * 1024;

/// Begins a connection.
pub(super) async fn handshake(
    transport: Transport,
) -> Result<(Box<dyn Sender>, Running), SendErrorKind> {
    let tasks = Tasks::default();
    let mut builder = http2::Builder::new(tasks.clone());
    builder.max_header_list_size(MAX_HEAD_BYTES);
    let opened = builder.handshake::<_, Whole>(transport).await;
    let (sender, connection) = opened.map_err(SendErrorKind::Broken)?;
    Ok((Box::new(sender), Box::pin(WithTasks { connection: Some(Box::pin(connection)), tasks })))
}

impl Sender for http2::SendRequest<Whole> {
    fn send(&mut self, request: http::Request<Whole>) -> Answer<'_> {
        Box::pin(async {
            self.ready().await.map_err(SendErrorKind::Broken)?;
            self.send_request(request).await.map_err(SendErrorKind::Broken)
        })
    }

    fn is_ready(&self) -> bool {
        http2::SendRequest::is_ready(self)
    }
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// What hyper would spawn. There is no runtime: it is polled together with the connection.
#[derive(Clone, Default)]
struct Tasks(Rc<RefCell<Vec<Task>>>);

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        self.0.borrow_mut().push(Box::pin(future));
    }
}

impl Tasks {
    fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Polls each of them once. They may add others meanwhile, which are polled as well.
    fn advance(&self, cx: &mut Context<'_>) {
        let mut waiting = Vec::new();
        loop {
            let Some(mut task) = self.0.borrow_mut().pop() else { break };
            if task.as_mut().poll(cx).is_pending() {
                waiting.push(task);
            }
        }
        self.0.borrow_mut().append(&mut waiting);
    }
}

/// A connection with what hyper runs beside it.
struct WithTasks<C> {
    /// `None` when it has ended. What is under way then is finished by the tasks: an end that is announced (GOAWAY) lets
    /// the requests before it be answered.
    connection: Option<Pin<Box<C>>>,
    tasks: Tasks,
}

impl<C: Future> Future for WithTasks<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(connection) = &mut self.connection {
            // Its errors are not lost: the future of the answer returns them.
            if connection.as_mut().poll(cx).is_ready() {
                self.connection = None;
            }
        }
        self.tasks.advance(cx);
        let is_over = self.connection.is_none() && self.tasks.is_empty();
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The tasks know the executor, and so themselves: without this they would be kept for ever.
impl<C> Drop for WithTasks<C> {
    fn drop(&mut self) {
        let tasks = std::mem::take(&mut *self.tasks.0.borrow_mut());
        drop(tasks);
    }
}
