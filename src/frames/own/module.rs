//! A file whose code the process runs: the program, or a library.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use addr2line::gimli::{self, AbbreviationsCacheStrategy, Dwarf, EndianSlice, RunTimeEndian};
use addr2line::{Context, demangle_auto};
use object::read::elf::{ElfFile64, ElfSymbol64};
use object::{CompressionFormat, Object, ObjectSection, ObjectSegment, ObjectSymbol, SymbolKind};
use tracehound_machine::map_for_ever;

use super::symbols::{Each, Symbol};

type Slice = EndianSlice<'static, RunTimeEndian>;
type Elf = ElfFile64<'static>;

/// The symbols and the debug information of a file.
pub(super) struct Module {
    segments: Vec<Segment>,
    functions: Vec<Function>,
    debug: Option<Context<Slice>>,
}

/// A part of the file: its place in the file, and its address as symbols have it.
struct Segment {
    offset: u64,
    size: u64,
    address: u64,
}

/// A function, according to its symbol.
struct Function {
    address: u64,
    size: u64,
    name: &'static str,
}

impl Module {
    pub(super) fn open(path: &str) -> Option<Self> {
        let file = read(Path::new(path))?;
        let segments = file.segments().map(|segment| {
            let (offset, size) = segment.file_range();
            Segment { offset, size, address: segment.address() }
        });
        let has_debug = file.section_by_name(".debug_info").is_some();
        let apart = if has_debug { None } else { beside(&file, Path::new(path)) };
        let told_by = apart.as_ref().unwrap_or(&file);
        Some(Module {
            segments: segments.collect(),
            functions: functions(told_by),
            debug: debug_information(told_by),
        })
    }

    /// Calls `each` for the functions at an offset in the file.
    pub(super) fn look_up(&self, offset: u64, each: Each<'_>) -> fmt::Result {
        let in_segment = |segment: &Segment| {
            let inside = offset.checked_sub(segment.offset)?;
            (inside < segment.size).then(|| segment.address.checked_add(inside))?
        };
        let Some(address) = self.segments.iter().find_map(in_segment) else {
            return each(Symbol::default());
        };
        let name = self.function(address).map(|name| demangle_auto(name.into(), None));
        let frames = self.debug.as_ref().map(|debug| debug.find_frames(address).skip_all_loads());
        let mut is_told = false;
        if let Some(Ok(mut frames)) = frames {
            while let Ok(Some(frame)) = frames.next() {
                is_told = true;
                let function =
                    frame.function.as_ref().and_then(|function| function.demangle().ok());
                let function = function.as_deref().or(name.as_deref());
                each(Symbol { function, location: frame.location.as_ref() })?;
            }
        }
        match is_told {
            true => Ok(()),
            false => each(Symbol { function: name.as_deref(), location: None }),
        }
    }

    /// The name of the function that an address is in, from its symbol.
    fn function(&self, address: u64) -> Option<&'static str> {
        let next = self.functions.partition_point(|function| function.address <= address);
        let function = self.functions.get(next.checked_sub(1)?)?;
        (address.checked_sub(function.address)? < function.size).then_some(function.name)
    }
}

/// Maps the file into memory, so that nothing is copied and only what is used is read.
fn read(path: &Path) -> Option<Elf> {
    Elf::parse(map_for_ever(&File::open(path).ok()?).ok()?).ok()
}

/// The separate file with the debug information, if there is one: by the build id, where distributions put it, or by
/// the name that the file gives.
fn beside(file: &Elf, path: &Path) -> Option<Elf> {
    let id = file.build_id().ok()??;
    let mut hex = id.iter().map(|byte| format!("{byte:02x}"));
    let (first, rest) = (hex.next()?, hex.collect::<String>());
    let mut candidates =
        vec![PathBuf::from(format!("/usr/lib/debug/.build-id/{first}/{rest}.debug"))];
    if let (Ok(Some((name, _))), Some(folder)) = (file.gnu_debuglink(), path.parent()) {
        let name = std::str::from_utf8(name).ok()?;
        candidates.extend([folder.join(name), folder.join(".debug").join(name)]);
    }
    let is_of_this = |other: &Elf| other.build_id().is_ok_and(|other| other == Some(id));
    candidates.iter().filter_map(|candidate| read(candidate)).find(is_of_this)
}

/// The functions of a file, sorted by address.
fn functions(file: &Elf) -> Vec<Function> {
    let function = |symbol: ElfSymbol64<'static, '_>| {
        let is_function = symbol.kind() == SymbolKind::Text && symbol.is_definition();
        let (address, size) = (symbol.address(), symbol.size());
        is_function.then(|| Some(Function { address, size, name: symbol.name().ok()? }))?
    };
    let mut functions: Vec<_> = file.symbols().filter_map(function).collect();
    if functions.is_empty() {
        functions = file.dynamic_symbols().filter_map(function).collect();
    }
    functions.sort_unstable_by_key(|function| function.address);
    functions
}

/// The debug information in a file, as far as it is not compressed. Without it, functions have names but no line
/// numbers.
fn debug_information(file: &Elf) -> Option<Context<Slice>> {
    let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let section = |id: gimli::SectionId| {
        let stored = file.section_by_name(id.name())?.compressed_data().ok()?;
        (stored.format == CompressionFormat::None).then_some(stored.data)
    };
    let load = |id| Ok::<_, gimli::Error>(Slice::new(section(id).unwrap_or_default(), endian));
    let mut debug = Dwarf::load(load).ok()?;
    debug.populate_abbreviations_cache(AbbreviationsCacheStrategy::Duplicates);
    Context::from_dwarf(debug).ok()
}
