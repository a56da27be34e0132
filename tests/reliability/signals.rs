pub const ROWS: &[crate::row::Row] = &[];
