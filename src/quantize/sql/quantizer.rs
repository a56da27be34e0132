//! The way in: a statement, and what is to be done to it.

use crate::text::first_bytes;

use super::options::{Options, SqlDialect, SqlMode};
use super::writer;

/// The longest statement that is read, in bytes: 256 KiB. The Agent keeps 5,000 bytes of a resource, so only lists of
/// values are longer. Of a longer text the beginning is read.
pub const MAX_SQL_BYTES: usize = 256 * 1024;

/// What stands for a statement of which nothing is left, as with the Agent.
pub const NON_PARSABLE_SQL: &str = "Non-parsable SQL query";

/// Takes the values out of SQL statements, with the options that the Agent has.
///
/// All options are off at first. [`quantize::sql`](crate::quantize::sql) is enough where none is wanted.
///
/// ```
/// use tracehound::quantize::{SqlDialect, SqlMode, SqlQuantizer};
///
/// let quantizer = SqlQuantizer::new(SqlMode::ObfuscateAndNormalize, SqlDialect::PostgreSql)
///     .replace_digits(true)
///     .keep_null(true);
/// assert_eq!(
///     quantizer.quantize("SELECT * FROM sales_2019 WHERE id IN (1, 2) AND paid IS NULL"),
///     "SELECT * FROM sales_? WHERE id IN ( ? ) AND paid IS NULL",
/// );
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SqlQuantizer {
    options: Options,
}

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub fn $name(mut self, on: bool) -> Self {
                self.options.$name = on;
                self
            }
        )*
    };
}

impl SqlQuantizer {
    /// With no option on.
    #[must_use]
    pub fn new(mode: SqlMode, dialect: SqlDialect) -> Self {
        SqlQuantizer { options: Options { mode, dialect, ..Options::default() } }
    }

    options! {
        /// Digits in names become `?`, for tables that are made one a day.
        replace_digits
        /// `AS alias` stays.
        keep_sql_alias
        /// What is between `$func$` and `$func$` is a statement, and not a value.
        dollar_quoted_func
        /// `NULL` is no value.
        keep_null
        /// `TRUE` and `FALSE` are no values.
        keep_boolean
        /// `$1` is no value.
        keep_positional_parameter
        /// A `;` at the end stays. Without an effect in [`SqlMode::Legacy`].
        keep_trailing_semicolon
        /// Names keep their quotes. Without an effect in [`SqlMode::Legacy`].
        keep_identifier_quotation
        /// What follows on `->` and `->>` is no value.
        keep_json_path
        /// `(?)` and not `( ? )`. Without an effect in [`SqlMode::Legacy`].
        remove_space_between_parentheses
    }

    /// The statement without its values, in a time that is linear in its length.
    ///
    /// Of a longer text than [`MAX_SQL_BYTES`](crate::quantize::MAX_SQL_BYTES) the rest is left out. A string that is
    /// not closed is a value up to the end. Where nothing is left, such as of a comment, the result is
    /// [`NON_PARSABLE_SQL`](crate::quantize::NON_PARSABLE_SQL); of an empty text it is empty.
    #[must_use]
    pub fn quantize(&self, statement: &str) -> String {
        if statement.is_empty() {
            return String::new();
        }
        let written = writer::written(first_bytes(statement, MAX_SQL_BYTES), &self.options, 0);
        if written.is_empty() { NON_PARSABLE_SQL.to_owned() } else { written }
    }
}

/// A statement without its values, in a time that is linear in its length; [`SqlQuantizer`] has more options.
///
/// ```
/// use tracehound::quantize::{self, SqlDialect, SqlMode};
///
/// let statement = "SELECT name FROM users WHERE id IN (1, 2) -- the admins";
/// let resource = quantize::sql(statement, SqlMode::ObfuscateAndNormalize, SqlDialect::Generic);
/// assert_eq!(resource, "SELECT name FROM users WHERE id IN ( ? )");
/// ```
#[must_use]
pub fn sql(statement: &str, mode: SqlMode, dialect: SqlDialect) -> String {
    SqlQuantizer::new(mode, dialect).quantize(statement)
}
