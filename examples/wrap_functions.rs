//! How are whole functions traced?
//!
//! Each call of a function with `#[tracehound::wrap]` is a span: plain and async functions, methods, functions that fail.
//! `#[tracehound::main]` does the same as `tracehound::init()`; here the tracer goes to the agent of the example.
//!
//! `cargo run --example wrap_functions` needs no agent.

mod support;

use std::error::Error;
use std::time::Duration;

use support::Agent;
use tracehound::{Tracer, wrap};

fn main() -> Result<(), Box<dyn Error>> {
    let agent = Agent::start()?;
    let guard = agent.receive_from(Tracer::builder().service("shop")).install();
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;

    let mut cart = Cart { items: vec!["lamp", "table"] };
    // Said by its function's errors, which `Result` is enough for.
    let _ = runtime.block_on(checkout(&mut cart, "gold"));
    let _ = runtime.block_on(checkout(&mut Cart { items: Vec::new() }, "none"));

    guard.tracer().flush(Duration::from_secs(5))?;
    agent.print(7);
    Ok(())
}

/// With a name of its own, with tags, and with what it returns.
#[wrap(name = "shop.checkout", kind = "server", fields(plan, cart.items = cart.items.len()), ret = "total")]
async fn checkout(cart: &mut Cart, plan: &str) -> Result<u32, String> {
    let total = cart.total().await?;
    Ok(discounted(total, plan))
}

struct Cart {
    items: Vec<&'static str>,
}

impl Cart {
    /// An error that it returns marks the span.
    #[wrap(service = "carts")]
    async fn total(&self) -> Result<u32, String> {
        if self.items.is_empty() {
            return Err("the cart is empty".to_owned());
        }
        Ok(self.items.iter().map(|item| price(item)).sum())
    }
}

/// All arguments as tags.
#[wrap(args)]
fn price(item: &str) -> u32 {
    item.len() as u32 * 10
}

/// What is known only inside goes to the active span.
#[wrap]
fn discounted(total: u32, plan: &str) -> u32 {
    let percent = if plan == "gold" { 10 } else { 0 };
    if let Some(span) = tracehound::current_span() {
        span.set_tag("discount.percent", percent);
    }
    total - total * percent / 100
}
