//! The ways in which programs hand spans from task to task.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;

use super::subject::Subject;
use super::suite::{failure, report};
use crate::future::FutureExt;
use crate::span::Span;
use crate::tracer::Tracer;

/// A future of any type.
pub type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts a task on a runtime; what it gives back is done when the task is, and does not fail if the task
/// panics.
pub type Spawn = Arc<dyn Fn(BoxFuture) -> BoxFuture + Send + Sync>;

/// A check with tasks and its name.
pub type TaskCheck = (&'static str, fn(Subject, Spawn) -> BoxFuture);

/// What a tracer that records does with futures, and the patterns of OpenTracing's testbed with tasks.
pub const CHECKS: &[TaskCheck] = &[
    ("a future is in its span when it runs", |subject, _| Box::pin(in_its_span(subject))),
    ("futures of one task keep their spans apart", |subject, _| Box::pin(joined(subject))),
    ("a span is finished when its future is done", |subject, _| Box::pin(done(subject))),
    ("a future that is dropped finishes its span", |subject, _| Box::pin(dropped(subject))),
    ("a panic marks the span of its future", |subject, spawn| Box::pin(panic(subject, spawn))),
    ("a task inherits nothing", |subject, spawn| Box::pin(inherits_nothing(subject, spawn))),
    ("the active span is replaced for a while", |s, spawn| Box::pin(replacement(s, spawn))),
    ("a client calls a server", |s, spawn| Box::pin(client_and_server(s, spawn))),
    ("one handler serves many requests", |s, spawn| Box::pin(request_handler(s, spawn))),
    ("a span ends after the work below it", |s, spawn| Box::pin(late_finish(s, spawn))),
    ("a listener finishes the span of its request", |s, spawn| Box::pin(listener(s, spawn))),
    ("several callbacks below one span", |s, spawn| Box::pin(callbacks(s, spawn))),
    ("one span through nested callbacks", |s, spawn| Box::pin(nested(s, spawn))),
    ("a subtask finds the span of its task", |subject, _| Box::pin(subtask(subject))),
];

/// Runs checks one after the other, each with a tracer of its own.
///
/// ```
/// # #[cfg(feature = "mock")]
/// # fn main() {
/// use std::sync::Arc;
///
/// use opentracing_rs::conformance::{self, BoxFuture, Subject};
/// use opentracing_rs::mock::MockTracer;
///
/// let spawn = |task: BoxFuture| -> BoxFuture {
///     let task = tokio::spawn(task);
///     Box::pin(async move { drop(task.await) })
/// };
/// let checks = conformance::run_tasks(
///     conformance::TASKS,
///     || Subject::from(MockTracer::new()),
///     Arc::new(spawn),
/// );
/// tokio::runtime::Runtime::new().unwrap().block_on(checks);
/// # }
/// # #[cfg(not(feature = "mock"))]
/// # fn main() {}
/// ```
///
/// # Panics
///
/// If a check fails; after all of them, with the names and messages of those that did.
pub async fn run_tasks(checks: &[TaskCheck], make: impl Fn() -> Subject, spawn: Spawn) {
    let mut failures = Vec::new();
    for (name, check) in checks {
        let subject = make();
        let outcome = catch(check(subject.clone(), Arc::clone(&spawn))).await;
        if let Err(panic) = outcome {
            failures.push(failure(name, &*panic));
        }
        if subject.tracer().active_span().is_some() {
            failures.push(format!("{name}: something stayed active"));
        }
    }
    report(&failures);
}

// ===== tools =====

/// Starts a task, the failure of which becomes that of the one who waits for it.
fn start(spawn: &Spawn, task: BoxFuture) -> BoxFuture {
    let caught = Queue::new();
    let task = {
        let caught = caught.clone();
        async move { caught.send(catch(task).await) }
    };
    let task = spawn(Box::pin(task));
    Box::pin(async move {
        task.await;
        if let Err(panic) = caught.receive().await {
            resume_unwind(panic);
        }
    })
}

/// The outcome of a future that may panic.
async fn catch(mut future: BoxFuture) -> thread::Result<()> {
    poll_fn(|task| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Lets others run first, a few times, and perhaps goes on on another thread.
async fn wait_a_little() {
    for _ in 0..3 {
        let mut is_first = true;
        poll_fn(|task| {
            if std::mem::take(&mut is_first) {
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// Runs futures in one task, each getting its turn.
async fn join(mut futures: Vec<BoxFuture>) {
    poll_fn(|task: &mut Context<'_>| {
        futures.retain_mut(|future| future.as_mut().poll(task).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Messages from one task to another that asks until there is one.
struct Queue<T>(Arc<Mutex<VecDeque<T>>>);

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue(Arc::clone(&self.0))
    }
}

impl<T> Queue<T> {
    fn new() -> Self {
        Queue(Arc::default())
    }

    fn send(&self, message: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(message);
    }

    async fn receive(&self) -> T {
        loop {
            let message = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match message {
                Some(message) => return message,
                None => wait_a_little().await,
            }
        }
    }
}

/// Work of several steps, whose span has to be active at each.
async fn steps(subject: Subject, span: Span, child: &'static str) {
    subject.expect_active(Some(&span));
    wait_a_little().await;
    subject.expect_active(Some(&span));
    subject.tracer().start_span(child).finish();
    wait_a_little().await;
    subject.expect_active(Some(&span));
}

fn root(tracer: &Tracer, name: &'static str) -> Span {
    tracer.build_span(name).ignore_active_span().start()
}

// ===== futures =====

async fn in_its_span(subject: Subject) {
    let span = subject.tracer().start_span("future");
    steps(subject.clone(), span.clone(), "child").in_span(span).await;
    subject.expect_active(None);
    assert!(subject.one("child").is_child_of(&subject.one("future")));
}

async fn joined(subject: Subject) {
    let (one, two) = (root(subject.tracer(), "one"), root(subject.tracer(), "two"));
    let first = steps(subject.clone(), one.clone(), "of one").in_span(one);
    let second = steps(subject.clone(), two.clone(), "of two").in_span(two);
    join(vec![Box::pin(first), Box::pin(second)]).await;
    subject.expect_active(None);
    assert!(subject.one("of one").is_child_of(&subject.one("one")));
    assert!(subject.one("of two").is_child_of(&subject.one("two")));
}

async fn done(subject: Subject) {
    let span = subject.tracer().start_span("finished");
    let mut future = Box::pin(wait_a_little().in_span(span));
    future.as_mut().await;
    // Already, though the future is still there.
    subject.one("finished");
    drop(future);
    let span = subject.tracer().start_span("kept");
    wait_a_little().with_active_span(span.clone()).await;
    subject.expect_open(&span, "kept");
}

/// Traces when it is dropped.
struct Traces(Subject);

impl Drop for Traces {
    fn drop(&mut self) {
        self.0.tracer().start_span("cleanup").finish();
    }
}

async fn dropped(subject: Subject) {
    let held = Traces(subject.clone());
    let future = async move {
        let _held = held;
        std::future::pending::<()>().await;
    };
    let mut future = Box::pin(future.in_span(subject.tracer().start_span("cancelled")));
    poll_fn(|task| {
        assert!(future.as_mut().poll(task).is_pending());
        Poll::Ready(())
    })
    .await;
    drop(future);
    subject.expect_active(None);
    let cancelled = subject.one("cancelled");
    assert!(!cancelled.is_error);
    assert!(subject.one("cleanup").is_child_of(&cancelled));
}

async fn panic(subject: Subject, spawn: Spawn) {
    let span = subject.tracer().start_span("panic");
    let work = async {
        wait_a_little().await;
        resume_unwind(Box::new("meant"));
    };
    spawn(Box::pin(work.in_span(span))).await;
    subject.expect_active(None);
    assert!(subject.one("panic").is_error);
}

async fn inherits_nothing(subject: Subject, spawn: Spawn) {
    let seen = Queue::new();
    let parent = subject.tracer().start_span("parent");
    let task = {
        let (subject, seen) = (subject.clone(), seen.clone());
        async move { seen.send(subject.active()) }
    };
    async move { start(&spawn, Box::pin(task)).await }.in_span(parent).await;
    assert_eq!(seen.receive().await, None, "what a task finds active");
}

// ===== the testbed =====

async fn replacement(subject: Subject, spawn: Spawn) {
    let tracer = subject.tracer().clone();
    let initial = root(&tracer, "initial");
    let task = {
        let (subject, initial) = (subject.clone(), initial.clone());
        async move {
            let task = root(subject.tracer(), "task");
            steps(subject.clone(), task.clone(), "subtask").in_span(task).await;
            subject.expect_active(Some(&initial));
            subject.tracer().start_span("after").finish();
        }
    };
    start(&spawn, Box::pin(task.in_span(initial))).await;
    let (initial, task) = (subject.one("initial"), subject.one("task"));
    assert_eq!(task.parent_id, None);
    assert!(subject.one("subtask").is_child_of(&task));
    assert!(subject.one("after").is_child_of(&initial));
}

async fn client_and_server(subject: Subject, spawn: Spawn) {
    type Message = std::collections::HashMap<String, String>;
    let queue: Queue<Message> = Queue::new();
    let tracer = subject.tracer().clone();
    let server = {
        let (tracer, queue) = (tracer.clone(), queue.clone());
        async move {
            let message = queue.receive().await;
            let caller = tracer.extract(crate::Format::HttpHeaders, &message).unwrap_or_default();
            let span = tracer.build_span("receive").child_of(caller).start();
            wait_a_little().in_span(span).await;
        }
    };
    let server = start(&spawn, Box::pin(server));
    let client = async {
        let mut message = Message::new();
        let context = tracer.active_span().map(|span| span.context()).unwrap_or_default();
        let written = tracer.inject(&context, crate::Format::HttpHeaders, &mut message);
        assert!(written.is_ok());
        queue.send(message);
        server.await;
    };
    client.in_span(tracer.start_span("send")).await;
    assert!(subject.one("receive").is_child_of(&subject.one("send")));
}

async fn request_handler(subject: Subject, spawn: Spawn) {
    let requests = (0..4).map(|_| {
        let subject = subject.clone();
        start(
            &spawn,
            Box::pin(async move {
                let span = root(subject.tracer(), "send");
                steps(subject, span.clone(), "inside").in_span(span).await;
            }),
        )
    });
    join(requests.collect()).await;
    let (sent, inside) = (subject.named("send"), subject.named("inside"));
    assert_eq!((sent.len(), inside.len()), (4, 4));
    for request in sent {
        assert_eq!(request.parent_id, None);
        assert_eq!(inside.iter().filter(|span| span.is_child_of(&request)).count(), 1);
    }
}

async fn late_finish(subject: Subject, spawn: Spawn) {
    let parent = root(subject.tracer(), "parent");
    let tasks = ["task 1", "task 2"].map(|name| {
        let tracer = subject.tracer().clone();
        let task = async move {
            wait_a_little().await;
            wait_a_little().in_span(tracer.start_span(name)).await;
        };
        start(&spawn, Box::pin(task.with_active_span(parent.clone())))
    });
    join(tasks.into()).await;
    subject.expect_open(&parent, "parent");
    for name in ["task 1", "task 2"] {
        assert!(subject.one(name).is_child_of(&subject.one("parent")));
    }
}

async fn listener(subject: Subject, spawn: Spawn) {
    let (span, answers) = (subject.tracer().start_span("send"), Queue::new());
    let task = {
        let answers = answers.clone();
        async move {
            let answer: &str = answers.receive().await;
            span.set_tag("answer", answer).finish();
        }
    };
    let task = start(&spawn, Box::pin(task));
    answers.send("hello");
    task.await;
    assert_eq!(subject.one("send").tags.get("answer").map(String::as_str), Some("hello"));
}

async fn callbacks(subject: Subject, spawn: Spawn) {
    let parent = subject.tracer().start_span("parent");
    let work = {
        let (subject, parent) = (subject.clone(), parent.clone());
        async move {
            let tasks = (0..3).map(|_| {
                let span = subject.tracer().start_span("callback");
                let task = steps(subject.clone(), span.clone(), "inside").in_span(span);
                start(&spawn, Box::pin(task.with_active_span(parent.clone())))
            });
            join(tasks.collect()).await;
        }
    };
    work.in_span(parent).await;
    let (parent, callbacks) = (subject.one("parent"), subject.named("callback"));
    assert_eq!((callbacks.len(), subject.named("inside").len()), (3, 3));
    for callback in callbacks {
        assert!(callback.is_child_of(&parent));
    }
}

async fn nested(subject: Subject, spawn: Spawn) {
    let span = subject.tracer().start_span("one");
    let step = |key: &'static str, next: Option<BoxFuture>| -> BoxFuture {
        let (tracer, span, spawn) = (subject.tracer().clone(), span.clone(), Arc::clone(&spawn));
        let work = async move {
            wait_a_little().await;
            if let Some(active) = tracer.active_span() {
                active.set_tag(key, key);
            }
            match next {
                Some(next) => start(&spawn, next).await,
                None => tracer.active_span().unwrap_or_default().finish(),
            }
        };
        Box::pin(work.with_active_span(span))
    };
    let all = step("key1", Some(step("key2", Some(step("key3", None)))));
    start(&spawn, all).await;
    let one = subject.one("one");
    for key in ["key1", "key2", "key3"] {
        assert_eq!(one.tags.get(key).map(String::as_str), Some(key));
    }
}

async fn subtask(subject: Subject) {
    let tracer = subject.tracer().clone();
    let parent = tracer.start_span("parent");
    let task = async {
        wait_a_little().await;
        let child = tracer.start_span("child");
        wait_a_little().in_span(child).await;
    };
    task.in_span(parent).await;
    assert!(subject.one("child").is_child_of(&subject.one("parent")));
}
