//! What the end-to-end tests share.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub mod programs;
pub mod service;
pub mod stats;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracehound::config::Environment;
use tracehound::{LogLevel, Tracer, TracerBuilder};

/// No wait of a test is longer.
pub const LIMIT: Duration = Duration::from_secs(60);

/// A tracer that sees nothing of the process environment, and sends only when it is told to.
pub fn builder(url: &str, said: &Said) -> TracerBuilder {
    Tracer::builder()
        .environment(Environment::empty())
        .service("shop")
        .agent_url(url.to_owned())
        .flush_interval(Duration::from_secs(3600))
        .log(said.listener())
}

/// What a tracer says about itself.
#[derive(Clone, Default)]
pub struct Said(Arc<Mutex<Vec<(LogLevel, String)>>>);

impl Said {
    /// For [`TracerBuilder::log`].
    pub fn listener(&self) -> impl Fn(LogLevel, &str) + Send + Sync + 'static {
        let lines = Arc::clone(&self.0);
        move |level, line| {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.push((level, line.to_owned()));
        }
    }

    /// The warnings so far.
    pub fn warnings(&self) -> Vec<String> {
        self.lines(LogLevel::Warn)
    }

    /// The lines of one level so far.
    pub fn lines(&self, level: LogLevel) -> Vec<String> {
        tracehound::testing::wait_for_lines();
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().filter(|(of, _)| *of == level).map(|(_, line)| line.clone()).collect()
    }
}
