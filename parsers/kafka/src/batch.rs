//! Record batches: <https://kafka.apache.org/documentation/#recordbatch>. Documents show records; a mock writes them
//! uncompressed, whatever they were.
//!
//! ```yaml
//! - offset: 17                # of the first
//!   codec: gzip
//!   producer: {id: 1, epoch: 0, sequence: 3}
//!   transactional: true
//!   control: true             # a mark of a transaction's end, for clients only
//!   lastOffset: 19            # when records in between are gone
//!   records:
//!   - {timestamp: 1700000000000, key: k, value: v, headers: {h: x}}
//! ```
use keploy_sdk::{Fault, Map, Session, Value};

use crate::wire::{Reader, put_nullable_bytes, put_signed};

const MAGIC: i8 = 2;
const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
/// Leader epoch, magic and checksum.
const BEFORE_CHECKED: usize = 9;
/// Records of one batch, unpacked.
const LARGEST: u64 = 24 << 20;

/// All whole batches; a broker may cut the last one off.
pub fn read_all(host: &dyn Session, bytes: &[u8]) -> Result<Vec<Value>, Fault> {
    let mut reader = Reader(bytes);
    let mut batches = Vec::new();
    while let (Some(offset), Some(length)) = (reader.i64(), reader.i32()) {
        let Some(batch) = usize::try_from(length).ok().and_then(|length| reader.bytes(length)) else { break };
        batches.push(read(host, offset, batch)?.into());
    }
    Ok(batches)
}

fn read(host: &dyn Session, offset: i64, batch: &[u8]) -> Result<Map, Fault> {
    let broken = || Fault::new("bad-batch", format!("the record batch at offset {offset} cannot be read"));
    let mut reader = Reader(batch);
    let (_leader_epoch, magic, _checksum) =
        (reader.i32().ok_or_else(broken)?, reader.i8().ok_or_else(broken)?, reader.i32().ok_or_else(broken)?);
    if magic != MAGIC {
        return Err(Fault::new("old-batch", format!("records of format {magic}; only format 2 (Kafka 0.11) is read")));
    }
    let head = Head::read(&mut reader).ok_or_else(broken)?;
    let codec = *CODECS.get(usize::from(head.attributes.unsigned_abs() & 7)).ok_or_else(broken)?;
    let unpacked = unpack(host, codec, reader.0)?;
    let mut reader = Reader(&unpacked);
    let records = (0..head.count).map(|n| read_record(&mut reader, n, &head)).collect::<Option<Vec<_>>>();
    let records = records.filter(|_| reader.0.is_empty()).ok_or_else(broken)?;

    let mut map = Map::new().with("offset", Value::Int(offset.into()));
    if codec != "none" {
        map.insert("codec", codec);
    }
    let flags = [("logAppendTime", LOG_APPEND_TIME), ("transactional", TRANSACTIONAL), ("control", CONTROL)];
    for (name, _) in flags.into_iter().filter(|(_, flag)| head.attributes & flag != 0) {
        map.insert(name, true);
    }
    if head.attributes & LOG_APPEND_TIME != 0 {
        map.insert("appended", Value::Int(head.max_timestamp.into()));
    }
    if head.producer >= 0 {
        let producer = Map::new().with("id", Value::Int(head.producer.into()));
        let producer = producer.with("epoch", Value::Int(head.epoch.into()));
        map.insert("producer", producer.with("sequence", Value::Int(head.sequence.into())));
    }
    if head.last_delta != head.count - 1 {
        map.insert("lastOffset", Value::Int(i128::from(offset) + i128::from(head.last_delta)));
    }
    map.insert("records", Value::Array(records));
    Ok(map)
}

struct Head {
    attributes: i16,
    last_delta: i32,
    base_timestamp: i64,
    max_timestamp: i64,
    producer: i64,
    epoch: i16,
    sequence: i32,
    count: i32,
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            attributes: reader.i16()?,
            last_delta: reader.i32()?,
            base_timestamp: reader.i64()?,
            max_timestamp: reader.i64()?,
            producer: reader.i64()?,
            epoch: reader.i16()?,
            sequence: reader.i32()?,
            count: reader.i32()?,
        })
    }
}

fn read_record(reader: &mut Reader<'_>, n: i32, head: &Head) -> Option<Value> {
    let length = usize::try_from(reader.signed()?).ok()?;
    let mut record = Reader(reader.bytes(length)?);
    let _attributes = record.i8()?;
    let timestamp = head.base_timestamp.checked_add(record.signed()?)?;
    let delta = record.signed()?;
    let mut map = Map::new();
    if delta != i64::from(n) {
        map.insert("offsetDelta", Value::Int(delta.into()));
    }
    map.insert("timestamp", Value::Int(timestamp.into()));
    for name in ["key", "value"] {
        map.insert(name, record.nullable_bytes()?.map_or(Value::Null, |bytes| Value::readable(bytes.to_vec())));
    }
    let count = record.signed()?;
    let headers = (0..count).map(|_| {
        let name = String::from_utf8(record.nullable_bytes()??.to_vec()).ok()?;
        let value = record.nullable_bytes()?.map_or(Value::Null, |bytes| Value::readable(bytes.to_vec()));
        Some((name, value))
    });
    let headers = headers.collect::<Option<Vec<_>>>()?;
    if !headers.is_empty() {
        map.insert("headers", headers_document(headers));
    }
    record.0.is_empty().then(|| map.into())
}

/// A map; a list of maps when a name comes twice.
fn headers_document(headers: Vec<(String, Value)>) -> Value {
    match Map::from_entries(headers.clone()) {
        Ok(map) => map.into(),
        Err(_) => Value::Array(headers.into_iter().map(|(name, value)| Map::new().with(name, value).into()).collect()),
    }
}

fn unpack(host: &dyn Session, codec: &str, data: &[u8]) -> Result<Vec<u8>, Fault> {
    let failed =
        |error: String| Fault::new("bad-compression", format!("records in {codec} cannot be unpacked: {error}"));
    match codec {
        "none" => Ok(data.to_vec()),
        "gzip" | "zstd" => host.decode(codec, data, LARGEST).map_err(failed),
        "snappy" => unpack_snappy(data).map_err(failed),
        _ => {
            let mut unpacked = Vec::new();
            let mut decoder = std::io::Read::take(lz4_flex::frame::FrameDecoder::new(data), LARGEST);
            std::io::Read::read_to_end(&mut decoder, &mut unpacked).map_err(|error| failed(error.to_string()))?;
            Ok(unpacked)
        }
    }
}

/// As it is, or in the blocks of snappy-java.
fn unpack_snappy(data: &[u8]) -> Result<Vec<u8>, String> {
    const JAVA: &[u8] = b"\x82SNAPPY\x00";
    let unpack = |data: &[u8]| {
        let size = snap::raw::decompress_len(data).map_err(|error| error.to_string())?;
        if size as u64 > LARGEST {
            return Err(format!("{size} bytes are too many"));
        }
        snap::raw::Decoder::new().decompress_vec(data).map_err(|error| error.to_string())
    };
    let Some(blocks) = data.strip_prefix(JAVA) else { return unpack(data) };
    let mut reader = Reader(blocks);
    let mut all = Vec::new();
    // Two version numbers.
    reader.bytes(8).ok_or("it ends too early")?;
    while !reader.0.is_empty() {
        let size = reader.i32().and_then(|size| usize::try_from(size).ok()).ok_or("it ends too early")?;
        all.extend(unpack(reader.bytes(size).ok_or("it ends too early")?)?);
    }
    Ok(all)
}

/// `None`: they are not batches that were read.
pub fn write_all(batches: &[Value]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    batches.iter().try_for_each(|batch| write(&mut out, batch.as_map()?))?;
    Some(out)
}

fn write(out: &mut Vec<u8>, batch: &Map) -> Option<()> {
    let number = |map: &Map, name: &str| map.get(name).and_then(Value::as_int).and_then(|n| i64::try_from(n).ok());
    let offset = number(batch, "offset")?;
    let records = batch.get("records")?.as_array()?;
    let times: Vec<i64> = records.iter().filter_map(|record| number(record.as_map()?, "timestamp")).collect();
    let base_timestamp = times.first().copied().unwrap_or_default();
    let is = |name: &str| batch.get(name) == Some(&Value::Bool(true));
    let flags = [("logAppendTime", LOG_APPEND_TIME), ("transactional", TRANSACTIONAL), ("control", CONTROL)];
    let attributes: i16 = flags.iter().filter(|(name, _)| is(name)).map(|(_, flag)| flag).sum();
    let count = i32::try_from(records.len()).ok()?;
    let last_delta = match number(batch, "lastOffset") {
        Some(last) => i32::try_from(last.checked_sub(offset)?).ok()?,
        None => count - 1,
    };
    let max_timestamp = number(batch, "appended").or(times.iter().max().copied()).unwrap_or_default();
    let producer = batch.get("producer").and_then(Value::as_map);
    let of_producer = |name: &str| producer.map_or(Some(-1), |producer| number(producer, name));

    let mut checked = Vec::new();
    checked.extend(attributes.to_be_bytes());
    checked.extend(last_delta.to_be_bytes());
    checked.extend(base_timestamp.to_be_bytes());
    checked.extend(max_timestamp.to_be_bytes());
    checked.extend(of_producer("id")?.to_be_bytes());
    checked.extend(i16::try_from(of_producer("epoch")?).ok()?.to_be_bytes());
    checked.extend(i32::try_from(of_producer("sequence")?).ok()?.to_be_bytes());
    checked.extend(count.to_be_bytes());
    for (n, record) in records.iter().enumerate() {
        write_record(&mut checked, n, record.as_map()?, base_timestamp)?;
    }
    out.extend(offset.to_be_bytes());
    out.extend(i32::try_from(BEFORE_CHECKED + checked.len()).ok()?.to_be_bytes());
    out.extend(0_i32.to_be_bytes());
    out.extend(MAGIC.to_be_bytes());
    out.extend(crc32c::crc32c(&checked).to_be_bytes());
    out.extend(checked);
    Some(())
}

fn write_record(out: &mut Vec<u8>, n: usize, record: &Map, base_timestamp: i64) -> Option<()> {
    let number = |name: &str| record.get(name).and_then(Value::as_int).and_then(|n| i64::try_from(n).ok());
    let mut bytes = vec![0]; // no attributes
    put_signed(&mut bytes, number("timestamp")?.checked_sub(base_timestamp)?);
    put_signed(&mut bytes, number("offsetDelta").or(i64::try_from(n).ok())?);
    for name in ["key", "value"] {
        put_nullable_bytes(&mut bytes, record.get(name).and_then(Value::as_raw));
    }
    let headers: Vec<(&str, &Value)> = match record.get("headers") {
        None => Vec::new(),
        Some(Value::Map(map)) => map.iter().collect(),
        Some(list) => list.as_array()?.iter().filter_map(Value::as_map).flat_map(Map::iter).collect(),
    };
    put_signed(&mut bytes, i64::try_from(headers.len()).ok()?);
    for (name, value) in headers {
        put_nullable_bytes(&mut bytes, Some(name.as_bytes()));
        put_nullable_bytes(&mut bytes, value.as_raw());
    }
    put_nullable_bytes(out, Some(&bytes));
    Some(())
}

#[cfg(test)]
mod tests {
    use keploy_sdk::testing::Recorder;
    use proptest::prelude::*;

    use super::*;

    fn text() -> impl Strategy<Value = Value> {
        prop_oneof![Just(Value::Null), "[a-z]{0,8}".prop_map(Value::from)]
    }

    fn record() -> impl Strategy<Value = Value> {
        (text(), text(), -1000_i64..1000, prop::collection::btree_map("[a-z]{1,3}", text(), 0..3)).prop_map(
            |(key, value, time, headers)| {
                let timestamp = Value::Int(i128::from(1_700_000_000_000 + time));
                let mut record = Map::new().with("timestamp", timestamp).with("key", key).with("value", value);
                if !headers.is_empty() {
                    record.insert("headers", headers.into_iter().collect::<Map>());
                }
                record.into()
            },
        )
    }

    proptest! {
        #[test]
        fn batches_come_back(records in prop::collection::vec(record(), 1..5), offset in 0_i64..1_000_000) {
            let producer = Map::new().with("id", 7).with("epoch", 0).with("sequence", 3);
            let batch = Map::new().with("offset", Value::Int(offset.into())).with("producer", producer);
            let batch: Value = batch.with("records", Value::Array(records)).into();
            let bytes = write_all(std::slice::from_ref(&batch)).expect("it can be written");
            prop_assert_eq!(read_all(&Recorder::new(), &bytes).expect("it can be read"), vec![batch]);
        }

        #[test]
        fn whatever_comes_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _either_is_fine = read_all(&Recorder::new(), &bytes);
        }
    }
}
