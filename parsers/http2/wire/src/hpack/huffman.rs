//! The Huffman code (RFC 7541, 5.2 and appendix B).
//!
//! The code is canonical: codes of a length follow each other in the order of their symbols. So the lengths say it all.
use std::sync::LazyLock;

use super::broken;
use crate::Error;

/// Of each byte, and of the end-of-string symbol, how many bits its code has.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];
const END_OF_STRING: usize = 256;
const LONGEST: usize = 30;

/// The codes of one length.
#[derive(Clone, Copy, Default)]
struct Row {
    /// The first of them, and how many there are.
    first: u32,
    count: u32,
    /// Where their symbols begin in `Codes::symbols`.
    at: usize,
}

struct Codes {
    rows: [Row; LONGEST + 1],
    /// By length, then by value.
    symbols: Vec<usize>,
}

static CODES: LazyLock<Codes> = LazyLock::new(|| {
    let (mut rows, mut symbols, mut code) = ([Row::default(); LONGEST + 1], Vec::with_capacity(LENGTHS.len()), 0);
    for (length, row) in rows.iter_mut().enumerate() {
        code <<= 1;
        let of_length =
            (0..LENGTHS.len()).filter(|symbol| LENGTHS.get(*symbol).is_some_and(|l| usize::from(*l) == length));
        *row = Row { first: code, count: 0, at: symbols.len() };
        symbols.extend(of_length);
        row.count = u32::try_from(symbols.len() - row.at).unwrap_or_default();
        code += row.count;
    }
    Codes { rows, symbols }
});

/// # Errors
/// When a code is broken, the padding is not what it has to be, or the text is longer than `most`.
pub fn decode(coded: &[u8], most: usize) -> Result<Vec<u8>, Error> {
    let codes = &*CODES;
    let mut text = Vec::with_capacity(coded.len() * 8 / 5);
    let (mut code, mut length) = (0_u32, 0_usize);
    for byte in coded {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(byte >> bit & 1);
            length += 1;
            let Some(row) = codes.rows.get(length) else { return Err(broken("a Huffman code that there is not")) };
            let Some(within) = code.checked_sub(row.first).filter(|within| *within < row.count) else { continue };
            let symbol = usize::try_from(within).ok().and_then(|within| codes.symbols.get(row.at + within));
            match symbol.map(|symbol| u8::try_from(*symbol)) {
                Some(Ok(byte)) => text.push(byte),
                _ => return Err(broken(format!("the Huffman code {END_OF_STRING}, which ends nothing here"))),
            }
            (code, length) = (0, 0);
        }
        if text.len() > most {
            return Err(broken("a text that is too long"));
        }
    }
    // What is left has to be the start of the end-of-string symbol: ones, less than a byte of them.
    if length > 7 || code != (1 << length) - 1 {
        return Err(broken("the padding of a Huffman code is wrong"));
    }
    Ok(text)
}
