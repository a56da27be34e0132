//! What the URL of an agent means for a request: its target and its `Host` header.

use crate::config::{Endpoint, usual_port};

impl Endpoint {
    /// The value of the `Host` header. For a Unix socket, which has no host, any value is right.
    pub(super) fn host_header(&self) -> String {
        match self {
            Endpoint::Http { is_tls, host, port, .. } if *port == usual_port(*is_tls) => {
                host.to_string()
            }
            Endpoint::Http { host, port, .. } => format!("{host}:{port}"),
            Endpoint::Unix { .. } => "localhost".into(),
        }
    }

    /// The target of a request for `path`.
    pub(super) fn target(&self, path: &str) -> String {
        match self {
            Endpoint::Http { path_prefix, .. } if path_prefix.is_empty() && path.is_empty() => {
                "/".into()
            }
            Endpoint::Http { path_prefix, .. } => format!("{path_prefix}{path}"),
            Endpoint::Unix { .. } => path.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::http::HeaderValue;
    use hyper::http::uri::PathAndQuery;
    use proptest::prelude::*;

    #[test]
    fn the_prefix_and_the_host_header_follow_from_the_url() {
        let https = [("https://h:443/p", "/p/info", "h"), ("https://h:80", "/info", "h:80")];
        let https = https.into_iter().filter(|_| cfg!(feature = "tls"));
        for (url, target, host) in [
            ("http://h:8126/p/", "/p/info", "h:8126"),
            ("http://h", "/info", "h"),
            ("http://[::1]:5000", "/info", "[::1]:5000"),
            ("unix:///a", "/info", "localhost"),
        ]
        .into_iter()
        .chain(https)
        {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(
                (endpoint.target("/info"), endpoint.host_header()),
                (target.into(), host.into())
            );
        }
    }

    proptest! {
        #[test]
        fn every_address_can_be_asked(url in prop_oneof![
            "(https?|unix)://[a-z0-9:/.%_\\[\\] -]{0,40}",
            "http://(h|\\[::1\\]|10\\.0\\.0\\.1)(:[0-9]{1,6})?(/[!-~]{0,9})?",
            "unix:///\\PC{0,20}(%[0-9a-fA-F]{2}){0,4}/?",
        ]) {
            if let Ok(endpoint) = Endpoint::parse(&url) {
                prop_assert!(PathAndQuery::try_from(endpoint.target("/v0.4/traces")).is_ok());
                prop_assert!(HeaderValue::try_from(endpoint.host_header()).is_ok());
            }
        }
    }
}
