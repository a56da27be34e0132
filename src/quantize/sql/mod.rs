//! SQL statements without their values: `lexer` reads tokens, and `writer` writes them as the `options` say.

mod lexer;
mod options;
mod quantizer;
mod writer;

pub use options::{SqlDialect, SqlMode, UnknownSqlMode};
pub use quantizer::{MAX_SQL_BYTES, NON_PARSABLE_SQL, SqlQuantizer, sql};
