//! Tokens written out as a statement.

use super::lexer::{Kind, Lexer, Token};
use super::options::{Options, SqlMode};

/// How deep statements may stand in `$func$` strings; what is deeper is a value. Each level reads its text once more.
const MAX_DEPTH: usize = 4;

/// A statement as the options want it; `depth` is that of the `$func$` strings around it.
pub(super) fn written(statement: &str, options: &Options, depth: usize) -> String {
    let mut writer = Writer {
        options,
        depth,
        out: String::with_capacity(statement.len().min(1024)),
        previous: Previous::Other,
        in_values: false,
        alias: Alias::None,
        list: None,
        row_end: None,
        semicolon: false,
    };
    let legacy = options.mode == SqlMode::Legacy;
    for token in Lexer::new(statement, options.dialect, legacy) {
        writer.token(token);
    }
    writer.finish()
}

struct Writer<'a> {
    options: &'a Options,
    depth: usize,
    out: String,
    previous: Previous,
    /// Whether nothing but commas and parentheses came since the last value: then the next one is not written again, and
    /// commas go (legacy).
    in_values: bool,
    alias: Alias<'a>,
    /// The parenthesis that is open, as long as there are only values in it.
    list: Option<List>,
    /// The end of what is written, where that is a list of values, and maybe a comma: the next list is the same again.
    row_end: Option<usize>,
    /// A `;` that is written when something follows.
    semicolon: bool,
}

/// What the last token says about the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Previous {
    /// A name follows, which is a value.
    Savepoint,
    /// What follows in double quotes is a string.
    Assignment,
    /// A key of JSON follows.
    JsonPath,
    Other,
}

/// `AS` and what follows.
#[derive(Clone, Copy)]
enum Alias<'a> {
    None,
    /// `AS`, which was not written yet.
    Next(Token<'a>),
    /// `AS [`: all up to the bracket's end is the alias.
    InBrackets,
}

struct List {
    /// The end of the list before this one, if there are only blanks and a comma between.
    follows: Option<usize>,
    /// The end of the first value; none before it.
    first_end: Option<usize>,
    /// Whether a comma came since the last value.
    after_comma: bool,
}

impl<'a> Writer<'a> {
    fn legacy(&self) -> bool {
        self.options.mode == SqlMode::Legacy
    }

    fn obfuscate_only(&self) -> bool {
        self.options.mode == SqlMode::ObfuscateOnly
    }

    /// Whether a list of values is one value.
    fn collapses(&self) -> bool {
        matches!(self.options.mode, SqlMode::Legacy | SqlMode::ObfuscateAndNormalize)
    }

    fn token(&mut self, token: Token<'a>) {
        match self.alias {
            Alias::InBrackets => {
                if token.text == "]" {
                    self.alias = Alias::None;
                }
                return;
            }
            Alias::Next(keyword) => {
                self.alias = Alias::None;
                let is_body = token.kind == Kind::Open && token.text == "(" && !self.legacy();
                if is_body || token.kind == Kind::Word && begins_statement(token.text) {
                    self.word(keyword);
                } else {
                    if token.text == "[" {
                        self.alias = Alias::InBrackets;
                    }
                    return;
                }
            }
            Alias::None => {}
        }
        if token.kind == Kind::Semicolon {
            self.semicolon = !self.legacy();
            return self.end_run();
        }
        if std::mem::take(&mut self.semicolon) && !self.out.is_empty() {
            self.out.push(';');
        }
        if token.kind == Kind::Word && self.strips_aliases() && is(token.text, "as") {
            self.alias = Alias::Next(token);
            return self.end_run();
        }
        self.write(token);
    }

    fn strips_aliases(&self) -> bool {
        !self.options.keep_sql_alias && !self.obfuscate_only()
    }

    fn write(&mut self, token: Token<'a>) {
        let is_value = self.is_value(&token);
        self.previous = Previous::Other;
        match token.kind {
            _ if is_value => self.value(&token),
            Kind::Open => self.open(&token),
            Kind::Close => self.close(&token),
            Kind::Comma => self.comma(&token),
            Kind::Word => self.word(token),
            Kind::Quoted { open, close } => self.quoted(&token, open, close),
            Kind::DollarQuoted { tag } => self.dollar_quoted(&token, tag),
            _ => self.other(&token),
        }
    }

    fn is_value(&self, token: &Token<'_>) -> bool {
        let options = self.options;
        if options.mode == SqlMode::NormalizeOnly {
            return false;
        }
        match token.kind {
            Kind::Word | Kind::Quoted { .. } if self.previous == Previous::Savepoint => true,
            Kind::Literal | Kind::Number => {
                !(options.keep_json_path && self.previous == Previous::JsonPath)
            }
            Kind::Placeholder => true,
            Kind::Positional => !options.keep_positional_parameter,
            Kind::DollarQuoted { tag } => !self.is_function(token.text, tag),
            Kind::Quoted { open: '"', .. } => self.previous == Previous::Assignment,
            Kind::Word if is(token.text, "null") => !options.keep_null,
            Kind::Word if is(token.text, "true") || is(token.text, "false") => {
                !options.keep_boolean
            }
            _ => false,
        }
    }

    fn is_function(&self, text: &str, tag: usize) -> bool {
        let is_tagged = text.get(..tag).is_some_and(|tag| is(tag, "$func$"));
        is_tagged && self.options.dollar_quoted_func && self.depth < MAX_DEPTH
    }

    // ===== kinds of tokens =====

    fn value(&mut self, token: &Token<'_>) {
        self.row_end = None;
        if !(self.legacy() && self.in_values) {
            self.lead(token);
            self.out.push('?');
        }
        self.in_values = true;
        // Two values without a comma are no list. In legacy there is one value anyway.
        if self.list.as_ref().is_some_and(|list| list.first_end.is_some() && !list.after_comma)
            && !self.legacy()
        {
            self.list = None;
        }
        let end = self.out.len();
        if let Some(list) = &mut self.list {
            list.first_end.get_or_insert(end);
            list.after_comma = false;
        }
    }

    fn open(&mut self, token: &Token<'_>) {
        let follows = self.row_end.take().filter(|_| token.text == "(");
        self.lead(token);
        self.out.push_str(token.text);
        let list = List { follows, first_end: None, after_comma: false };
        self.list = self.collapses().then_some(list);
    }

    fn close(&mut self, token: &Token<'_>) {
        self.row_end = None;
        let list = self.list.take();
        let values = list.as_ref().and_then(|list| list.first_end);
        if let Some(end) = values {
            self.out.truncate(end);
        }
        self.lead(token);
        self.out.push_str(token.text);
        if values.is_some() {
            if let Some(end) = list.and_then(|list| list.follows) {
                self.out.truncate(end);
            }
            self.row_end = Some(self.out.len());
        }
    }

    fn comma(&mut self, token: &Token<'_>) {
        if !(self.legacy() && self.in_values) {
            if self.obfuscate_only() && token.apart {
                self.out.push(' ');
            }
            self.out.push(',');
        }
        match &mut self.list {
            Some(list) if list.first_end.is_some() && !list.after_comma => list.after_comma = true,
            list => *list = None,
        }
    }

    fn word(&mut self, token: Token<'_>) {
        self.end_run();
        self.lead(&token);
        self.name(token.text);
        if is(token.text, "savepoint") {
            self.previous = Previous::Savepoint;
        }
    }

    fn quoted(&mut self, token: &Token<'_>, open: char, close: char) {
        self.end_run();
        self.lead(token);
        let keeps = self.options.keep_identifier_quotation && !self.legacy();
        // A name of nothing is kept with its quotes, or it could not be seen.
        if keeps || self.obfuscate_only() || token.text.trim().is_empty() {
            self.out.push(open);
            self.out.push_str(token.text);
            self.out.push(close);
            return;
        }
        let doubled: String = [close, close].iter().collect();
        let mut parts = token.text.split(doubled.as_str());
        self.part(parts.next().unwrap_or_default(), open);
        for part in parts {
            self.out.push(close);
            self.part(part, open);
        }
    }

    /// A part of a name in quotes. The Agent does not replace digits where these are double.
    fn part(&mut self, part: &str, open: char) {
        if open == '"' {
            self.out.push_str(part);
        } else {
            self.name(part);
        }
    }

    /// A name, without its digits if that is wanted.
    fn name(&mut self, name: &str) {
        if !self.options.replace_digits {
            return self.out.push_str(name);
        }
        let mut in_digits = false;
        for c in name.chars() {
            if !c.is_ascii_digit() {
                self.out.push(c);
            } else if !in_digits {
                self.out.push('?');
            }
            in_digits = c.is_ascii_digit();
        }
    }

    fn dollar_quoted(&mut self, token: &Token<'_>, tag: usize) {
        self.end_run();
        self.lead(token);
        let (begin, rest) = token.text.split_at_checked(tag).unwrap_or_default();
        if !self.is_function(token.text, tag) {
            return self.out.push_str(token.text);
        }
        let (inside, end) = match rest.strip_suffix(begin) {
            Some(inside) => (inside, begin),
            None => (rest, ""),
        };
        self.out.push_str(begin);
        self.out.push_str(&written(inside, self.options, self.depth + 1));
        self.out.push_str(end);
    }

    /// An operator, a bound name, and in `normalize_only` a value.
    fn other(&mut self, token: &Token<'_>) {
        self.end_run();
        self.lead(token);
        self.out.push_str(token.text);
        self.previous = match token.text {
            "=" => Previous::Assignment,
            "->" | "->>" => Previous::JsonPath,
            _ => Previous::Other,
        };
    }

    // ===== what stands between tokens =====

    /// What came does not go on as a list of values.
    fn end_run(&mut self) {
        self.in_values = false;
        self.list = None;
        self.row_end = None;
    }

    /// The blank before a token.
    fn lead(&mut self, token: &Token<'_>) {
        let tight = self.options.remove_space_between_parentheses && !self.legacy();
        let wanted = if self.obfuscate_only() {
            token.apart
        } else if tight {
            token.kind != Kind::Close && !self.out.ends_with(['(', '['])
        } else {
            true
        };
        if wanted && !self.out.is_empty() {
            self.out.push(' ');
        }
    }

    fn finish(mut self) -> String {
        // Of a text that was cut, a list is what it is with fewer values.
        if let Some(end) = self.list.take().and_then(|list| list.first_end) {
            self.out.truncate(end);
        }
        if self.semicolon
            && !self.out.is_empty()
            && (self.obfuscate_only() || self.options.keep_trailing_semicolon)
        {
            self.out.push(';');
        }
        self.out
    }
}

fn is(word: &str, lower: &str) -> bool {
    word.eq_ignore_ascii_case(lower)
}

/// Whether `AS` is followed by what is named, and not by the name: `CREATE VIEW v AS SELECT ..`.
fn begins_statement(word: &str) -> bool {
    const WORDS: &[&str] =
        &["select", "insert", "update", "delete", "with", "values", "begin", "table", "merge"];
    WORDS.iter().any(|known| is(word, known))
}
