//! What is lost is counted, and nobody waits for long.

use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::trace::SpanExporter as _;
use tracehound::LossReason;
use tracehound::testing::Captured;
use tracehound_test_support::fault_agent::{Received, scripts};
use tracehound_test_support::{FaultAgent, Reply, within};

use super::support::{LIMIT, captured, context, export, flushed, patient, span, tracer, with};

fn hanging(request: &Received) -> Reply {
    if request.path == "/info" { scripts::healthy(request) } else { Reply::hang() }
}

#[test]
fn an_export_after_the_shutdown_is_an_error_and_counted() {
    let (builder, captured) = captured();
    let exporter = builder.build();
    export(&exporter, vec![span(1, 0)]).unwrap();
    exporter.shutdown().unwrap();
    assert_eq!(captured.spans().len(), 1);
    let after = export(&exporter, vec![span(2, 0), span(3, 0)]);
    assert!(matches!(after, Err(OTelSdkError::AlreadyShutdown)), "{after:?}");
    assert_eq!(exporter.losses().spans(LossReason::Shutdown), 2);
    assert!(matches!(exporter.shutdown(), Err(OTelSdkError::AlreadyShutdown)));
    assert_eq!(captured.spans().len(), 1);
}

#[test]
fn spans_without_ids_are_counted_and_the_others_sent() {
    let (builder, captured) = captured();
    let exporter = builder.build();
    let (mut no_trace, mut no_id) = (span(1, 0), span(1, 0));
    no_trace.span_context = context(0, 1, true, "");
    no_id.span_context = context(1, 0, true, "");
    export(&exporter, vec![no_trace, span(1, 0), no_id]).unwrap();
    assert_eq!(flushed(&exporter, &captured).concat().len(), 1);
    assert_eq!(exporter.losses().spans(LossReason::Invalid), 2);
    assert_eq!(exporter.losses().total(), 2);
}

#[test]
fn a_full_buffer_refuses_and_counts() {
    within(LIMIT, || {
        let captured = Captured::default();
        // A function of the user that does not end: the assembler takes nothing more.
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (reached, is_there) = std::sync::mpsc::channel();
        let (wait, reached) = (std::sync::Mutex::new(wait), std::sync::Mutex::new(reached));
        let exporter = patient(tracer().capture(&captured).buffer_bytes(100_000))
            .name_mapping(move |_, _| {
                reached.lock().unwrap().send(()).unwrap();
                let _ = wait.lock().unwrap().recv_timeout(LIMIT);
                None::<String>
            })
            .build();
        let flushing = exporter.clone();
        export(&exporter, vec![span(1, 0)]).unwrap();
        let flush = std::thread::spawn(move || flushing.flush(LIMIT));
        is_there.recv_timeout(LIMIT).unwrap();

        let large = || vec![with(span(2, 0), [KeyValue::new("k", "x".repeat(30_000))])];
        let results: Vec<_> = (0..10).map(|_| export(&exporter, large())).collect();
        let refused = results.iter().filter(|result| result.is_err()).count();
        assert!((6..10).contains(&refused), "{refused}");
        let lost = exporter.losses();
        assert_eq!(lost.spans(LossReason::QueueFull), refused as u64);
        assert_eq!(lost.total(), refused as u64);
        drop(go);
        let _ = flush.join().unwrap();
        assert_eq!(flushed(&exporter, &captured).concat().len(), 1 + 10 - refused);
    });
}

#[test]
fn an_agent_that_is_away_costs_the_time_of_the_shutdown_only() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let url = agent.url();
        drop(agent);
        let exporter = patient(tracer().agent_url(url)).build();
        export(&exporter, (1..=5).map(|id| span(id, 0)).collect()).unwrap();
        let flushed = exporter.flush(Duration::from_secs(5));
        assert!(flushed.unwrap_err().is_undelivered());
        assert_eq!(exporter.losses().total(), 0, "tried again until the shutdown");
        assert!(exporter.shutdown_with_timeout(Duration::from_secs(5)).is_err());
        assert_eq!(exporter.losses().spans(LossReason::AgentUnreachable), 5);
    });
}

#[test]
fn an_agent_that_hangs_holds_up_neither_export_nor_flush_nor_shutdown() {
    within(LIMIT, || {
        let agent = FaultAgent::start(hanging);
        let exporter = patient(tracer().agent_url(agent.url()).agent_timeout(LIMIT)).build();
        let start = Instant::now();
        export(&exporter, vec![span(1, 0)]).unwrap();
        let error = exporter.flush(Duration::from_millis(100)).unwrap_err();
        assert!(error.is_timeout());
        agent.wait_for_requests_to("/v0.4/traces", 1, LIMIT);
        export(&exporter, vec![span(2, 0)]).unwrap();
        let time = Duration::from_millis(100);
        let stopped = exporter.shutdown_with_timeout(time);
        assert!(matches!(stopped, Err(OTelSdkError::Timeout(told)) if told == time), "{stopped:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
        let losses = exporter.losses();
        assert_eq!(losses.spans(LossReason::Unconfirmed), 1, "on its way");
        assert_eq!((losses.spans(LossReason::ShutdownTimeout), losses.total()), (1, 2));
    });
}

#[test]
fn a_function_that_does_not_end_costs_the_time_of_the_shutdown_only() {
    within(LIMIT, || {
        let captured = Captured::default();
        let exporter = patient(tracer().capture(&captured))
            .name_mapping(|_, _| {
                std::thread::park();
                None::<String>
            })
            .build();
        export(&exporter, vec![span(1, 0)]).unwrap();
        export(&exporter, vec![span(2, 0)]).unwrap();
        let stopped = exporter.shutdown_with_timeout(Duration::from_millis(100));
        assert!(matches!(stopped, Err(OTelSdkError::Timeout(_))), "{stopped:?}");
        assert_eq!(exporter.losses().spans(LossReason::ShutdownTimeout), 2);
    });
}

/// Also when nobody shuts it down, what was handed over is sent.
#[test]
fn the_last_handle_gone_sends_what_there_is() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let exporter = patient(tracer().agent_url(agent.url())).build();
        export(&exporter, vec![span(1, 0), span(2, 1)]).unwrap();
        drop(exporter);
        agent.wait_for_requests_to("/v0.4/traces", 1, LIMIT);
        assert_eq!(agent.spans().len(), 2);
    });
}

#[test]
fn a_disabled_exporter_sends_nothing_and_complains_of_nothing() {
    let captured = Captured::default();
    let exporter = patient(tracer().capture(&captured).enabled(false)).build();
    export(&exporter, vec![span(1, 0)]).unwrap();
    assert!(flushed(&exporter, &captured).is_empty());
    assert_eq!(exporter.losses().total(), 0);
}
