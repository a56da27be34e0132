//! tracehound-test-support.
