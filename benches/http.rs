//! What the tags of an HTTP request cost the thread that handles it, and what quantising a statement costs.
//!
//! `cargo bench --bench http`. `server` is a span with all that a server says of a request and its response; `url` is the
//! part that the URL takes of it. A URL without a query, and one whose query has no letters of a secret, never comes to
//! the regular expression.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::LazyLock;

use divan::counter::BytesCount;
use divan::{AllocProfiler, Bencher, black_box};
use http::{HeaderMap, HeaderValue};
use tracehound::config::{Config, Environment};
use tracehound::http::{RequestInfo, ResponseInfo, Tagging};
use tracehound::quantize::{self, SqlDialect, SqlMode};
use tracehound::testing::{self, Captured};
use tracehound::{Span, Tracer};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn tagging() -> Tagging {
    let config = Config::builder().environment(Environment::empty()).build();
    Tagging::by(&config).component("bench")
}

/// Spans that are kept by nobody while it is measured.
fn span() -> Span {
    static TRACER: LazyLock<(Tracer, Captured)> = LazyLock::new(testing::tracer);
    TRACER.0.start_span("web.request")
}

const URLS: [(&str, &str); 4] = [
    ("no query", "http://shop.example/users/42"),
    ("a query without letters of a secret", "http://shop.example/users/42?page=2&sort=name"),
    ("a query with letters of a secret", "http://shop.example/users/42?page=2&monkey=name"),
    ("a query with a secret", "http://shop.example/users/42?page=2&token=0123456789abcdef"),
];

#[divan::bench(args = URLS.map(|(name, _)| name))]
fn client(bencher: Bencher<'_, '_>, name: &str) {
    let (tagging, url) = (tagging(), url(name));
    bencher.with_inputs(span).bench_refs(|span| {
        tagging.client_request(span, &RequestInfo::new("GET", black_box(url)));
        tagging.client_response(span, Some(&ResponseInfo::new(200)));
    });
}

#[divan::bench(args = URLS.map(|(name, _)| name))]
fn server(bencher: Bencher<'_, '_>, name: &str) {
    let (tagging, url) = (tagging(), url(name).strip_prefix("http://shop.example").unwrap());
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "shop.example"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html"),
        ("content-type", "application/json"),
        ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    bencher.with_inputs(span).bench_refs(|span| {
        let request = RequestInfo::new("GET", black_box(url)).headers(&headers);
        let tags = tagging.server_request(span, &request.route("/users/{id}"));
        tagging.server_response(span, tags, Some(&ResponseInfo::new(200)));
    });
}

fn url(name: &str) -> &'static str {
    URLS.iter().find(|(known, _)| *known == name).unwrap().1
}

const STATEMENT: &str = "SELECT u.name, o.total AS sum FROM users u JOIN orders o ON o.user_id = u.id \
    WHERE u.email = 'someone@example.com' AND o.state IN (1, 2, 3) ORDER BY o.created_at DESC LIMIT 20";

#[divan::bench(args = [1, 100])]
fn sql(bencher: Bencher<'_, '_>, times: usize) {
    let statement = STATEMENT.repeat(times);
    bencher
        .counter(BytesCount::of_str(&statement))
        .bench(|| quantize::sql(black_box(&statement), SqlMode::Legacy, SqlDialect::Generic));
}

#[divan::bench]
fn redis() -> String {
    quantize::redis(black_box("SET user:42 value EX 60\nGET user:42"))
}
