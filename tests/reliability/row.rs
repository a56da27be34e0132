//! A row of the table: a program, an agent, and what must come of them.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tracehound::LossReason;
use tracehound_test_support::{FaultAgent, Span};

use crate::common::programs::{Ended, Running};

/// A row.
#[derive(Clone, Copy)]
pub struct Row {
    /// What goes wrong.
    pub fault: &'static str,
    /// What the documentation promises then.
    pub promise: &'static str,
    /// Runs in a process of its own, with the address of the agent in `DD_TRACE_AGENT_URL`.
    pub program: fn(),
    /// Settings of the program beside that.
    pub settings: &'static [(&'static str, &'static str)],
    /// The agent, as it is when the program starts.
    pub agent: fn() -> FaultAgent,
    /// What happens to agent and program while it runs.
    pub meanwhile: fn(&FaultAgent, &mut Running),
    pub expect: Expect,
}

/// What must come of a row.
#[derive(Clone, Copy)]
pub struct Expect {
    /// The only reasons for which spans may be lost.
    pub lost: &'static [LossReason],
    /// Whether some must be: where a row is about a loss, nothing lost says that it tests nothing.
    pub some_lost: bool,
    /// So many spans may arrive a second time.
    pub twice: usize,
    /// Spans made where the program ends before it can tell.
    pub made: Option<u64>,
    /// How the program ends: a code, or minus the number of a signal.
    pub code: i32,
}

/// Everything arrives, once.
pub const ALL: Expect = Expect { lost: &[], some_lost: false, twice: 0, made: None, code: 0 };

impl Expect {
    pub const fn losing(self, lost: &'static [LossReason]) -> Self {
        Expect { lost, some_lost: true, ..self }
    }

    /// May lose for these reasons, by the timing of the row.
    pub const fn perhaps_losing(self, lost: &'static [LossReason]) -> Self {
        Expect { lost, some_lost: false, ..self }
    }

    pub const fn twice(self, twice: usize) -> Self {
        Expect { twice, ..self }
    }

    pub const fn made(self, made: u64) -> Self {
        Expect { made: Some(made), ..self }
    }

    pub const fn code(self, code: i32) -> Self {
        Expect { code, ..self }
    }
}

/// A healthy agent, on TCP.
pub fn healthy() -> FaultAgent {
    FaultAgent::start(tracehound_test_support::fault_agent::scripts::healthy)
}

/// Nothing happens: the program runs, and the agent is as it is.
pub fn nothing(_: &FaultAgent, _: &mut Running) {}

/// No thread of the program may be kept so long by what it makes. The faults last for seconds; a loaded machine takes a
/// thread off the processor for tenths of one.
pub const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// What came of a row.
pub struct Outcome {
    pub made: u64,
    /// Different spans.
    pub delivered: u64,
    pub twice: usize,
    pub lost: BTreeMap<String, u64>,
    pub longest: Duration,
    /// What is not as expected.
    pub wrong: Vec<String>,
}

impl Outcome {
    /// Compares what a program has told with what the agent has.
    pub fn of(row: &Row, ended: &Ended, agent: &FaultAgent) -> Self {
        let mut times = HashMap::<u64, usize>::new();
        // A row that takes long on a busy machine has versions of spans that are open.
        let is_final = |span: &Span| span.metric("_dd.partial_version").is_none();
        for span in agent.taken_spans().into_iter().filter(is_final) {
            *times.entry(span.span_id).or_default() += 1;
        }
        let mut outcome = Outcome {
            made: row.expect.made.unwrap_or_default(),
            delivered: u64::try_from(times.len()).unwrap(),
            twice: times.values().map(|times| times - 1).sum(),
            lost: BTreeMap::new(),
            longest: Duration::ZERO,
            wrong: Vec::new(),
        };
        outcome.read(&ended.told);
        outcome.compare(row, ended);
        outcome
            .wrong
            .extend(agent.malformed().into_iter().map(|what| format!("malformed: {what}")));
        outcome
    }

    /// The last report of each process counts.
    fn read(&mut self, told: &str) {
        let mut reports = BTreeMap::new();
        for line in told.lines() {
            if let Some(report) = line.strip_prefix("report ") {
                let report: serde_json::Value = serde_json::from_str(report).unwrap();
                reports.insert(report["process"].as_u64().unwrap(), report);
            } else if let Some(wrong) = line.strip_prefix("wrong ") {
                self.wrong.push(wrong.to_owned());
            }
        }
        for report in reports.values() {
            self.made += report["made"].as_u64().unwrap();
            let longest = Duration::from_micros(report["longest_us"].as_u64().unwrap());
            self.longest = self.longest.max(longest);
            for (reason, spans) in report["lost"].as_object().unwrap() {
                *self.lost.entry(reason.clone()).or_default() += spans.as_u64().unwrap();
            }
        }
    }

    fn compare(&mut self, row: &Row, ended: &Ended) {
        let Expect { lost: allowed, some_lost, twice, code, .. } = row.expect;
        let lost: u64 = self.lost.values().sum();
        let how = ended.code.or(ended.signal.map(|signal| -signal));
        // The agent may have got what nobody confirmed.
        let unconfirmed = self.lost.get("unconfirmed").copied().unwrap_or_default();
        let accounts = [
            (self.made == 0, "nothing was made".to_owned()),
            (self.delivered + lost < self.made, "spans are in no account".to_owned()),
            (
                self.delivered + lost > self.made + unconfirmed,
                "spans were delivered and counted as lost".to_owned(),
            ),
            (some_lost && lost == 0, "nothing was lost where something must be".to_owned()),
            (self.twice > twice, format!("{} spans arrived twice", self.twice)),
            (self.longest > LONGEST_WAIT, format!("the program waited for {:?}", self.longest)),
            (how != Some(code), format!("it ended with {how:?}: {}", ended.said)),
        ];
        self.wrong.extend(accounts.into_iter().filter(|(is, _)| *is).map(|(_, what)| what));
        for reason in self.lost.keys() {
            if !allowed.iter().any(|allowed| allowed.as_str() == reason) {
                self.wrong.push(format!("lost for another reason: {reason}"));
            }
        }
    }
}
