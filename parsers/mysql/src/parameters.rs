//! What is sent with a statement: parameters of a prepared one, and query attributes.
use std::collections::BTreeMap;

use keploy_sdk::{Fault, Map, Value};

use crate::{
    kind,
    values::{self, Type},
    wire::Cursor,
};

/// Types as they were last sent; names when query attributes were agreed on.
pub type Types = Vec<(Type, Vec<u8>)>;

/// What stands in a row of values.
pub struct Given {
    pub params: Vec<Value>,
    pub attributes: Map,
}

/// The parameters of COM_STMT_EXECUTE and COM_QUERY: nulls, types where they are sent, values.
///
/// `own` of them belong to the statement, the rest are attributes. `types` are those of the last time, and are set;
/// `long` has the values that were sent before.
pub fn read(
    packet: &mut Cursor,
    count: usize,
    own: usize,
    named: bool,
    types: &mut Types,
    long: &BTreeMap<u16, Vec<u8>>,
) -> Result<Given, Fault> {
    let mut given = Given { params: Vec::new(), attributes: Map::new() };
    if count == 0 {
        return Ok(given);
    }
    let nulls = packet.take(count.div_ceil(8))?;
    if packet.u8()? == 1 {
        types.clear();
        for _ in 0..count {
            let kind = read_type(packet)?;
            let name = if named { packet.bytes()?.to_vec() } else { Vec::new() };
            types.push((kind, name));
        }
    }
    if types.len() < count {
        return Err(packet.wrong("types of all parameters, now or earlier"));
    }
    for (index, (kind, name)) in types.iter().enumerate().take(count) {
        let is_null = nulls.get(index / 8).is_some_and(|byte| byte >> (index % 8) & 1 == 1);
        let sent_before = u16::try_from(index).ok().and_then(|index| long.get(&index));
        let value = match sent_before {
            Some(data) => Value::readable(data.clone()),
            None if is_null => Value::Null,
            None => values::read_parameter(*kind, packet)?,
        };
        if index < own {
            given.params.push(value);
        } else {
            given.attributes.insert(String::from_utf8_lossy(name), value);
        }
    }
    Ok(given)
}

/// The rows of MariaDB's COM_STMT_BULK_EXECUTE.
pub fn read_bulk(packet: &mut Cursor, count: usize, types: &mut Types, sends_types: bool) -> Result<Value, Fault> {
    if sends_types {
        types.clear();
        for _ in 0..count {
            types.push((read_type(packet)?, Vec::new()));
        }
    }
    if types.len() < count || count == 0 {
        return Err(packet.wrong("types of all parameters, now or earlier"));
    }
    let mut rows = Vec::new();
    while !packet.is_empty() {
        let mut row = Vec::with_capacity(count);
        for (kind, _) in types.iter().take(count) {
            row.push(match packet.u8()? {
                0 => values::read_parameter(*kind, packet)?,
                1 => Value::Null,
                2 => Map::new().with("use", "default").into(),
                3 => Map::new().with("use", "nothing").into(),
                _ => return Err(packet.wrong("an indicator from 0 to 3")),
            });
        }
        rows.push(Value::Array(row));
    }
    Ok(Value::Array(rows))
}

fn read_type(packet: &mut Cursor) -> Result<Type, Fault> {
    let (number, flags) = (packet.u8()?, packet.u8()?);
    Ok(Type::parameter(number, flags & 0x80 != 0 && number != kind::NULL))
}
