//! A tracer that is in use gets other settings: what it makes is delivered once, by the old way or the new one.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tracehound::config::Config;
use tracehound::{
    ActiveContext, Captured, ContextProvider, DropResources, FinishedTrace, FutureExt, LogLevel,
    LossReason, Sampler, SamplingDecision, SamplingPriority, SamplingRule, ScopeToken, SpanView,
    TraceWriter, Tracer, Verdict, testing,
};
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, Reply, within};

use common::{LIMIT, Said};

fn resources(agent: &FaultAgent) -> Vec<String> {
    agent.spans().into_iter().map(|span| span.resource).collect()
}

fn tracer_to(agent: &FaultAgent) -> Tracer {
    // On a busy machine an agent that is well may take its time.
    common::builder(&agent.url(), &Said::default()).agent_timeout(LIMIT / 2).build()
}

#[test]
fn an_open_span_goes_where_traces_go_when_it_finishes() {
    let (old, new) = (FaultAgent::start(scripts::healthy), FaultAgent::start(scripts::healthy));
    let tracer = tracer_to(&old);
    tracer.trace("before").finish();
    let open = tracer.trace("open");
    tracer.reconfigure(|change| change.agent_url(new.url())).unwrap();
    assert_eq!(tracer.agent_url(), Some(&*new.url()));
    assert_eq!(tracer.config().unwrap().agent_url(), new.url());
    drop(open);
    tracer.trace("after").finish();
    tracer.flush(LIMIT).unwrap();
    assert_eq!(
        (resources(&old), resources(&new)),
        (vec!["before".into()], vec!["open".into(), "after".into()])
    );
    assert_eq!(tracer.losses().total(), 0);
}

#[test]
fn traces_go_where_the_new_writer_leads_and_the_account_goes_on() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = tracer_to(&agent);
        let (captured, finish) = (Captured::default(), |name| tracer.start_span(name).finish());
        finish("to the agent");
        tracer.reconfigure(|change| change.writer(TraceWriter::memory(&captured))).unwrap();
        assert_eq!(tracer.agent_url(), None);
        finish("into memory");
        tracer.flush(LIMIT).unwrap();
        // What is known of pipelines that are no more is kept.
        tracer.reconfigure(|change| change.writer(TraceWriter::none())).unwrap();
        finish("nowhere");
        tracer.reconfigure(|change| change.agent_url(agent.url())).unwrap();
        finish("to the agent again");
        tracer.shutdown(LIMIT).unwrap();
        assert_eq!(resources(&agent), ["to the agent", "to the agent again"]);
        assert_eq!(captured.span("into memory").resource, "into memory");
        let statistics = tracer.statistics();
        assert_eq!((statistics.made(), statistics.delivered()), (4, 4), "{statistics}");
        assert_eq!(statistics.answers().success, 2);
    });
}

#[test]
fn what_waits_for_an_agent_that_is_away_is_delivered_by_the_old_pipeline() {
    within(LIMIT, || {
        let away = Arc::new(AtomicBool::new(true));
        let is_away = Arc::clone(&away);
        let old = FaultAgent::start(move |request| match is_away.load(Relaxed) {
            true => Reply::status(503),
            false => scripts::healthy(request),
        });
        let new = FaultAgent::start(scripts::healthy);
        let tracer = tracer_to(&old);
        tracer.trace("waits").finish();
        tracer.flush(LIMIT).unwrap_err();
        tracer.reconfigure(|change| change.agent_url(new.url())).unwrap();
        tracer.trace("after").finish();
        away.store(false, Relaxed);
        tracer.flush(LIMIT).unwrap();
        assert_eq!(resources(&new), ["after"]);
        let taken: Vec<_> = old.taken_spans().into_iter().map(|span| span.resource).collect();
        assert_eq!((taken, tracer.losses().total()), (vec!["waits".to_owned()], 0));
    });
}

#[test]
fn under_load_each_span_is_delivered_once_whatever_is_changed_how_often() {
    within(LIMIT, || {
        const THREADS: u64 = 4;
        const CHANGES: usize = 20;
        let agents = [FaultAgent::start(scripts::healthy), FaultAgent::start(scripts::healthy)];
        let tracer = tracer_to(&agents[0]);
        let (ends, made) = (AtomicBool::new(false), AtomicU64::new(0));
        let number = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while !ends.load(Relaxed) {
                        let root = tracer.trace("root");
                        let child = tracer.span("child").start();
                        for span in [&*root, &child] {
                            span.set_tag("number", number.fetch_add(1, Relaxed));
                        }
                        drop((child, root));
                        made.fetch_add(2, Relaxed);
                    }
                });
            }
            for change in 0..CHANGES {
                let url = agents[change % 2].url();
                tracer.reconfigure(|to| to.agent_url(url).sample_rate(1.0)).unwrap();
                // Until something has been made with these settings.
                let before = made.load(Relaxed);
                while made.load(Relaxed) < before + 100 {
                    thread::yield_now();
                }
            }
            ends.store(true, Relaxed);
        });
        tracer.shutdown(LIMIT).unwrap();
        let mut seen = HashMap::new();
        for span in agents.iter().flat_map(FaultAgent::spans) {
            *seen.entry(span.metric("number").unwrap() as u64).or_insert(0) += 1;
        }
        assert_eq!(tracer.losses().total(), 0, "{}", tracer.losses());
        assert_eq!(seen.len() as u64, made.into_inner());
        assert!(seen.values().all(|times| *times == 1));
    });
}

#[test]
fn reconfigurations_on_several_threads_come_one_after_the_other() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let tracer = tracer_to(&agent);
        thread::scope(|scope| {
            for thread in 0..4 {
                let tracer = &tracer;
                scope.spawn(move || {
                    for number in 0..5 {
                        let key = format!("tag.{thread}.{number}");
                        tracer.reconfigure(|change| change.tag(key, "x")).unwrap();
                    }
                });
            }
        });
        tracer.trace("after").finish();
        tracer.flush(LIMIT).unwrap();
        let tags = agent.spans()[0].meta.keys().filter(|key| key.starts_with("tag.")).count();
        assert_eq!(tags, 20, "none has undone what another has said");
    });
}

#[test]
fn what_is_not_said_stays() {
    let agent = FaultAgent::start(scripts::healthy);
    let tracer = common::builder(&agent.url(), &Said::default())
        .tag("team", "payments")
        .partial_flush(Some(2))
        .sampling_rule(SamplingRule::new(0.0).unwrap().resource("never"))
        .trace_filter(DropResources::new("dropped"))
        .config(Config::builder().agent_timeout(Duration::from_secs(7)))
        .build();
    tracer.set_tags([("later", "1")]);
    tracer.reconfigure(|change| change.tag("region", "eu")).unwrap();
    let config = tracer.config().unwrap();
    assert_eq!((config.agent_timeout(), config.partial_flush()), (Duration::from_secs(7), Some(2)));
    assert_eq!(tracer.agent_url(), Some(&*agent.url()));
    for resource in ["dropped", "never", "sent"] {
        drop(tracer.span("web.request").resource(resource).start());
    }
    tracer.flush(LIMIT).unwrap();
    let spans = agent.spans();
    assert_eq!(resources(&agent), ["never", "sent"]);
    assert_eq!(spans[0].metric("_sampling_priority_v1"), Some(-1.0), "the rule is still there");
    for (key, value) in [("team", "payments"), ("later", "1"), ("region", "eu")] {
        assert_eq!(spans[1].meta(key), Some(value));
    }
}

/// Counts how often it is asked, and keeps everything.
struct Counting(Arc<AtomicUsize>);

impl Sampler for Counting {
    fn sample(&self, _: &SpanView<'_>) -> SamplingDecision {
        self.0.fetch_add(1, Relaxed);
        SamplingDecision::new(SamplingPriority::USER_KEEP, tracehound::SamplingMechanism::MANUAL)
    }
}

#[test]
fn every_argument_of_configure_takes_effect() {
    let agent = FaultAgent::start(scripts::healthy);
    let said = Said::default();
    let tracer = common::builder("http://127.0.0.1:1", &said).enabled(false).build();
    tracer.trace("not sent").finish();
    let asked = Arc::new(AtomicUsize::new(0));
    let provider = OneSlot::default();
    let attached = Arc::clone(&provider.attached);
    let url = agent.url();
    let (_, port) = url.rsplit_once(':').unwrap();
    tracer
        .reconfigure(|change| {
            change
                .enabled(true)
                .agent_host("127.0.0.1")
                .agent_port(port.parse().unwrap())
                .sampler(Counting(Arc::clone(&asked)))
                .context_provider(provider)
                .trace_filter(DropResources::new("dropped"))
                .partial_flush(Some(1))
                .debug(true)
        })
        .unwrap();
    assert!(tracer.is_enabled());
    {
        let _root = tracer.trace("root");
        tracer.trace("child").finish();
    }
    assert_eq!(attached.load(Relaxed), 2);
    tracer.trace("dropped").finish();
    tracer.flush(LIMIT).unwrap();
    assert_eq!(resources(&agent), ["child", "root"]);
    assert_eq!(asked.load(Relaxed), 2, "once for each trace");
    assert!(!said.lines(LogLevel::Debug).is_empty());
    tracer.set_debug(false);
    tracer.reconfigure(|change| change.enabled(false).debug(false).no_trace_filters()).unwrap();
    tracer.trace("not sent either").finish();
    tracer.reconfigure(|change| change.enabled(true)).unwrap();
    tracer.trace("dropped").finish();
    tracer.flush(LIMIT).unwrap();
    assert_eq!(resources(&agent), ["child", "root", "dropped"]);
}

#[test]
fn traces_go_into_memory_and_back_to_the_agent() {
    let agent = FaultAgent::start(scripts::healthy);
    let tracer = tracer_to(&agent);
    let captured = testing::Captured::default();
    tracer.trace("first").finish();
    tracer.reconfigure(|change| change.capture(&captured)).unwrap();
    assert_eq!(tracer.agent_url(), None);
    tracer.trace("second").finish();
    tracer.reconfigure(|change| change.trace_filter(DropResources::new("third"))).unwrap();
    tracer.trace("third").finish();
    tracer.trace("fourth").finish();
    tracer.reconfigure(|change| change.agent_url(agent.url()).no_trace_filters()).unwrap();
    tracer.trace("third").finish();
    tracer.flush(LIMIT).unwrap();
    let names: Vec<_> = captured.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(
        (resources(&agent), names),
        (vec!["first".into(), "third".into()], vec!["second".to_owned(), "fourth".into()])
    );
    assert_eq!(tracer.filtered().spans(), 1);
}

#[test]
fn what_only_a_new_tracer_can_have_is_refused_by_name_and_nothing_is_changed() {
    let agent = FaultAgent::start(scripts::healthy);
    let said = Said::default();
    let tracer = common::builder(&agent.url(), &said).env("prod").build();
    let error = tracer
        .reconfigure(|change| {
            change.service("other").env("prod").agent_url("http://127.0.0.1:1").log(|_, _| ())
        })
        .unwrap_err();
    assert_eq!(error.fixed(), ["log", "DD_SERVICE"]);
    assert!(!error.is_shut_down() && error.to_string().contains("DD_SERVICE"), "{error}");
    assert_eq!((tracer.service(), tracer.agent_url()), (Some("shop"), Some(&*agent.url())));
    assert!(
        said.warnings().iter().any(|line| line.contains("DD_SERVICE")),
        "{:?}",
        said.warnings()
    );
    tracer.trace("root").finish();
    tracer.flush(LIMIT).unwrap();
    assert_eq!(agent.spans().len(), 1);
}

#[test]
fn a_bad_value_is_said_and_the_old_one_stays() {
    let agent = FaultAgent::start(scripts::healthy);
    let said = Said::default();
    let tracer = common::builder(&agent.url(), &said).build();
    tracer.reconfigure(|change| change.sample_rate(7.0)).unwrap();
    assert!(
        said.warnings().iter().any(|line| line.contains("sample_rate")),
        "{:?}",
        said.warnings()
    );
    let before = said.warnings().len();
    tracer.reconfigure(|change| change.tag("a", "b")).unwrap();
    assert_eq!(said.warnings().len(), before, "said once");
}

#[test]
fn after_the_shutdown_it_says_so() {
    let agent = FaultAgent::start(scripts::healthy);
    let said = Said::default();
    let tracer = common::builder(&agent.url(), &said).build();
    tracer.shutdown(LIMIT).unwrap();
    let error = tracer.reconfigure(|change| change.agent_url("http://127.0.0.1:1")).unwrap_err();
    assert!(error.is_shut_down());
    assert!(said.warnings().iter().any(|line| line.contains("shut down")), "{:?}", said.warnings());
    assert_eq!(tracer.agent_url(), Some(&*agent.url()));
    Tracer::none().reconfigure(|change| change.enabled(true)).unwrap();
}

#[test]
fn a_shutdown_waits_for_what_the_old_pipelines_have() {
    within(LIMIT, || {
        let slow = FaultAgent::start(|request| {
            let answer = scripts::healthy(request);
            if request.path.ends_with("/traces") {
                answer.after(Duration::from_millis(300))
            } else {
                answer
            }
        });
        let new = FaultAgent::start(scripts::healthy);
        let tracer = tracer_to(&slow);
        tracer.trace("before").finish();
        tracer.reconfigure(|change| change.agent_url(new.url())).unwrap();
        let start = Instant::now();
        tracer.shutdown(LIMIT).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(250));
        assert_eq!((resources(&slow), tracer.losses().total()), (vec!["before".to_owned()], 0));
    });
}

#[test]
fn what_the_agents_of_many_old_pipelines_do_not_take_is_counted() {
    within(LIMIT, || {
        let away = FaultAgent::start(|_| Reply::status(503));
        let tracer = tracer_to(&away);
        for _ in 0..12 {
            tracer.trace("waits").finish();
            tracer.reconfigure(|change| change.tag("a", "b")).unwrap();
        }
        let start = Instant::now();
        while tracer.losses().total() < 4 {
            assert!(start.elapsed() < LIMIT, "{:?}", tracer.losses());
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(tracer.losses().spans(LossReason::AgentUnreachable), tracer.losses().total());
        assert!(tracer.shutdown(LIMIT).is_err());
        assert_eq!(tracer.losses().total(), 12, "{}", tracer.losses());
    });
}

#[test]
fn a_filter_of_the_old_pipeline_may_reconfigure_the_tracer() {
    within(LIMIT, || {
        let agent = FaultAgent::start(scripts::healthy);
        let own = Arc::new(Mutex::new(None::<Tracer>));
        let tracer = {
            let own = Arc::clone(&own);
            let filter = move |_: &mut FinishedTrace<'_>| {
                if let Some(tracer) = own.lock().unwrap().take() {
                    tracer.reconfigure(|change| change.no_trace_filters()).unwrap();
                }
                Verdict::Drop
            };
            common::builder(&agent.url(), &Said::default()).trace_filter(filter).build()
        };
        *own.lock().unwrap() = Some(tracer.clone());
        tracer.trace("dropped").finish();
        tracer.flush(LIMIT).unwrap();
        tracer.trace("sent").finish();
        tracer.flush(LIMIT).unwrap();
        assert_eq!((resources(&agent), tracer.filtered().spans()), (vec!["sent".to_owned()], 1));
    });
}

// ===== context providers =====

/// Keeps what is active in one place for the whole process.
#[derive(Default)]
struct OneSlot {
    active: Mutex<Vec<(u64, ActiveContext)>>,
    attached: Arc<AtomicUsize>,
}

impl ContextProvider for OneSlot {
    fn active(&self) -> ActiveContext {
        self.active.lock().unwrap().last().map(|(_, context)| context.clone()).unwrap_or_default()
    }

    fn attach(&self, context: ActiveContext) -> ScopeToken {
        let token = self.attached.fetch_add(1, Relaxed) as u64;
        self.active.lock().unwrap().push((token, context));
        ScopeToken(token)
    }

    fn detach(&self, token: ScopeToken) {
        self.active.lock().unwrap().retain(|(of, _)| *of != token.0);
    }
}

#[test]
fn a_scope_ends_in_the_store_in_which_it_began() {
    let (tracer, captured) = testing::tracer();
    let before = tracer.trace("before");
    let provider = OneSlot::default();
    let attached = Arc::clone(&provider.attached);
    tracer.reconfigure(|change| change.context_provider(provider)).unwrap();
    let after = tracer.trace("after");
    assert_eq!((attached.load(Relaxed), after.parent_id()), (1, None));
    let child = tracer.trace("child");
    drop((before, child, after));
    assert_eq!(tracer.current_span(), None);
    assert_eq!(captured.tree(), "before\nafter\n  child\n");
    // Another tracer has the store of the process, where the scope of `before` has ended.
    let (other, _) = testing::tracer();
    assert_eq!(other.trace("other").parent_id(), None);
}

#[test]
fn a_future_that_began_before_activates_its_span_where_the_tracer_looks() {
    let (tracer, captured) = testing::tracer();
    let own = tracer.clone();
    let future = async move { own.trace("inside").finish() }.in_span(tracer.start_span("task"));
    let context = tracer.start_span("context");
    let own = tracer.clone();
    let in_context = async move { own.trace("below").finish() }.in_context(&context);
    tracer.reconfigure(|change| change.context_provider(OneSlot::default())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(future);
    runtime.block_on(in_context);
    drop(context);
    assert_eq!(captured.tree(), "task\n  inside\ncontext\n  below\n");
}

#[test]
fn a_provider_can_be_changed_sixteen_times() {
    let (tracer, _) = testing::tracer();
    let change = || tracer.reconfigure(|change| change.context_provider(OneSlot::default()));
    (0..16).for_each(|_| change().unwrap());
    let error = change().unwrap_err();
    assert!(error.to_string().contains("context_provider"), "{error}");
    let span = tracer.trace("still");
    assert_eq!(tracer.current_span().and_then(|span| span.name()).as_deref(), Some("still"));
    drop(span);
}
