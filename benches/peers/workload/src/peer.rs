//! What a peer has to be able to do.

use std::any::Any;
use std::time::Duration;

/// The long text among the five tags of `hot`.
pub const URL: &str = "https://shop.example/users/4711/cart?currency=EUR&campaign=autumn-sale-2026&utm_source=newsletter&page=1";

/// Keys for the traces of any [`Shape`].
pub const KEYS: [&str; 100] = {
    [
        "tag.00", "tag.01", "tag.02", "tag.03", "tag.04", "tag.05", "tag.06", "tag.07", "tag.08",
        "tag.09", "tag.10", "tag.11", "tag.12", "tag.13", "tag.14", "tag.15", "tag.16", "tag.17",
        "tag.18", "tag.19", "tag.20", "tag.21", "tag.22", "tag.23", "tag.24", "tag.25", "tag.26",
        "tag.27", "tag.28", "tag.29", "tag.30", "tag.31", "tag.32", "tag.33", "tag.34", "tag.35",
        "tag.36", "tag.37", "tag.38", "tag.39", "tag.40", "tag.41", "tag.42", "tag.43", "tag.44",
        "tag.45", "tag.46", "tag.47", "tag.48", "tag.49", "tag.50", "tag.51", "tag.52", "tag.53",
        "tag.54", "tag.55", "tag.56", "tag.57", "tag.58", "tag.59", "tag.60", "tag.61", "tag.62",
        "tag.63", "tag.64", "tag.65", "tag.66", "tag.67", "tag.68", "tag.69", "tag.70", "tag.71",
        "tag.72", "tag.73", "tag.74", "tag.75", "tag.76", "tag.77", "tag.78", "tag.79", "tag.80",
        "tag.81", "tag.82", "tag.83", "tag.84", "tag.85", "tag.86", "tag.87", "tag.88", "tag.89",
        "tag.90", "tag.91", "tag.92", "tag.93", "tag.94", "tag.95", "tag.96", "tag.97", "tag.98",
        "tag.99",
    ]
};

/// A root and its children, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// All spans of the trace, the root among them.
    pub spans: usize,
    /// Tags of each span, at most as many as there are [`KEYS`].
    pub tags: usize,
}

/// A tracing library, set up as its documentation recommends.
///
/// Every span is made active the way the library's documentation shows, so that a child finds its parent
/// without being told, and tags are set one by one on the active span, as a program gets to know them.
pub trait Peer: Sync {
    /// One trace: a root and nine children, each with five tags.
    ///
    /// `http.method` = `GET`, `http.route` = `/users/{id}`, `http.url` = [`URL`], `cart.items` = 3,
    /// `cart.gift` = true.
    fn hot(&self);

    /// One trace of one active span without tags.
    fn root(&self);

    /// One trace of any shape; the tags are [`KEYS`], with short texts.
    fn shaped(&self, shape: Shape);

    /// A trace of one span that stays open until the result is dropped. `None` where spans cannot leave the
    /// stack of their thread.
    fn open(&self) -> Option<Box<dyn Any>>;

    /// Calls `measure` with what writes the active span's context into a carrier that drops the headers, or,
    /// with a map, into a map that is new each time. Returns whether the peer knows the styles asked for.
    fn injecting(&self, _into_map: bool, _measure: &mut dyn FnMut(&mut dyn FnMut())) -> bool {
        false
    }

    /// Calls `measure` with what reads the context from [`Request`](crate::Request). Returns whether the
    /// peer knows the styles asked for.
    fn extracting(&self, _measure: &mut dyn FnMut(&mut dyn FnMut())) -> bool {
        false
    }

    /// Hands over what has finished to the agent, and waits for it.
    fn flush(&self);

    /// Sends what is left and stops.
    fn shutdown(&self, timeout: Duration);

    /// Spans lost so far, where the library counts them.
    fn lost(&self) -> Option<u64> {
        None
    }
}
