//! A section of a transcript, read: the steps of one connection, and what is expected of them.
use keploy_sdk::{Side, Value};

use crate::{
    expect,
    markdown::{Block, Section},
};

/// One thing that happens on a wire.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Bytes {
        from: Side,
        data: Vec<u8>,
        /// Sent only after everything before it has been answered.
        after: bool,
    },
    End(Side),
}

pub struct Case {
    pub name: String,
    pub line: usize,
    pub config: Value,
    pub steps: Vec<Step>,
    pub expect: Option<Block>,
    /// What we write to the client in the server's place.
    pub mock: Option<Vec<u8>>,
    /// What we write to the server in the client's place.
    pub drive: Option<Vec<u8>>,
    /// The server ends before the client does, so a mock has to.
    pub server_ends: bool,
    /// The line index behind the last wire block, where a new expect block goes.
    pub behind: usize,
}

impl Case {
    /// A section without wire blocks is prose.
    pub fn read(section: Section) -> Result<Option<Self>, String> {
        let mut case = Self {
            name: section.heading,
            line: section.line,
            config: Value::Null,
            steps: Vec::new(),
            expect: None,
            mock: None,
            drive: None,
            server_ends: false,
            behind: 0,
        };
        for block in section.blocks {
            case.add(&block).map_err(|error| format!("line {}: {error}", block.start))?;
        }
        case.server_ends = case.steps.contains(&Step::End(Side::Server));
        for side in [Side::Client, Side::Server] {
            if !case.steps.contains(&Step::End(side)) {
                case.steps.push(Step::End(side));
            }
        }
        Ok((case.behind > 0).then_some(case))
    }

    fn add(&mut self, block: &Block) -> Result<(), String> {
        let Some((name, words)) = block.words.split_first() else { return Ok(()) };
        match name.as_str() {
            "client" => self.wire(Side::Client, block, words),
            "server" => self.wire(Side::Server, block, words),
            "expect" => once(&mut self.expect, block.clone()),
            "mock" => once(&mut self.mock, bytes(block, words)?),
            "drive" => once(&mut self.drive, bytes(block, words)?),
            "config" => {
                self.config = expect::document(&block.lines.join("\n"))?;
                Ok(())
            }
            _ => Ok(()), // an example in the prose
        }
    }

    fn wire(&mut self, from: Side, block: &Block, words: &[String]) -> Result<(), String> {
        let data = bytes(block, words)?;
        if !data.is_empty() {
            self.steps.push(Step::Bytes { from, data, after: words.iter().any(|word| word == "after") });
        }
        if words.iter().any(|word| word == "end") {
            self.steps.push(Step::End(from));
        }
        self.behind = block.start + block.lines.len() + 1;
        Ok(())
    }

    /// All bytes of one side.
    pub fn sent(&self, side: Side) -> Vec<u8> {
        sent(&self.steps, side)
    }
}

/// All bytes of one side.
pub fn sent(steps: &[Step], side: Side) -> Vec<u8> {
    let mut all = Vec::new();
    for step in steps {
        if let Step::Bytes { from, data, .. } = step
            && *from == side
        {
            all.extend_from_slice(data);
        }
    }
    all
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), String> {
    if slot.replace(value).is_some() { Err("a second block of this name in one case".into()) } else { Ok(()) }
}

/// The bytes a wire block stands for.
fn bytes(block: &Block, words: &[String]) -> Result<Vec<u8>, String> {
    if let Some(unknown) = words.iter().find(|word| !["raw", "after", "end"].contains(&word.as_str())) {
        return Err(format!("unknown word `{unknown}` behind the block's name; known: raw, after, end"));
    }
    let line_end: &[u8] = if words.iter().any(|word| word == "raw") { b"" } else { b"\r\n" };
    let mut all = Vec::new();
    for line in &block.lines {
        // Backslashes in pairs are backslashes; one more at the end takes the line end away.
        let open = (line.len() - line.trim_end_matches('\\').len()) % 2 == 1;
        all.extend(unescape(if open { &line[..line.len() - 1] } else { line })?);
        all.extend_from_slice(if open { b"" } else { line_end });
    }
    Ok(all)
}

/// Reads `\r`, `\n`, `\t`, `\\` and `\xNN`.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        all.extend_from_slice(plain.as_bytes());
        let (byte, length) = match escape.as_bytes() {
            [b'r', ..] => (b'\r', 1),
            [b'n', ..] => (b'\n', 1),
            [b't', ..] => (b'\t', 1),
            [b'\\', ..] => (b'\\', 1),
            [b'x', ..] => {
                let byte = escape.get(1..3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                (byte.ok_or_else(|| format!("`\\{escape}`: \\x wants two hex digits"))?, 3)
            }
            _ => return Err(format!("`\\{escape}`: not an escape; known: \\r \\n \\t \\\\ \\xNN")),
        };
        all.push(byte);
        rest = &escape[length..];
    }
    all.extend_from_slice(rest.as_bytes());
    Ok(all)
}

/// The inverse of [`unescape`], on one line.
pub fn escape(data: &[u8]) -> String {
    let mut out = String::new();
    for chunk in data.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => out.push_str("\\r"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                c if c.is_control() => c.to_string().bytes().for_each(|byte| out.push_str(&format!("\\x{byte:02x}"))),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}
