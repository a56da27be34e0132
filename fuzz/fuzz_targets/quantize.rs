//! A statement or a command behind a byte that says how it is read: nothing may panic or grow, and what was in a string
//! may not get through.
#![no_main]

use tracehound::quantize::{
    self, SqlDialect, SqlMode, SqlQuantizer, UrlParts, peer_address, redis, redis_arguments,
    redis_command_only,
};

const MODES: [SqlMode; 4] = [
    SqlMode::Legacy,
    SqlMode::NormalizeOnly,
    SqlMode::ObfuscateOnly,
    SqlMode::ObfuscateAndNormalize,
];

const DIALECTS: [&str; 5] = ["", "mssql", "mysql", "postgresql", "oracle"];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((how, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let how = usize::from(*how);
    let (mode, dialect) = (MODES[how % 4], SqlDialect::of_database(DIALECTS[how / 4 % 5]));
    let quantizer = SqlQuantizer::new(mode, dialect)
        .dollar_quoted_func(how & 0x40 != 0)
        .replace_digits(how & 0x80 != 0);
    let written = quantizer.quantize(&text);
    assert!(written.len() <= (2 * text.len()).max(quantize::NON_PARSABLE_SQL.len()), "{written}");
    if mode != SqlMode::NormalizeOnly {
        // A string by itself is a value, whatever is in it.
        let literal = format!("'{}'", text.replace(['\\', '\''], ""));
        assert_eq!(quantizer.quantize(&literal), "?", "{literal}");
    }
    let commands = [redis(&text), redis_arguments(&text), redis_command_only(&text)];
    // Letters may become longer in upper case.
    assert!(commands.iter().all(|written| written.len() <= 3 * text.len() + 8), "{commands:?}");
    let _ = quantize::url(&text, UrlParts { query: how & 1 != 0, path_digits: how & 2 != 0 });
    let _ = (peer_address(&text), quantize::memcached(&text));
    let _ = (quantize::tag_name(&text), quantize::operation_name(&text));
});
