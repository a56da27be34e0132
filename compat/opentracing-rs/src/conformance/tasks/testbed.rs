//! The patterns of OpenTracing's testbed, with tasks.

use std::collections::HashMap;
use std::sync::Arc;

use super::tools::{Queue, join, root, start, steps, wait_a_little};
use super::{BoxFuture, Spawn};
use crate::conformance::subject::Subject;
use crate::{Format, FutureExt};

pub(super) async fn replacement(subject: Subject, spawn: Spawn) {
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

pub(super) async fn client_and_server(subject: Subject, spawn: Spawn) {
    type Message = HashMap<String, String>;
    let queue: Queue<Message> = Queue::new();
    let tracer = subject.tracer().clone();
    let server = {
        let (tracer, queue) = (tracer.clone(), queue.clone());
        async move {
            let message = queue.receive().await;
            let caller = tracer.extract(Format::HttpHeaders, &message).unwrap_or_default();
            let span = tracer.build_span("receive").child_of(caller).start();
            wait_a_little().in_span(span).await;
        }
    };
    let server = start(&spawn, Box::pin(server));
    let client = async {
        let mut message = Message::new();
        let context = tracer.active_span().map(|span| span.context()).unwrap_or_default();
        let written = tracer.inject(&context, Format::HttpHeaders, &mut message);
        assert!(written.is_ok());
        queue.send(message);
        server.await;
    };
    client.in_span(tracer.start_span("send")).await;
    assert!(subject.one("receive").is_child_of(&subject.one("send")));
}

pub(super) async fn request_handler(subject: Subject, spawn: Spawn) {
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

pub(super) async fn late_finish(subject: Subject, spawn: Spawn) {
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

pub(super) async fn listener(subject: Subject, spawn: Spawn) {
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

pub(super) async fn callbacks(subject: Subject, spawn: Spawn) {
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

pub(super) async fn nested(subject: Subject, spawn: Spawn) {
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

pub(super) async fn subtask(subject: Subject, _: Spawn) {
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
