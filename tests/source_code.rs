//! Where the source code is, as the settings say, and what process it is, is on the first span of each chunk; the name of
//! the host on each local root.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound_test_support::fault_agent::scripts;
use tracehound_test_support::{FaultAgent, within};

use common::{LIMIT, Said};

const URL: &str = "_dd.git.repository_url";
const COMMIT: &str = "_dd.git.commit.sha";

/// The two tags of a root, of its child, and of a trace after it.
fn sent(variables: &[(&str, &str)]) -> Vec<[Option<String>; 2]> {
    let agent = FaultAgent::start(scripts::healthy);
    let said = Said::default();
    let tracer = Tracer::builder()
        .service("shop")
        .environment(Environment::from_pairs(variables.iter().copied()))
        .agent_url(agent.url())
        .log(said.listener())
        .build();
    tracer.in_span("root", |_| tracer.in_span("child", |_| ()));
    tracer.in_span("later", |_| ());
    tracer.shutdown(LIMIT).unwrap();
    let spans = agent.spans();
    assert!(said.warnings().is_empty(), "{:?}", said.warnings());
    ["root", "child", "later"]
        .map(|name| {
            let span = spans.iter().find(|span| span.name == name).unwrap();
            // In the place of the tags that they come from.
            assert_eq!(span.meta("git.commit.sha"), None);
            assert_eq!(span.meta("git.repository_url"), None);
            [URL, COMMIT].map(|key| span.meta(key).map(str::to_owned))
        })
        .to_vec()
}

#[test]
fn commit_and_repository_are_on_the_first_span_of_each_chunk() {
    within(LIMIT, || {
        let tags = "git.repository_url:https://me:word@host/a.git,git.commit.sha:abc,team:x";
        let both = [Some("https://host/a.git".to_owned()), Some("abc".to_owned())];
        let none = [None, None];
        let expected = [both.clone(), none.clone(), both];
        assert_eq!(sent(&[("DD_TAGS", tags)]), expected);
        let own = [
            ("DD_GIT_REPOSITORY_URL", "https://host/a.git"),
            ("DD_GIT_COMMIT_SHA", "abc"),
            ("DD_TAGS", "git.commit.sha:other"),
        ];
        assert_eq!(sent(&own), expected);
        let nothing = [none.clone(), none.clone(), none];
        assert_eq!(sent(&[("DD_TAGS", tags), ("DD_TRACE_GIT_METADATA_ENABLED", "0")]), nothing);
        assert_eq!(sent(&[]), nothing);
    });
}

/// Tags of a root, its child and a trace after it.
fn sent_tag(variables: &[(&str, &str)], key: &str) -> [Option<String>; 3] {
    let agent = FaultAgent::start(scripts::healthy);
    let said = Said::default();
    let tracer = Tracer::builder()
        .environment(Environment::from_pairs(variables.iter().copied()))
        .agent_url(agent.url())
        .log(said.listener())
        .build();
    tracer.in_span("root", |_| tracer.in_span("child", |_| ()));
    tracer.in_span("later", |_| ());
    tracer.shutdown(LIMIT).unwrap();
    let spans = agent.spans();
    ["root", "child", "later"].map(|name| {
        let span = spans.iter().find(|span| span.name == name).unwrap();
        span.meta(key).map(str::to_owned)
    })
}

#[test]
fn the_process_is_told_on_the_first_span_of_each_chunk() {
    within(LIMIT, || {
        let key = "_dd.tags.process";
        let [root, child, later] = sent_tag(&[("DD_SERVICE", "shop")], key);
        let tags = root.clone().unwrap();
        let keys: Vec<_> = tags.split(',').map(|pair| pair.split(':').next().unwrap()).collect();
        let expected =
            ["basedir", "name", "type", "workdir"].map(|key| format!("entrypoint.{key}"));
        assert_eq!(keys[..4], expected);
        assert_eq!(keys[4..], ["svc.user"], "{tags}");
        assert!(tags.contains("entrypoint.name:source_code-"), "{tags}");
        assert_eq!((child, later), (None, root));
        let auto = sent_tag(&[], key)[0].clone().unwrap();
        assert!(auto.contains(",svc.auto:source_code-"), "{auto}");
        let off = ("DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED", "false");
        assert_eq!(sent_tag(&[off], key), [None, None, None]);
    });
}

#[test]
fn the_host_is_told_where_that_is_asked_for() {
    within(LIMIT, || {
        let report = ("DD_TRACE_REPORT_HOSTNAME", "true");
        let (own, source) = (("DD_HOSTNAME", "own"), ("DD_TRACE_SOURCE_HOSTNAME", "source"));
        let host = |variables: &[(&str, &str)]| {
            let [root, child, later] = sent_tag(variables, "_dd.hostname");
            assert_eq!((child, &later), (None, &root), "of local roots only");
            root
        };
        assert_eq!(host(&[own]), None);
        assert_eq!(host(&[own, report]).as_deref(), Some("own"));
        assert_eq!(host(&[own, source]).as_deref(), Some("source"));
        assert_eq!(host(&[own, source, report]).as_deref(), Some("source"));
        #[cfg(unix)]
        {
            let of_system = std::process::Command::new("uname").arg("-n").output().unwrap().stdout;
            let of_system = String::from_utf8(of_system).unwrap();
            assert_eq!(host(&[report]).as_deref(), Some(of_system.trim()));
        }
    });
}
