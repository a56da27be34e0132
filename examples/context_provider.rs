//! How do I keep the active span in a place of my own?
//!
//! In a task of tokio, in place of the thread: what is active then stays so across every `.await`, without a future
//! that carries it, on whatever thread the task goes on. Outside of tasks the program says that nothing is active.
//!
//! `cargo run --example context_provider` needs no agent: the trace is printed at the end.

mod support;

use std::cell::RefCell;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use support::{Agent, say};
use tracehound::{ActiveContext, ContextProvider, ScopeToken, Tracer};

tokio::task_local! {
    /// What is active in the task: the last one. Each with the token that ends it.
    static ACTIVE: RefCell<Vec<(ScopeToken, ActiveContext)>>;
}

/// Keeps what is active in the task that runs.
struct OfTask;

impl ContextProvider for OfTask {
    fn active(&self) -> ActiveContext {
        let last = ACTIVE.try_with(|active| active.borrow().last().cloned());
        // Outside of a task nothing is active.
        last.ok().flatten().map(|(_, context)| context).unwrap_or_default()
    }

    fn attach(&self, context: ActiveContext) -> ScopeToken {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let token = ScopeToken(NEXT.fetch_add(1, Ordering::Relaxed));
        let _ = ACTIVE.try_with(|active| active.borrow_mut().push((token, context)));
        token
    }

    fn detach(&self, token: ScopeToken) {
        let remove = |active: &RefCell<Vec<(ScopeToken, ActiveContext)>>| {
            let mut active = active.borrow_mut();
            // Scopes may end in any order.
            let place = active.iter().rposition(|(other, _)| *other == token)?;
            Some(active.remove(place))
        };
        // What ends is dropped after the borrow: it may be the last of its trace.
        let _ended = ACTIVE.try_with(remove);
    }
}

/// A task that begins below a context.
async fn below<F: Future>(context: ActiveContext, task: F) -> F::Output {
    ACTIVE.scope(RefCell::new(vec![(ScopeToken(u64::MAX), context)]), task).await
}

fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::start()?;
    let tracer = Tracer::builder().service("shop").context_provider(OfTask);
    let guard = agent.receive_from(tracer).install();

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build()?;
    runtime.block_on(async {
        let request = tracehound::start_span("web.request");
        let tasks: Vec<_> = ["lamp", "table"]
            .map(|article| tokio::spawn(below(ActiveContext::from(&request), price(article))))
            .into();
        for task in tasks {
            task.await?;
        }
        assert!(tracehound::current_span().is_none(), "this is no task of ours");
        Ok::<_, tokio::task::JoinError>(())
    })?;

    guard.tracer().flush(Duration::from_secs(5))?;
    agent.print(5);
    Ok(())
}

/// It knows nothing of spans that are carried: whatever it awaits, `web.request` is above it.
async fn price(article: &'static str) {
    tracehound::span("stock.look").resource(article).start().finish();
    tokio::time::sleep(Duration::from_millis(5)).await;
    tracehound::in_span("price.make", |span| {
        span.set_tag("article", article);
        if let Some(root) = tracehound::current_root_span() {
            say(&format!("{article}: below {}", root.name().unwrap_or_default()));
        }
    });
}
