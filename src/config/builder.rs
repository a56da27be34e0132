//! [`ConfigBuilder`]: the settings that are given in code.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::text::Text;

use super::api_version::ApiVersion;
use super::endpoint::Endpoint;
use super::http::{NamingSchema, QueryObfuscation, StatusRanges};
use super::integrations::IntegrationSettings;
use super::key::Quoted;
use super::propagation::{BaggageTagKeys, ExtractBehavior, Style};
use super::resolve::Resolver;
use super::serverless::Platform;
use super::source_code::SourceCodeLink;
use super::table::{DD_TRACE_AGENT_URL, Given, Settings, setters};
use super::{Config, Environment, Origin, identity, integrations, otel, related, unknown};

/// Sets settings in code, where they win over every other source.
///
/// A setter takes any value and never fails: a value that is out of range becomes a
/// [`Problem`](super::Problem), and the next source is used. What is not set here comes from the
/// environment, or is the default; each setter names its variable. The order of the calls does not matter, except
/// that of two calls of one setter the later one counts.
#[derive(Clone, Default)]
#[must_use = "a builder does nothing before `build`"]
pub struct ConfigBuilder {
    environment: Option<Environment>,
    given: Given,
    tags: Vec<(Text, Text)>,
    integrations: integrations::Given,
    source_code: SourceCodeLink,
    /// The problem with a path given to `agent_socket`, which has no address then.
    bad_socket: Option<String>,
    agent_ca_file: Option<PathBuf>,
}

impl ConfigBuilder {
    /// Asks every source about every setting, once.
    #[must_use]
    pub fn build(self) -> Config {
        let environment = self.environment.unwrap_or_else(Environment::process);
        let mut resolver = Resolver::new(&environment);
        if let Some(reason) = self.bad_socket {
            resolver.reject(DD_TRACE_AGENT_URL.name, "agent_socket", Origin::Code, reason);
        }
        let mut settings = Settings::resolve(self.given, &mut resolver);
        let (tags, service_is_user_set) =
            identity::resolve(&mut settings, self.tags, self.source_code, &mut resolver);
        related::resolve(&mut settings, &mut resolver);
        let integrations = integrations::resolve(&self.integrations, &mut resolver);
        otel::report_unsupported(settings.otlp_traces.value, &mut resolver);
        unknown::report(&mut resolver);
        let (report, problems) = resolver.finish();
        let platform = Platform::detect(&environment);
        let agent_ca_file = self.agent_ca_file;
        Config {
            settings,
            tags,
            integrations,
            service_is_user_set,
            platform,
            agent_ca_file,
            report,
            problems,
        }
    }

    /// Where to look up variables; default: the environment of the process.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// The same, with the environment as it is now: it can be built again, and comes to the same.
    pub(crate) fn with_captured_environment(mut self) -> Self {
        let environment = self.environment.take().unwrap_or_else(Environment::process);
        self.environment = Some(environment.captured());
        self
    }

    /// Whether an address of the agent is given.
    pub(crate) fn has_address(&self) -> bool {
        let Given { agent_url, agent_host, agent_port, .. } = &self.given;
        agent_url.is_some() || agent_host.is_some() || agent_port.is_some()
    }

    /// These settings, and those of `others` where these have none. Settings that belong together are taken from one of
    /// the two: the agent's address, and the styles of both directions.
    pub(crate) fn or(mut self, mut others: ConfigBuilder) -> Self {
        if self.has_address() {
            (others.given.agent_url, others.bad_socket) = (None, None);
        }
        if self.given.propagation_styles.is_some() {
            (others.given.inject_styles, others.given.extract_styles) = (None, None);
        }
        others.tags.append(&mut self.tags);
        for (name, own) in self.integrations {
            let settings = others.integrations.entry(name).or_default();
            *settings = own.or(settings);
        }
        ConfigBuilder {
            environment: self.environment.or(others.environment),
            given: self.given.or(others.given),
            tags: others.tags,
            integrations: others.integrations,
            source_code: self.source_code.or(others.source_code),
            bad_socket: self.bad_socket.or(others.bad_socket),
            agent_ca_file: self.agent_ca_file.or(others.agent_ca_file),
        }
    }

    /// Adds a tag of every span to those of `DD_TAGS`; of two with the same key this one counts.
    pub fn tag(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Adds tags, as [`tag`](Self::tag) adds one.
    pub fn tags(self, tags: impl IntoIterator<Item = (impl Into<Text>, impl Into<Text>)>) -> Self {
        tags.into_iter().fold(self, |builder, (key, value)| builder.tag(key, value))
    }

    /// The agent's address (`DD_TRACE_AGENT_URL`): `http://host:port`, `https://host:port` with the feature `tls`, or
    /// `unix:///path`. A path after the port comes before the agent's own paths.
    ///
    /// Without a port it is 80, or 443 with `https`. HTTP proxies are not used, and what variables such as
    /// `HTTPS_PROXY` say does not count: an agent is near, and traces should not leave by a way meant for the web.
    ///
    /// It wins over [`agent_host`](Self::agent_host) and [`agent_port`](Self::agent_port). Default: the
    /// socket `/var/run/datadog/apm.socket` where it exists, else `http://localhost:8126`.
    pub fn agent_url(mut self, url: impl Into<Text>) -> Self {
        self.given.agent_url = Some(Some(url.into()));
        self.bad_socket = None;
        self
    }

    /// The agent's Unix socket, an absolute path: [`agent_url`](Self::agent_url) with `unix://` before it.
    pub fn agent_socket(mut self, path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        match Endpoint::socket(path) {
            Ok(socket) => self.agent_url(socket.to_string()),
            Err(why) => {
                self.given.agent_url = None;
                self.bad_socket = Some(format!("{} {why}", Quoted(&path.to_string_lossy())));
                self
            }
        }
    }

    /// A file in PEM with the certificate authorities that may sign the certificate of an agent behind `https://`, or of
    /// a collector in its place, instead of those of the platform.
    ///
    /// The platform's are found where `SSL_CERT_FILE` and `SSL_CERT_DIR` say, and otherwise where the system keeps
    /// them. The file is read, on the worker, when the first connection is made, and again after a handshake that
    /// failed, so that a file may be replaced. The certificate is verified in any case: no setting turns that off.
    /// There is no variable for this, because the other tracers have none.
    #[cfg(feature = "tls")]
    pub fn agent_ca_file(mut self, path: impl AsRef<Path>) -> Self {
        self.agent_ca_file = Some(path.as_ref().to_owned());
        self
    }

    /// After how many finished spans, 1 to 100,000, a trace with open ones is sent in parts
    /// (`DD_TRACE_PARTIAL_FLUSH_MIN_SPANS`), or `None` for never (`DD_TRACE_PARTIAL_FLUSH_ENABLED`);
    /// default: 300.
    pub fn partial_flush(mut self, min_spans: Option<usize>) -> Self {
        self.given.partial_flush = Some(min_spans.is_some());
        self.given.partial_flush_min_spans = min_spans;
        self
    }

    /// Where the source code is, as it was known when the program was built: [`source_code!`](crate::source_code).
    ///
    /// Unlike other setters this one gives way to the environment (`DD_GIT_REPOSITORY_URL`, `DD_GIT_COMMIT_SHA`, and
    /// the tags `git.repository_url` and `git.commit.sha` of `DD_TAGS`), which knows more of a build than the build did.
    /// Default: nothing.
    pub fn source_code(mut self, link: SourceCodeLink) -> Self {
        self.source_code = link;
        self
    }

    /// The repository of the program's source code, where the environment does not say (`DD_GIT_REPOSITORY_URL`); a user
    /// name and a password in it are left out. Default: that of [`source_code`](Self::source_code).
    pub fn git_repository_url(mut self, url: impl Into<Text>) -> Self {
        self.source_code.repository_url = Some(url.into());
        self
    }

    /// The commit that the program was built from, where the environment does not say (`DD_GIT_COMMIT_SHA`). Default:
    /// that of [`source_code`](Self::source_code).
    pub fn git_commit_sha(mut self, commit: impl Into<Text>) -> Self {
        self.source_code.commit_sha = Some(commit.into());
        self
    }

    /// Whether an integration makes spans (`DD_TRACE_<NAME>_ENABLED`); default: yes, unless the integration says
    /// otherwise.
    ///
    /// A name is compared without regard to case, with `-` and `.` as `_`: `tokio-postgres` is what
    /// `DD_TRACE_TOKIO_POSTGRES_ENABLED` is about. To switch an integration while the program runs, there is
    /// [`integrations`](crate::integrations).
    pub fn integration_enabled(mut self, name: &str, enabled: bool) -> Self {
        self.integration(name).enabled = Some(enabled);
        self
    }

    /// The service of an integration's spans (`DD_<NAME>_SERVICE`), where no [`Pin`](crate::integration::Pin) names
    /// another; default: the integration's own.
    pub fn integration_service(mut self, name: &str, service: impl Into<Text>) -> Self {
        self.integration(name).service = Some(service.into());
        self
    }

    /// Whether an integration sends and takes over the context of traces (`DD_<NAME>_DISTRIBUTED_TRACING`); default:
    /// what the integration says.
    pub fn integration_distributed_tracing(mut self, name: &str, enabled: bool) -> Self {
        self.integration(name).distributed_tracing = Some(enabled);
        self
    }

    fn integration(&mut self, name: &str) -> &mut IntegrationSettings {
        self.integrations.entry(integrations::canonical(name)).or_default()
    }

    setters!();
}

impl fmt::Debug for ConfigBuilder {
    /// Without the values, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigBuilder")
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}
