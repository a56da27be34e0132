//! Statements, commands and addresses without their values, for resources and the keys of statistics.
//!
//! The Agent does this to every trace that it receives, so what is sent to it is sent as it is. A program needs it where
//! no Agent follows: for statistics that are computed here, for its own logs and metrics, for an OTLP collector. The
//! results are those of the Agent, as far as they are specified; what its tests leave open is decided here, and always
//! so that a value does not get through.
//!
//! | function | of |
//! | --- | --- |
//! | [`sql`], [`SqlQuantizer`] | SQL and CQL statements |
//! | [`redis`], [`redis_arguments`], [`redis_command_only`] | commands of Redis and Valkey |
//! | [`memcached`] | commands of memcached |
//! | [`url`] | URLs |
//! | [`peer_address`] | hosts of peers |
//! | [`is_card_number`] | numbers of payment cards |
//! | [`tag_name`], [`service_name`], [`operation_name`] | names, as the backend shows them |
//!
//! All of them take any text, need a time that is linear in its length, and allocate only for the result.

mod card;
mod names;
mod peer;
mod plain;
mod redis;
mod sql;

pub use card::is_card_number;
pub use names::{operation_name, service_name, tag_name};
pub use peer::peer_address;
pub use plain::{UrlParts, memcached, url};
pub use redis::{redis, redis_arguments, redis_command_only};
pub use sql::{
    MAX_SQL_BYTES, NON_PARSABLE_SQL, SqlDialect, SqlMode, SqlQuantizer, UnknownSqlMode, sql,
};
