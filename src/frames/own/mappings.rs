//! The files that are mapped into the memory of the process.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::fs;
use std::ops::Range;

/// The mapped files, as of the last look into `/proc/self/maps`.
#[derive(Debug, Default)]
pub(super) struct Mappings(Vec<Mapping>);

#[derive(Debug, PartialEq)]
struct Mapping {
    addresses: Range<u64>,
    /// Where in the file the mapping begins.
    offset: u64,
    path: String,
}

impl Mappings {
    /// The file that an address is in, and the offset there. If the address is in no known file, the mappings are read
    /// again, because a library may have been loaded since.
    pub(super) fn find(&mut self, address: u64) -> Option<(&str, u64)> {
        let is_around = |mapping: &Mapping| mapping.addresses.contains(&address);
        let at = self.0.iter().position(is_around).or_else(|| {
            let text = fs::read("/proc/self/maps").ok()?;
            self.0 = String::from_utf8_lossy(&text).lines().filter_map(executable).collect();
            self.0.iter().position(is_around)
        })?;
        let mapping = self.0.get(at)?;
        let inside = address.checked_sub(mapping.addresses.start)?;
        Some((&mapping.path, mapping.offset.checked_add(inside)?))
    }
}

/// Reads a line of `/proc/self/maps`, if it is of a file with code: `start-end rwxp offset device inode path`.
fn executable(line: &str) -> Option<Mapping> {
    let (range, rest) = line.split_once(' ')?;
    let (rights, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |hex| u64::from_str_radix(hex, 16).ok();
    let path = rest.get(rest.find('/')?..)?;
    // If the program's own file has been replaced while it runs, it can still be read under this name.
    let is_own = || fs::read_link("/proc/self/exe").is_ok_and(|own| own.to_str() == Some(path));
    let path = if path.ends_with(" (deleted)") && is_own() { "/proc/self/exe" } else { path };
    rights.contains('x').then_some(())?;
    Some(Mapping {
        addresses: number(start)?..number(end)?,
        offset: number(offset)?,
        path: path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_about_code_of_a_file_is_read() {
        let line = "7f2c0-7f2d0 r-xp 00026000 fd:01 1835   /usr/lib/a b.so";
        let expected = Mapping {
            addresses: 0x7f2c0..0x7f2d0,
            offset: 0x26000,
            path: "/usr/lib/a b.so".into(),
        };
        assert_eq!(executable(line), Some(expected));
        for other in [
            "7f2c0-7f2d0 r--p 00026000 fd:01 1835   /usr/lib/a.so",
            "7f2c0-7f2d0 r-xp 00000000 00:00 0      [vdso]",
            "7f2c0-7f2d0 rwxp 00000000 00:00 0",
            "7f2c0 r-xp 0 00:00 0 /a",
            "",
        ] {
            assert_eq!(executable(other), None, "{other}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "no files")]
    fn a_function_is_in_the_program() {
        let mut mappings = Mappings::default();
        let address = executable as fn(&str) -> Option<Mapping> as usize;
        let (path, offset) = mappings.find(address as u64).unwrap();
        assert_eq!(path, std::env::current_exe().unwrap().to_str().unwrap());
        assert!(offset > 0);
        assert_eq!(mappings.find(1), None);
    }
}
