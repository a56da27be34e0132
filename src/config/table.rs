//! The one table of settings. Everything about a setting is made from its row: the variable, the setters, the getter,
//! the report and `docs/configuration.md`.
//!
//! # How to add a setting
//!
//! 1. Add a row to `settings!` below, in the order of the names:
//!
//!    ```text
//!    /// What it means, for `docs/configuration.md`: a sentence, Markdown, no default (that is added).
//!    DD_TRACE_COLOR as color: Option<Text> = TEXT => {
//!        /// For rustdoc: meaning, limits, variable and default.
//!        set(name: impl Into<Text>) = Some(name.into()), on TracerBuilder;
//!        /// For rustdoc: what a program reads.
//!        get(value) -> Option<&str> = value.as_deref();
//!    }
//!    ```
//!
//!    - `TEXT` is the [`Key`]: how text becomes a value, what is checked for a value from any source, and the default.
//!      There is one for each kind of setting below (`ON`, `OFF`, `COUNT`, `SECONDS`, `MAP`, ...);
//!      `Key { default: || .., ..COUNT }` changes a part of it, and `Key::new(default, parse)` makes a new kind.
//!      Parsers and checks that several rows may want are in `parse.rs`.
//!    - `set(argument: type) = value` makes `ConfigBuilder::color`, and with `on TracerBuilder` also
//!      `TracerBuilder::color`. A setter that does more is written by hand in `builder.rs`; then the row says
//!      `set by its_name;`.
//!    - `get(value) -> type = ..` makes `Config::color`; `value` is a reference to what the row holds. Both `set` and
//!      `get` may be left out, in this order: `=> {}` has neither.
//!    - `otel: Some(otel::NAME)` names an OpenTelemetry variable that says the same; how it is converted is in
//!      `otel.rs`.
//!    - A new type of value gets a line in `values!` (`value.rs`). A choice between a few words is an enum made by
//!      `words!` (`words.rs`).
//! 2. Read the getter where the setting has its effect. Most are read in `src/tracer/`, when a tracer is built.
//! 3. If it depends on other settings, derive it in `related.rs`, or in `identity.rs` where a tag can give it.
//! 4. Run `cargo test -p tracehound --lib config::`. What fails says what is missing:
//!    - the page is out of date: copy the one that the test has written;
//!    - the name is not in `tests/vectors/env-vars.json`, the registry of the other tracers: correct the name, or add it
//!      to `newer` in that test if it is newer than the registry;
//!    - the name is in `other_tracers.rs`, as one that has no effect here: remove it there;
//!    - a row that users cannot set in code is not listed in the test of rows without a setter.
//! 5. Add a row to the table of getters in the tests of `resolved.rs`: the default, and the value from the variable.
//!    For values that make no sense, add a line to `texts_are_read_within_limits` below and to `tests/odd_settings.rs`.

use std::time::Duration;

use crate::text::Text;

use super::api_version::{API_VERSION, ApiVersion};
use super::http::{self, NamingSchema, QueryObfuscation, StatusRanges};
use super::key::{Key, Reason};
use super::limits::DEFAULT_COUNT;
use super::origin::Setting;
use super::otlp::{self, OtlpHeaders, OtlpProtocol};
use super::propagation::{BaggageTagKeys, ExtractBehavior, Style, each_once, styles};
use super::resolve::Resolver;
use super::row::{setter_name, settings};
use super::stats::StatsLimits;
use super::value::Map;
use super::{otel, parse};

// ===== the kinds of settings =====

const OFF: Key<bool> = Key::new(|| false, |text, _| parse::boolean(text));
const ON: Key<bool> = Key { default: || true, ..OFF };

const TEXT: Key<Option<Text>> = Key {
    check: |text, _| text.map(parse::not_blank).transpose(),
    ..Key::new(|| None, |text, _| Ok(Some(Text::copy(text))))
};

const OPTIONAL_SWITCH: Key<Option<bool>> =
    Key::new(|| None, |text, _| parse::boolean(text).map(Some));

const COUNT: Key<usize> = Key::new(|| 0, |text, _| parse::integer(text));

const OPTIONAL_COUNT: Key<Option<usize>> =
    Key::new(|| None, |text, _| parse::integer(text).map(Some));

const STATS_LIMIT: Key<usize> =
    Key { check: |limit, _| parse::within(limit, 1..=MAX_STATS_LIMIT), ..COUNT };

const SPAN_LIMIT: Key<usize> = Key { default: || DEFAULT_COUNT, ..COUNT };

const SECONDS: Key<Duration> = Key {
    check: |duration, _| a_millisecond_to_an_hour(duration),
    ..Key::new(|| Duration::from_secs(1), |text, _| parse::seconds(text))
};

const MAP: Key<Map> = Key::new(Map::default, parse::map_of_some);

/// Here it is only checked that this is a JSON list. The sampler reads the rules, and reports bad ones, when it is
/// made.
const RULES: Key<Option<Text>> = Key {
    check: |text, _| text.map(|text| parse::not_blank(text).and_then(parse::json_list)).transpose(),
    ..TEXT
};

const STYLES: Key<Vec<Style>> = Key {
    check: |styles, _| Ok(each_once(styles)),
    ..Key::new(|| Style::DEFAULT.to_vec(), styles)
};

const OTLP_URL: Key<Option<Text>> =
    Key { check: |url, _| url.map(otlp::url).transpose(), repeats: false, ..TEXT };

const OTLP_PROTOCOL: Key<Option<OtlpProtocol>> =
    Key::new(|| None, |text, remarks| OtlpProtocol::parse(text, remarks).map(Some));

/// No timeout and no interval of the tracer makes sense outside of these limits.
fn a_millisecond_to_an_hour(duration: Duration) -> Result<Duration, Reason> {
    if (Duration::from_millis(1)..=Duration::from_secs(3600)).contains(&duration) {
        Ok(duration)
    } else {
        Err("is not between 0.001 and 3600 seconds".into())
    }
}

// ===== limits =====

/// The agent refuses larger payloads: 10 MB by its older limit, less a margin for headers.
pub(super) const MAX_PAYLOAD_BYTES: usize = 9_500_000;

/// A trace cannot hold more spans, so a greater number would mean "never". `DD_TRACE_PARTIAL_FLUSH_ENABLED` is for
/// that.
const MAX_PARTIAL_FLUSH_SPANS: usize = 100_000;

/// Each value that is told apart takes memory until its statistics are sent.
const MAX_STATS_LIMIT: usize = 100_000;

/// The other tracers neither send nor read longer values of `x-datadog-tags`.
const MAX_DATADOG_TAGS_LENGTH: usize = 512;

/// An hour, in milliseconds.
const MAX_OTLP_TIMEOUT: usize = 3_600_000;

settings! {
    /// Host of the Datadog Agent; `localhost` when only the port is set.
    DD_AGENT_HOST as agent_host: Option<Text> = Key {
        aliases: &["DD_TRACE_AGENT_HOSTNAME", "DATADOG_TRACE_AGENT_HOSTNAME"],
        check: |host, _| host.map(parse::host).transpose(),
        repeats: false,
        ..TEXT
    } => {
        /// The agent's host (`DD_AGENT_HOST`); default: `localhost`.
        set(host: impl Into<Text>) = Some(host.into()), on TracerBuilder;
        /// The agent's host, where it was set.
        get(value) -> Option<&str> = value.as_deref();
    }

    /// How long the thread that ends a local root waits for its delivery, in milliseconds, where a serverless platform
    /// stops the process between two requests, or code asks for it; at most 60000.
    DD_APM_FLUSH_DEADLINE_MILLISECONDS as flush_deadline: usize = Key {
        default: || 100,
        check: |milliseconds, _| parse::within(milliseconds, 0..=60_000),
        ..COUNT
    } => {
        /// How long the thread that ends a local root waits for its delivery, in milliseconds, 0 to 60,000
        /// (`DD_APM_FLUSH_DEADLINE_MILLISECONDS`); default: 100.
        ///
        /// It waits only on a serverless platform, and with
        /// [`flush_on_root_end`](crate::TracerBuilder::flush_on_root_end).
        set(milliseconds: usize) = milliseconds;
        /// How long the thread that ends a local root waits for its delivery, where it waits.
        get(value) -> Duration = Duration::from_millis(*value as u64);
    }

    /// `false` for a process whose traces serve only other products: one trace a minute is sent, marked as such.
    DD_APM_TRACING_ENABLED as apm_tracing: bool = ON => {
        /// Whether traces are for APM; `false` where they only serve other products
        /// (`DD_APM_TRACING_ENABLED`); default: yes.
        set(enabled: bool) = enabled;
        /// Whether traces are for APM, and not only for other products.
        get(value) -> bool = *value;
    }

    /// Environment of the program: `prod`, `staging`. Unset: the tag `env` of `DD_TAGS`, then
    /// `deployment.environment.name` or `deployment.environment` of `OTEL_RESOURCE_ATTRIBUTES`.
    DD_ENV as env: Option<Text> = TEXT => {
        /// The environment of the program, such as `prod` (`DD_ENV`); default: none.
        set(name: impl Into<Text>) = Some(name.into()), on TracerBuilder;
        /// The environment of the program.
        get(value) -> Option<&str> = value.as_deref();
    }

    /// Tags of the process are sent, such as the names of the executable and of the working directory.
    DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED as process_tags: bool = ON => {
        /// Whether tags of the process are sent: the names of the executable, its directory and the working directory
        /// (`DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED`); default: yes.
        set(enabled: bool) = enabled;
        /// Whether tags of the process are sent.
        get(value) -> bool = *value;
    }

    /// Identifies the container. Set by Datadog's admission controller, and sent to the agent as it is.
    DD_EXTERNAL_ENV as external_env: Option<Text> = TEXT => {
        /// What is to be sent to the agent as it is, to tell it the container (`DD_EXTERNAL_ENV`).
        get(value) -> Option<&str> = value.as_deref();
    }

    /// Commit that the program was built from. Unset: the tag `git.commit.sha` of `DD_TAGS`, then what was embedded in
    /// the program.
    DD_GIT_COMMIT_SHA as git_commit_sha: Option<Text> = TEXT => {
        set by git_commit_sha;
    }

    /// Repository of the program's source code. Unset: the tag `git.repository_url` of `DD_TAGS`, then what was embedded
    /// in the program. A user name and a password in it are left out.
    DD_GIT_REPOSITORY_URL as git_repository_url: Option<Text> = Key {
        check: |url, _| url.map(parse::repository_url).transpose(),
        repeats: false,
        ..TEXT
    } => {
        set by git_repository_url;
    }

    /// Name of the host that `DD_TRACE_REPORT_HOSTNAME` reports. Unset: what the operating system says (Unix).
    DD_HOSTNAME as hostname: Option<Text> = TEXT => {
        /// The name of the host that [`report_hostname`](Self::report_hostname) reports (`DD_HOSTNAME`); default: what
        /// the operating system says (Unix).
        set(name: impl Into<Text>) = Some(name.into());
        /// The name of the host, where it was set.
        get(value) -> Option<&str> = value.as_deref();
    }

    /// The tag `http.url` of requests that come in has the query of the URL.
    DD_HTTP_SERVER_TAG_QUERY_STRING as http_server_query: bool = ON => {
        /// Whether `http.url` of requests that come in has the query of the URL
        /// (`DD_HTTP_SERVER_TAG_QUERY_STRING`); default: yes.
        set(tagged: bool) = tagged;
        /// Whether `http.url` of requests that come in has the query of the URL.
        get(value) -> bool = *value;
    }

    /// Cargo package whose embedded repository and commit count. Unset: whichever the program hands over.
    DD_MAIN_PACKAGE as main_package: Option<Text> = TEXT => {
        /// The cargo package whose embedded repository and commit count (`DD_MAIN_PACKAGE`); default: whichever the
        /// program hands to [`source_code`](Self::source_code).
        set(package: impl Into<Text>) = Some(package.into());
        /// The cargo package whose embedded repository and commit count.
        get(value) -> Option<&str> = value.as_deref();
    }

    /// Name of the service. Unset: the tag `service` of `DD_TAGS`, then `service.name` of
    /// `OTEL_RESOURCE_ATTRIBUTES`, then the name that a serverless platform gave the function.
    DD_SERVICE as service: Text = Key {
        otel: Some(otel::SERVICE_NAME),
        check: |text, _| parse::not_blank(text),
        ..Key::new(|| Text::literal("unnamed-rust-service"), |text, _| Ok(Text::copy(text)))
    } => {
        /// The name of the service (`DD_SERVICE`); default: `unnamed-rust-service`.
        set(name: impl Into<Text>) = name.into(), on TracerBuilder;
        /// The name of the service; never empty.
        get(value) -> &str = value;
    }

    /// Services to rename: `from:to,from:to`. Spans of the service `from`, the configured one included, get the
    /// service `to`.
    DD_SERVICE_MAPPING as service_mapping: Map = Key {
        check: parse::mapping,
        ..MAP
    } => {
        /// Services to rename, from and to, the configured one included (`DD_SERVICE_MAPPING`); default: none.
        set(mapping: impl IntoIterator<Item = (impl Into<Text>, impl Into<Text>)>) =
            mapping.into_iter().collect();
        /// Services to rename, from and to.
        get(value) -> &[(Text, Text)] = &value.0;
    }

    /// JSON list of single-span sampling rules: they keep single spans of traces that are dropped.
    DD_SPAN_SAMPLING_RULES as span_sampling_rules: Option<Text> = RULES => {
        /// Rules that keep single spans of traces that are not kept, a JSON list
        /// (`DD_SPAN_SAMPLING_RULES`); default: none.
        set(json: impl Into<Text>) = Some(json.into());
        /// The single-span sampling rules as they were given.
        get(value) -> Option<&str> = value.as_deref();
    }

    /// File to read `DD_SPAN_SAMPLING_RULES` from, where that is unset.
    DD_SPAN_SAMPLING_RULES_FILE as span_sampling_rules_file: Option<Text> = TEXT => {
        /// File to read single-span sampling rules from (`DD_SPAN_SAMPLING_RULES_FILE`), where
        /// [`span_sampling_rules`](Self::span_sampling_rules) or its variable does not give them; default: none.
        set(path: impl Into<Text>) = Some(path.into());
        /// The file to read single-span sampling rules from; `None` when the rules themselves were given
        /// (`DD_SPAN_SAMPLING_RULES_FILE`).
        get(value) -> Option<&str> = value.as_deref();
    }

    /// Tags of every span: `key:value,key:value`, or with spaces instead of the commas. `service`, `env` and
    /// `version` fill gaps of their own settings, `git.repository_url` and `git.commit.sha` say where the
    /// source code is.
    DD_TAGS as tags: Map = Key { otel: Some(otel::RESOURCE_ATTRIBUTES), ..MAP } => {
        set by tag;
    }

    /// Ids of new traces have 128 bits; with `false` they have 64.
    DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED as trace_id_128_bit: bool = ON => {
        /// Whether ids of new traces have 128 bits and not 64
        /// (`DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED`); default: yes.
        set(long: bool) = long, on TracerBuilder;
        /// Whether ids of new traces have 128 bits.
        get(value) -> bool = *value;
    }

    /// Port of the Datadog Agent, from 1 to 65535; `8126` when only the host is set.
    DD_TRACE_AGENT_PORT as agent_port: Option<u16> = Key {
        aliases: &["DD_AGENT_PORT"],
        check: |port, _| port.map(|port| parse::within(port, 1..=u16::MAX)).transpose(),
        ..Key::new(|| None, |text, _| parse::integer(text).map(Some))
    } => {
        /// The agent's port, not 0 (`DD_TRACE_AGENT_PORT`); default: 8126.
        set(port: u16) = Some(port), on TracerBuilder;
        /// The agent's port, where it was set; never 0.
        get(value) -> Option<u16> = *value;
    }

    /// As `DD_TRACE_API_VERSION`, which counts first.
    DD_TRACE_AGENT_PROTOCOL_VERSION as agent_protocol_version: Option<ApiVersion> = API_VERSION => {
        /// The format of payloads by `DD_TRACE_AGENT_PROTOCOL_VERSION`; none where it is not set.
        get(value) -> Option<ApiVersion> = *value;
    }

    /// Timeout of a request while no byte of it moves: while it connects, while the agent reads nothing more of it, or
    /// while no more of the answer comes. A large request to a slow agent may take longer in all, and an answer five
    /// times as long. From 0.001 to 3600.
    DD_TRACE_AGENT_TIMEOUT_SECONDS as agent_timeout: Duration = Key {
        aliases: &["DD_TRACE_AGENT_TIMEOUT"],
        default: || Duration::from_secs(2),
        ..SECONDS
    } => {
        /// How long a request waits while nothing of it moves, a millisecond to an hour
        /// (`DD_TRACE_AGENT_TIMEOUT_SECONDS`); default: 2 seconds.
        ///
        /// That is for a connection, and then each time for the agent to read more of the request or to answer more. A
        /// large request to a slow agent may take longer in all; an answer at most five times as long. None of the
        /// program's threads waits so long, but for those that flush or shut down, with a limit of their own.
        set(timeout: Duration) = timeout, on TracerBuilder;
        /// How long a request waits while nothing of it moves.
        get(value) -> Duration = *value;
    }

    /// Address of the Datadog Agent: `http://host:port`, `unix:///path`, or `https://host:port` in a program built with
    /// the feature `tls`. It wins over host and port. With none of the three set it is
    /// `unix:///var/run/datadog/apm.socket` where that exists, and otherwise `http://localhost:8126`.
    DD_TRACE_AGENT_URL as agent_url: Option<Text> = Key {
        check: |url, _| url.map(parse::agent_url).transpose(),
        repeats: false,
        ..TEXT
    } => {
        set by agent_url;
        /// The agent's address: as it was given, from host and port, or the default one.
        get(value) -> &str = value.as_deref().unwrap_or_default();
    }

    /// Format in which traces are sent. Unset: `v1.0` where the agent announces it, else `v0.4`. One that the agent does
    /// not take becomes `v0.4`, said once.
    DD_TRACE_API_VERSION as api_version: Option<ApiVersion> = API_VERSION => {
        /// The format in which traces are sent (`DD_TRACE_API_VERSION`); default: v1.0 where the agent announces it, else
        /// v0.4.
        ///
        /// A format that the agent does not announce, or refuses (404, 415), is replaced by v0.4, which every agent
        /// takes. Nothing is lost by that: what was encoded already is converted.
        set(version: ApiVersion) = Some(version), on TracerBuilder;
        /// The format in which traces are to be sent, where one was chosen.
        get(value) -> Option<ApiVersion> = *value;
    }

    /// Keys of the incoming baggage that become tags `baggage.<key>` of the local root span; `*` for all,
    /// nothing for none.
    DD_TRACE_BAGGAGE_TAG_KEYS as baggage_tag_keys: BaggageTagKeys = Key {
        blank_counts: true,
        ..Key::new(
            || BaggageTagKeys::Only(["user.id", "session.id", "account.id"].map(Text::literal).to_vec()),
            |text, _| Ok(parse::list(text).into()),
        )
    } => {
        /// Which incoming baggage becomes tags (`DD_TRACE_BAGGAGE_TAG_KEYS`); default: `user.id`,
        /// `session.id` and `account.id`.
        set(keys: BaggageTagKeys) = keys;
        /// Which incoming baggage becomes tags.
        get(value) -> &BaggageTagKeys = value;
    }

    /// Spans of requests that come in are tagged with the address of the client: `http.client_ip`, `network.client.ip`.
    DD_TRACE_CLIENT_IP_ENABLED as client_ip: bool = OFF => {
        /// Whether spans of requests that come in are tagged with the address of the client
        /// (`DD_TRACE_CLIENT_IP_ENABLED`); default: no.
        set(tagged: bool) = tagged;
        /// Whether spans of requests that come in are tagged with the address of the client.
        get(value) -> bool = *value;
    }

    /// The one header that says the address of the client. Unset: those that proxies set, in a fixed order.
    DD_TRACE_CLIENT_IP_HEADER as client_ip_header: Option<Text> = TEXT => {
        /// The one header that says the address of the client (`DD_TRACE_CLIENT_IP_HEADER`), in any case and with `_` for
        /// `-`; default: those that proxies set, in a fixed order.
        set(name: impl Into<Text>) = Some(name.into());
        /// The one header that says the address of the client, if there is only one.
        get(value) -> Option<&str> = value.as_deref();
    }

    /// The tracer logs what it does, and wrong use of its API, on the standard error stream.
    DD_TRACE_DEBUG as debug: bool = Key { otel: Some(otel::LOG_LEVEL), ..OFF } => {
        /// Whether the tracer says what it does and how it is misused (`DD_TRACE_DEBUG`); default: no.
        set(debug: bool) = debug, on TracerBuilder;
        /// Whether the tracer says what it does.
        get(value) -> bool = *value;
    }

    /// With `false`, nothing is sent to the agent. Spans are still made, and trace context is still propagated.
    DD_TRACE_ENABLED as enabled: bool = Key { otel: Some(otel::TRACES_EXPORTER), ..ON } => {
        /// Whether spans are sent (`DD_TRACE_ENABLED`); default: yes. Context travels all the same.
        set(enabled: bool) = enabled, on TracerBuilder;
        /// Whether spans are sent; context travels all the same.
        get(value) -> bool = *value;
    }

    /// Seconds from one version of a span that stays open to the next. What has finished of its trace is sent as often.
    DD_TRACE_EXPERIMENTAL_LONG_RUNNING_FLUSH_INTERVAL as long_running_interval: Duration = Key {
        default: || Duration::from_secs(120),
        ..SECONDS
    } => {
        /// The time from one version to the next of a span that stays open, 1 ms to an hour
        /// (`DD_TRACE_EXPERIMENTAL_LONG_RUNNING_FLUSH_INTERVAL`); default: 120 s. What has finished of its trace is sent
        /// as often. Without partial flush nothing of it is sent before its end.
        set(interval: Duration) = interval;
        /// The time from one version to the next of a span that stays open.
        get(value) -> Duration = *value;
    }

    /// Seconds after which a span that is still open is sent for the first time, if the agent takes such spans
    /// (`long_running_spans` in its `/info`).
    DD_TRACE_EXPERIMENTAL_LONG_RUNNING_INITIAL_FLUSH_INTERVAL as long_running_first: Duration = Key {
        default: || Duration::from_secs(10),
        ..SECONDS
    } => {
        /// The age at which a span that is still open is sent for the first time, 1 ms to an hour, if the agent takes
        /// such spans (`DD_TRACE_EXPERIMENTAL_LONG_RUNNING_INITIAL_FLUSH_INTERVAL`); default: 10 s.
        set(age: Duration) = age;
        /// The age at which a span that is still open is sent for the first time.
        get(value) -> Duration = *value;
    }

    /// The first span of each chunk is tagged with the commit and the repository of the source code.
    DD_TRACE_GIT_METADATA_ENABLED as git_metadata: bool = ON => {
        /// Whether spans say where the source code is (`DD_TRACE_GIT_METADATA_ENABLED`); default: yes.
        set(enabled: bool) = enabled;
    }

    /// Headers that become tags: `header` or `header:tag`, with commas between, and `*` for all. Without a tag it is
    /// `http.request.headers.<name>` and `http.response.headers.<name>`.
    DD_TRACE_HEADER_TAGS as header_tags: Vec<Text> = Key {
        check: http::named_headers,
        ..Key::new(Vec::new, http::header_tags)
    } => {
        /// Headers that become tags: `header` or `header:tag`, and `*` for all (`DD_TRACE_HEADER_TAGS`); default: none.
        set(headers: impl IntoIterator<Item = impl Into<Text>>) =
            headers.into_iter().map(Into::into).collect();
        /// Headers that become tags: `header` or `header:tag`.
        get(value) -> &[Text] = value;
    }

    /// Statuses that are errors of a request that went out: `404,500-599`.
    DD_TRACE_HTTP_CLIENT_ERROR_STATUSES as http_client_error_statuses: StatusRanges =
        Key::new(|| StatusRanges::one(400, 499), http::statuses) => {
        /// Statuses that are errors of a request that went out (`DD_TRACE_HTTP_CLIENT_ERROR_STATUSES`); default: 400 to
        /// 499, because a 5xx is the error of the one who answers.
        set(statuses: StatusRanges) = statuses;
        /// Statuses that are errors of a request that went out.
        get(value) -> &StatusRanges = value;
    }

    /// The tag `http.url` of requests that go out has the query of the URL.
    DD_TRACE_HTTP_CLIENT_TAG_QUERY_STRING as http_client_query: bool = ON => {
        /// Whether `http.url` of requests that go out has the query of the URL
        /// (`DD_TRACE_HTTP_CLIENT_TAG_QUERY_STRING`); default: yes.
        set(tagged: bool) = tagged;
        /// Whether `http.url` of requests that go out has the query of the URL.
        get(value) -> bool = *value;
    }

    /// Statuses that are errors of a request that came in: `404,500-599`.
    DD_TRACE_HTTP_SERVER_ERROR_STATUSES as http_server_error_statuses: StatusRanges =
        Key::new(|| StatusRanges::one(500, 599), http::statuses) => {
        /// Statuses that are errors of a request that came in (`DD_TRACE_HTTP_SERVER_ERROR_STATUSES`); default: 500 to
        /// 599.
        set(statuses: StatusRanges) = statuses;
        /// Statuses that are errors of a request that came in.
        get(value) -> &StatusRanges = value;
    }

    /// Names of the parameters of a URL that `http.url` keeps, as they are. Unset: all of them, obfuscated.
    DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST as query_allowlist: Vec<Text> =
        Key::new(Vec::new, |text, _| Ok(parse::list(text))) => {
        /// Names of the parameters of a URL that `http.url` keeps, as they are
        /// (`DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST`); default: all of them, obfuscated.
        set(names: impl IntoIterator<Item = impl Into<Text>>) =
            names.into_iter().map(Into::into).collect();
        /// Names of the parameters of a URL that `http.url` keeps; none where nothing was said.
        get(value) -> &[Text] = value;
    }

    /// Names of the parameters of the URL of a request that goes out that `http.url` keeps, as they are. Unset: `DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST`.
    DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST_CLIENT as client_query_allowlist: Vec<Text> =
        Key::new(Vec::new, |text, _| Ok(parse::list(text))) => {
        /// Names of the parameters of the URL of a request that goes out that `http.url` keeps, as they are
        /// (`DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST_CLIENT`); default: those of `query_allowlist`.
        set(names: impl IntoIterator<Item = impl Into<Text>>) =
            names.into_iter().map(Into::into).collect();
        /// Names of the parameters of the URL of a request that goes out that `http.url` keeps; none where nothing was said.
        get(value) -> &[Text] = value;
    }

    /// Names of the parameters of the URL of a request that comes in that `http.url` keeps, as they are. Unset: `DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST`.
    DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST_SERVER as server_query_allowlist: Vec<Text> =
        Key::new(Vec::new, |text, _| Ok(parse::list(text))) => {
        /// Names of the parameters of the URL of a request that comes in that `http.url` keeps, as they are
        /// (`DD_TRACE_HTTP_URL_QUERY_STRING_ALLOWLIST_SERVER`); default: those of `query_allowlist`.
        set(names: impl IntoIterator<Item = impl Into<Text>>) =
            names.into_iter().map(Into::into).collect();
        /// Names of the parameters of the URL of a request that comes in that `http.url` keeps; none where nothing was said.
        get(value) -> &[Text] = value;
    }

    /// The tag `http.url` never has the query of the URL.
    DD_TRACE_HTTP_URL_QUERY_STRING_DISABLED as query_disabled: bool = OFF => {
        /// Whether `http.url` is without the query of the URL, of requests that come in and that go out
        /// (`DD_TRACE_HTTP_URL_QUERY_STRING_DISABLED`); default: no.
        set(disabled: bool) = disabled;
        /// Whether `http.url` is without the query of the URL.
        get(value) -> bool = *value;
    }

    /// Span events are sent in the field for them, even if the agent does not announce that it supports that.
    DD_TRACE_NATIVE_SPAN_EVENTS as native_span_events: bool = OFF => {
        /// Whether span events are sent in their own field even if the agent does not announce that it knows
        /// it (`DD_TRACE_NATIVE_SPAN_EVENTS`); default: no.
        set(native: bool) = native;
        /// Whether span events are sent in their own field, whatever the agent announces.
        get(value) -> bool = *value;
    }

    /// What matches it in the query of a URL is written as `<redacted>`; nothing for no obfuscation. Unset: the expression
    /// for secrets that all Datadog tracers share. With one that cannot be used, queries are left out.
    DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP as query_obfuscation: QueryObfuscation = Key {
        check: http::usable,
        blank_counts: true,
        ..Key::new(QueryObfuscation::default, http::obfuscation)
    } => {
        /// What becomes of the values in the query of a URL (`DD_TRACE_OBFUSCATION_QUERY_STRING_REGEXP`); default: what
        /// looks like a secret becomes `<redacted>`.
        set(obfuscation: QueryObfuscation) = obfuscation;
        /// What becomes of the values in the query of a URL.
        get(value) -> &QueryObfuscation = value;
    }

    /// Incoming trace context is accepted only from the agent's own organisation and from trusted ones.
    DD_TRACE_ORG_GUARD_ENABLED as org_guard: bool = OFF => {
        /// Whether trace context is accepted only from the own organisation and trusted ones
        /// (`DD_TRACE_ORG_GUARD_ENABLED`); default: no.
        set(enabled: bool) = enabled;
        /// Whether trace context is accepted only from the own organisation and trusted ones.
        get(value) -> bool = *value;
    }

    /// With the organisation guard, trace context without a marker counts as foreign.
    DD_TRACE_ORG_GUARD_STRICT as org_guard_strict: bool = OFF => {
        /// Whether context without an organisation's marker counts as foreign
        /// (`DD_TRACE_ORG_GUARD_STRICT`); default: no.
        set(strict: bool) = strict;
        /// Whether context without an organisation's marker counts as foreign.
        get(value) -> bool = *value;
    }

    /// Markers of other organisations whose trace context is accepted.
    DD_TRACE_ORG_GUARD_TRUSTED_OPMS as org_guard_trusted: Vec<Text> =
        Key::new(Vec::new, |text, _| Ok(parse::list(text))) => {
        /// The markers of trusted organisations (`DD_TRACE_ORG_GUARD_TRUSTED_OPMS`); default: none.
        set(markers: impl IntoIterator<Item = impl Into<Text>>) = markers.into_iter().map(Into::into).collect();
        /// The markers of trusted organisations.
        get(value) -> &[Text] = value;
    }

    /// Spans made through the OpenTelemetry API are traced, if the bridge for it is installed.
    DD_TRACE_OTEL_ENABLED as otel_enabled: bool = Key { otel: Some(otel::SDK_DISABLED), ..ON } => {
        /// Whether spans made through the OpenTelemetry API are traced (`DD_TRACE_OTEL_ENABLED`); default:
        /// yes, where its bridge is installed.
        set(enabled: bool) = enabled;
        /// Whether spans made through the OpenTelemetry API are traced, where its bridge is installed.
        get(value) -> bool = *value;
    }

    /// Spans that go as OTLP have no attributes that only Datadog's conventions know: `operation.name`, `resource.name`,
    /// `span.type`, `service.name` of a span, `error.message`, `error.msg`, `span.kind`.
    DD_TRACE_OTEL_SEMANTICS_ENABLED as otel_semantics: bool = OFF => {
        /// Whether spans that go as OTLP leave out the attributes that only Datadog's conventions know
        /// (`DD_TRACE_OTEL_SEMANTICS_ENABLED`); default: no.
        set(enabled: bool) = enabled;
        /// Whether spans that go as OTLP leave out the attributes that only Datadog's conventions know.
        get(value) -> bool = *value;
    }

    /// The finished spans of a long trace are sent while others are still open.
    DD_TRACE_PARTIAL_FLUSH_ENABLED as partial_flush: bool = ON => {
        set by partial_flush;
    }

    /// When a trace has so many finished spans, they are sent without waiting for the others; from 1 to 100000.
    DD_TRACE_PARTIAL_FLUSH_MIN_SPANS as partial_flush_min_spans: usize = Key {
        default: || 300,
        parse: parse::nearest_integer,
        check: |spans, remarks| {
            if spans == 0 {
                remarks.push("less than 1 makes no sense; 1 is used".into());
            }
            parse::within(spans.max(1), 1..=MAX_PARTIAL_FLUSH_SPANS)
        },
        ..COUNT
    } => {
        set by partial_flush;
    }

    /// Spans of calls to others get the tag `peer.service` from what is known of whom they call. `v1` of
    /// `DD_TRACE_SPAN_ATTRIBUTE_SCHEMA` does the same.
    DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED as peer_service_defaults: bool = OFF => {
        /// Whether spans of calls get the tag `peer.service` from what is known of whom they call
        /// (`DD_TRACE_PEER_SERVICE_DEFAULTS_ENABLED`); default: no, and yes with [`NamingSchema::V1`].
        set(enabled: bool) = enabled;
        /// Whether spans of calls get the tag `peer.service`, also with the schema `v0`.
        get(value) -> bool = *value;
    }

    /// Peers to rename: `from:to,from:to`. A `peer.service` of the name `from` becomes `to`.
    DD_TRACE_PEER_SERVICE_MAPPING as peer_service_mapping: Map = Key {
        check: parse::mapping,
        ..MAP
    } => {
        /// Peers to rename in `peer.service`, from and to (`DD_TRACE_PEER_SERVICE_MAPPING`); default: none.
        set(mapping: impl IntoIterator<Item = (impl Into<Text>, impl Into<Text>)>) =
            mapping.into_iter().collect();
        /// Peers to rename, from and to.
        get(value) -> &[(Text, Text)] = &value.0;
    }

    /// What to do with the trace context of an incoming request: continue its trace, start a new trace
    /// that links to it, or ignore it.
    DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT as extract_behavior: ExtractBehavior =
        Key::new(ExtractBehavior::default, |text, _| ExtractBehavior::parse(text)) => {
        /// What to do with the context of incoming requests (`DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT`);
        /// default: continue the trace.
        set(behavior: ExtractBehavior) = behavior;
        /// What to do with the context of incoming requests.
        get(value) -> ExtractBehavior = *value;
    }

    /// Incoming headers are read only up to the first style that gives a trace context; the other styles are ignored.
    DD_TRACE_PROPAGATION_EXTRACT_FIRST as extract_first: bool = OFF => {
        /// Whether the first style that gives a trace is enough (`DD_TRACE_PROPAGATION_EXTRACT_FIRST`);
        /// default: no.
        set(first: bool) = first;
        /// Whether the first style that gives a trace is enough.
        get(value) -> bool = *value;
    }

    /// Baggage is also sent and read as `ot-baggage-<key>` headers.
    DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED as http_baggage: bool = OFF => {
        /// Whether baggage also travels as `ot-baggage-*` headers
        /// (`DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED`); default: no.
        set(enabled: bool) = enabled;
        /// Whether baggage also travels as `ot-baggage-*` headers.
        get(value) -> bool = *value;
    }

    /// Families of headers that carry trace context, in both directions: any of `datadog`,
    /// `tracecontext`, `b3` (the single header), `b3multi` and `baggage`, or `none`.
    DD_TRACE_PROPAGATION_STYLE as propagation_styles: Vec<Style> = Key {
        otel: Some(otel::PROPAGATORS),
        ..STYLES
    } => {
        /// The header styles in both directions, in order; no style for no propagation
        /// (`DD_TRACE_PROPAGATION_STYLE`); default: Datadog, Trace Context, Baggage.
        set(styles: impl IntoIterator<Item = Style>) = styles.into_iter().collect(), on TracerBuilder;
    }

    /// As `DD_TRACE_PROPAGATION_STYLE`, for incoming requests only. Unset: `DD_TRACE_PROPAGATION_STYLE`.
    DD_TRACE_PROPAGATION_STYLE_EXTRACT as extract_styles: Vec<Style> = STYLES => {
        /// The header styles of incoming requests (`DD_TRACE_PROPAGATION_STYLE_EXTRACT`); default: those of
        /// [`propagation_styles`](Self::propagation_styles).
        set(styles: impl IntoIterator<Item = Style>) = styles.into_iter().collect();
        /// The header styles of incoming requests, each once; empty for no propagation.
        get(value) -> &[Style] = value;
    }

    /// As `DD_TRACE_PROPAGATION_STYLE`, for outgoing requests only. Unset: `DD_TRACE_PROPAGATION_STYLE`.
    DD_TRACE_PROPAGATION_STYLE_INJECT as inject_styles: Vec<Style> = STYLES => {
        /// The header styles of outgoing requests (`DD_TRACE_PROPAGATION_STYLE_INJECT`); default: those of
        /// [`propagation_styles`](Self::propagation_styles).
        set(styles: impl IntoIterator<Item = Style>) = styles.into_iter().collect();
        /// The header styles of outgoing requests, each once; empty for no propagation.
        get(value) -> &[Style] = value;
    }

    /// How many traces a second sampling rules and the sample rate may keep; a negative number is no limit.
    DD_TRACE_RATE_LIMIT as rate_limit: i64 = Key::new(|| 100, |text, _| parse::integer(text)) => {
        /// How many traces per second rules and rate may keep, or `None` for no limit (`DD_TRACE_RATE_LIMIT`);
        /// default: 100.
        set(per_second: impl Into<Option<u64>>) =
            per_second.into().map_or(-1, |limit| limit.try_into().unwrap_or(i64::MAX)), on TracerBuilder;
        /// How many traces per second rules and rate may keep; `None` for no limit.
        get(value) -> Option<u64> = u64::try_from(*value).ok();
    }

    /// Spans of integrations have the service of the tracer, and not one of the integration's own such as `redis`.
    DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED as remove_integration_service_names: bool = OFF => {
        /// Whether spans of integrations have the service of the tracer in place of the integration's own, such as
        /// `redis` (`DD_TRACE_REMOVE_INTEGRATION_SERVICE_NAMES_ENABLED`); default: no.
        set(remove: bool) = remove;
        /// Whether spans of integrations have the service of the tracer in place of the integration's own.
        get(value) -> bool = *value;
    }

    /// Local root spans are tagged with the name of the host.
    DD_TRACE_REPORT_HOSTNAME as report_hostname: bool = OFF => {
        /// Whether local root spans are tagged with the name of the host (`DD_TRACE_REPORT_HOSTNAME`);
        /// default: no.
        set(report: bool) = report;
        /// Whether local root spans are tagged with the name of the host.
        get(value) -> bool = *value;
    }

    /// The tag `http.endpoint` is made of the path of the URL, also where the framework knows the route.
    DD_TRACE_RESOURCE_RENAMING_ALWAYS_SIMPLIFIED_ENDPOINT as always_simplified_endpoint: bool = OFF => {
        /// Whether `http.endpoint` is made of the path, also where the route is known
        /// (`DD_TRACE_RESOURCE_RENAMING_ALWAYS_SIMPLIFIED_ENDPOINT`); default: no.
        set(always: bool) = always;
        /// Whether `http.endpoint` is made of the path, also where the route is known.
        get(value) -> bool = *value;
    }

    /// Spans of requests that come in have the tag `http.endpoint`: the route, or the path with what varies replaced.
    DD_TRACE_RESOURCE_RENAMING_ENABLED as http_endpoint: bool = OFF => {
        /// Whether spans of requests that come in have the tag `http.endpoint`: the route, or the path with what varies
        /// replaced (`DD_TRACE_RESOURCE_RENAMING_ENABLED`); default: no.
        set(tagged: bool) = tagged;
        /// Whether spans of requests that come in have the tag `http.endpoint`.
        get(value) -> bool = *value;
    }

    /// Share of the traces to keep where no rule matches, from 0 to 1. Unset: the agent decides.
    DD_TRACE_SAMPLE_RATE as sample_rate: Option<f64> = Key {
        otel: Some(otel::TRACES_SAMPLER),
        check: |rate, _| rate.map(|rate| parse::within(rate, 0.0..=1.0)).transpose(),
        ..Key::new(|| None, |text, _| parse::number(text).map(Some))
    } => {
        /// The share of traces to keep where no rule matches, 0 to 1 (`DD_TRACE_SAMPLE_RATE`); default: the
        /// agent decides.
        set(rate: f64) = Some(rate), on TracerBuilder;
        /// The share of traces to keep where no rule matches, 0 to 1; `None`: the agent decides.
        get(value) -> Option<f64> = *value;
    }

    /// JSON list of rules that decide which traces to keep; the first that matches counts.
    DD_TRACE_SAMPLING_RULES as sampling_rules: Option<Text> = RULES => {
        /// Rules that decide which traces to keep, a JSON list (`DD_TRACE_SAMPLING_RULES`); default: none.
        set(json: impl Into<Text>) = Some(json.into());
        /// The trace sampling rules as they were given.
        get(value) -> Option<&str> = value.as_deref();
    }

    /// File to read `DD_TRACE_SAMPLING_RULES` from, where that is unset.
    DD_TRACE_SAMPLING_RULES_FILE as sampling_rules_file: Option<Text> = TEXT => {
        /// File to read trace sampling rules from (`DD_TRACE_SAMPLING_RULES_FILE`), where
        /// [`sampling_rules`](Self::sampling_rules) or its variable does not give them; default: none.
        set(path: impl Into<Text>) = Some(path.into());
        /// The file to read trace sampling rules from; `None` when the rules themselves were given
        /// (`DD_TRACE_SAMPLING_RULES_FILE`).
        get(value) -> Option<&str> = value.as_deref();
    }

    /// Name of the host to report, also without `DD_TRACE_REPORT_HOSTNAME`; it wins over `DD_HOSTNAME`.
    DD_TRACE_SOURCE_HOSTNAME as source_hostname: Option<Text> = TEXT => {
        /// The name of the host to report, whatever [`report_hostname`](Self::report_hostname) says
        /// (`DD_TRACE_SOURCE_HOSTNAME`); default: none.
        set(name: impl Into<Text>) = Some(name.into());
        /// The name of the host to report, whatever [`report_hostname`](Self::report_hostname) says.
        get(value) -> Option<&str> = value.as_deref();
    }

    /// How integrations name operations and services: `v0`, each in its own way, or `v1`, by the protocol, with the
    /// service of the tracer, and `peer.service` for whom they call.
    DD_TRACE_SPAN_ATTRIBUTE_SCHEMA as naming_schema: NamingSchema =
        Key::new(NamingSchema::default, http::naming_schema) => {
        /// How integrations name operations and services (`DD_TRACE_SPAN_ATTRIBUTE_SCHEMA`); default: `v0`.
        set(schema: NamingSchema) = schema;
        /// How integrations name operations and services.
        get(value) -> NamingSchema = *value;
    }

    /// How many frames of a stack trace a span keeps.
    DD_TRACE_SPAN_TRACEBACK_MAX_SIZE as traceback_max_frames: usize = Key { default: || 30, ..COUNT } => {
        /// How many frames of a stack trace are kept (`DD_TRACE_SPAN_TRACEBACK_MAX_SIZE`); default: 30.
        set(frames: usize) = frames;
        /// How many frames of a stack trace are kept.
        get(value) -> usize = *value;
    }

    /// Up to four tags by which statistics tell spans apart, beside everything else; those beyond are ignored.
    DD_TRACE_STATS_ADDITIONAL_TAGS as stats_additional_tags: Vec<Text> = Key {
        check: |tags, remarks| Ok(parse::at_most_four(tags, remarks)),
        ..Key::new(Vec::new, |text, _| Ok(parse::list(text)))
    } => {
        /// Up to four tags by which statistics tell spans apart, beside everything else
        /// (`DD_TRACE_STATS_ADDITIONAL_TAGS`); default: none.
        ///
        /// A value of more than 200 characters is not told apart from others of that kind.
        set(tags: impl IntoIterator<Item = impl Into<Text>>) = tags.into_iter().map(Into::into).collect();
    }

    /// How many combinations of additional tags are told apart in the statistics of ten seconds; those beyond are counted together.
    DD_TRACE_STATS_ADDITIONAL_TAGS_CARDINALITY_LIMIT as stats_additional_tag_limit: usize = Key { default: || StatsLimits::DEFAULT.additional_tags, ..STATS_LIMIT } => {
        /// How many combinations of additional tags are told apart in the statistics of ten seconds, 1 to 100,000
        /// (`DD_TRACE_STATS_ADDITIONAL_TAGS_CARDINALITY_LIMIT`); default: 100.
        set(limit: usize) = limit;
    }

    /// How many combinations of all that spans are counted by are told apart in the statistics of ten seconds; those beyond are counted together.
    DD_TRACE_STATS_CARDINALITY_LIMIT as stats_limit: usize = Key { default: || StatsLimits::DEFAULT.keys, ..STATS_LIMIT } => {
        /// How many combinations of all that spans are counted by are told apart in the statistics of ten seconds, 1 to 100,000
        /// (`DD_TRACE_STATS_CARDINALITY_LIMIT`); default: 7,000.
        set(limit: usize) = limit;
    }

    /// Spans are counted here, where the agent takes the statistics; what is not sampled is then not sent to it.
    DD_TRACE_STATS_COMPUTATION_ENABLED as client_stats: bool = Key { aliases: &["DD_TRACE_COMPUTE_STATS"], ..ON } => {
        /// Whether the tracer itself counts all spans, and sends the agent those numbers and the traces that are kept
        /// (`DD_TRACE_STATS_COMPUTATION_ENABLED`); default: yes, where the agent takes the numbers.
        ///
        /// Without it the agent is sent all traces, and counts them.
        set(enabled: bool) = enabled, on TracerBuilder;
        /// Whether the tracer itself counts all spans, where the agent takes the numbers.
        get(value) -> bool = *value;
    }

    /// How many HTTP endpoints are told apart in the statistics of ten seconds; those beyond are counted together.
    DD_TRACE_STATS_HTTP_ENDPOINT_CARDINALITY_LIMIT as stats_http_endpoint_limit: usize = Key { default: || StatsLimits::DEFAULT.http_endpoints, ..STATS_LIMIT } => {
        /// How many HTTP endpoints are told apart in the statistics of ten seconds, 1 to 100,000
        /// (`DD_TRACE_STATS_HTTP_ENDPOINT_CARDINALITY_LIMIT`); default: 512.
        set(limit: usize) = limit;
    }

    /// How many combinations of peer tags are told apart in the statistics of ten seconds; those beyond are counted together.
    DD_TRACE_STATS_PEER_TAGS_CARDINALITY_LIMIT as stats_peer_tag_limit: usize = Key { default: || StatsLimits::DEFAULT.peer_tags, ..STATS_LIMIT } => {
        /// How many combinations of peer tags are told apart in the statistics of ten seconds, 1 to 100,000
        /// (`DD_TRACE_STATS_PEER_TAGS_CARDINALITY_LIMIT`); default: 512.
        set(limit: usize) = limit;
    }

    /// How many resources are told apart in the statistics of ten seconds; those beyond are counted together.
    DD_TRACE_STATS_RESOURCE_CARDINALITY_LIMIT as stats_resource_limit: usize = Key { default: || StatsLimits::DEFAULT.resources, ..STATS_LIMIT } => {
        /// How many resources are told apart in the statistics of ten seconds, 1 to 100,000
        /// (`DD_TRACE_STATS_RESOURCE_CARDINALITY_LIMIT`); default: 1,024.
        set(limit: usize) = limit;
    }

    /// How many bytes of finished spans may wait, from the end of a trace until the agent has it. More is dropped, and
    /// counted.
    DD_TRACE_WRITER_BUFFER_SIZE_BYTES as buffer_bytes: usize = Key {
        default: || 20 * 1024 * 1024,
        check: |bytes, _| parse::within(bytes, 1..=usize::MAX),
        ..COUNT
    } => {
        /// How many bytes of finished spans may wait to be sent (`DD_TRACE_WRITER_BUFFER_SIZE_BYTES`);
        /// default: 20 MiB.
        ///
        /// One budget from the end of a trace until the agent has it, for what the spans hold in memory and for what
        /// is encoded of them. What finishes when it is used up is dropped and counted as
        /// [`LossReason::QueueFull`](crate::LossReason::QueueFull). While the agent takes nothing, at most three
        /// quarters of it are kept, for 60 seconds; then the oldest go, as
        /// [`LossReason::AgentUnreachable`](crate::LossReason::AgentUnreachable).
        set(bytes: usize) = bytes, on TracerBuilder;
        /// How many bytes of finished spans may wait to be sent; never 0.
        get(value) -> usize = *value;
    }

    /// How often finished spans are sent; earlier when there are many.
    DD_TRACE_WRITER_INTERVAL_SECONDS as flush_interval: Duration = SECONDS => {
        /// How often spans are sent, a millisecond to an hour (`DD_TRACE_WRITER_INTERVAL_SECONDS`); default:
        /// every second.
        set(interval: Duration) = interval, on TracerBuilder;
        /// How often spans are sent.
        get(value) -> Duration = *value;
    }

    /// Largest request to send, in bytes: at most 9500000, which every agent accepts, or less if the agent announces a
    /// lower limit. Larger traces are sent in parts.
    DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES as max_payload_bytes: usize = Key {
        default: || MAX_PAYLOAD_BYTES,
        parse: parse::nearest_integer,
        check: |bytes, remarks| {
            // 0 is refused and not raised to 1: with requests of one byte nothing would ever be sent.
            Ok(parse::at_most(parse::within(bytes, 1..=usize::MAX)?, MAX_PAYLOAD_BYTES, remarks))
        },
        ..COUNT
    } => {
        /// The largest request, at most 9,500,000 bytes (`DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES`), which is
        /// the default; or what the agent says that it takes, where that is less.
        ///
        /// A trace that is larger goes in parts. Only a span that alone is larger is lost, as
        /// [`LossReason::TooLarge`](crate::LossReason::TooLarge).
        set(bytes: usize) = bytes, on TracerBuilder;
        /// The largest payload in bytes, 1 to 9,500,000.
        get(value) -> usize = *value;
    }

    /// Longest `x-datadog-tags` header to send or read, in bytes; at most 512, and 0 for none.
    DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH as datadog_tags_max_length: usize = Key {
        default: || MAX_DATADOG_TAGS_LENGTH,
        parse: parse::nearest_integer,
        check: |length, remarks| Ok(parse::at_most(length, MAX_DATADOG_TAGS_LENGTH, remarks)),
        ..COUNT
    } => {
        /// The longest `x-datadog-tags` header in bytes, at most 512, 0 for none
        /// (`DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH`); default: 512.
        set(bytes: usize) = bytes;
        /// The longest `x-datadog-tags` header in bytes, 0 to 512.
        get(value) -> usize = *value;
    }

    /// Version of the program. Unset: the tag `version` of `DD_TAGS`, then `service.version` of
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    DD_VERSION as version: Option<Text> = TEXT => {
        /// The version of the program (`DD_VERSION`); default: none.
        set(version: impl Into<Text>) = Some(version.into()), on TracerBuilder;
        /// The version of the program.
        get(value) -> Option<&str> = value.as_deref();
    }

    /// How many attributes an event keeps, on a span made through the OpenTelemetry API.
    OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT as otel_event_attributes: usize = SPAN_LIMIT => {}

    /// Address of a receiver of OTLP, such as an OpenTelemetry Collector: `http://host:port`. Traces go to `/v1/traces`
    /// below it, and with gRPC to the address itself. Unset: the agent's host, with port 4318, or 4317 for gRPC.
    OTEL_EXPORTER_OTLP_ENDPOINT as otlp_endpoint: Option<Text> = OTLP_URL => {}

    /// Headers of requests with OTLP: `name=value,name=value`, percent-encoded. They are never shown.
    OTEL_EXPORTER_OTLP_HEADERS as otlp_headers: Option<OtlpHeaders> = otlp::HEADERS => {}

    /// How OTLP is sent: `http/json`, `http/protobuf`, or `grpc` with the feature of this name. Unset: `http/json`.
    OTEL_EXPORTER_OTLP_PROTOCOL as otlp_protocol: Option<OtlpProtocol> = OTLP_PROTOCOL => {}

    /// As `DD_TRACE_AGENT_TIMEOUT_SECONDS`, for OTLP and in milliseconds; from 1 to 3600000.
    OTEL_EXPORTER_OTLP_TIMEOUT as otlp_timeout: usize = Key {
        default: || 10_000,
        check: |milliseconds, _| parse::within(milliseconds, 1..=MAX_OTLP_TIMEOUT),
        ..COUNT
    } => {}

    /// Address to which traces go as OTLP over HTTP, used as it is; with gRPC its path is not used. Unset:
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT as otlp_traces_endpoint: Option<Text> = OTLP_URL => {}

    /// As `OTEL_EXPORTER_OTLP_HEADERS`, in place of it for traces.
    OTEL_EXPORTER_OTLP_TRACES_HEADERS as otlp_traces_headers: Option<OtlpHeaders> = otlp::HEADERS => {}

    /// As `OTEL_EXPORTER_OTLP_PROTOCOL`, in place of it for traces.
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL as otlp_traces_protocol: Option<OtlpProtocol> = OTLP_PROTOCOL => {}

    /// As `OTEL_EXPORTER_OTLP_TIMEOUT`, in place of it for traces. 0 is as if it were unset.
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT as otlp_traces_timeout: Option<usize> = Key {
        check: |milliseconds, _| {
            let milliseconds = milliseconds.filter(|milliseconds| *milliseconds > 0);
            milliseconds.map(|of| parse::within(of, 1..=MAX_OTLP_TIMEOUT)).transpose()
        },
        ..OPTIONAL_COUNT
    } => {}

    /// How many attributes a link keeps, on a span made through the OpenTelemetry API.
    OTEL_LINK_ATTRIBUTE_COUNT_LIMIT as otel_link_attributes: usize = SPAN_LIMIT => {}

    /// How many different attributes a span made through the OpenTelemetry API keeps. Unset: all.
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT as otel_attributes: Option<usize> = Key {
        aliases: &["OTEL_ATTRIBUTE_COUNT_LIMIT"],
        ..OPTIONAL_COUNT
    } => {}

    /// How many characters of a text are kept, in attributes of spans, events and links made through the OpenTelemetry
    /// API, also within lists. Unset: all.
    OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT as otel_value_chars: Option<usize> = Key {
        aliases: &["OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"],
        ..OPTIONAL_COUNT
    } => {}

    /// How many events a span made through the OpenTelemetry API keeps.
    OTEL_SPAN_EVENT_COUNT_LIMIT as otel_events: usize = SPAN_LIMIT => {}

    /// How many links a span made through the OpenTelemetry API keeps.
    OTEL_SPAN_LINK_COUNT_LIMIT as otel_links: usize = SPAN_LIMIT => {}

    /// `otlp`: spans go as OTLP to `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and not to the Datadog Agent. `none`: as
    /// `DD_TRACE_ENABLED=false`.
    OTEL_TRACES_EXPORTER as otlp_traces: bool = Key {
        parse: |text, _| match text.to_ascii_lowercase().as_str() {
            "otlp" | "true" => Ok(true),
            "none" | "false" => Ok(false),
            _ => Err("is neither `otlp` nor `none`: without either, traces go to the Datadog Agent".into()),
        },
        ..OFF
    } => {}

    /// Resources of SQL and Redis are obfuscated before they are sent in statistics, where the agent knows how tracers do
    /// that; else the agent does it.
    _DD_TRACE_STATS_COMPUTATION_EXPERIMENTAL_CLIENT_OBFUSCATION_ENABLED as stats_obfuscation: bool = OFF => {
        /// Whether resources of SQL and Redis are obfuscated before they are sent in statistics
        /// (`_DD_TRACE_STATS_COMPUTATION_EXPERIMENTAL_CLIENT_OBFUSCATION_ENABLED`); default: no, the agent does it.
        set(obfuscate: bool) = obfuscate;
    }
}

// ===== settings that there is one of for each integration =====

/// Stands for the name of the integration, in upper case, in the names of the rows below.
pub(super) const PLACE_OF_NAME: &str = "<NAME>";

pub(super) static INTEGRATION_SERVICE: Key<Option<Text>> = Key {
    name: "DD_<NAME>_SERVICE",
    aliases: &["DD_<NAME>_SERVICE_NAME", "DD_TRACE_<NAME>_SERVICE"],
    setter: Some("integration_service"),
    doc: " Service of an integration's spans, where no pin names another. Unset: the integration's own.",
    ..TEXT
};

pub(super) static INTEGRATION_DISTRIBUTED_TRACING: Key<Option<bool>> = Key {
    name: "DD_<NAME>_DISTRIBUTED_TRACING",
    aliases: &["DD_TRACE_<NAME>_DISTRIBUTED_TRACING"],
    setter: Some("integration_distributed_tracing"),
    doc: " Whether an integration sends and takes over the context of traces. Unset: what the integration says.",
    ..OPTIONAL_SWITCH
};

pub(super) static INTEGRATION_ENABLED: Key<Option<bool>> = Key {
    name: "DD_TRACE_<NAME>_ENABLED",
    setter: Some("integration_enabled"),
    doc: " With `false`, an integration makes no spans and passes everything through. Unset: it is on.",
    ..OPTIONAL_SWITCH
};

/// All of their names. The longer ones first: `DD_TRACE_REDIS_SERVICE` is about `redis` and not `trace_redis`.
pub(super) static OF_INTEGRATIONS: &[&str] = &[
    "DD_TRACE_<NAME>_DISTRIBUTED_TRACING",
    "DD_<NAME>_DISTRIBUTED_TRACING",
    "DD_TRACE_<NAME>_ENABLED",
    "DD_TRACE_<NAME>_SERVICE",
    "DD_<NAME>_SERVICE_NAME",
    "DD_<NAME>_SERVICE",
];

#[cfg(test)]
pub(super) fn rows_of_integrations() -> Vec<crate::config::key::Row> {
    vec![
        INTEGRATION_DISTRIBUTED_TRACING.row(),
        INTEGRATION_SERVICE.row(),
        INTEGRATION_ENABLED.row(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testkit::with;
    use proptest::prelude::*;

    #[test]
    fn names_are_unique_and_in_order() {
        assert!(NAMES.is_sorted(), "{NAMES:?}");
        let mut names =
            rows().iter().flat_map(|row| [&[row.name], row.aliases].concat()).collect::<Vec<_>>();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn every_name_of_an_integrations_setting_is_a_pattern() {
        let rows = rows_of_integrations();
        let mut names: Vec<_> =
            rows.iter().flat_map(|row| [&[row.name], row.aliases].concat()).collect();
        let mut patterns = OF_INTEGRATIONS.to_vec();
        names.sort_unstable();
        patterns.sort_unstable();
        assert_eq!(names, patterns);
        for row in rows {
            let setter = row.setter.unwrap();
            assert!(
                include_str!("builder.rs").contains(&format!("    pub fn {setter}(")),
                "{setter}"
            );
        }
    }

    #[test]
    fn every_row_says_what_it_means() {
        for row in rows().into_iter().chain(rows_of_integrations()) {
            assert!(row.doc.len() > 10 && row.doc.ends_with('.'), "{}: {:?}", row.name, row.doc);
        }
    }

    #[test]
    fn only_these_rows_have_no_setter_and_those_written_by_hand_are_there() {
        let rows = rows();
        for name in ["tag", "agent_url", "git_commit_sha", "git_repository_url", "partial_flush"] {
            assert!(rows.iter().any(|row| row.setter == Some(name)));
            assert!(include_str!("builder.rs").contains(&format!("    pub fn {name}(")), "{name}");
        }
        let without = rows.iter().filter(|row| row.setter.is_none()).map(|row| row.name);
        let without: Vec<_> = without.filter(|name| !name.starts_with("OTEL_")).collect();
        assert_eq!(without, ["DD_EXTERNAL_ENV", "DD_TRACE_AGENT_PROTOCOL_VERSION"]);
    }

    #[test]
    fn defaults_are_what_their_own_text_says() {
        for row in rows() {
            if let Some(text) = row.default.filter(|text| !text.is_empty()) {
                assert_eq!((row.read)(&text), Ok(Some(text)), "{}", row.name);
            }
        }
    }

    /// The registry of the existing tracers, so that no name is misspelt.
    #[test]
    fn names_are_those_of_the_other_tracers() {
        let known: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/env-vars.json")).unwrap();
        // Newer than the registry; and the OpenTelemetry specification's, which no other tracer reads.
        let newer = |name: &str| {
            name.starts_with("DD_TRACE_ORG_GUARD_")
                || (name.starts_with("OTEL_") && name.ends_with("_LIMIT"))
        };
        for name in rows().into_iter().flat_map(|row| [vec![row.name], row.otel].concat()) {
            let is_known = known["variables"].get(name).is_some() || newer(name);
            assert!(is_known, "{name} is not in the registry: misspelt, or newer than that?");
        }
    }

    #[test]
    fn texts_are_read_within_limits() {
        for (name, texts, expected) in [
            ("AGENT_PORT", &["8126"][..], Some("8126")),
            ("AGENT_PORT", &["0", "65536"], None),
            ("TRACE_API_VERSION", &["v0.3", "0.4", "v0.4 "], Some("v0.4")),
            ("TRACE_API_VERSION", &["v1", "1.0", "V1.0"], Some("v1.0")),
            ("TRACE_API_VERSION", &["v0.7", "2", "vv0.4"], None),
            ("TRACE_DEBUG", &["true", "TRUE", "True", "1", "t", "T"], Some("true")),
            ("TRACE_DEBUG", &["false", "FALSE", "0", "f", "F"], Some("false")),
            ("TRACE_DEBUG", &["", "yes", "on", "2", "truee", " true"], None),
            ("PARTIAL_FLUSH_MIN_SPANS", &["-5", "0"], Some("1")),
            ("PARTIAL_FLUSH_MIN_SPANS", &["100000"], Some("100000")),
            ("PARTIAL_FLUSH_MIN_SPANS", &["100001"], None),
            ("TAGS_MAX_LENGTH", &["-1", "-99999999999999999999", "0"], Some("0")),
            ("TAGS_MAX_LENGTH", &["7"], Some("7")),
            ("TAGS_MAX_LENGTH", &["513", "99999999999999999999"], Some("512")),
            ("TAGS_MAX_LENGTH", &["7.5", ""], None),
            ("SAMPLE_RATE", &["0"], Some("0")),
            ("SAMPLE_RATE", &["1"], Some("1")),
            ("SAMPLE_RATE", &["0.5", ".5", "5e-1"], Some("0.5")),
            ("SAMPLE_RATE", &["-0.1", "1.1", "1.5", "nan", "inf", "-inf", "10%", "0,5", ""], None),
            ("TIMEOUT_SECONDS", &["2"], Some("2")),
            ("TIMEOUT_SECONDS", &["0.25"], Some("0.25")),
            ("TIMEOUT_SECONDS", &["0", "3601", "-1", "nan", "inf", "1e300", "1s", ""], None),
            ("RATE_LIMIT", &["0"], Some("0")),
            ("RATE_LIMIT", &["-1"], Some("-1")),
            ("WRITER_MAX_PAYLOAD_SIZE_BYTES", &["20971520"], Some("9500000")),
            ("WRITER_MAX_PAYLOAD_SIZE_BYTES", &["0"], None),
            ("STATS_CARDINALITY_LIMIT", &["1"], Some("1")),
            ("STATS_CARDINALITY_LIMIT", &["0", "100001", "-1", "many"], None),
            ("STATS_ADDITIONAL_TAGS", &["e, d,c ,b,a,a"], Some("a,b,c,d")),
            ("WRITER_BUFFER_SIZE_BYTES", &["0"], None),
            ("WRITER_INTERVAL_SECONDS", &["0"], None),
            ("WRITER_INTERVAL_SECONDS", &["0.5"], Some("0.5")),
            ("DD_SERVICE_MAPPING", &["a:b,c,d:"], Some("a:b")),
            (
                "SERVER_ERROR_STATUSES",
                &["500-599", " 599 - 500 ,x", "500-550,540-599"],
                Some("500-599"),
            ),
            ("SERVER_ERROR_STATUSES", &["404,200-201"], Some("200-201,404")),
            ("SERVER_ERROR_STATUSES", &["", "x", "1000", "-1", "500-", ","], None),
            ("HEADER_TAGS", &["a, B-c: d e ,:x,y:"], Some("a,B-c: d e")),
            ("HEADER_TAGS", &["a B-c:d"], Some("a,B-c:d")),
            ("ATTRIBUTE_SCHEMA", &["V1", " v1 "], Some("v1")),
            ("ATTRIBUTE_SCHEMA", &["v2", ""], None),
            ("STRING_REGEXP", &["(?i)token=[^&]+"], Some("(?i)token=[^&]+")),
            ("STRING_REGEXP", &["(", "(?=a)", "\\p{L}", "(a{1000}){1000}", "", " "], Some("")),
            ("PROPAGATION_BEHAVIOR_EXTRACT", &["Restart"], Some("restart")),
            ("PROPAGATION_BEHAVIOR_EXTRACT", &["stop"], None),
            ("FLUSH_DEADLINE_MILLISECONDS", &["60000"], Some("60000")),
            ("FLUSH_DEADLINE_MILLISECONDS", &["-1", "60001", "1.5", ""], None),
            ("OTLP_TIMEOUT", &["0", "3600001", "1s"], None),
            (
                "OTLP_TRACES_ENDPOINT",
                &["http://h:4318/v1/traces/"],
                Some("http://h:4318/v1/traces"),
            ),
            ("OTLP_TRACES_ENDPOINT", &["h:4318", "unix:///a", "ftp://h", ""], None),
            ("OTLP_TRACES_PROTOCOL", &["HTTP/JSON"], Some("http/json")),
            ("OTLP_TRACES_PROTOCOL", &["json", "http", ""], None),
            ("OTEL_TRACES_EXPORTER", &["OTLP"], Some("true")),
            ("OTEL_TRACES_EXPORTER", &["None"], Some("false")),
            ("OTEL_TRACES_EXPORTER", &["zipkin", "otlp,console", ""], None),
        ] {
            let row = rows().into_iter().find(|row| row.name.ends_with(name)).unwrap();
            for text in texts {
                let found = (row.read)(text).ok();
                assert_eq!(found, expected.map(|text| Some(text.to_owned())), "{name}={text}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_upsets_any_row(text in ".{0,60}") {
            let names = rows().into_iter().flat_map(|row| [&[row.name], row.aliases, &row.otel].concat());
            let all: Vec<_> = names.map(|name| (name, text.as_str())).collect();
            let otel: Vec<_> = all.iter().copied().filter(|(name, _)| name.starts_with("OTEL_")).collect();
            for pairs in [all, otel] {
                let config = with(&pairs).build();
                let table = config.report().to_string();
                let lines = table.lines().filter(|line| !line.is_empty());
                prop_assert_eq!(lines.count(), rows().len(), "{:?}: {}", text, table);
            }
        }

        #[test]
        fn what_a_row_shows_it_reads_back(text in "[-+.0-9a-z:,*]{1,20}") {
            for row in rows() {
                if let Some(shown) = (row.read)(&text).ok().flatten().filter(|text| !text.is_empty()) {
                    prop_assert_eq!((row.read)(&shown), Ok(Some(shown)), "{}", row.name);
                }
            }
        }
    }
}
