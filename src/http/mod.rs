//! Tags of HTTP requests, written in one place for all frameworks and clients.
//!
//! An integration makes one [`Tagging`] of the tracer's settings, starts a span for each request, and says what it knows
//! of the request and of the response. Which tags follow, and what is left out of them, is decided here: no user name and
//! no password of a URL gets into a trace, and of its query nothing that looks like a secret. The path and the fragment are
//! as they came.
//!
//! ```
//! use tracehound::Tracer;
//! use tracehound::http::{RequestInfo, ResponseInfo, Tagging};
//!
//! let tracer = Tracer::builder().build();
//! let tagging = Tagging::of(&tracer).component("my-framework");
//! let headers = [("Host", "shop.example:8080"), ("User-Agent", "curl/8")];
//!
//! let span = tracer.span("web.request").start();
//! let request = RequestInfo::new("GET", "/users/42?page=2&token=secret").headers(&headers);
//! let tags = tagging.server_request(&span, &request);
//! // The request is answered; the router has found its route.
//! tagging.server_response(&span, tags, Some(&ResponseInfo::new(200).route("/users/{id}")));
//!
//! assert_eq!(span.resource().as_deref(), Some("GET /users/{id}"));
//! let url = "http://shop.example:8080/users/42?page=2&<redacted>";
//! assert_eq!(span.tag("http.url").as_deref(), Some(url));
//! assert_eq!(span.tag("http.status_code").as_deref(), Some("200"));
//! ```
//!
//! | file | what is there |
//! | --- | --- |
//! | `tagging` | the settings, compiled, and what code may set otherwise |
//! | `request`, `response` | what an integration says |
//! | `server`, `client`, `message` | which tags follow: of each side, and of both |
//! | `target`, `scan`, `query`, `expression` | URLs: their parts, what becomes of a query, and what in it looks like a secret |
//! | `header_tags`, `seen` | headers that become tags, and those that always count, in one pass over all headers |
//! | `client_ip`, `forwarded` | the address of the client, as proxies say it |
//! | `paths` | paths with what varies replaced, for resources and `http.endpoint` |

mod client;
mod client_ip;
mod expression;
mod forwarded;
mod header_tags;
mod message;
mod paths;
mod query;
mod request;
mod response;
mod scan;
mod seen;
mod server;
mod tagging;
mod target;

pub use paths::{quantized_path, simplified_endpoint};
pub use request::RequestInfo;
pub use response::ResponseInfo;
pub use server::ServerTags;
pub use tagging::{InvalidExpression, Tagging};

/// The page for users, whose examples are built.
#[cfg(doctest)]
#[doc = include_str!("../../docs/http-tagging.md")]
struct Page;
