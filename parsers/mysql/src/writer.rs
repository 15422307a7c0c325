//! Recorded answers as packets, in the encoding that is asked for now.
use keploy_sdk::{Fault, Value};

use crate::{
    answer::{NULLS_FROM, Outcome, before_rows, is_continued},
    capabilities::{CLIENT_DEPRECATE_EOF, Capabilities},
    column::Column,
    command::Answer,
    document::{CURSOR_EXISTS, Fields, MORE_RESULTS},
    ending::{self, OK, Ok},
    statements::Statements,
    values,
    wire::{Outbox, put_bytes, put_lenenc},
};

pub struct Writer<'a> {
    pub agreed: Capabilities,
    /// As it was told last.
    pub status: u16,
    pub answer: &'a Answer,
    pub statements: &'a mut Statements,
    pub out: &'a mut Outbox,
}

/// What was written. `file`: the client is asked for one.
pub struct Written {
    pub outcome: Outcome,
    pub file: Option<Value>,
}

impl Writer<'_> {
    pub fn write(mut self, responses: &[Value]) -> Result<Written, Fault> {
        let mut written = Written { outcome: Outcome::default(), file: None };
        if let Answer::Rows(number) | Answer::Binary(number) = self.answer {
            let statement = self.statements.get(*number);
            written.outcome.columns = statement.map(|statement| statement.columns.clone()).unwrap_or_default();
        }
        for (index, response) in responses.iter().enumerate() {
            let fields = Fields::new("response", response)?;
            if let Some(error) = fields.get("error") {
                self.out.packet(&ending::write_error(error, self.agreed)?);
                written.outcome.failed = true;
            } else if let Some(ok) = fields.get("ok") {
                let ok = Ok::from_fields(Fields::new("ok", ok)?)?;
                self.out.packet(&ok.write(OK, self.agreed)?);
                written.outcome.told = Some(ok);
            } else if let Some(prepared) = fields.get("prepared") {
                self.prepared(Fields::new("prepared", prepared)?, &mut written.outcome)?;
            } else if let Some(line) = fields.get("line") {
                self.out.packet(line.as_raw().ok_or_else(|| fields.wrong("line", "a text"))?);
            } else if let Some(file) = fields.get("file") {
                let mut packet = vec![0xfb];
                packet.extend_from_slice(file.as_raw().ok_or_else(|| fields.wrong("file", "a text"))?);
                self.out.packet(&packet);
                written.file = Some(file.clone());
            } else {
                self.result(&responses[index..], fields, &mut written.outcome)?;
            }
        }
        Result::Ok(written)
    }

    /// A result, or a part of one: the rest of its rows may be in the documents behind it.
    fn result(&mut self, responses: &[Value], fields: Fields, outcome: &mut Outcome) -> Result<(), Fault> {
        if let Some(list) = fields.get("columns") {
            outcome.columns = read_columns(list)?;
            let mut last = 0;
            while is_continued(responses.get(last + 1)) {
                last += 1;
            }
            let end = Ok::from_fields(Fields::new("response", &responses[last])?)?;
            self.columns(&outcome.columns, &before_rows(&end))?;
        }
        outcome.rows += self.rows(fields, &outcome.columns)?;
        let ok = Ok::from_fields(fields)?;
        let next = responses.get(1);
        let is_cut = ok.status & MORE_RESULTS == 0 && next.is_some_and(|next| next.get("error").is_some());
        let is_fetched = ok.status & CURSOR_EXISTS != 0 && !matches!(self.answer, Answer::Rows(_));
        let is_ended = is_fetched && !self.agreed.has(CLIENT_DEPRECATE_EOF);
        if !is_continued(next) && !is_cut && !is_ended {
            self.out.packet(&ok.write_eof(self.agreed)?);
        }
        outcome.told = Some(ok);
        Result::Ok(())
    }

    fn columns(&mut self, columns: &[Column], end: &Ok) -> Result<(), Fault> {
        if !matches!(self.answer, Answer::Columns) {
            let mut count = Vec::new();
            put_lenenc(&mut count, columns.len() as u64);
            self.out.packet(&count);
        }
        for column in columns {
            self.out.packet(&column.write(self.agreed));
        }
        if !matches!(self.answer, Answer::Columns) && !self.agreed.has(CLIENT_DEPRECATE_EOF) {
            self.out.packet(&end.write_eof(self.agreed)?);
        }
        Result::Ok(())
    }

    fn rows(&mut self, fields: Fields, columns: &[Column]) -> Result<u64, Fault> {
        let rows = fields.get("rows").map_or(Some([].as_slice()), Value::as_array);
        let rows = rows.ok_or_else(|| fields.wrong("rows", "a list"))?;
        let is_binary = matches!(self.answer, Answer::Binary(_) | Answer::Rows(_));
        for row in rows {
            let row = row.as_array().filter(|row| row.len() == columns.len());
            let row = row.ok_or_else(|| fields.wrong("rows", "as many values in each row as there are columns"))?;
            self.out.packet(&if is_binary { binary_row(columns, row)? } else { text_row(columns, row)? });
        }
        Result::Ok(rows.len() as u64)
    }

    fn prepared(&mut self, fields: Fields, outcome: &mut Outcome) -> Result<(), Fault> {
        let list = |name| fields.get(name).map_or(Result::Ok(Vec::new()), read_columns);
        let (params, columns) = (list("params")?, list("columns")?);
        let number = self.statements.number();
        let mut head = vec![OK];
        head.extend(number.to_le_bytes());
        head.extend((columns.len() as u16).to_le_bytes());
        head.extend((params.len() as u16).to_le_bytes());
        head.push(0);
        head.extend(fields.number::<u16>("warnings")?.to_le_bytes());
        self.out.packet(&head);
        for described in [&params, &columns].into_iter().filter(|described| !described.is_empty()) {
            for column in described {
                self.out.packet(&column.write(self.agreed));
            }
            if !self.agreed.has(CLIENT_DEPRECATE_EOF) {
                self.out.packet(&Ok { status: self.status, ..Ok::default() }.write_eof(self.agreed)?);
            }
        }
        outcome.prepared = Some((number, params.len()));
        outcome.columns = columns;
        Result::Ok(())
    }
}

fn read_columns(list: &Value) -> Result<Vec<Column>, Fault> {
    let wrong = || Fault::new("bad-document", format!("columns: expected a list, found {list:?}"));
    list.as_array().ok_or_else(wrong)?.iter().map(Column::from_document).collect()
}

fn text_row(columns: &[Column], row: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut out = Vec::new();
    for (column, value) in columns.iter().zip(row) {
        match value {
            Value::Null => out.push(0xfb),
            value => put_bytes(&mut out, &values::write_text(column.values(), value)?),
        }
    }
    Result::Ok(out)
}

fn binary_row(columns: &[Column], row: &[Value]) -> Result<Vec<u8>, Fault> {
    let mut out = vec![0; 1 + (columns.len() + NULLS_FROM).div_ceil(8)];
    for (index, (column, value)) in columns.iter().zip(row).enumerate() {
        match value {
            Value::Null => {
                let bit = index + NULLS_FROM;
                out[1 + bit / 8] |= 1 << (bit % 8);
            }
            value => values::write_binary(column.values(), value, &mut out)?,
        }
    }
    Result::Ok(out)
}
