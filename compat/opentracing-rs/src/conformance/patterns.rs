//! The ways in which programs hand spans from thread to thread.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::subject::Subject;
use super::suite::Check;
use crate::{Format, Span, tags};

/// The patterns of OpenTracing's testbed, with threads.
pub const CHECKS: &[Check] = &[
    ("the active span is replaced for a while", active_span_replacement),
    ("a client calls a server", client_and_server),
    ("one handler serves many requests", common_request_handler),
    ("a span ends after the work below it", late_span_finish),
    ("a listener finishes the span of its request", listener_per_request),
    ("several callbacks below one span", multiple_callbacks),
    ("one span through nested callbacks", nested_callbacks),
    ("a subtask finds the span of its task", subtask_span_propagation),
];

/// No thread of a check waits longer.
const LIMIT: Duration = Duration::from_secs(30);

#[track_caller]
fn receive<T>(from: &Receiver<T>) -> Option<T> {
    let received = from.recv_timeout(LIMIT).ok();
    assert!(received.is_some(), "the other thread said nothing");
    received
}

fn active_span_replacement(subject: &Subject) {
    let tracer = subject.tracer();
    let span = tracer.start_span("initial");
    thread::scope(|threads| {
        threads.spawn(|| {
            let initial = tracer.scope_manager().activate(&span, true);
            tracer.start_span("before").finish();
            let task = tracer.build_span("task").ignore_active_span().start_active();
            tracer.start_span("subtask").finish();
            task.close();
            subject.expect_active(Some(initial.span()));
            tracer.start_span("after").finish();
        });
    });
    let (initial, task) = (subject.one("initial"), subject.one("task"));
    assert!(subject.one("before").is_child_of(&initial));
    assert!(subject.one("after").is_child_of(&initial));
    assert_eq!(task.parent_id, None);
    assert!(subject.one("subtask").is_child_of(&task));
}

fn client_and_server(subject: &Subject) {
    let tracer = subject.tracer();
    let (requests, inbox): (Sender<HashMap<String, String>>, _) = channel();
    thread::scope(|threads| {
        threads.spawn(move || {
            let Some(message) = receive(&inbox) else { return };
            let caller = tracer.extract(Format::TextMap, &message).unwrap_or_default();
            let span = tracer.build_span("receive").child_of(caller);
            span.tag(tags::SPAN_KIND, tags::SPAN_KIND_SERVER).start_active().close();
        });
        let send = tracer.build_span("send").tag(tags::SPAN_KIND, tags::SPAN_KIND_CLIENT);
        let send = send.start_active();
        let mut message = HashMap::new();
        let written = tracer.inject(&send.span().context(), Format::TextMap, &mut message);
        assert!(written.is_ok());
        assert!(requests.send(message).is_ok());
    });
    let (send, receive) = (subject.one("send"), subject.one("receive"));
    assert!(receive.is_child_of(&send));
    assert_eq!(send.tags.get(tags::SPAN_KIND).map(String::as_str), Some("client"));
    assert_eq!(receive.tags.get(tags::SPAN_KIND).map(String::as_str), Some("server"));
}

/// What a handler keeps between the two calls that it gets for a request, perhaps on two threads.
struct Request(Span);

fn common_request_handler(subject: &Subject) {
    let tracer = subject.tracer();
    // The handler knows nothing of who called, and must not take what happens to be active for it.
    let before = || Request(tracer.build_span("send").ignore_active_span().start());
    let after = |request: Request| request.0.finish();
    tracer.in_span("active", |active| {
        let first = before();
        let second = before();
        thread::scope(|threads| {
            threads.spawn(move || after(second));
            threads.spawn(move || after(first));
        });
        subject.expect_active(Some(active));
    });
    let [first, second] = &*subject.named("send") else {
        assert_eq!(subject.named("send").len(), 2);
        return;
    };
    assert_eq!((&first.parent_id, &second.parent_id), (&None, &None));
    assert_ne!(first.trace_id, second.trace_id);
    assert_ne!(first.trace_id, subject.one("active").trace_id);

    // Given a parent, it takes that.
    let parent = tracer.start_span("parent");
    let child = tracer.build_span("child").child_of(&parent).ignore_active_span().start();
    thread::scope(|threads| {
        threads.spawn(move || after(Request(child)));
    });
    parent.finish();
    assert!(subject.one("child").is_child_of(&subject.one("parent")));
}

fn late_span_finish(subject: &Subject) {
    let tracer = subject.tracer();
    let parent = tracer.start_span("parent");
    thread::scope(|threads| {
        for name in ["task 1", "task 2"] {
            let parent = &parent;
            threads.spawn(move || {
                let _scope = parent.activate();
                tracer.start_active_span(name).close();
            });
        }
    });
    subject.expect_open(&parent, "parent");
    let parent = subject.one("parent");
    for name in ["task 1", "task 2"] {
        let task = subject.one(name);
        assert!(task.is_child_of(&parent) && task.finish_time <= parent.finish_time);
    }
}

fn listener_per_request(subject: &Subject) {
    let tracer = subject.tracer();
    let (answers, listener) = channel();
    let span = tracer.build_span("send").tag(tags::SPAN_KIND, tags::SPAN_KIND_CLIENT).start();
    thread::scope(|threads| {
        threads.spawn(move || {
            let answer = receive(&listener).unwrap_or("none");
            span.set_tag("answer", answer).finish();
        });
        assert!(answers.send("hello").is_ok());
    });
    let send = subject.one("send");
    assert_eq!(send.tags.get("answer").map(String::as_str), Some("hello"));
    subject.expect_active(None);
}

fn multiple_callbacks(subject: &Subject) {
    let tracer = subject.tracer();
    let scope = tracer.start_active_span("parent");
    let parent = scope.span();
    thread::scope(|threads| {
        for _ in 0..3 {
            let parent = parent.clone();
            threads.spawn(move || {
                let _scope = parent.activate();
                tracer.in_span("callback", |callback| subject.expect_active(Some(callback)));
                subject.expect_active(Some(&parent));
            });
        }
    });
    subject.expect_active(Some(parent));
    scope.close();
    let (parent, callbacks) = (subject.one("parent"), subject.named("callback"));
    assert_eq!(callbacks.len(), 3);
    for callback in callbacks {
        assert!(callback.is_child_of(&parent));
    }
}

fn nested_callbacks(subject: &Subject) {
    let tracer = subject.tracer();
    let span = tracer.start_span("one");
    let step = |key: &str| {
        subject.expect_active(None);
        let _scope = span.activate();
        subject.expect_active(Some(&span));
        if let Some(active) = tracer.active_span() {
            active.set_tag(key, key);
        }
    };
    thread::scope(|threads| {
        threads.spawn(|| {
            step("key1");
            threads.spawn(|| {
                step("key2");
                threads.spawn(|| {
                    step("key3");
                    tracer.scope_manager().activate(&span, true).close();
                });
            });
        });
    });
    let one = subject.one("one");
    for key in ["key1", "key2", "key3"] {
        assert_eq!(one.tags.get(key).map(String::as_str), Some(key));
    }
}

fn subtask_span_propagation(subject: &Subject) {
    let tracer = subject.tracer();
    let subtask = || tracer.in_span("child", |_| "done");
    let done = tracer.in_span("parent", |_| subtask());
    assert_eq!(done, "done");
    assert!(subject.one("child").is_child_of(&subject.one("parent")));
}
