//! What the server's thread does.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use tokio::sync::Notify;

use super::connection::{Context, accept};
use super::listen::Listeners;

/// Serves until `stop`, in a runtime that lives and dies on this thread: dropping one inside another
/// runtime, where the agent's owner may be, is not allowed.
pub(super) fn run(
    listeners: Listeners,
    context: Context,
    stop: &Notify,
    ready: &Sender<io::Result<()>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served =
        runtime.and_then(|runtime| runtime.block_on(serve(listeners, context, stop, ready)));
    // An error is from before the agent was ready, so its owner still waits for word.
    drop(ready.send(served));
}

async fn serve(
    listeners: Listeners,
    context: Context,
    stop: &Notify,
    ready: &Sender<io::Result<()>>,
) -> io::Result<()> {
    let context = Arc::new(context);
    if let Some(listener) = listeners.tcp {
        let listener = Arc::new(tokio::net::TcpListener::from_std(listener)?);
        let next = move || {
            let listener = Arc::clone(&listener);
            async move { listener.accept().await.map(|(stream, _)| stream) }
        };
        spawn(accept(Arc::clone(&context), next));
    }
    #[cfg(unix)]
    let _socket = match listeners.unix {
        None => None,
        Some((listener, socket)) => {
            let listener = Arc::new(tokio::net::UnixListener::from_std(listener)?);
            let next = move || {
                let listener = Arc::clone(&listener);
                async move { listener.accept().await.map(|(stream, _)| stream) }
            };
            spawn(accept(context, next));
            Some(socket)
        }
    };
    drop(ready.send(Ok(())));
    stop.notified().await;
    Ok(())
}

/// The task ends with the runtime.
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}
