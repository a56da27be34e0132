//! Sends statistics, in a turn of the worker.

use std::time::{Duration, Instant};

use hyper::http::StatusCode;

use super::{URGENT_DELAY, Writer};
use crate::agent::{Outcome, SendError};
use crate::pipeline::link::STATS_PATH;
use crate::pipeline::problem::{self, Peer, Role};
use crate::pipeline::statistics::Waiting;

impl Writer {
    /// Sends the statistics of what is over; of everything, and with a second attempt at once, where somebody waits.
    /// Returns whether the agent has all of these.
    pub(super) fn send_statistics(&mut self, is_urgent: bool) -> bool {
        let is_due = self.packer.statistics.due().is_some_and(|due| due.is_zero());
        // Where another pipeline has taken the place of this one, nothing more is counted here.
        let is_all = is_urgent || self.inner.is_replaced();
        if is_all || is_due {
            self.packer.statistics.collect(is_all);
        } else {
            return true;
        }
        let mut all = true;
        while let Some(next) = self.packer.statistics.next().cloned() {
            // Whoever waited has been told that something is lost.
            if self.inner.ledger.is_closed() {
                return false;
            }
            if !is_urgent && !self.backoff.remaining().is_zero() {
                let problem = || "the agent could not be reached".to_owned();
                if self.packer.statistics.failed(problem) {
                    return false;
                }
                continue;
            }
            match self.post_statistics(next, is_urgent) {
                Sent::Taken => {}
                Sent::Lost => all = false,
                Sent::Again if is_urgent => self.inner.signal.rest(URGENT_DELAY),
                Sent::Again => return false,
            }
        }
        all
    }

    fn post_statistics(&mut self, next: Waiting, is_urgent: bool) -> Sent {
        let start = Instant::now();
        let (recipient, mut meanwhile) = self.talk(is_urgent);
        let Some(link) = recipient.agent_mut() else {
            meanwhile.end();
            self.packer.statistics.lost(|| "there is no agent".to_owned());
            return Sent::Lost;
        };
        let outcome =
            link.post_stats(next.body.clone(), next.is_obfuscated, &mut || meanwhile.work());
        meanwhile.end();
        self.inner.diag.debug(|| line(&next, start.elapsed(), &outcome));
        let statistics = &mut self.packer.statistics;
        let endpoint = &self.inner.settings.endpoint;
        let peer = Peer { role: Role::Agent, endpoint };
        let status = |status: StatusCode| problem::status(peer, STATS_PATH, status);
        let is_again = match &outcome {
            Ok(Outcome::Accepted { .. }) => {
                statistics.sent();
                return Sent::Taken;
            }
            Ok(Outcome::Busy(busy)) => statistics.failed(|| status(*busy)),
            Ok(Outcome::TooLarge) => {
                statistics.lost(|| status(StatusCode::PAYLOAD_TOO_LARGE));
                false
            }
            Ok(Outcome::Refused(refused) | Outcome::Unknown(refused)) => {
                statistics.lost(|| status(*refused));
                if matches!(outcome, Ok(Outcome::Unknown(_))) {
                    // It has said that it takes them: it may be another agent by now.
                    if let Some(link) = self.recipient.agent_mut() {
                        link.forget();
                    }
                }
                return Sent::Lost;
            }
            Ok(Outcome::Partial { .. } | Outcome::Failed { .. }) => {
                statistics.lost(|| "the answer is a collector's".to_owned());
                false
            }
            Err(error) => {
                let problem = || problem::no_answer(peer, STATS_PATH, error);
                // Sent again, they would be counted twice.
                if error.may_have_arrived() {
                    statistics.lost(problem);
                    false
                } else {
                    statistics.failed(problem)
                }
            }
        };
        if is_again { Sent::Again } else { Sent::Lost }
    }
}

/// What became of a request with statistics.
enum Sent {
    Taken,
    /// It waits to be sent once more.
    Again,
    Lost,
}

/// The line about a request, where debugging is on.
fn line(sent: &Waiting, took: Duration, outcome: &Result<Outcome, SendError>) -> String {
    let answer = match outcome {
        Ok(Outcome::Accepted { .. }) => "accepted".into(),
        Ok(Outcome::TooLarge) => "answered 413, dropped".into(),
        Ok(Outcome::Refused(status) | Outcome::Unknown(status)) => {
            format!("answered {status}, dropped")
        }
        Ok(Outcome::Busy(status)) => format!("answered {status}"),
        Ok(Outcome::Partial { .. } | Outcome::Failed { .. }) => "answered oddly".into(),
        Err(error) => format!("{error:#}"),
    };
    let Waiting { body, spans, groups, .. } = sent;
    let bytes = body.len();
    format!(
        "sent statistics of {spans} spans in {groups} groups, {bytes} bytes, in {took:?}: {answer}"
    )
}
