//! Whether a client speaks MongoDB.
use keploy_sdk::Verdict;

use crate::wire::{HEADER, LARGEST, OP_COMPRESSED, OP_MSG, OP_QUERY};

/// A length that is possible, a request that answers nothing, and an opcode: hardly anything else.
const SURE: Verdict = Verdict::Yes(250);

pub fn detect(client: &[u8]) -> Verdict {
    let field = |at: usize| Some(u32::from_le_bytes(client.get(at..at + 4)?.try_into().ok()?));
    let fits = |length: u32| (HEADER..=LARGEST).contains(&(length as usize));
    let opcodes = [OP_QUERY, OP_COMPRESSED, OP_MSG].map(|opcode| opcode as u32);
    match (field(0), field(8), field(12)) {
        (Some(length), ..) if !fits(length) => Verdict::No,
        (_, Some(to), _) if to != 0 => Verdict::No,
        (_, _, Some(opcode)) if !opcodes.contains(&opcode) => Verdict::No,
        (Some(_), Some(_), Some(_)) => SURE,
        _ => Verdict::More(client.len() as u32 + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_decides() {
        let header = |fields: [u32; 4]| fields.map(u32::to_le_bytes).concat();
        let hello = header([300, 1, 0, OP_QUERY as u32]);
        for cut in 0..HEADER {
            assert_eq!(detect(&hello[..cut]), Verdict::More(cut as u32 + 1), "{cut}");
        }
        for opcode in [OP_QUERY, OP_COMPRESSED, OP_MSG] {
            assert_eq!(detect(&header([300, 7, 0, opcode as u32])), SURE);
        }
        for other in [[300, 1, 5, OP_MSG as u32], [3, 1, 0, OP_MSG as u32], [300, 1, 0, 2002]] {
            assert_eq!(detect(&header(other)), Verdict::No, "{other:?}");
        }
        assert_eq!(detect(b"GET / HTTP/1.1\r\n"), Verdict::No);
        assert_eq!(detect(b"*1\r\n$4\r\nPING\r\n"), Verdict::No);
    }
}
