//! tracehound-local-agent.
