//! What the examples share: somewhere to send traces to, and a look at them.

#![allow(dead_code, unreachable_pub, reason = "each example uses a part of it")]

use std::io::{self, Write as _};
use std::time::Duration;

use tracehound::TracerBuilder;
use tracehound::config::{Config, Origin};
use tracehound_local_agent::{LocalAgent, Options, Style, Trace, render};

/// The agent that `DD_TRACE_AGENT_URL` names, else one inside this program.
pub struct Agent(Option<LocalAgent>);

impl Agent {
    pub fn start() -> io::Result<Self> {
        let config = Config::builder().build();
        let is_named = config
            .report()
            .get("DD_TRACE_AGENT_URL")
            .is_some_and(|setting| setting.origin() > Origin::Calculated);
        let local = if is_named { None } else { Some(LocalAgent::start(Options::default())?) };
        Ok(Agent(local))
    }

    /// Lets the tracer send to it.
    pub fn receive_from(&self, tracer: TracerBuilder) -> TracerBuilder {
        match &self.0 {
            Some(agent) => tracer.agent_url(agent.url()),
            None => tracer,
        }
    }

    /// Its address, where it is inside this program.
    pub fn local_url(&self) -> Option<String> {
        self.0.as_ref().map(LocalAgent::url)
    }

    /// The traces, once they have so many spans. None of an agent elsewhere.
    pub fn traces(&self, spans: usize) -> Vec<Trace> {
        let Some(agent) = &self.0 else { return Vec::new() };
        // Two parts of a trace may arrive in two payloads.
        agent.wait_for(|store| store.span_count() >= spans, Duration::from_secs(5));
        agent.traces()
    }

    /// Prints the traces as trees.
    pub fn print(&self, spans: usize) {
        for trace in self.traces(spans) {
            say(&render(&trace, &Style::default()));
        }
        self.say_where();
    }

    /// Says where to look for the traces, if that is not here.
    pub fn say_where(&self) {
        if self.0.is_none() {
            say("The traces are where DD_TRACE_AGENT_URL points to.");
        }
    }
}

/// Prints a line. Not `println!`, which panics when nobody reads.
pub fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
