//! The settings of an integration, compiled once.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::client_ip;
use super::header_tags::HeaderTags;
use super::query::Query;
use crate::config::{Config, Environment, QueryObfuscation, StatusRanges, expression};
use crate::naming::Naming;
use crate::peer_service::PeerService;
use crate::text::Text;
use crate::tracer::Tracer;

/// What is written of HTTP requests and responses, by the settings of a tracer and of an integration.
///
/// An integration makes one and keeps it: an expression of the user is compiled for it. A clone is cheap, and what is then
/// set of it in code is for the clone alone: so one framework or client can differ from the others.
///
/// ```
/// use tracehound::Tracer;
/// use tracehound::http::Tagging;
///
/// let tracer = Tracer::builder().build();
/// let all = Tagging::of(&tracer);
/// let of_the_admin_server =
///     all.clone().trace_headers(["X-Admin-User:admin.user"]).trace_query_string(true);
/// ```
#[derive(Clone, Debug)]
pub struct Tagging {
    pub(super) settings: Arc<Settings>,
}

#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) component: Option<Text>,
    pub(super) server_query: Query,
    pub(super) client_query: Query,
    /// Whether there is a tag with the query as it is.
    pub(super) query_string: bool,
    pub(super) headers: HeaderTags,
    pub(super) client_ip: bool,
    pub(super) client_ip_header: Option<Text>,
    pub(super) server_errors: StatusRanges,
    pub(super) client_errors: StatusRanges,
    pub(super) endpoint: bool,
    pub(super) always_simplified: bool,
    pub(super) split_by_domain: bool,
    pub(super) naming: Naming,
    pub(super) peer_service: PeerService,
}

impl Settings {
    /// The headers that may say the address of the client, in the order in which they count.
    pub(super) fn client_ip_headers(&self) -> impl Iterator<Item = &str> + Clone {
        let (pinned, all) = match &self.client_ip_header {
            _ if !self.client_ip => (None, &[][..]),
            Some(header) => (Some(&**header), &[][..]),
            None => (None, &client_ip::HEADERS[..]),
        };
        pinned.into_iter().chain(all.iter().copied())
    }
}

impl Tagging {
    /// By the settings of a tracer; of one that does nothing the defaults.
    #[must_use]
    pub fn of(tracer: &Tracer) -> Self {
        match tracer.config() {
            Some(config) => Tagging::by(config),
            None => Tagging::by(&Config::builder().environment(Environment::empty()).build()),
        }
    }

    /// By these settings.
    #[must_use]
    pub fn by(config: &Config) -> Self {
        let query = |collected: bool, only: &[Text]| {
            let only = if only.is_empty() { config.query_allowlist() } else { only };
            match () {
                () if !collected || config.query_disabled() => Query::LeftOut,
                () if !only.is_empty() => Query::Only(only.into()),
                () => Query::obfuscated(config.query_obfuscation()),
            }
        };
        let settings = Settings {
            component: None,
            server_query: query(config.http_server_query(), config.server_query_allowlist()),
            client_query: query(config.http_client_query(), config.client_query_allowlist()),
            query_string: false,
            headers: HeaderTags::new(config.header_tags().iter().map(Text::as_str)),
            client_ip: config.client_ip(),
            client_ip_header: config.client_ip_header().map(Text::copy),
            server_errors: config.http_server_error_statuses().clone(),
            client_errors: config.http_client_error_statuses().clone(),
            endpoint: config.http_endpoint(),
            always_simplified: config.always_simplified_endpoint(),
            split_by_domain: false,
            naming: Naming::of(config),
            peer_service: PeerService::of(config),
        };
        Tagging { settings: Arc::new(settings) }
    }

    fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// The name of the integration: the tag `component`; default: no tag.
    #[must_use]
    pub fn component(self, name: impl Into<Text>) -> Self {
        self.with(|settings| settings.component = Some(name.into()))
    }

    /// Headers that become tags, in place of those of `DD_TRACE_HEADER_TAGS`: `header`, `header:tag`, and `*` for all.
    ///
    /// An entry without a header or a tag is left out. Where all are wanted, the first 128 different ones of a message
    /// count.
    #[must_use]
    pub fn trace_headers(self, headers: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let headers: Vec<_> = headers.into_iter().collect();
        self.with(|settings| settings.headers = HeaderTags::new(headers.iter().map(AsRef::as_ref)))
    }

    /// Whether the query of the URL, as it is, is the tag `http.query.string`; default: no. Secrets in it are not
    /// replaced.
    #[must_use]
    pub fn trace_query_string(self, traced: bool) -> Self {
        self.with(|settings| settings.query_string = traced)
    }

    /// What becomes of the query in `http.url`, in place of what the settings say.
    ///
    /// # Errors
    ///
    /// When the expression cannot be used.
    ///
    /// ```
    /// use tracehound::Tracer;
    /// use tracehound::config::QueryObfuscation;
    /// use tracehound::http::Tagging;
    ///
    /// let tagging = Tagging::of(&Tracer::builder().build());
    /// let only_tokens = QueryObfuscation::Expression("token=[^&]+".into());
    /// assert!(tagging.clone().url_query(&only_tokens).is_ok());
    /// assert!(tagging.url_query(&QueryObfuscation::Expression("(".into())).is_err());
    /// ```
    pub fn url_query(self, obfuscation: &QueryObfuscation) -> Result<Self, InvalidExpression> {
        if let QueryObfuscation::Expression(text) = obfuscation {
            expression(text).map_err(|problem| InvalidExpression { problem })?;
        }
        let query = Query::obfuscated(obfuscation);
        Ok(self.with(|settings| {
            settings.server_query = query.clone();
            settings.client_query = query;
        }))
    }

    /// Statuses that are errors, in place of what the settings say for servers and clients.
    #[must_use]
    pub fn error_statuses(self, statuses: StatusRanges) -> Self {
        self.with(|settings| {
            settings.server_errors = statuses.clone();
            settings.client_errors = statuses;
        })
    }

    /// Whether spans of servers are tagged with the address of the client, in place of `DD_TRACE_CLIENT_IP_ENABLED`.
    #[must_use]
    pub fn client_ip(self, tagged: bool) -> Self {
        self.with(|settings| settings.client_ip = tagged)
    }

    /// Whether the service of a client's span is the host that it calls; default: no.
    #[must_use]
    pub fn split_by_domain(self, split: bool) -> Self {
        self.with(|settings| settings.split_by_domain = split)
    }

    /// What operations and services are called.
    #[must_use]
    pub fn naming(&self) -> &Naming {
        &self.settings.naming
    }
}

/// The error for an expression that cannot be used: it says what is wrong with it.
#[derive(Clone, Debug)]
pub struct InvalidExpression {
    problem: String,
}

impl fmt::Display for InvalidExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an expression that can be used: {}", self.problem)
    }
}

impl Error for InvalidExpression {}
