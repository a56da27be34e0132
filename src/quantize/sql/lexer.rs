//! SQL text as tokens. Each byte is looked at a constant number of times, whatever the text is, because no search that
//! fails is repeated: what is not closed goes to the end of the text.

use super::options::SqlDialect;

/// What a token is, as far as quantising needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or a keyword, with the dots in it.
    Word,
    /// An identifier in quotes; the text of the token is what is between them.
    Quoted {
        open: char,
        close: char,
    },
    /// A value that is written out: a string, a `{..}` map, a `%s`.
    Literal,
    Number,
    /// `$1`, `$?`.
    Positional,
    /// `$tag$ .. $tag$`; the text of the token has both tags, of this length each.
    DollarQuoted {
        tag: usize,
    },
    /// `?`, which is a value that was not written out.
    Placeholder,
    /// `:name` and `@name`.
    Bind,
    Operator,
    Open,
    Close,
    Comma,
    Semicolon,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Whether blanks or a comment stand before it.
    pub(super) apart: bool,
}

/// Reads tokens, without comments.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    dialect: SqlDialect,
    /// Whether a `-` before a digit is always its sign, also after an operand.
    always_signed: bool,
    /// The last token: after a value or a name a `-` is an operator.
    last: Option<(Kind, &'a str)>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, dialect: SqlDialect, always_signed: bool) -> Self {
        Lexer { text, at: 0, dialect, always_signed, last: None }
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or_default()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Goes on while the characters are of a kind.
    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !wanted(c)).unwrap_or(rest.len());
    }

    /// Goes behind the next occurrence, or to the end.
    fn skip_past(&mut self, end: &str) {
        let rest = self.rest();
        self.at += rest.find(end).map_or(rest.len(), |found| found + end.len());
    }

    /// Skips blanks and comments, and tells whether there were any.
    fn skip_blanks(&mut self) -> bool {
        let start = self.at;
        loop {
            let before = self.at;
            self.skip_while(char::is_whitespace);
            match (self.byte(0), self.byte(1)) {
                (b'-', b'-') | (b'/', b'/') => self.skip_past("\n"),
                (b'/', b'*') => {
                    self.at += 2;
                    self.skip_past("*/");
                }
                (b'#', next) if self.is_comment(next) => self.skip_past("\n"),
                _ => {}
            }
            if self.at == before {
                return self.at > start;
            }
        }
    }

    fn is_comment(&self, after_hash: u8) -> bool {
        match self.dialect {
            SqlDialect::MsSql => !(is_word(char::from(after_hash)) || after_hash == b'#'),
            SqlDialect::PostgreSql => !matches!(after_hash, b'>' | b'-'),
            _ => true,
        }
    }

    /// A string in single quotes, from its first quote. A quote is doubled in it, and by some databases written `\'`.
    /// Which of them this is about is not known, so a `\'` before a letter is taken as an escape, and then all are.
    fn string(&mut self) {
        let bytes = self.text.as_bytes();
        let escape = |at: usize| {
            let e = at.checked_sub(1).and_then(|at| bytes.get(at));
            let before = at.checked_sub(2).and_then(|at| bytes.get(at));
            matches!(e, Some(b'e' | b'E')) && !before.is_some_and(|byte| is_word(char::from(*byte)))
        };
        let mut escapes = self.dialect == SqlDialect::MySql || escape(self.at);
        self.at += 1;
        loop {
            match (self.byte(0), self.byte(1)) {
                _ if self.at >= bytes.len() => return,
                (b'\'', b'\'') | (b'\\', b'\\') => self.at += 2,
                (b'\'', _) => {
                    self.at += 1;
                    return;
                }
                (b'\\', b'\'') if escapes || is_word(char::from(self.byte(2))) => {
                    escapes = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
    }

    /// A name in quotes, from the first one; in it the closing quote is doubled.
    fn quoted(&mut self, close: char) -> &'a str {
        self.at += 1;
        let start = self.at;
        loop {
            let rest = self.rest();
            let Some(found) = rest.find(close) else {
                self.at += rest.len();
                return self.since(start);
            };
            self.at += found;
            let name = self.since(start);
            self.at += 1;
            if !self.rest().starts_with(close) {
                return name;
            }
            self.at += 1;
        }
    }

    /// Digits with a fraction and an exponent, or hexadecimal.
    fn number(&mut self) {
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X') {
            self.at += 2;
            self.skip_while(|c| c.is_ascii_hexdigit());
            return;
        }
        self.skip_while(|c| c.is_ascii_digit());
        if self.byte(0) == b'.' {
            self.at += 1;
            self.skip_while(|c| c.is_ascii_digit());
        }
        let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
        if matches!(self.byte(0), b'e' | b'E') && self.byte(1 + sign).is_ascii_digit() {
            self.at += 1 + sign;
            self.skip_while(|c| c.is_ascii_digit());
        }
    }

    fn word(&mut self) {
        loop {
            self.skip_while(is_in_word);
            // `t.*` is one name, `a*2` is not: 2 is a value.
            let qualified = self.since(0).ends_with('.') && self.byte(0) == b'*';
            if !qualified {
                return;
            }
            self.at += 1;
        }
    }

    /// What begins with `$`: a parameter, a string between tags, or a name.
    fn dollar(&mut self) -> Kind {
        let start = self.at;
        self.at += 1;
        match self.byte(0) {
            b'?' => {
                self.at += 1;
                return Kind::Positional;
            }
            b'0'..=b'9' => {
                self.skip_while(|c| c.is_ascii_digit());
                return Kind::Positional;
            }
            // The Agent takes blanks in tags, which databases do not.
            _ => self.skip_while(|c| is_word(c) || c == ' '),
        }
        if self.byte(0) != b'$' {
            self.at = start + 1;
            self.skip_while(is_in_word);
            return Kind::Word;
        }
        self.at += 1;
        let tag = self.since(start);
        self.skip_past(tag);
        Kind::DollarQuoted { tag: tag.len() }
    }

    /// A map, from its first brace, with the strings and maps in it.
    fn map(&mut self) {
        let mut depth = 0_usize;
        loop {
            let rest = self.rest();
            let Some(found) = rest.find(['{', '}', '\'']) else {
                self.at += rest.len();
                return;
            };
            self.at += found;
            match self.byte(0) {
                b'\'' => {
                    self.string();
                    continue;
                }
                b'{' => depth += 1,
                _ => depth = depth.saturating_sub(1),
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// `%s`, `%(name)s`; else `%` is an operator.
    fn percent(&mut self) -> Kind {
        self.at += 1;
        match self.rest().chars().next() {
            Some('(') => {
                self.skip_past(")");
                self.at += usize::from(self.byte(0).is_ascii_alphabetic());
            }
            Some(c) if c.is_alphabetic() || c == '_' => self.at += c.len_utf8(),
            _ => return Kind::Operator,
        }
        Kind::Literal
    }

    /// `:name`, `@name`, `@@name`; else the operator at the cursor.
    fn bind(&mut self) -> Kind {
        let marks = if self.rest().starts_with("@@") { 2 } else { 1 };
        let next = self.rest().get(marks..).and_then(|rest| rest.chars().next());
        if !next.is_some_and(|c| is_word(c) || c == '#') {
            return self.operator();
        }
        self.at += marks;
        self.skip_while(is_in_word);
        Kind::Bind
    }

    fn operator(&mut self) -> Kind {
        let rest = self.rest();
        let known = OPERATORS.iter().find(|operator| {
            let after = rest.strip_prefix(**operator).map(|rest| rest.starts_with(is_word));
            // `a <@name` compares with what is bound to a name.
            after.is_some_and(|name_follows| !(operator.ends_with('@') && name_follows))
        });
        let first = rest.chars().next().map_or(0, char::len_utf8);
        self.at += known.map_or(first, |operator| operator.len());
        Kind::Operator
    }

    /// The token at the cursor. For a name in quotes also what is between them.
    fn scan(&mut self) -> Option<(Kind, Option<&'a str>)> {
        let next = self.byte(1);
        let single = |lexer: &mut Self, kind| {
            lexer.at += 1;
            kind
        };
        let kind = match self.rest().chars().next()? {
            '\'' => {
                self.string();
                Kind::Literal
            }
            'x' | 'X' if next == b'\'' => {
                self.at += 1;
                self.string();
                Kind::Literal
            }
            open @ ('"' | '`') => {
                return Some((Kind::Quoted { open, close: open }, Some(self.quoted(open))));
            }
            '[' if self.dialect == SqlDialect::MsSql => {
                return Some((Kind::Quoted { open: '[', close: ']' }, Some(self.quoted(']'))));
            }
            '#' if self.dialect == SqlDialect::MsSql => {
                self.word();
                Kind::Word
            }
            '0'..='9' => {
                self.number();
                Kind::Number
            }
            '.' if next.is_ascii_digit() => {
                self.number();
                Kind::Number
            }
            '-' if self.is_sign() => {
                self.at += 1;
                self.number();
                Kind::Number
            }
            '$' => self.dollar(),
            '%' => self.percent(),
            ':' | '@' => self.bind(),
            '{' if !self.is_call() => {
                self.map();
                Kind::Literal
            }
            // `?|` and `?&` ask for keys of JSON; `?||` is a value and `||`.
            '?' if matches!(next, b'|' | b'&') && self.byte(2) != next => self.operator(),
            '?' => single(self, Kind::Placeholder),
            '(' | '[' => single(self, Kind::Open),
            ')' | ']' => single(self, Kind::Close),
            ',' => single(self, Kind::Comma),
            ';' => single(self, Kind::Semicolon),
            c if is_word(c) => {
                self.word();
                Kind::Word
            }
            _ => self.operator(),
        };
        Some((kind, None))
    }

    fn is_sign(&self) -> bool {
        let next = self.byte(1);
        let is_number = next.is_ascii_digit() || next == b'.' && self.byte(2).is_ascii_digit();
        is_number && (self.always_signed || !self.is_after_operand())
    }

    fn is_after_operand(&self) -> bool {
        match self.last {
            None | Some((Kind::Operator | Kind::Open | Kind::Comma | Kind::Semicolon, _)) => false,
            Some((Kind::Word, word)) => !is_keyword_before_value(word),
            Some(_) => true,
        }
    }

    /// Whether the brace at the cursor begins `{call procedure}`, which names what is called.
    fn is_call(&self) -> bool {
        let inside = self.rest().get(1..).unwrap_or_default().trim_start();
        let word = inside.get(..4).unwrap_or_default();
        let after = inside.get(4..).and_then(|rest| rest.chars().next());
        word.eq_ignore_ascii_case("call") && !after.is_some_and(is_word)
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let apart = self.skip_blanks();
        let start = self.at;
        let (kind, inside) = self.scan()?;
        let text = inside.unwrap_or_else(|| self.since(start));
        self.last = Some((kind, text));
        Some(Token { kind, text, apart })
    }
}

/// Longer ones first where one begins with another.
const OPERATORS: &[&str] = &[
    "->>", "#>>", "!~*", "<=>", "->", "#>", "#-", "!~", "!=", "<>", "<=", "<@", ">=", "@>", "~*",
    "::", ":=", "?|", "?&",
];

/// Words after which a `-` is a sign.
fn is_keyword_before_value(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "select", "where", "and", "or", "not", "in", "limit", "offset", "values", "between",
        "then", "else", "when", "like", "set", "by", "return", "is", "case", "on", "having",
        "distinct",
    ];
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// What a name begins with, but for digits, which only numbers begin with.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || !c.is_ascii() && !c.is_whitespace()
}

/// What a name goes on with. `#`, `@` and `$` are used by Oracle and SQL Server.
fn is_in_word(c: char) -> bool {
    is_word(c) || matches!(c, '.' | '$' | '#' | '@')
}
