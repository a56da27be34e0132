//! Requests to the agent, and what it has said about itself.

use std::time::{Duration, Instant};

use hyper::Method;
use hyper::body::Bytes;
use hyper::http::HeaderMap;

use super::inner::Settings;
use crate::agent::{
    AgentInfo, AgentState, Client, ClientStats, ContainerOrigin, Meanwhile, Outcome, RatesVersion,
    Request, SendError, SendErrorKind, common_headers, stats_headers, trace_headers,
};
use crate::config::Endpoint;
use crate::diag::Diag;
use crate::encode::Format;

pub(super) const STATS_PATH: &str = "/v0.6/stats";
/// The agent is asked for `/info` again after this time, and earlier where its answers announce a change.
const INFO_PERIOD: Duration = Duration::from_secs(300);
/// The pause after a request for `/info` that got no answer, because each one costs the whole timeout.
const INFO_PAUSE: Duration = Duration::from_secs(60);

/// One agent, and what it has said about itself.
pub(super) struct Link {
    client: Client,
    headers: HeaderMap,
    no_stats: bool,
    asks_early: bool,
    rates: RatesVersion,
    /// What it can do; `None` where it has not said.
    pub(super) info: Option<AgentInfo>,
    /// When it last answered to `/info`, whatever it said.
    pub(super) info_read: Option<Instant>,
    info_failed: Option<Instant>,
    info_state: AgentState,
}

impl Link {
    pub(super) fn new(settings: &Settings, diag: &Diag) -> Self {
        let origin = ContainerOrigin::of_process();
        Link {
            client: Client::new(
                settings.endpoint.clone(),
                settings.timeout,
                settings.agent_ca_file.clone(),
            ),
            headers: common_headers(origin, settings.external_env.as_deref(), diag),
            no_stats: settings.no_stats,
            asks_early: settings.asks_early,
            rates: RatesVersion::default(),
            info: None,
            info_read: None,
            info_failed: None,
            info_state: AgentState::default(),
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        self.client.endpoint()
    }

    /// Sends one request with so many chunks in this format.
    pub(super) fn post(
        &mut self,
        format: Format,
        chunks: usize,
        body: Vec<Bytes>,
        mut stats: ClientStats,
        meanwhile: Meanwhile<'_>,
    ) -> Result<Outcome, SendError> {
        stats.is_computed |= self.no_stats;
        let headers =
            trace_headers(&self.headers, format.content_type(), chunks, &self.rates, stats);
        let request =
            Request { method: Method::POST, path: format.path(), headers: &headers, body };
        let response = self.client.send(request, meanwhile)?;
        self.info_state.observe(&response.headers);
        Ok(Outcome::read(&response, &mut self.rates))
    }

    /// Sends one request with statistics.
    pub(super) fn post_stats(
        &mut self,
        body: Bytes,
        is_obfuscated: bool,
        meanwhile: Meanwhile<'_>,
    ) -> Result<Outcome, SendError> {
        let headers = stats_headers(&self.headers, is_obfuscated);
        let (method, body) = (Method::POST, vec![body]);
        let request = Request { method, path: STATS_PATH, headers: &headers, body };
        let response = self.client.send(request, meanwhile)?;
        self.info_state.observe(&response.headers);
        // An answer to statistics has no rates.
        Ok(Outcome::read(&response, &mut RatesVersion::default()))
    }

    /// Whether `/info` should be requested: it was never answered, or the answer is out of date.
    pub(super) fn is_unknown(&self) -> bool {
        let fresh = self.info_read.is_some_and(|read| read.elapsed() < INFO_PERIOD);
        let failed = self.info_failed.is_some_and(|failed| failed.elapsed() < INFO_PAUSE);
        !failed && (!fresh || self.info_state.is_news())
    }

    /// Whether `/info` should be requested even when there is nothing to send: it was not tried yet, or not since the
    /// agent was last away.
    pub(super) fn is_unasked(&self) -> bool {
        self.asks_early && self.info_read.is_none() && self.info_failed.is_none()
    }

    /// Makes the next check request `/info` again: the agent may be another one by now, or the request was cancelled.
    pub(super) fn forget(&mut self) {
        self.info_read = None;
        self.info_failed = None;
    }

    /// Requests `/info`. Returns whether the answer could be read.
    pub(super) fn ask(&mut self, meanwhile: Meanwhile<'_>) -> bool {
        let request = Request {
            method: Method::GET,
            path: "/info",
            headers: &self.headers,
            body: Vec::new(),
        };
        match self.client.send(request, meanwhile) {
            Ok(response) => {
                self.info_state.observe(&response.headers);
                self.info_state.refreshed();
                self.info_read = Some(Instant::now());
                let info = AgentInfo::read(&response);
                let has_said = info.is_some();
                self.info = info.or_else(|| self.info.take());
                has_said
            }
            // No pause: the agent is away altogether, and is asked when it is back.
            Err(SendError { kind: SendErrorKind::Connect(_), .. }) => false,
            Err(_) => {
                self.info_failed = Some(Instant::now());
                false
            }
        }
    }
}
