//! Where the source code is, as the settings say, is on the first span of each chunk.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used)]

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
