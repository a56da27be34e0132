//! The address of the agent, in each form in which people write it.

#![cfg(feature = "agent")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;

use tracehound::Tracer;
use tracehound::config::Environment;
use tracehound_test_support::within;

use common::{LIMIT, Said};

#[cfg(unix)]
#[test]
fn a_unix_socket_is_reached_by_each_form_of_its_url() {
    use tracehound_test_support::FaultAgent;
    use tracehound_test_support::fault_agent::scripts;

    within(LIMIT, || {
        let agent = FaultAgent::start_unix(scripts::healthy);
        let path = agent.socket_path().unwrap().to_str().unwrap();
        let encoded = path.replace('/', "%2F");
        for (number, url) in [
            format!("unix://{path}"),
            format!("unix:{path}"),
            format!("UNIX://{path}/"),
            format!(" unix://{encoded} "),
            format!("unix://{}", path.replace('/', "%2f")),
            format!("unix:///{}", encoded.trim_start_matches("%2F")),
        ]
        .into_iter()
        .enumerate()
        {
            let said = Said::default();
            let environment = Environment::from_pairs([("DD_TRACE_AGENT_URL", url.as_str())]);
            let tracer = Tracer::builder()
                .environment(environment)
                .service("shop")
                .log(said.listener())
                .build();
            assert_eq!(tracer.agent_url(), Some(agent.url().as_str()), "{url}");
            let made = tracer.span("span").start();
            made.set_metric("number", number as f64);
            made.finish();
            tracer.shutdown(LIMIT).unwrap();
            assert_eq!(agent.spans().last().unwrap().metric("number"), Some(number as f64));
            assert_eq!(said.warnings(), [""; 0], "{url}");
        }
    });
}

#[test]
fn a_literal_of_ipv6_and_a_prefix_are_what_the_agent_is_asked_by() {
    // A machine without IPv6 cannot be asked about it.
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    within(LIMIT, move || {
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://[0:0::1]:{port}/proxy/dd/");
        let tracer = common::builder(&url, &Said::default()).build();
        assert_eq!(tracer.agent_url().unwrap(), format!("http://[::1]:{port}/proxy/dd"));
        let (stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream).lines().map(Result::unwrap);
        let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        assert_eq!(head[0], "GET /proxy/dd/info HTTP/1.1");
        assert!(head.contains(&format!("host: [::1]:{port}")), "{head:?}");
    });
}

#[test]
fn a_pipe_of_windows_is_refused_with_the_reason_and_the_next_source_counts() {
    for (name, value) in [
        ("DD_TRACE_AGENT_URL", r"windows:\\.\pipe\datadog-apm"),
        ("DD_TRACE_AGENT_URL", r"\\.\pipe\datadog-apm"),
        ("DD_TRACE_AGENT_URL", "npipe:////./pipe/datadog-apm"),
        ("DD_TRACE_PIPE_NAME", "datadog-apm"),
    ] {
        let said = Said::default();
        let pairs = [(name, value), ("DD_AGENT_HOST", "agent")];
        let tracer = Tracer::builder()
            .environment(Environment::from_pairs(pairs))
            .service("shop")
            .enabled(false)
            .log(said.listener())
            .build();
        assert_eq!(tracer.agent_url(), Some("http://agent:8126"), "{value}");
        let told = said.warnings();
        let is_told = told.len() == 1
            && told[0].contains(name)
            && told[0].contains("names a Windows pipe, over which this library does not send");
        assert!(is_told, "{told:?}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn https_without_the_feature_is_refused_by_its_name() {
    let said = Said::default();
    let tracer = common::builder("https://agent:8126", &said).enabled(false).build();
    assert_ne!(tracer.agent_url(), Some("https://agent:8126"));
    assert!(said.warnings()[0].contains("needs the feature `tls`"), "{:?}", said.warnings());
}
