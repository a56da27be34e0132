//! Commands of Redis and Valkey.

use crate::text::first_bytes;

/// How many commands a resource names.
const MAX_COMMANDS: usize = 3;

/// A longer text is cut here, in bytes: 64 KiB. Commands that are longer carry data.
const MAX_BYTES: usize = 64 * 1024;

/// The names of the first three commands, one from each line: what the Agent makes of the resource of a span of type
/// `redis` or `valkey`.
///
/// Of `CLIENT`, `CLUSTER`, `COMMAND`, `CONFIG`, `DEBUG` and `SCRIPT` the second word belongs to the name. ` ...` stands
/// for what follows the third command, and for one that was cut. Of more than 64 KiB the rest is left out.
///
/// ```
/// assert_eq!(tracehound::quantize::redis("set user:1 secret\nconfig get maxmemory"), "SET CONFIG GET");
/// ```
#[must_use]
pub fn redis(commands: &str) -> String {
    let mut resource = String::new();
    let (mut count, mut truncated) = (0, false);
    for line in first_bytes(commands, MAX_BYTES).split('\n') {
        if count == MAX_COMMANDS {
            break;
        }
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let Some(command) = words.next() else { continue };
        let second = if has_second_word(command) { words.next() } else { None };
        truncated = is_truncated(command) || second.is_some_and(is_truncated);
        if truncated {
            continue;
        }
        for word in [Some(command), second].into_iter().flatten() {
            separate(&mut resource);
            resource.extend(word.chars().flat_map(char::to_uppercase));
        }
        count += 1;
    }
    if count == MAX_COMMANDS || truncated {
        separate(&mut resource);
        resource.push_str("...");
    }
    resource
}

fn is_truncated(word: &str) -> bool {
    word.ends_with("...")
}

fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push(' ');
    }
}

fn is(word: &str, upper: &str) -> bool {
    word.eq_ignore_ascii_case(upper)
}

fn is_one_of(word: &str, known: &[&str]) -> bool {
    known.iter().any(|upper| is(word, upper))
}

fn has_second_word(command: &str) -> bool {
    is_one_of(command, &["CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DEBUG", "SCRIPT"])
}

/// Which arguments of a command are values. They are counted from 0, the one behind the command.
#[derive(Clone, Copy)]
enum Values {
    None,
    /// This one and all that follow, which become one.
    From(usize),
    At(usize),
    /// This one, and then each that is so many further on.
    Every {
        first: usize,
        step: usize,
    },
    /// The value behind `SET parameter`.
    ConfigSet,
    /// The value behind `SET type offset`.
    BitfieldSet,
    /// Each second one behind the options.
    ZaddMembers,
}

/// The Agent's rules, by the commands in upper case.
const RULES: &[(&[&str], Values)] = &[
    (&["AUTH", "MIGRATE", "HELLO"], Values::From(0)),
    (
        &["ACL", "GEOHASH", "GEOPOS", "GEODIST", "LPUSH", "RPUSH", "SREM", "ZREM", "SADD"],
        Values::From(1),
    ),
    (
        &[
            "APPEND",
            "GETSET",
            "LPUSHX",
            "RPUSHX",
            "SET",
            "SETNX",
            "SISMEMBER",
            "ZRANK",
            "ZREVRANK",
            "ZSCORE",
            "GEORADIUSBYMEMBER",
        ],
        Values::At(1),
    ),
    (
        &[
            "HSETNX", "LREM", "LSET", "SETBIT", "SETEX", "PSETEX", "SETRANGE", "ZINCRBY", "SMOVE",
            "RESTORE",
        ],
        Values::At(2),
    ),
    (&["LINSERT"], Values::At(3)),
    (&["GEOADD"], Values::Every { first: 3, step: 3 }),
    (&["HSET", "HMSET"], Values::Every { first: 2, step: 2 }),
    (&["MSET", "MSETNX"], Values::Every { first: 1, step: 2 }),
    (&["CONFIG"], Values::ConfigSet),
    (&["BITFIELD"], Values::BitfieldSet),
    (&["ZADD"], Values::ZaddMembers),
];

fn values_of(command: &str) -> Values {
    let rule = RULES.iter().find(|(commands, _)| is_one_of(command, commands));
    rule.map_or(Values::None, |(_, values)| *values)
}

/// Commands with their keys and options, and `?` for values, such as for the tag `redis.raw_command`.
///
/// Commands are one a line; arguments may stand in double quotes, with `\"` in them. Of commands that take no values,
/// and of unknown ones, all arguments stay. Of more than 64 KiB the rest is left out.
///
/// ```
/// use tracehound::quantize::redis_arguments;
///
/// assert_eq!(redis_arguments("SET user:1 \"my secret\" EX 10"), "SET user:1 ? EX 10");
/// ```
#[must_use]
pub fn redis_arguments(commands: &str) -> String {
    let mut rest = first_bytes(commands, MAX_BYTES).trim();
    let mut written = String::with_capacity(rest.len());
    while !rest.is_empty() {
        if !written.is_empty() {
            written.push('\n');
        }
        let (command, behind) = rest.split_at(rest.find([' ', '\n']).unwrap_or(rest.len()));
        written.push_str(command);
        let mut rule = Rule { values: values_of(command), index: 0, base: None };
        rest = behind;
        while let Some(argument) = next_argument(&mut rest) {
            match rule.next(argument) {
                Use::Keep => written.extend([" ", argument]),
                Use::Hide => written.push_str(" ?"),
                Use::Drop => {}
            }
        }
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }
    written
}

/// Takes the next argument of the line, if there is one.
fn next_argument<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let line = rest.trim_start_matches([' ', '\t', '\r']);
    let (mut quoted, mut escaped) = (false, false);
    let end = line.find(|c| {
        let ends = !quoted && matches!(c, ' ' | '\n');
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let (argument, behind) = line.split_at(end.unwrap_or(line.len()));
    *rest = behind;
    (!argument.is_empty()).then_some(argument)
}

enum Use {
    Keep,
    Hide,
    /// It is in the `?` before.
    Drop,
}

/// A rule while it is applied to one argument after the other.
struct Rule {
    values: Values,
    index: usize,
    /// Where a subcommand or the first score stands.
    base: Option<usize>,
}

impl Rule {
    fn next(&mut self, argument: &str) -> Use {
        let index = self.index;
        self.index += 1;
        let hide = match self.values {
            Values::None => false,
            Values::From(first) if index > first => return Use::Drop,
            Values::From(at) | Values::At(at) => index == at,
            Values::Every { first, step } => index >= first && (index - first) % step == 0,
            Values::ConfigSet => {
                if index == 0 && is(argument, "SET") {
                    self.base = Some(0);
                }
                self.base.is_some() && index == 2
            }
            Values::BitfieldSet => {
                let hide = self.base.is_some_and(|base| index == base + 3);
                if !hide && index > 0 && is(argument, "SET") {
                    self.base = Some(index);
                }
                hide
            }
            Values::ZaddMembers => {
                let is_option = is_one_of(argument, &["NX", "XX", "GT", "LT", "CH", "INCR"]);
                if index > 0 && self.base.is_none() && !is_option {
                    self.base = Some(index);
                }
                self.base.is_some_and(|base| (index - base) % 2 == 1)
            }
        };
        if hide { Use::Hide } else { Use::Keep }
    }
}

/// A command with one `?` for all of its arguments.
///
/// Of `CONFIG` and the others of which two words are a name, the second word stays, and of `BITFIELD` its subcommands.
/// Only the first 64 KiB are read.
///
/// ```
/// assert_eq!(tracehound::quantize::redis_command_only("SET user:1 secret"), "SET ?");
/// ```
#[must_use]
pub fn redis_command_only(command: &str) -> String {
    let mut words = first_bytes(command, MAX_BYTES).split_whitespace();
    let Some(name) = words.next() else { return String::new() };
    let mut written = name.to_owned();
    let Some(first) = words.next() else { return written };
    let rest = if has_second_word(name) {
        written.extend([" ", first]);
        words.next()
    } else {
        Some(first)
    };
    if rest.is_some() {
        written.push_str(" ?");
    }
    if is(name, "BITFIELD") {
        for subcommand in words.filter(|word| is_one_of(word, &["SET", "GET", "INCRBY"])) {
            written.extend([" ", subcommand, " ?"]);
        }
    }
    written
}
