//! What is written of HTTP requests and responses, and what is left out.

#![cfg(feature = "http-tags")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[cfg(feature = "agent")]
mod common;

use std::net::IpAddr;
use std::sync::LazyLock;

use serde_json::Value;
use tracehound::config::{Config, Environment, StatusRanges};
use tracehound::http::{RequestInfo, ResponseInfo, Tagging, simplified_endpoint};
use tracehound::testing::{self, Captured};
use tracehound::{Span, SpanKind, Tracer};
#[cfg(feature = "agent")]
use tracehound_test_support::{FaultAgent, fault_agent::scripts};

/// Names and values of headers.
type Headers<'a> = &'a [(&'a str, &'a str)];

const NONE: Headers<'static> = &[];

fn tagging(variables: &[(&str, &str)]) -> Tagging {
    let environment = Environment::from_pairs(variables.iter().copied());
    Tagging::by(&Config::builder().environment(environment).build())
}

fn span() -> Span {
    static TRACER: LazyLock<(Tracer, Captured)> = LazyLock::new(testing::tracer);
    TRACER.0.span("request").start()
}

fn tag(span: &Span, key: &str) -> String {
    span.tag(key).unwrap_or_default()
}

/// A span of a server that has got this request.
fn asked(tagging: &Tagging, request: &RequestInfo<'_>) -> Span {
    let span = span();
    let _ = tagging.server_request(&span, request);
    span
}

/// A span of a server that has answered.
fn answered(tagging: &Tagging, request: &RequestInfo<'_>, response: &ResponseInfo<'_>) -> Span {
    let span = span();
    let tags = tagging.server_request(&span, request);
    tagging.server_response(&span, tags, Some(response));
    span
}

/// A span of a client that was answered.
fn called(tagging: &Tagging, request: &RequestInfo<'_>, response: &ResponseInfo<'_>) -> Span {
    let span = span();
    tagging.client_request(&span, request);
    tagging.client_response(&span, Some(response));
    span
}

/// `http.url` of a request that comes in, which is the same for one that goes out.
fn url(tagging: &Tagging, url: &str) -> String {
    let request = RequestInfo::new("GET", url);
    let (server, client) = (asked(tagging, &request), span());
    tagging.client_request(&client, &request);
    assert_eq!(tag(&server, "http.url"), tag(&client, "http.url"));
    tag(&server, "http.url")
}

fn vectors(group: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("vectors/http.json")).unwrap();
    all[group].as_array().unwrap().clone()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap()
}

// ===== the table that all tracers share =====

#[test]
fn urls_are_as_in_every_tracer() {
    let without_query = tagging(&[
        ("DD_HTTP_SERVER_TAG_QUERY_STRING", "false"),
        ("DD_TRACE_HTTP_CLIENT_TAG_QUERY_STRING", "false"),
    ]);
    for (group, tagging) in [
        ("query_obfuscation_default", tagging(&[])),
        ("strip_query_string", without_query),
        ("strip_userinfo", tagging(&[])),
    ] {
        for case in vectors(group) {
            assert_eq!(url(&tagging, text(&case, "in")), text(&case, "out"), "{group}: {case}");
        }
    }
}

#[test]
fn the_address_of_the_client_is_as_in_every_tracer() {
    let tagging = tagging(&[("DD_TRACE_CLIENT_IP_ENABLED", "true")]);
    for case in vectors("client_ip") {
        let headers = case["headers"].as_object().unwrap().iter();
        let headers: Vec<_> =
            headers.map(|(name, value)| (name, value.as_str().unwrap())).collect();
        let peer = text(&case, "peer");
        let request = RequestInfo::new("GET", "/").headers(&headers).peer(peer.parse().unwrap());
        let span = asked(&tagging, &request);
        // The vectors were measured on a tracer that asks the first header only, and writes the address as it came.
        // The specification wants all headers to be asked, and the canonical form.
        let expected = match text(&case, "out") {
            "10.0.0.2" if headers.len() == 2 => "43.43.43.43",
            "2001:4860:4860:0:0:0:0:8888" => "2001:4860:4860::8888",
            out => out,
        };
        assert_eq!(tag(&span, "http.client_ip"), expected, "{case}");
        assert_eq!(tag(&span, "network.client.ip"), peer, "{case}");
    }
}

#[test]
fn tags_of_headers_are_named_as_in_every_tracer() {
    for case in vectors("header_tag_name") {
        let header = text(&case, "header");
        let tagging = tagging(&[("DD_TRACE_HEADER_TAGS", &format!("{header},"))]);
        let headers = [(header.trim(), "value")];
        let request = RequestInfo::new("GET", "/").headers(&headers);
        let span = answered(&tagging, &request, &ResponseInfo::new(200).headers(&headers));
        for key in ["request_tag", "response_tag"] {
            assert_eq!(tag(&span, text(&case, key)), "value", "{case}");
        }
    }
}

#[test]
fn endpoints_are_as_in_every_tracer() {
    for case in vectors("simplified_endpoint") {
        assert_eq!(simplified_endpoint(text(&case, "in")), text(&case, "out"), "{case}");
    }
}

#[test]
fn ranges_of_statuses_are_as_in_every_tracer() {
    for case in vectors("error_statuses") {
        let ranges: StatusRanges = text(&case, "in").parse().unwrap();
        let expected = case["ranges"].as_array().unwrap().iter();
        let expected = expected.map(|range| range.as_array().unwrap().clone());
        let found = ranges.iter().map(|(first, last)| vec![first.into(), last.into()]);
        assert_eq!(found.collect::<Vec<Vec<Value>>>(), expected.collect::<Vec<_>>(), "{case}");
    }
}

// ===== what a span has =====

/// Everything at once, as text: what a reader of a trace sees.
#[test]
fn a_server_has_all_of_its_tags() {
    let tagging = tagging(&[
        ("DD_TRACE_HEADER_TAGS", "X-Team:team,content-type"),
        ("DD_TRACE_CLIENT_IP_ENABLED", "true"),
        ("DD_TRACE_RESOURCE_RENAMING_ENABLED", "true"),
    ]);
    let headers = [
        ("Host", "shop.example:8080"),
        ("User-Agent", " curl/8 "),
        ("Referer", "https://me:pw@example.com:8080/x"),
        ("X-Team", "web"),
        ("x-team", "api"),
        ("X-Datadog-Endpoint-Scan", "scan"),
        ("x-datadog-security-test", "test"),
        ("Not-Wanted", "x"),
        ("X-Forwarded-For", "8.8.8.8"),
    ];
    let request = RequestInfo::new("get", "/users/42?a=1&token=x")
        .headers(&headers)
        .peer("10.0.0.1".parse::<IpAddr>().unwrap())
        .version("1.1");
    let response_headers = [("Content-Type", "text/html")];
    let response = ResponseInfo::new(503).route("/users/{id}").headers(&response_headers);
    let span = answered(&tagging.component("axum").trace_query_string(true), &request, &response);
    let mut tags = span.tags();
    tags.sort();
    let tags: Vec<_> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        tags,
        [
            "component=axum",
            "error.message=503: Service Unavailable",
            "http.client_ip=8.8.8.8",
            "http.endpoint=/users/{id}",
            "http.host=shop.example:8080",
            "http.method=GET",
            "http.query.string=a=1&token=x",
            "http.referrer_hostname=example.com",
            "http.request.headers.x-datadog-endpoint-scan=scan",
            "http.request.headers.x-datadog-security-test=test",
            "http.response.headers.content-type=text/html",
            "http.route=/users/{id}",
            "http.status_code=503",
            "http.url=http://shop.example:8080/users/42?a=1&<redacted>",
            "http.useragent=curl/8",
            "http.version=1.1",
            "network.client.ip=10.0.0.1",
            "team=web,api",
        ]
    );
    assert_eq!((span.kind(), span.span_type().as_deref()), (Some(SpanKind::Server), Some("web")));
    assert_eq!((span.metric("_dd.measured"), span.is_error()), (Some(1.0), true));
    assert_eq!(span.resource().as_deref(), Some("GET /users/{id}"));
}

#[test]
fn a_client_has_all_of_its_tags() {
    let tagging = tagging(&[("DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED", "true")]).component("hyper");
    let request = RequestInfo::new("POST", "https://me:pw@api.example/v1/users/42#f");
    let span = called(&tagging, &request, &ResponseInfo::new(404));
    let mut tags = span.tags();
    tags.sort();
    let tags: Vec<_> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(
        tags,
        [
            "_dd.peer.service.source=network.destination.name",
            "component=hyper",
            "error.message=404: Not Found",
            "http.method=POST",
            "http.status_code=404",
            "http.url=https://api.example/v1/users/42",
            "network.destination.name=api.example",
            "out.host=api.example",
            "peer.service=api.example",
        ]
    );
    assert_eq!((span.kind(), span.span_type().as_deref()), (Some(SpanKind::Client), Some("http")));
    assert_eq!(span.metric("network.destination.port"), Some(443.0));
    assert_eq!(span.resource().as_deref(), Some("POST /v1/users/*"));
}

#[test]
fn requests_of_the_http_crate_are_taken_as_they_are() {
    let request =
        http::Request::get("http://me:pw@h:81/p?pwd=x").header("user-agent", "a").body(());
    let (parts, ()) = request.unwrap().into_parts();
    let request = RequestInfo::of(&parts.method, &parts.uri, &parts.headers);
    let span = asked(&tagging(&[]), &request);
    assert_eq!(tag(&span, "http.url"), "http://h:81/p?<redacted>");
    assert_eq!(tag(&span, "http.useragent"), "a");
}

#[test]
fn a_resource_is_as_good_as_what_is_known() {
    let tagging = tagging(&[]);
    let request = RequestInfo::new("GET", "/v2/users/42/index.html");
    for (request, response, expected) in [
        (request.route("/u/{id}"), ResponseInfo::new(200), "GET /u/{id}"),
        (request.route("/u/{id}"), ResponseInfo::new(404), "GET /u/{id}"),
        (request, ResponseInfo::new(200).route("/u/{id}"), "GET /u/{id}"),
        (request, ResponseInfo::new(200), "GET /v2/users/*/*"),
        (request, ResponseInfo::new(404), "GET 404"),
        (RequestInfo::new("OPTIONS", "*"), ResponseInfo::new(200), "OPTIONS *"),
        (RequestInfo::new("purge", ""), ResponseInfo::new(200), "PURGE /"),
    ] {
        let span = answered(&tagging, &request, &response);
        assert_eq!(span.resource().as_deref(), Some(expected), "{request:?} {response:?}");
    }
}

#[test]
fn a_resource_of_the_program_stays() {
    let (tagging, span) = (tagging(&[]), span());
    let tags = tagging.server_request(&span, &RequestInfo::new("GET", "/a/1"));
    span.set_resource("mine");
    tagging.server_response(&span, tags, Some(&ResponseInfo::new(404)));
    assert_eq!(span.resource().as_deref(), Some("mine"));
}

#[test]
fn an_endpoint_is_the_route_or_the_simplified_path() {
    let on = ("DD_TRACE_RESOURCE_RENAMING_ENABLED", "true");
    let always = ("DD_TRACE_RESOURCE_RENAMING_ALWAYS_SIMPLIFIED_ENDPOINT", "true");
    let request = RequestInfo::new("GET", "/users/42?x=1");
    let (ok, missing) = (ResponseInfo::new(200), ResponseInfo::new(404));
    for (variables, request, response, expected) in [
        (&[][..], request, ok, ""),
        (&[on], request, ok, "/users/{param:int}"),
        (&[on], request.route("/u/{id}"), ok, "/u/{id}"),
        (&[on], request, ok.route("/u/{id}"), "/u/{id}"),
        (&[on], request, missing, ""),
        (&[on, always], request.route("/u/{id}"), ok, "/users/{param:int}"),
        (&[on, always], request, missing, ""),
    ] {
        let span = answered(&tagging(variables), &request, &response);
        assert_eq!(tag(&span, "http.endpoint"), expected, "{variables:?} {request:?} {response:?}");
    }
}

#[test]
fn statuses_are_errors_by_the_settings() {
    let both = tagging(&[
        ("DD_TRACE_HTTP_SERVER_ERROR_STATUSES", "404,500-502"),
        ("DD_TRACE_HTTP_CLIENT_ERROR_STATUSES", "500-599"),
    ]);
    let own = tagging(&[]).error_statuses("418".parse().unwrap());
    let request = RequestInfo::new("GET", "/");
    type IsError = fn(u16) -> bool;
    let cases: [(Tagging, IsError, IsError); 3] = [
        (tagging(&[]), |status| status >= 500, |status| (400..500).contains(&status)),
        (both, |status| [404, 500, 502].contains(&status), |status| status >= 500),
        (own, |status| status == 418, |status| status == 418),
    ];
    for (tagging, of_server, of_client) in cases {
        for status in [200, 302, 400, 404, 418, 499, 500, 502, 503, 599] {
            let response = ResponseInfo::new(status);
            let (server, client) =
                (answered(&tagging, &request, &response), called(&tagging, &request, &response));
            let found = (server.is_error(), client.is_error());
            assert_eq!(found, (of_server(status), of_client(status)), "{status}");
        }
    }
}

#[test]
fn a_handler_that_failed_is_a_500_and_what_it_said_stays() {
    let (tagging, first, second) = (tagging(&[]), span(), span());
    for span in [&first, &second] {
        let tags = tagging.server_request(span, &RequestInfo::new("GET", "/"));
        if span.span_id() == second.span_id() {
            span.set_error_message("no more sheep");
        }
        tagging.server_response(span, tags, None);
        assert_eq!((tag(span, "http.status_code").as_str(), span.is_error()), ("500", true));
    }
    assert_eq!(tag(&first, "error.message"), "500: Internal Server Error");
    assert_eq!(tag(&second, "error.message"), "no more sheep");
    let unset = answered(&tagging, &RequestInfo::new("GET", "/"), &ResponseInfo::new(0));
    assert_eq!((tag(&unset, "http.status_code").as_str(), unset.is_error()), ("200", false));
}

#[test]
fn a_client_that_was_not_answered_has_a_peer_and_no_status() {
    let (tagging, span) = (tagging(&[("DD_TRACE_SPAN_ATTRIBUTE_SCHEMA", "v1")]), span());
    tagging.client_request(&span, &RequestInfo::new("GET", "http://h/"));
    tagging.client_response(&span, None);
    assert_eq!((tag(&span, "peer.service"), span.tag("http.status_code")), ("h".into(), None));
}

#[test]
fn a_service_is_the_host_where_that_is_wanted() {
    let tagging = tagging(&[]).split_by_domain(true);
    let span =
        called(&tagging, &RequestInfo::new("GET", "http://u:p@h:81/"), &ResponseInfo::new(200));
    assert_eq!(span.service().as_deref(), Some("h:81"));
}

#[cfg(feature = "agent")]
#[test]
fn and_the_agent_is_told_by_which_option() {
    let agent = FaultAgent::start(scripts::healthy);
    let tracer = common::builder(&agent.url(), &common::Said::default()).build();
    let span = tracer.start_span("http.request");
    let request = RequestInfo::new("GET", "http://h/");
    Tagging::of(&tracer).split_by_domain(true).client_request(&span, &request);
    span.finish();
    tracer.shutdown(common::LIMIT).unwrap();
    assert_eq!(agent.spans()[0].meta("_dd.svc_src"), Some("opt.split_by_domain"));
}

// ===== queries =====

#[test]
fn queries_are_what_the_settings_leave_of_them() {
    let text = "http://h/p?a=1&token=x&b=2#f";
    for (variables, expected) in [
        (&[("DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP", "")][..], "http://h/p?a=1&token=x&b=2#f"),
        (
            &[("DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP", "(?i)A=[^&]*")],
            "http://h/p?<redacted>&token=x&b=2#f",
        ),
        (&[("DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP", "(")], "http://h/p#f"),
        (&[("DD_TRACE_HTTP_URL_QUERY_STRING_DISABLED", "true")], "http://h/p#f"),
        (&[("DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST", "b, token")], "http://h/p?token=x&b=2#f"),
        (&[("DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST", "B")], "http://h/p#f"),
        (&[("DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST", "a,token,b")], text),
    ] {
        assert_eq!(url(&tagging(variables), text), expected, "{variables:?}");
    }
    let differ = tagging(&[
        ("DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST", "b"),
        ("DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST_SERVER", "a"),
    ]);
    let request = RequestInfo::new("GET", text);
    let (server, client) =
        (asked(&differ, &request), called(&differ, &request, &ResponseInfo::new(200)));
    assert_eq!(tag(&server, "http.url"), "http://h/p?a=1#f");
    assert_eq!(tag(&client, "http.url"), "http://h/p?b=2#f");
}

#[test]
fn an_expression_that_cannot_be_used_is_said_once() {
    let pairs = [("DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP", "(?<=password=)x")];
    let config = Config::builder().environment(Environment::from_pairs(pairs)).build();
    let problems: Vec<_> = config.problems().iter().map(ToString::to_string).collect();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert!(
        problem.contains("look-around") && problem.contains("queries are left out"),
        "{problem}"
    );
}

// ===== headers =====

#[test]
fn all_headers_become_tags_and_an_integration_may_differ() {
    let all = tagging(&[("DD_TRACE_HEADER_TAGS", "*,x-a:a")]);
    let headers = [("X-A", "1"), ("X-B.C", " Two "), ("x-b.c", "3")];
    let request = RequestInfo::new("GET", "/").headers(&headers);
    let span = asked(&all, &request);
    assert_eq!(
        (tag(&span, "a"), tag(&span, "http.request.headers.x-b_c")),
        ("1".into(), "Two,3".into())
    );
    let own = asked(&all.trace_headers(["x-b.c:own"]), &request);
    assert_eq!((tag(&own, "own"), own.tag("a")), ("Two,3".into(), None));
    let none = asked(&tagging(&[]), &request);
    assert!(
        none.tags().iter().all(|(key, _)| !key.starts_with("http.request")),
        "{:?}",
        none.tags()
    );
}

#[test]
fn the_response_overrides_a_tag_that_both_have() {
    let tagging = tagging(&[]).trace_headers(["x-a:a"]);
    let (first, second) = ([("x-a", "request")], [("x-a", "response")]);
    let request = RequestInfo::new("GET", "/").headers(&first);
    let span = answered(&tagging, &request, &ResponseInfo::new(200).headers(&second));
    assert_eq!(tag(&span, "a"), "response");
}

#[test]
fn one_header_may_be_the_only_one_that_says_the_client() {
    let tagging = tagging(&[
        ("DD_TRACE_CLIENT_IP_ENABLED", "true"),
        ("DD_TRACE_CLIENT_IP_HEADER", "X_Real-Client"),
    ]);
    for (headers, expected) in [
        (&[("x-real-client", "1.2.3.4:80"), ("x-forwarded-for", "8.8.8.8")][..], "1.2.3.4"),
        (&[("x-forwarded-for", "8.8.8.8")], ""),
        (&[("x-real-client", "nobody"), ("x-forwarded-for", "8.8.8.8")], ""),
    ] {
        let request = RequestInfo::new("GET", "/").headers(&headers).peer([9, 9, 9, 9].into());
        assert_eq!(tag(&asked(&tagging, &request), "http.client_ip"), expected, "{headers:?}");
    }
}

// ===== bad input =====

#[test]
fn texts_that_are_no_urls_are_tagged_without_what_may_be_secret() {
    let tagging = tagging(&[]);
    for (text, expected) in [
        ("", ""),
        ("/", "/"),
        ("h:443", "h:443"),
        ("http://", "http://"),
        ("://?token=x", "://?<redacted>"),
        ("http://h:99999/", "http://h:99999/"),
        ("http://[::1/?a", "http://[::1/?a"),
        ("http://me:pa/ss?w#rd@h/x", "http://h/x"),
        ("http://@h/", "http://h/"),
        ("http://a@b@h/", "http://h/"),
        ("http://\u{e9}:\u{0}@h/\u{e9}?\u{e9}=1", "http://h/\u{e9}?\u{e9}=1"),
        ("?token=x", "?<redacted>"),
        ("#token=x", "#token=x"),
    ] {
        assert_eq!(url(&tagging, text), expected, "{text}");
    }
}

/// What is cut may not leave a part of a secret that can no longer be recognized.
#[test]
fn megabytes_are_cut_between_parameters() {
    let tagging = tagging(&[]);
    let long = "x".repeat(1 << 20);
    let long_path = url(&tagging, &format!("http://h/{long}?token=x"));
    assert_eq!(long_path.len(), 8 * 1024);
    assert_eq!(
        url(&tagging, &format!("http://h/p?a=1&{{\"secret\":\"{long}\"}}")),
        "http://h/p?a=1"
    );
    assert_eq!(url(&tagging, &format!("http://h/p?token={long}")), "http://h/p");
    let many = url(&tagging, &format!("http://h/p?{}", "token=1&".repeat(1 << 17)));
    assert!(many.starts_with("http://h/p?<redacted>&<redacted>") && many.len() < 16 * 1024);
    let host = url(&tagging, &format!("http://user:{long}@h/"));
    assert!(!host.contains('@') && host.len() <= 8 * 1024, "{}", host.len());
}

#[test]
fn values_that_are_no_text_and_lists_of_thousands_do_no_harm() {
    let names: Vec<_> = (0..10_000).map(|n| format!("x-{n}")).collect();
    let tagging = tagging(&[
        ("DD_TRACE_HEADER_TAGS", &format!("{},*", names.join(","))),
        ("DD_TRACE_CLIENT_IP_ENABLED", "true"),
    ]);
    let mut headers: Vec<(&str, &[u8])> =
        names.iter().map(|name| (&**name, &b"\xff\x00"[..])).collect();
    headers.extend([
        ("user-agent", &b"\xffcurl"[..]),
        ("host", b"\xff"),
        ("x-forwarded-for", b"\xff,1.1.1.1,"),
        ("", b""),
    ]);
    let span = asked(&tagging, &RequestInfo::new("GET", "/").headers(&headers));
    assert_eq!(tag(&span, "http.useragent"), "\u{fffd}curl");
    assert_eq!(tag(&span, "http.request.headers.x-5"), "\u{fffd}\0");
    assert_eq!(tag(&span, "http.client_ip"), "1.1.1.1");
    let tagged =
        span.tags().iter().filter(|(key, _)| key.starts_with("http.request.headers.")).count();
    assert_eq!(tagged, 128, "the first of each message");
}

#[test]
fn a_tracer_that_does_nothing_is_left_alone() {
    let tracer = Tracer::none();
    let (tagging, span) = (Tagging::of(&tracer), tracer.span("request").start());
    let tags = tagging.server_request(&span, &RequestInfo::new("GET", "/").headers(&NONE));
    tagging.server_response(&span, tags, Some(&ResponseInfo::new(200)));
    tagging.client_request(&span, &RequestInfo::new("GET", "/"));
    tagging.client_response(&span, None);
    assert_eq!(span.tags(), []);
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a URL is, a password before its host and a token in its query do not get through.
        #[test]
        fn no_secret_gets_through(user in "[a-z%]{0,8}", before in "[a-z=&%\" ]{0,20}", path in "[a-z/.]{0,20}", after in "(&[a-z=%]{0,10})?") {
            let text = format!("http://{user}:Hunter2@h{}{path}?{before}&password=Hunter2{after}", if path.starts_with('/') { "" } else { "/" });
            let written = url(&tagging(&[]), &text);
            prop_assert!(written.starts_with("http://h/") && !written.contains("Hunter2"), "{text} -> {written}");
        }

        #[test]
        fn nothing_panics(url in any::<String>(), method in any::<String>(), header in any::<String>(), value in any::<Vec<u8>>(), status in any::<u16>()) {
            let tagging = tagging(&[("DD_TRACE_HEADER_TAGS", &header), ("DD_TRACE_CLIENT_IP_ENABLED", "1"), ("DD_TRACE_RESOURCE_RENAMING_ENABLED", "1")]).trace_query_string(true).split_by_domain(true);
            let headers = [(&*header, &*value), ("host", &value), ("referer", &value), ("forwarded", &value), ("x-forwarded-for", &value)];
            let request = RequestInfo::new(&method, &url).headers(&headers);
            let response = ResponseInfo::new(status).headers(&headers).route(&url);
            let _ = answered(&tagging, &request, &response);
            let _ = called(&tagging, &request, &response);
        }
    }
}
