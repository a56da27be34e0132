//! A profiler's signal handler reads the active ids, a thousand times a second, while spans come and go.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tracehound::Tracer;
use tracehound_test_support::within;

const LIMIT: Duration = Duration::from_secs(120);
const SIGNALS: usize = 1000;

static TRACER: OnceLock<Tracer> = OnceLock::new();
/// Signals that came where a span was active, those that found its ids, and those that found others.
static CAME: AtomicUsize = AtomicUsize::new(0);
static FOUND: AtomicUsize = AtomicUsize::new(0);
static WRONG: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The low half of the trace id while a trace is active for certain, else zero.
    static EXPECTED: AtomicU64 = const { AtomicU64::new(0) };
}

extern "C" fn on_signal(_: libc::c_int) {
    let ids = TRACER.get().and_then(Tracer::active_ids);
    let expected = EXPECTED.with(|expected| expected.load(Ordering::Relaxed));
    if expected == 0 {
        return;
    }
    CAME.fetch_add(1, Ordering::Relaxed);
    let Some(ids) = ids else { return };
    FOUND.fetch_add(1, Ordering::Relaxed);
    if ids.trace_id.low() != expected || ids.local_root_id.get() == 0 {
        WRONG.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends `SIGPROF` to the process after each millisecond of processor time that it uses.
#[expect(unsafe_code, reason = "signals")]
fn start_profiling() {
    let millisecond = libc::timeval { tv_sec: 0, tv_usec: 1000 };
    let timer = libc::itimerval { it_interval: millisecond, it_value: millisecond };
    // SAFETY: the handler is a function of the type that the system calls, which lives as long as the program, and
    // what it calls is promised to be fit for that; `action` is all zero but for what is set, which is a value of
    // its type; both structures live through the calls.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(libc::SIGPROF, &action, std::ptr::null_mut()), 0);
        assert_eq!(libc::setitimer(libc::ITIMER_PROF, &timer, std::ptr::null_mut()), 0);
    }
}

/// Makes traces until there were enough signals.
fn work(tracer: &Tracer, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let root = tracer.trace("root");
        let trace_id = root.trace_id().unwrap().low();
        EXPECTED.with(|expected| expected.store(trace_id, Ordering::Relaxed));
        for _ in 0..10 {
            let child = tracer.trace("child");
            child.set_tag("key", "value");
            let _again = child.activate();
        }
        EXPECTED.with(|expected| expected.store(0, Ordering::Relaxed));
    }
}

#[test]
fn a_signal_handler_may_read_the_active_ids() {
    within(LIMIT, || {
        let (tracer, _) = tracehound::testing::tracer();
        // The spans themselves are of no interest, and would only take room.
        tracer.set_enabled(false);
        TRACER.set(tracer.clone()).unwrap();
        start_profiling();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| work(&tracer, &is_over));
            }
            let start = Instant::now();
            while CAME.load(Ordering::Relaxed) < SIGNALS && start.elapsed() < LIMIT / 2 {
                std::thread::sleep(Duration::from_millis(5));
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let [came, found, wrong] =
            [&CAME, &FOUND, &WRONG].map(|count| count.load(Ordering::Relaxed));
        assert!(came >= SIGNALS, "{came}");
        assert_eq!(wrong, 0);
        // Only between two steps of a change is there nothing to read.
        assert!(found > came / 2, "{found} of {came}");
    });
}
