use std::sync::Mutex;
use std::time::SystemTime;

use super::*;
use crate::clock::{self, Anchor};
use crate::sync::lock;
use crate::trace::SpanEvent;
use crate::trace::testkit::Bench;

/// A tracer whose time the test tells.
struct World {
    bench: Bench,
    watch: LongRunning,
    diag: Arc<Diag>,
    start: Ticks,
    lines: Arc<Mutex<Vec<String>>>,
    /// The versions that were sent.
    sent: Vec<Chunk>,
}

impl World {
    fn new() -> Self {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let into = Arc::clone(&lines);
        let log = move |_, line: &str| lock(&into).push(line.to_owned());
        let diag = Arc::new(Diag::new(false, Some(Box::new(log))));
        let bench = Bench::with(|shared| shared.diag = Arc::clone(&diag));
        let schedule =
            Schedule { first: Duration::from_secs(10), interval: Duration::from_secs(120) };
        let watch = LongRunning::new(schedule);
        let mut world = World { bench, watch, diag, start: clock::now(), lines, sent: Vec::new() };
        // The first look of a pipeline, at which nothing is done yet.
        world.look(0.0, true);
        world
    }

    fn ticks(&self, seconds: f64) -> Ticks {
        Ticks(self.start.0 + (seconds * 1e9) as i64)
    }

    /// The time for a span that starts or ends then.
    fn time(&self, seconds: f64) -> SystemTime {
        let ns = Anchor::current().unix_ns(self.ticks(seconds));
        SystemTime::UNIX_EPOCH + Duration::from_nanos(ns.try_into().unwrap())
    }

    /// Looks so many seconds after the beginning; whether the agent takes versions.
    fn look(&mut self, seconds: f64, takes: bool) {
        let now = self.ticks(seconds);
        let World { watch, diag, sent, .. } = self;
        let mut send = |chunk| sent.push(chunk);
        let send: Option<&mut dyn FnMut(Chunk)> = Some(&mut send);
        watch.look(diag, now, send.filter(|_| takes));
    }

    /// Name, version and duration in seconds of what was sent since the last time.
    fn versions(&mut self) -> Vec<(String, f64, f64)> {
        let chunks = std::mem::take(&mut self.sent);
        let spans = chunks.iter().flat_map(Chunk::spans).map(|span| {
            assert_eq!(span.metric("_dd.was_long_running"), None);
            let seconds = span.duration_ns().unwrap() as f64 / 1e9;
            (span.name().into_owned(), span.metric("_dd.partial_version").unwrap(), seconds.round())
        });
        spans.collect()
    }

    fn lines(&self) -> Vec<String> {
        crate::diag::drain_all_lines(Duration::from_secs(10));
        lock(&self.lines).clone()
    }

    fn abandoned(&self) -> u64 {
        self.diag.losses().spans(LossReason::Abandoned)
    }
}

const HOUR: f64 = 3600.0;

#[test]
fn an_open_span_is_sent_at_ten_seconds_and_every_two_minutes_until_it_ends() {
    let mut world = World::new();
    let root = world.bench.span("root").root().start();
    root.set_tag("http.route", "/stream");
    let child = world.bench.span("child").child_of(&root).start();
    let versions = |number: f64, seconds: f64| {
        ["root", "child"].map(|name| (name.to_owned(), number, seconds)).to_vec()
    };
    for (at, expected) in [
        (0.0, vec![]),
        (9.0, vec![]),
        (11.0, versions(1.0, 11.0)),
        (20.0, vec![]),
        (129.0, vec![]),
        (131.0, versions(2.0, 131.0)),
        (132.0, vec![]),
        // Late: only the newest.
        (400.0, versions(4.0, 400.0)),
    ] {
        world.look(at, true);
        assert_eq!(world.versions(), expected, "{at}");
    }
    drop((child, root));
    let chunk = world.bench.take_chunks().remove(0);
    for span in chunk.spans() {
        assert_eq!(span.metric("_dd.was_long_running"), Some(1.0));
        assert_eq!(span.metric("_dd.partial_version"), None);
    }
    assert_eq!(chunk.len(), 2);
}

#[test]
fn a_version_has_what_the_span_has_so_far() {
    let mut world = World::new();
    let root = world.bench.span("root").root().start();
    root.set_resource("GET /stream");
    root.set_tag("http.route", "/stream");
    root.set_metric("items", 3.0);
    root.set_baggage_item("user", "1");
    root.add_event(SpanEvent::new("opened"));
    world.look(10.5, true);
    let chunk = world.sent.remove(0);
    let span = chunk.spans().next().unwrap();
    assert_eq!(
        (span.resource().as_ref(), span.tag("http.route").as_deref()),
        ("GET /stream", Some("/stream"))
    );
    assert_eq!((span.metric("items"), span.events().len()), (Some(3.0), 1));
    assert_eq!(
        (Some(span.span_id()), Some(span.trace_id())),
        (Some(root.span_id()), root.trace_id())
    );
    assert!(span.record.top_level && span.is_local_root());
    root.set_tag("http.route", "/other");
    assert_eq!(span.tag("http.route").as_deref(), Some("/stream"), "as it was then");
}

#[test]
fn what_has_finished_is_sent_every_two_minutes_whether_or_not_the_agent_takes_versions() {
    for takes in [false, true] {
        let mut world = World::new();
        let root = world.bench.span("root").root().start();
        for at in 1..=5 {
            world.bench.span("child").child_of(&root).start().finish();
            world.look(f64::from(at) * 50.0, takes);
        }
        let parts: Vec<_> = world.bench.take_chunks().iter().map(Chunk::len).collect();
        assert_eq!(parts, [3, 2], "at 150 s and 250 s");
        drop(root);
        assert_eq!(world.bench.take_chunks().len(), 1);
    }
    let mut world = World::new();
    world.bench = Bench::with(|shared| {
        shared.diag = Arc::clone(&world.diag);
        shared.set_partial_flush(None);
    });
    let root = world.bench.span("root").root().start();
    world.bench.span("child").child_of(&root).start().finish();
    world.look(500.0, true);
    assert!(world.bench.chunks().is_empty() && world.sent.is_empty(), "switched off");
}

#[test]
fn what_sampling_drops_is_not_sent_in_versions() {
    let mut world = World::new();
    let root = world.bench.span("root").root().start();
    root.set_tag("manual.drop", true);
    world.look(500.0, true);
    assert_eq!(world.versions(), []);
}

#[test]
fn a_span_that_is_open_for_ten_minutes_is_named_once() {
    let mut world = World::new();
    let loops: Vec<_> = (0..7)
        .map(|number| {
            let root = world.bench.span("consumer.loop").root().start();
            root.set_resource(format!("orders-{number}"));
            root
        })
        .collect();
    world.look(590.0, true);
    assert_eq!(world.lines(), [""; 0]);
    for at in [601.0, 605.0, 700.0, 5_000.0] {
        world.look(at, true);
    }
    let lines = world.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("open for long: consumer.loop [orders-"), "{lines:?}");
    assert!(lines[0].contains("(for 10 min), ") && lines[0].contains(" and 2 more; "), "{lines:?}");
    drop(loops);
}

#[test]
fn what_is_old_at_the_first_look_of_a_pipeline_is_new_to_it() {
    let mut world = World::new();
    let root = world.bench.span("root").root().start();
    world.bench.span("child").child_of(&root).start().finish();
    world.look(13.0 * HOUR, true);
    let sent = world.versions().len();
    // Another pipeline takes its place: it neither gives up nor sends again what it sees for the first time.
    world.watch = LongRunning::new(world.watch.schedule);
    let abandoned = world.abandoned();
    world.look(13.0 * HOUR + 1.0, true);
    assert_eq!((world.versions().len(), world.abandoned()), (0, abandoned));
    assert!(sent <= 1);
    drop(root);
}

#[test]
fn a_trace_in_which_nothing_happens_for_twelve_hours_is_given_up_and_counted() {
    let mut world = World::new();
    let quiet = world.bench.span("quiet").root().start();
    world.bench.span("child").child_of(&quiet).start().finish();
    let busy = world.bench.span("busy").root().start();
    let mut hour = 0.0;
    while hour < 11.5 {
        hour += 0.5;
        world.look(hour * HOUR, false);
        world.bench.span("child").child_of(&busy).start().finish();
    }
    assert_eq!((world.abandoned(), quiet.is_open()), (0, true));
    world.look(12.2 * HOUR, false);
    world.look(13.0 * HOUR, false);
    assert_eq!((world.abandoned(), quiet.is_open(), busy.is_open()), (1, false, true));
    let said = world.lines().join("\n");
    assert!(
        said.contains("lost 1 spans (abandoned)") && said.contains("one of them: quiet"),
        "{said}"
    );
    // What had finished was sent before; what comes later is a part of its own, and nothing is counted twice.
    let before = world.bench.take_chunks().iter().map(Chunk::len).sum::<usize>();
    quiet.set_tag("late", true);
    world.bench.span("late").child_of(&quiet).start().finish();
    quiet.finish();
    drop(busy);
    let after: Vec<_> = world.bench.take_chunks().iter().map(Chunk::len).collect();
    assert_eq!(before + after.iter().sum::<usize>(), 1 + 24 + 1);
    assert_eq!(world.diag.losses().total(), 1);
}

#[test]
fn beyond_ten_thousand_idle_traces_the_oldest_are_given_up() {
    let mut world = World::new();
    let open = |world: &World| world.bench.span("leak").root().start();
    let first: Vec<_> = (0..100).map(|_| open(&world)).collect();
    let rest: Vec<_> = (0..MOST_IDLE).map(|_| open(&world)).collect();
    for at in [10.0, 700.0] {
        world.look(at, false);
    }
    assert_eq!(world.abandoned(), 100);
    assert!(first.iter().all(|span| !span.is_open()) && rest.iter().all(|span| span.is_open()));
    assert_eq!(world.watch.followed(), MOST_IDLE + 100);
    world.look(710.0, false);
    assert_eq!(world.watch.followed(), MOST_IDLE);
}

/// Requests, a loop that never ends, and traces of which one span stays open: an hour of them, each second with its own
/// time.
#[test]
fn an_hour_of_traffic_leaves_nothing_behind() {
    let mut world = World::new();
    let main = world.bench.span("main").root().start_time(world.time(0.0)).start();
    let mut leaked = std::collections::VecDeque::new();
    let mut sizes = Vec::new();
    let mut made = 1;
    let mut sent = 0;
    for second in 0..3600 {
        let (from, to) = (f64::from(second), f64::from(second) + 0.5);
        for _ in 0..3 {
            let root = world.bench.span("request").root().start_time(world.time(from)).start();
            let child =
                world.bench.span("query").child_of(&root).start_time(world.time(from)).start();
            child.finish_at(world.time(to));
            root.finish_at(world.time(to));
        }
        world
            .bench
            .span("message")
            .child_of(&main)
            .start_time(world.time(from))
            .start()
            .finish_at(world.time(to));
        made += 7;
        if second % 60 == 0 {
            // Open for a quarter of an hour each.
            leaked.push_back(world.bench.span("slow").root().start_time(world.time(from)).start());
            made += 1;
            if leaked.len() > 15 {
                drop(leaked.pop_front());
            }
        }
        world.look(from + 0.9, true);
        world.sent.clear();
        for chunk in world.bench.take_chunks() {
            sent += chunk.len();
            drop(chunk.into_buffers().recycle());
        }
        if second % 600 == 599 {
            let traces = OpenTrace::all_of(&world.diag).len();
            sizes.push((traces, world.watch.followed(), leaked.len()));
        }
    }
    let open = 1 + leaked.len();
    assert_eq!(sizes[2..], [sizes[2]; 4], "after the first twenty minutes: {sizes:?}");
    // The loop holds what has finished in the last two minutes at the most.
    let held = world.bench.shared.census().held as usize;
    assert!(held <= 125, "{held}");
    assert_eq!((sent + held + open, world.diag.losses().total()), (made, 0));
}
