//! Tracehound.
