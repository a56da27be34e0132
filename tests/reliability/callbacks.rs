//! Code of the program, called by the tracer, that does not behave.

use std::error::Error;
use std::fmt;
use std::thread;

use tracehound::{Sampler, SamplingDecision, SpanView, Tracer};

use crate::meter::{make, report, traces};
use crate::row::{ALL, Row, healthy, nothing};

const fn callback(fault: &'static str, promise: &'static str, program: fn()) -> Row {
    let settings = &[("RUST_BACKTRACE", "0")];
    Row { fault, promise, program, settings, agent: healthy, meanwhile: nothing, expect: ALL }
}

#[derive(Debug)]
struct Panics;

impl Sampler for Panics {
    fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
        panic!("on purpose");
    }
}

#[derive(Debug)]
struct Asks;

impl Sampler for Asks {
    fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
        let _ = tracehound::propagation_context();
        let mut headers = std::collections::HashMap::<String, String>::new();
        tracehound::inject(&mut headers);
        let span = tracehound::trace("inside the sampler");
        // On the tracer's own thread there are none.
        make(u64::from(!span.is_none()), || drop(span));
        SamplingDecision::manual(true)
    }
}

fn with_sampler(sampler: impl Sampler + 'static) {
    let guard = Tracer::builder().sampler(sampler).install();
    traces(20, 4);
    let mut headers = std::collections::HashMap::<String, String>::new();
    make(1, || tracehound::in_span("injects", |_| tracehound::inject(&mut headers)));
    drop(guard);
    report();
}

/// An error whose text fails.
#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

impl Error for Unspeakable {}

/// An error whose text panics.
#[derive(Debug)]
struct Panicking;

impl fmt::Display for Panicking {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("on purpose");
    }
}

impl Error for Panicking {}

fn errors() {
    let guard = tracehound::init();
    make(2, || {
        tracehound::in_span("fails", |span| span.set_error(&Unspeakable));
        tracehound::in_span("panics", |span| span.set_error(&Panicking));
    });
    drop(guard);
    report();
}

fn log_function() {
    let log = |_, line: &str| panic!("{line}");
    // The address is none: there is something to say, and the next source counts.
    let guard = Tracer::builder().agent_url("no address").log(log).install();
    traces(20, 4);
    drop(guard);
    report();
}

fn threads_that_end() {
    let guard = tracehound::init();
    for _ in 0..20 {
        thread::spawn(|| {
            thread_local! {
                static LATE: Late = const { Late };
            }
            struct Late;
            impl Drop for Late {
                fn drop(&mut self) {
                    make(1, || tracehound::in_span("in a thread that ends", |_| ()));
                }
            }
            LATE.with(|_| ());
            traces(1, 1);
        })
        .join()
        .unwrap();
    }
    drop(guard);
    report();
}

pub const ROWS: &[Row] = &[
    callback("a sampler panics", "said once; kept by the default: every span arrives", || {
        with_sampler(Panics);
    }),
    callback(
        "a sampler asks for the context, injects and starts spans",
        "no recursion: every span arrives, once",
        || with_sampler(Asks),
    ),
    callback("the text of an error fails or panics", "the span arrives without it", errors),
    callback("the log function panics", "every span arrives, once", log_function),
    callback("spans in threads that are torn down", "every span arrives, once", threads_that_end),
];
