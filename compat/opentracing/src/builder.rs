//! Putting a tracer together from OpenTracing's configuration keys.

use std::path::PathBuf;

use tracehound::bridge::Identity;
use tracehound::bridge::TracerBuilderExt as _;
use tracehound::bridge::TracerExt as _;
use tracehound::config::{Config, Environment};
use tracehound::{Sampler, Text};

use crate::config_value::ConfigValue;
use crate::error::{Error, ErrorKind};
use crate::tracer::Tracer;

/// Describes a tracer by the configuration keys that Datadog's OpenTracing tracers have, and makes the native
/// one below it.
///
/// | key | default | effect |
/// | --- | --- | --- |
/// | `agent_hostname` | `localhost` | the agent's host |
/// | `agent_port` | 8126 | the agent's port |
/// | `agent_https` | `false` | `true` is an error: there is no TLS |
/// | `uds_path` | none | the agent's Unix socket, before host and port |
/// | `debug` | `false` | the tracer says what it does; strict about the configuration |
/// | `enabled` | `true` | whether traces are sent; contexts travel all the same |
/// | `global_tags` | none | tags of every span |
/// | `sampler` | none | decides on traces, in the place of rules, rates and the agent; in code only |
/// | `priority_sampling` | `true` | `false` is a warning: it cannot be switched off |
/// | `settings` | none | `FILTERS` is an error if there are any: traces are not filtered |
///
/// A key that is not set is taken from the environment (`DD_AGENT_HOST`, ...). Everything else that can be set
/// is a matter of the native tracer, from which this can be made:
///
/// ```
/// use tracehound_opentracing::TracerBuilder;
///
/// let native = tracehound::Tracer::builder().env("prod").version("1.4.2");
/// let tracer = TracerBuilder::from(native).service("checkout").agent_hostname("localhost").build()?;
/// assert_eq!(tracer.service(), "checkout");
/// # Ok::<(), tracehound_opentracing::Error>(())
/// ```
///
/// In strict mode ([`TracerBuilder::strict`], or `debug`) a mistake in the configuration is an error; otherwise
/// what is wrong is left out, and all of it is said in one warning.
#[must_use = "nothing happens before `build`"]
#[derive(Debug)]
pub struct TracerBuilder {
    native: tracehound::TracerBuilder,
    service: Option<String>,
    strict: bool,
    debug: bool,
    https: bool,
    host: Option<String>,
    port: Option<u16>,
    socket: Option<PathBuf>,
    problems: Vec<Error>,
}

impl From<tracehound::TracerBuilder> for TracerBuilder {
    fn from(native: tracehound::TracerBuilder) -> Self {
        TracerBuilder {
            native,
            service: None,
            strict: false,
            debug: false,
            https: false,
            host: None,
            port: None,
            socket: None,
            problems: Vec::new(),
        }
    }
}

impl TracerBuilder {
    /// The service of the tracer's spans; by default that of the native tracer (`DD_SERVICE`), and where
    /// nothing names one, the name of the program's file.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// The host of the agent; by default `localhost`.
    pub fn agent_hostname(mut self, host: impl Into<String>) -> Self {
        self.host = Some(host.into());
        self
    }

    /// The port of the agent; by default 8126.
    pub fn agent_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Whether to talk to the agent by TLS; there is none, so `true` makes [`TracerBuilder::build`] fail.
    pub fn agent_https(mut self, https: bool) -> Self {
        self.https = https;
        self
    }

    /// The Unix socket of the agent; it counts before host and port.
    pub fn uds_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// Whether the tracer says what it does and how it is misused, and is strict about the configuration; by
    /// default not.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self.native = self.native.debug(debug);
        self
    }

    /// Whether traces are sent; by default they are.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.native = self.native.enabled(enabled);
        self
    }

    /// A tag of every span, of whichever API.
    pub fn global_tag(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.native = self.native.tag(key, value);
        self
    }

    /// Decides on traces in the place of rules, rates and the agent.
    pub fn sampler(mut self, sampler: impl Sampler + 'static) -> Self {
        self.native = self.native.sampler(sampler);
        self
    }

    /// Whether sampling decisions travel with the trace. They always do; `false` is a mistake that is said.
    pub fn priority_sampling(self, on: bool) -> Self {
        if on {
            return self;
        }
        let text = "priority_sampling cannot be switched off";
        self.problem(Error::new(ErrorKind::InvalidValue, text))
    }

    /// Whether a mistake in the configuration is an error; by default it is a warning.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Sets keys by their names, as they come from a file or from another language.
    ///
    /// ```
    /// use tracehound_opentracing::{ConfigValue, ErrorKind, Tracer};
    ///
    /// let config = [
    ///     ("agent_hostname", ConfigValue::from("localhost")),
    ///     ("agent_port", 8126.into()),
    ///     ("global_tags", ConfigValue::map([("team", "payments")])),
    /// ];
    /// let tracer = Tracer::builder().service("checkout").config(config).build()?;
    /// assert_eq!(tracer.native().agent_url(), Some("http://localhost:8126"));
    ///
    /// let typo = [("agent_hostnam", "localhost")];
    /// let error = Tracer::builder().config(typo).strict(true).build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::UnknownKey);
    /// # Ok::<(), tracehound_opentracing::Error>(())
    /// ```
    pub fn config<K: AsRef<str>, V: Into<ConfigValue>>(
        self,
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let set = |builder: Self, (key, value): (K, V)| builder.set(key.as_ref(), value.into());
        entries.into_iter().fold(self, set)
    }

    pub(crate) fn problem(mut self, problem: Error) -> Self {
        self.problems.push(problem);
        self
    }

    pub(crate) fn unsupported(self, text: &str) -> Self {
        self.problem(Error::new(ErrorKind::Unsupported, text))
    }

    /// Builds the tracer and the native one, whose worker starts.
    ///
    /// # Errors
    ///
    /// What was asked for is not there ([`ErrorKind::Unsupported`]); in strict mode also whatever else is wrong
    /// with the configuration. The first mistake is told.
    pub fn build(mut self) -> Result<Tracer, Error> {
        if self.https {
            self = self.unsupported(
                "agent_https: there is no TLS to the agent; use its Unix socket, or an agent on this host",
            );
        }
        let is_strict = self.strict || self.debug;
        let is_fatal = |problem: &Error| is_strict || problem.kind() == ErrorKind::Unsupported;
        if let Some(place) = self.problems.iter().position(is_fatal) {
            return Err(self.problems.swap_remove(place));
        }

        let mut native = self.native;
        if let Some(service) = self.service {
            native = native.service(service);
        }
        if let Some(socket) = &self.socket {
            native = native.agent_socket(socket);
        } else if self.host.is_some() || self.port.is_some() {
            native = native.agent_url(url(self.host.as_deref(), self.port));
        }
        let native = native.service_named_later().build();
        let unnamed = native.config().is_some_and(is_default_service);
        let program = if unnamed { program_name() } else { None };
        if unnamed && program.is_none() && is_strict {
            let text =
                "nothing names the service: give it to TracerBuilder::service, or set DD_SERVICE";
            return Err(Error::new(ErrorKind::NoService, text));
        }
        if !self.problems.is_empty() {
            native.warn_once("opentracing.configuration", || {
                let texts: Vec<_> = self.problems.iter().map(Error::to_string).collect();
                format!("OpenTracing configuration: {}; ignored", texts.join("; "))
            });
        }
        let tracer = match program {
            Some(service) => {
                let identity = Identity { service: Some(service.into()), ..Identity::default() };
                Tracer::new(native.with_identity(identity))
            }
            None => Tracer::new(native),
        };
        tracer.native().warn_of_default_service();
        Ok(tracer)
    }
}

impl Tracer {
    /// Describes a tracer and the native one below it, with OpenTracing's configuration keys.
    pub fn builder() -> TracerBuilder {
        TracerBuilder::from(tracehound::Tracer::builder())
    }
}

/// As any URL, with the address of version 6 between brackets.
fn url(host: Option<&str>, port: Option<u16>) -> String {
    const DEFAULT_HOST: &str = "localhost";
    const DEFAULT_PORT: u16 = 8126;
    let (host, port) = (host.unwrap_or(DEFAULT_HOST), port.unwrap_or(DEFAULT_PORT));
    match host.contains(':') && !host.starts_with('[') {
        true => format!("http://[{host}]:{port}"),
        false => format!("http://{host}:{port}"),
    }
}

/// Whether nothing names the service, neither the user nor a serverless platform.
fn is_default_service(config: &Config) -> bool {
    let default = Config::builder().environment(Environment::empty()).build();
    !config.service_is_user_set() && config.service() == default.service()
}

/// The name of the program's file, without extension.
fn program_name() -> Option<String> {
    let program = PathBuf::from(std::env::args_os().next()?);
    let name = program.file_stem()?.to_str()?;
    (!name.is_empty()).then(|| name.to_owned())
}
