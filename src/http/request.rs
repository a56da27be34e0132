//! What an integration knows of a request.

use std::fmt;
use std::net::IpAddr;

use super::target::Target;
use crate::propagation::Extractor;

/// A request, as far as it is known when its span starts. All of it is borrowed.
///
/// ```
/// use tracehound::http::RequestInfo;
///
/// // A client knows the whole URL.
/// let request = RequestInfo::new("GET", "https://api.example/users?page=2");
/// // A server knows the path; scheme and host come from elsewhere, the host as a rule from the headers.
/// let headers = [("host", "shop.example")];
/// let request = RequestInfo::new("GET", "/users?page=2").scheme("https").headers(&headers);
/// ```
#[derive(Clone, Copy)]
pub struct RequestInfo<'a> {
    pub(super) method: &'a str,
    pub(super) target: Target<'a>,
    pub(super) headers: Option<&'a dyn Extractor>,
    pub(super) route: Option<&'a str>,
    pub(super) peer: Option<IpAddr>,
    pub(super) version: Option<&'a str>,
}

impl<'a> RequestInfo<'a> {
    /// A method, and a URL or the path and query of one. Of more than 8 KiB the rest is left out.
    #[must_use]
    pub fn new(method: &'a str, url: &'a str) -> Self {
        RequestInfo {
            method,
            target: Target::parse(url),
            headers: None,
            route: None,
            peer: None,
            version: None,
        }
    }

    /// A request of the crate `http`, which hyper, axum, tower, tonic and reqwest have, with its headers and version.
    ///
    /// Of an `http::Request` it takes the parts that stay when the body goes elsewhere.
    #[must_use]
    pub fn of(
        method: &'a ::http::Method,
        uri: &'a ::http::Uri,
        headers: &'a ::http::HeaderMap,
    ) -> Self {
        let authority = uri.authority().map_or("", ::http::uri::Authority::as_str);
        let path = uri.path_and_query().map_or("", ::http::uri::PathAndQuery::as_str);
        let mut request = RequestInfo::new(method.as_str(), "").headers(headers);
        request.target = Target::of_parts(uri.scheme_str(), authority, path);
        request
    }

    /// The scheme, where the URL has none: `https`; default: `http`.
    #[must_use]
    pub fn scheme(mut self, scheme: &'a str) -> Self {
        self.target.scheme = scheme;
        self
    }

    /// Host and port, where the URL has none; default: what the header `host` says.
    #[must_use]
    pub fn host(mut self, host: &'a str) -> Self {
        self.target.set_authority(host);
        self
    }

    /// The headers.
    #[must_use]
    pub fn headers(mut self, headers: &'a dyn Extractor) -> Self {
        self.headers = Some(headers);
        self
    }

    /// The route as the framework writes it: `/users/{id}`.
    #[must_use]
    pub fn route(mut self, route: &'a str) -> Self {
        self.route = Some(route);
        self
    }

    /// The address from which the request came over the network, of a proxy or of the client.
    #[must_use]
    pub fn peer(mut self, peer: IpAddr) -> Self {
        self.peer = Some(peer);
        self
    }

    /// The version of HTTP: `1.1`, `2`.
    #[must_use]
    pub fn version(mut self, version: &'a str) -> Self {
        self.version = Some(version);
        self
    }
}

/// Without the headers and the URL, which may hold secrets.
impl fmt::Debug for RequestInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestInfo")
            .field("method", &self.method)
            .field("host", &self.target.host)
            .field("route", &self.route)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
