//! A library that is traced by whatever tracer the program has chosen, and a program that chooses.
//!
//! `cargo run -p opentracing-rs --example instrument_a_library --features mock`

#![allow(clippy::print_stdout, reason = "examples show what they do")]

use std::collections::HashMap;
use std::sync::Arc;

use opentracing_rs::mock::MockTracer;
use opentracing_rs::{FutureExt, Tracer, set_global_tracer};

/// The library: a shop behind an HTTP server. It depends on `opentracing-rs` and on no tracer.
#[allow(unreachable_pub, reason = "it stands for a crate")]
mod shop {
    use std::collections::HashMap;
    use std::fmt;

    use opentracing_rs::{Format, FutureExt, Tracer, global_tracer, tags};

    pub type Headers = HashMap<String, String>;

    #[derive(Debug)]
    pub struct SoldOut;

    impl fmt::Display for SoldOut {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("sold out")
        }
    }

    impl std::error::Error for SoldOut {}

    pub struct Shop {
        tracer: Tracer,
    }

    impl Shop {
        /// Traces with the tracer of the process.
        pub fn new() -> Self {
            Shop::with_tracer(global_tracer().clone())
        }

        /// Traces with a tracer of its own, for tests and for programs with several.
        pub fn with_tracer(tracer: Tracer) -> Self {
            Shop { tracer }
        }

        /// Answers a request, as a part of the trace that its headers name.
        pub async fn buy(&self, headers: &Headers, item: &str) -> Result<(), SoldOut> {
            // A caller's headers that make no sense are no reason not to serve it.
            let caller = self.tracer.extract(Format::HttpHeaders, headers).unwrap_or_default();
            let span = self
                .tracer
                .build_span("buy")
                .child_of(caller)
                .tag(tags::SPAN_KIND, tags::SPAN_KIND_SERVER)
                .tag("item", item)
                .start();
            self.order(item).try_in_span(span).await
        }

        async fn order(&self, item: &str) -> Result<(), SoldOut> {
            // A child of `buy`, which is active whenever this future runs.
            let charge = self.tracer.start_span("charge");
            tokio::task::yield_now().in_span(charge).await;
            self.tracer.in_span("stock", |span| {
                span.log_event("looked up");
                if item == "rain" { Err(SoldOut) } else { Ok(()) }
            })
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), opentracing_rs::Error> {
    // Here stands the tracer of a vendor, in a real program.
    let mock = MockTracer::new();
    set_global_tracer(mock.tracer())?;

    let shop = Arc::new(shop::Shop::new());
    let visitor: Tracer = mock.tracer();
    let visit = visitor.start_span("visit");
    let mut headers = HashMap::new();
    visitor.inject(&visit.context(), opentracing_rs::Format::HttpHeaders, &mut headers)?;
    let orders = async {
        let (sun, rain) = tokio::join!(shop.buy(&headers, "sun"), shop.buy(&headers, "rain"));
        println!("sun: {sun:?}, rain: {rain:?}");
    };
    orders.in_span(visit).await;

    for span in mock.finished_spans() {
        println!("{:?} below {:?}: {}", span.span_id, span.parent_id, span.operation_name);
    }
    Ok(())
}
