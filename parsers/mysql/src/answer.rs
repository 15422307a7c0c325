//! A server's answer to one command, packet by packet, as documents.
use keploy_sdk::{Fault, Map, Value};

use crate::{
    capabilities::{
        CLIENT_DEPRECATE_EOF, CLIENT_OPTIONAL_RESULTSET_METADATA, Capabilities, MARIADB_CLIENT_CACHE_METADATA,
        MARIADB_CLIENT_PROGRESS,
    },
    column::Column,
    command::Answer,
    document::{CURSOR_EXISTS, LAST_ROW_SENT, MORE_RESULTS, OUT_PARAMS},
    ending::{self, EOF, ERR, OK, Ok},
    values,
    wire::{Cursor, FRAME},
};

/// The answer that is being read.
pub struct Reader {
    answer: Answer,
    agreed: Capabilities,
    stage: Stage,
    /// Of the result, or of the statement that is executed.
    columns: Vec<Column>,
    /// The document that is being made.
    current: Map,
    rows: Vec<Value>,
    /// All rows of this result, and the bytes of those that are in no document yet.
    row_count: u64,
    row_bytes: usize,
    /// Status flags of this result that were told before its rows only.
    promised: u16,
    /// The status that was told last.
    told: Option<Ok>,
    failed: bool,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    First,
    /// So many columns are to come.
    Columns(u64),
    /// Without CLIENT_DEPRECATE_EOF.
    ColumnsEnd,
    Rows,
    /// COM_STMT_PREPARE: so many parameters are to come, and so many columns behind them.
    Parameters(u16, u16),
    ParametersEnd(u16),
    PreparedColumns(u16),
    PreparedEnd,
}

/// What a packet came to. Documents that are complete are in `replies`.
pub enum Step {
    More,
    /// The server asks for a file of the client's (LOAD DATA LOCAL).
    File(Value),
    Done,
}

/// What an answer meant, for the connection.
#[derive(Default)]
pub struct Outcome {
    pub told: Option<Ok>,
    pub failed: bool,
    pub rows: u64,
    /// Of the last result, or of what was prepared.
    pub columns: Vec<Column>,
    /// COM_STMT_PREPARE: the number of the statement, and how many parameters it has.
    pub prepared: Option<(u32, usize)>,
}

/// Rows go into documents of about so many bytes, so that a long result is never in a guest as a whole.
const BATCH: usize = 1 << 20;
/// The beginning of a progress report, which looks like an error.
const PROGRESS: &[u8] = &[ERR, 0xff, 0xff];
/// From here on, a packet that begins with 0x00 is an OK and no answer without columns' descriptions.
const SHORTEST_OK: usize = 7;

impl Reader {
    /// `columns`: what is known of a statement that is executed.
    pub fn new(answer: Answer, agreed: Capabilities, columns: Vec<Column>) -> Self {
        let stage = match answer {
            Answer::Rows(_) => Stage::Rows,
            Answer::Columns => Stage::Columns(u64::MAX),
            _ => Stage::First,
        };
        Self {
            answer,
            agreed,
            stage,
            columns,
            current: Map::new(),
            rows: Vec::new(),
            row_count: 0,
            row_bytes: 0,
            promised: 0,
            told: None,
            failed: false,
        }
    }

    pub fn take(&mut self, payload: &[u8], replies: &mut Vec<Value>) -> Result<Step, Fault> {
        if payload.starts_with(PROGRESS) && self.agreed.has(MARIADB_CLIENT_PROGRESS) {
            return Result::Ok(Step::More);
        }
        if let Answer::Line = self.answer
            && payload.first() != Some(&ERR)
        {
            replies.push(Map::new().with("line", Value::readable(payload.to_vec())).into());
            return Result::Ok(Step::Done);
        }
        if payload.first() == Some(&ERR) && payload.len() < FRAME {
            return self.error(payload, replies);
        }
        match self.stage {
            Stage::First => self.first(payload, replies),
            Stage::Columns(_) | Stage::Rows if is_eof(payload, self.agreed) => self.end(payload, replies),
            Stage::Columns(left) => {
                self.columns.push(Column::read(payload, self.agreed)?);
                self.stage = match left - 1 {
                    0 if self.agreed.has(CLIENT_DEPRECATE_EOF) => Stage::Rows,
                    0 => Stage::ColumnsEnd,
                    left => Stage::Columns(left),
                };
                Result::Ok(Step::More)
            }
            Stage::ColumnsEnd => {
                let ok = Ok::read_eof(payload, self.agreed)?;
                self.stage = Stage::Rows;
                self.promised = promised(ok.status);
                if ok.status & CURSOR_EXISTS != 0 {
                    return self.end(payload, replies);
                }
                Result::Ok(Step::More)
            }
            Stage::Rows => self.row(payload, replies),
            Stage::Parameters(..) | Stage::ParametersEnd(_) | Stage::PreparedColumns(_) | Stage::PreparedEnd => {
                self.prepared(payload, replies)
            }
        }
    }

    pub fn outcome(self) -> Outcome {
        let number = self.current.get("number").and_then(Value::as_int).and_then(|number| u32::try_from(number).ok());
        let params = self.current.get("params").and_then(Value::as_array).map_or(0, <[Value]>::len);
        let prepared = number.map(|number| (number, params));
        Outcome { told: self.told, failed: self.failed, rows: self.row_count, columns: self.columns, prepared }
    }

    fn first(&mut self, payload: &[u8], replies: &mut Vec<Value>) -> Result<Step, Fault> {
        if let Answer::Prepared(_) = self.answer {
            return self.prepare(payload, replies);
        }
        let optional = self.agreed.has(CLIENT_OPTIONAL_RESULTSET_METADATA);
        match payload.first() {
            Some(&OK) if payload.len() >= SHORTEST_OK || !optional => self.ok(Ok::read(payload, self.agreed)?, replies),
            Some(&EOF) if is_eof(payload, self.agreed) => self.ok(Ok::read_eof(payload, self.agreed)?, replies),
            Some(0xfb) => {
                let file = Value::readable(payload.get(1..).unwrap_or_default().to_vec());
                replies.push(Map::new().with("file", file.clone()).into());
                Result::Ok(Step::File(file))
            }
            _ => {
                let mut packet = Cursor::new("the number of columns", payload);
                let mut described = true;
                if optional {
                    described = packet.u8()? == 1;
                }
                let count = packet.lenenc()?;
                if self.agreed.has(MARIADB_CLIENT_CACHE_METADATA) {
                    described = packet.u8()? == 1;
                }
                self.begin(count, described);
                Result::Ok(Step::More)
            }
        }
    }

    fn begin(&mut self, count: u64, described: bool) {
        if described && count > 0 {
            self.columns.clear();
            self.stage = Stage::Columns(count);
            return;
        }
        // What the statement's preparation said holds on.
        if self.columns.len() as u64 != count {
            self.columns = (0..count.min(4096)).map(|_| Column::unknown()).collect();
        }
        self.stage = if self.agreed.has(CLIENT_DEPRECATE_EOF) { Stage::Rows } else { Stage::ColumnsEnd };
    }

    fn row(&mut self, payload: &[u8], replies: &mut Vec<Value>) -> Result<Step, Fault> {
        let mut packet = Cursor::new("a row", payload);
        let is_binary = matches!(self.answer, Answer::Binary(_) | Answer::Rows(_));
        let row =
            if is_binary { binary_row(&mut packet, &self.columns)? } else { text_row(&mut packet, &self.columns)? };
        self.rows.push(Value::Array(row));
        self.row_count += 1;
        self.row_bytes += payload.len();
        if self.row_bytes >= BATCH {
            let mut batch = Map::new();
            self.put_rows(&mut batch);
            replies.push(batch.into());
        }
        Result::Ok(Step::More)
    }

    /// The columns, unless an earlier document of this result has them, and the rows that are in none.
    fn put_rows(&mut self, into: &mut Map) {
        let is_first = self.row_count == self.rows.len() as u64;
        if is_first && !matches!(self.answer, Answer::Rows(_)) {
            into.insert("columns", self.columns.iter().map(Column::document).collect::<Vec<_>>());
        }
        if !matches!(self.answer, Answer::Columns) {
            into.insert("rows", std::mem::take(&mut self.rows));
        }
        self.row_bytes = 0;
    }

    /// The end of a result.
    fn end(&mut self, payload: &[u8], replies: &mut Vec<Value>) -> Result<Step, Fault> {
        let mut ok = Ok::read_eof(payload, self.agreed)?;
        ok.status |= std::mem::take(&mut self.promised);
        let mut result = Map::new();
        self.put_rows(&mut result);
        ok.put(&mut result);
        replies.push(result.into());
        Result::Ok(self.next(ok))
    }

    fn ok(&mut self, ok: Ok, replies: &mut Vec<Value>) -> Result<Step, Fault> {
        replies.push(ok.document());
        Result::Ok(self.next(ok))
    }

    fn next(&mut self, ok: Ok) -> Step {
        let more = ok.status & MORE_RESULTS != 0 && !matches!(self.answer, Answer::Rows(_));
        self.told = Some(ok);
        if !more {
            return Step::Done;
        }
        self.stage = Stage::First;
        self.row_count = 0;
        Step::More
    }

    fn error(&mut self, payload: &[u8], replies: &mut Vec<Value>) -> Result<Step, Fault> {
        let error = ending::error(payload)?;
        if matches!(self.stage, Stage::Rows) && !matches!(self.answer, Answer::Rows(_)) {
            let mut result = Map::new();
            self.put_rows(&mut result);
            replies.push(result.into());
        }
        replies.push(error);
        self.failed = true;
        Result::Ok(Step::Done)
    }
}

/// COM_STMT_PREPARE.
impl Reader {
    fn prepare(&mut self, payload: &[u8], replies: &mut Vec<Value>) -> Result<Step, Fault> {
        let mut packet = Cursor::new("COM_STMT_PREPARE_OK", payload);
        packet.u8()?;
        let (number, columns, params) = (packet.u32()?, packet.u16()?, packet.u16()?);
        packet.u8()?;
        let warnings = packet.u16()?;
        let described = !self.agreed.has(CLIENT_OPTIONAL_RESULTSET_METADATA) || packet.u8().is_ok_and(|byte| byte == 1);
        self.current = Map::new().with("number", number);
        if warnings != 0 {
            self.current.insert("warnings", warnings);
        }
        self.stage = Stage::Parameters(params, columns);
        if !described {
            let unknown = Column::unknown().document();
            self.current.insert("params", vec![unknown; params.into()]);
            self.stage = Stage::Parameters(0, 0);
        }
        Result::Ok(self.prepared_on(replies))
    }

    fn prepared(&mut self, payload: &[u8], replies: &mut Vec<Value>) -> Result<Step, Fault> {
        match &mut self.stage {
            Stage::Parameters(left, columns) => {
                *left -= 1;
                if *left == 0 && !self.agreed.has(CLIENT_DEPRECATE_EOF) {
                    self.stage = Stage::ParametersEnd(*columns);
                }
                let param = Column::read(payload, self.agreed)?.document();
                match self.current.get_mut("params") {
                    Some(Value::Array(params)) => params.push(param),
                    _ => self.current.insert("params", vec![param]),
                }
            }
            Stage::ParametersEnd(columns) => self.stage = Stage::Parameters(0, *columns),
            Stage::PreparedColumns(left) => {
                *left -= 1;
                if *left == 0 && !self.agreed.has(CLIENT_DEPRECATE_EOF) {
                    self.stage = Stage::PreparedEnd;
                }
                self.columns.push(Column::read(payload, self.agreed)?);
            }
            _ => self.stage = Stage::PreparedColumns(0),
        }
        Result::Ok(self.prepared_on(replies))
    }

    /// What is left to come of it.
    fn prepared_on(&mut self, replies: &mut Vec<Value>) -> Step {
        if let Stage::Parameters(0, columns) = self.stage {
            self.stage = Stage::PreparedColumns(columns);
        }
        if !matches!(self.stage, Stage::PreparedColumns(0)) {
            return Step::More;
        }
        let mut prepared = self.current.clone();
        prepared.remove("number");
        if !self.columns.is_empty() {
            prepared.insert("columns", self.columns.iter().map(Column::document).collect::<Vec<_>>());
        }
        replies.push(Map::new().with("prepared", prepared).into());
        Step::Done
    }
}

/// Whether this ends a result. A row may begin with the same byte, but not a short one.
fn is_eof(payload: &[u8], agreed: Capabilities) -> bool {
    let longest = if agreed.has(CLIENT_DEPRECATE_EOF) { FRAME - 1 } else { 8 };
    payload.first() == Some(&EOF) && payload.len() <= longest
}

/// In a row of the text encoding.
const NULL: u8 = 0xfb;

fn text_row(packet: &mut Cursor, columns: &[Column]) -> Result<Vec<Value>, Fault> {
    let mut row = Vec::with_capacity(columns.len());
    for column in columns {
        row.push(match packet.rest().first() {
            Some(&NULL) => {
                packet.u8()?;
                Value::Null
            }
            _ => values::read_text(column.values(), packet.bytes()?),
        });
    }
    Result::Ok(row)
}

/// Bits of a row's nulls that mean nothing.
pub const NULLS_FROM: usize = 2;

fn binary_row(packet: &mut Cursor, columns: &[Column]) -> Result<Vec<Value>, Fault> {
    packet.u8()?;
    let nulls = packet.take((columns.len() + NULLS_FROM).div_ceil(8))?;
    let mut row = Vec::with_capacity(columns.len());
    for (index, column) in columns.iter().enumerate() {
        let bit = index + NULLS_FROM;
        let is_null = nulls.get(bit / 8).is_some_and(|byte| byte >> (bit % 8) & 1 == 1);
        row.push(if is_null { Value::Null } else { values::read_binary(column.values(), packet)? });
    }
    Result::Ok(row)
}

/// Flags of a result of OUT parameters: without CLIENT_DEPRECATE_EOF, MySQL tells them before the rows, and behind them no
/// more.
fn promised(status: u16) -> u16 {
    if status & OUT_PARAMS != 0 { status & (OUT_PARAMS | MORE_RESULTS) } else { 0 }
}

/// A row's document of more of them, in another document's result.
pub fn is_continued(next: Option<&Value>) -> bool {
    next.is_some_and(|next| next.get("columns").is_none() && next.get("rows").is_some())
}

/// The status of a result's columns' end, without CLIENT_DEPRECATE_EOF: that of its end, except for what only its end
/// can know.
pub fn before_rows(ok: &Ok) -> Ok {
    Ok { status: ok.status & !LAST_ROW_SENT, ..Ok::default() }
}
