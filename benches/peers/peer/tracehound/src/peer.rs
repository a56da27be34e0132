//! Tracehound's native API.

use std::any::Any;
use std::hint::black_box;
use std::time::Duration;

use tracehound::{TracerGuard, SpanRef, Tracer};
use workload::{CountAllocations, KEYS, Peer, Request, Sent, Shape, URL};

pub(crate) fn run(count: Option<CountAllocations>) {
    let guard = tracehound::init();
    workload::serve(&Native { tracer: tracehound::tracer(), _guard: guard }, count);
}

struct Native {
    tracer: &'static Tracer,
    _guard: TracerGuard,
}

fn tag(span: &SpanRef) {
    span.set_tag("http.method", "GET");
    span.set_tag("http.route", "/users/{id}");
    span.set_tag("http.url", URL);
    span.set_tag("cart.items", 3);
    span.set_tag("cart.gift", true);
}

fn tag_as(span: &SpanRef, shape: Shape) {
    for key in &KEYS[..shape.tags] {
        span.set_tag(*key, "value");
    }
}

impl Peer for Native {
    fn hot(&self) {
        let root = tracehound::trace("root");
        tag(&root);
        for _ in 0..9 {
            let child = tracehound::trace("child");
            tag(&child);
        }
    }

    fn root(&self) {
        drop(tracehound::trace("root"));
    }

    fn shaped(&self, shape: Shape) {
        let root = tracehound::trace("root");
        tag_as(&root, shape);
        for _ in 1..shape.spans {
            let child = tracehound::trace("child");
            tag_as(&child, shape);
        }
    }

    fn open(&self) -> Option<Box<dyn Any>> {
        Some(Box::new(tracehound::start_span("open")))
    }

    fn injecting(&self, into_map: bool, measure: &mut dyn FnMut(&mut dyn FnMut())) -> bool {
        let _client = tracehound::trace("client");
        match into_map {
            false => measure(&mut || {
                tracehound::inject(&mut |name: &str, value: String| Sent.set(name, value));
            }),
            true => measure(&mut || {
                let mut headers = http::HeaderMap::with_capacity(16);
                tracehound::inject(&mut headers);
                black_box(headers);
            }),
        }
        true
    }

    fn extracting(&self, measure: &mut dyn FnMut(&mut dyn FnMut())) -> bool {
        let Request(headers) = Request::default();
        measure(&mut || drop(black_box(tracehound::extract(black_box(&headers)))));
        true
    }

    fn flush(&self) {
        if let Err(error) = self.tracer.flush(Duration::from_secs(10)) {
            eprintln!("flush: {error}");
        }
    }

    fn shutdown(&self, timeout: Duration) {
        if let Err(error) = self.tracer.shutdown(timeout) {
            eprintln!("shutdown: {error}");
        }
    }

    fn lost(&self) -> Option<u64> {
        Some(self.tracer.losses().total())
    }
}
