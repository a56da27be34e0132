//! Less than any tracer can do: for each span two readings of the clock, an id, and a place in a list.

use std::any::Any;
use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use workload::{CountAllocations, Peer, Shape};

pub(crate) fn run(count: Option<CountAllocations>) {
    workload::serve(&Floor, count);
}

struct Floor;

thread_local! {
    /// The state of a random generator, and the spans so far.
    static SPANS: RefCell<(u64, Vec<Record>)> = const { RefCell::new((0x9e37_79b9_7f4a_7c15, Vec::new())) };
}

#[expect(dead_code, reason = "written, as a tracer would")]
struct Record {
    id: u64,
    start: Instant,
    end: Instant,
}

fn span(work: impl FnOnce()) {
    let start = Instant::now();
    work();
    SPANS.with_borrow_mut(|(state, spans)| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        if spans.len() >= 4096 {
            black_box(&*spans);
            spans.clear();
        }
        spans.push(Record { id: *state, start, end: Instant::now() });
    });
}

impl Peer for Floor {
    fn hot(&self) {
        self.shaped(Shape { spans: 10, tags: 5 });
    }

    fn root(&self) {
        span(|| ());
    }

    /// Tags cost nothing here.
    fn shaped(&self, shape: Shape) {
        span(|| (1..shape.spans).for_each(|_| span(|| ())));
    }

    fn open(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn flush(&self) {}

    fn shutdown(&self, _: Duration) {}
}
