//! Records and their text: `name TAB seconds TAB class TAB type TAB data`.
use domain::{
    base::{
        Name, ParsedRecord,
        iana::Rtype,
        name::ToName as _,
        rdata::ComposeRecordData,
        zonefile_fmt::{DisplayKind, ZonefileFmt as _},
    },
    rdata::AllRecordData,
    zonefile::inplace::{Entry, ScannedRecord, Zonefile},
};

use crate::Error;

/// None: the record is damaged, or not one that says something (OPT belongs to the transport).
pub fn to_text(record: &ParsedRecord<'_, [u8]>) -> Option<String> {
    if record.rtype() == Rtype::OPT {
        return None;
    }
    let owner: Name<Vec<u8>> = record.owner().to_name();
    let head = format!("{}\t{}\t{}\t{}", owner.fmt_with_dot(), record.ttl().as_secs(), record.class(), record.rtype());
    let data = record.to_any_record::<AllRecordData<_, _>>().ok()?.into_data();
    let bytes = composed(&data)?;
    let text = format!("{head}\t{}", data.display_zonefile(DisplayKind::Simple));
    // Whatever text does not lead back to the same bytes is no good.
    let is_faithful = from_text(&text).is_ok_and(|again| composed(again.data()).as_ref() == Some(&bytes));
    Some(if is_faithful { text } else { format!("{head}\t{}", opaque(&bytes)) })
}

/// # Errors
/// When the line is not one record, complete in itself.
pub fn from_text(line: &str) -> Result<ScannedRecord, Error> {
    let wrong = |reason: String| Error::Record { line: line.to_owned(), reason };
    let mut zone = Zonefile::from(format!("{line}\n").as_str());
    let first = zone.next_entry().map_err(|error| wrong(error.to_string()))?;
    match (first, zone.next_entry()) {
        (Some(Entry::Record(record)), Ok(None)) => Ok(record),
        _ => Err(wrong("it is not one record".to_owned())),
    }
}

fn composed(data: &impl ComposeRecordData) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    data.compose_rdata(&mut bytes).ok()?;
    Some(bytes)
}

/// RFC 3597, section 5.
fn opaque(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!(" {byte:02x}")).collect();
    format!("\\# {}{hex}", bytes.len())
}
