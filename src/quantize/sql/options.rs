//! What is to be done to a statement, and what it is written in.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// How a statement is written, in the words of the Agent's setting `sql_obfuscation_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SqlMode {
    /// The Agent's default, an empty setting: values become `?`, neighbouring ones become one, and a comma behind a
    /// value goes. `SET a = 1, b = 2` becomes `SET a = ? b = ?`.
    #[default]
    Legacy,
    /// `normalize_only`: blanks, comments, quotes and aliases are normalised, and **values stay**.
    NormalizeOnly,
    /// `obfuscate_only`: values become `?`, comments go, and all else is as it was.
    ObfuscateOnly,
    /// `obfuscate_and_normalize`: both of these, and lists of values become one `?`.
    ObfuscateAndNormalize,
}

/// The error for a word that is no [`SqlMode`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownSqlMode {}

impl fmt::Display for UnknownSqlMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a mode of SQL obfuscation; use normalize_only, obfuscate_only, obfuscate_and_normalize or nothing")
    }
}

impl Error for UnknownSqlMode {}

impl FromStr for SqlMode {
    type Err = UnknownSqlMode;

    /// Reads the Agent's words, in any case.
    fn from_str(word: &str) -> Result<Self, UnknownSqlMode> {
        let modes = [
            ("", SqlMode::Legacy),
            ("normalize_only", SqlMode::NormalizeOnly),
            ("obfuscate_only", SqlMode::ObfuscateOnly),
            ("obfuscate_and_normalize", SqlMode::ObfuscateAndNormalize),
        ];
        let found = modes.iter().find(|(name, _)| word.trim().eq_ignore_ascii_case(name));
        found.map(|(_, mode)| *mode).ok_or(UnknownSqlMode {})
    }
}

/// The database that a statement is for, where that changes how it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SqlDialect {
    /// Any other, or not known. `#` begins a comment.
    #[default]
    Generic,
    /// SQL Server: `[name]` and `#table` are names.
    MsSql,
    /// MySQL: `\'` does not end a string.
    MySql,
    /// PostgreSQL: `#>`, `#>>` and `#-` are operators.
    PostgreSql,
    /// Oracle; read as [`SqlDialect::Generic`].
    Oracle,
}

impl SqlDialect {
    /// The dialect of a database by its name, as in the tags `db.type` and `db.system`: `mssql` or `sqlserver`,
    /// `mysql` or `mariadb`, `postgres` or `postgresql`, and `oracle`, in any case. Every other name is
    /// [`SqlDialect::Generic`].
    #[must_use]
    pub fn of_database(name: &str) -> Self {
        let dialects = [
            ("mssql", SqlDialect::MsSql),
            ("sqlserver", SqlDialect::MsSql),
            ("mysql", SqlDialect::MySql),
            ("mariadb", SqlDialect::MySql),
            ("postgres", SqlDialect::PostgreSql),
            ("postgresql", SqlDialect::PostgreSql),
            ("oracle", SqlDialect::Oracle),
        ];
        let found = dialects.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        found.map_or_else(SqlDialect::default, |(_, dialect)| *dialect)
    }
}

/// What may stay or go beyond the mode.
#[derive(Clone, Copy, Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option of the Agent, independent of the others"
)]
pub(super) struct Options {
    pub(super) mode: SqlMode,
    pub(super) dialect: SqlDialect,
    pub(super) replace_digits: bool,
    pub(super) keep_sql_alias: bool,
    pub(super) dollar_quoted_func: bool,
    pub(super) keep_null: bool,
    pub(super) keep_boolean: bool,
    pub(super) keep_positional_parameter: bool,
    pub(super) keep_trailing_semicolon: bool,
    pub(super) keep_identifier_quotation: bool,
    pub(super) keep_json_path: bool,
    pub(super) remove_space_between_parentheses: bool,
}
