//! The types that come with every server: names, sizes, and how their values are read.
//!
//! Numbers are PostgreSQL's own (`src/include/catalog/pg_type.dat`); they have not changed since they were given.

/// How a type's values look on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    Int(u8),
    Float4,
    Float8,
    Numeric,
    Money,
    /// An unsigned number; as text it may be a name, which only the server could look up.
    Oid,
    /// The same bytes in both formats: text, or whatever no other kind knows.
    Same,
    Jsonb,
    Bytea,
    Uuid,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Network,
    Mac,
    Bits,
    Point,
    Range,
    Multirange,
}

/// A type of the catalogue.
#[derive(Debug)]
pub struct Type {
    pub oid: u32,
    pub name: &'static str,
    /// Bytes of a value, or negative.
    pub size: i16,
    pub kind: Kind,
    /// The type of arrays of it.
    pub array: u32,
    /// What a range or multirange is made of.
    pub part: u32,
}

const fn of(oid: u32, name: &'static str, size: i16, kind: Kind, array: u32) -> Type {
    Type { oid, name, size, kind, array, part: 0 }
}
const fn range(oid: u32, name: &'static str, kind: Kind, array: u32, part: u32) -> Type {
    Type { oid, name, size: -1, kind, array, part }
}

/// By number.
static TYPES: [Type; 73] = [
    of(16, "bool", 1, Kind::Bool, 1000),
    of(17, "bytea", -1, Kind::Bytea, 1001),
    of(18, "char", 1, Kind::Same, 1002),
    of(19, "name", 64, Kind::Same, 1003),
    of(20, "int8", 8, Kind::Int(8), 1016),
    of(21, "int2", 2, Kind::Int(2), 1005),
    of(22, "int2vector", -1, Kind::Same, 1006),
    of(23, "int4", 4, Kind::Int(4), 1007),
    of(24, "regproc", 4, Kind::Oid, 1008),
    of(25, "text", -1, Kind::Same, 1009),
    of(26, "oid", 4, Kind::Oid, 1028),
    of(27, "tid", 6, Kind::Same, 1010),
    of(28, "xid", 4, Kind::Oid, 1011),
    of(29, "cid", 4, Kind::Oid, 1012),
    of(30, "oidvector", -1, Kind::Same, 1013),
    of(114, "json", -1, Kind::Same, 199),
    of(142, "xml", -1, Kind::Same, 143),
    of(194, "pg_node_tree", -1, Kind::Same, 0),
    of(600, "point", 16, Kind::Point, 1017),
    of(601, "lseg", 32, Kind::Same, 1018),
    of(602, "path", -1, Kind::Same, 1019),
    of(603, "box", 32, Kind::Same, 1020),
    of(604, "polygon", -1, Kind::Same, 1027),
    of(628, "line", 24, Kind::Same, 629),
    of(650, "cidr", -1, Kind::Network, 651),
    of(700, "float4", 4, Kind::Float4, 1021),
    of(701, "float8", 8, Kind::Float8, 1022),
    of(705, "unknown", -2, Kind::Same, 0),
    of(718, "circle", 24, Kind::Same, 719),
    of(774, "macaddr8", 8, Kind::Mac, 775),
    of(790, "money", 8, Kind::Money, 791),
    of(829, "macaddr", 6, Kind::Mac, 1040),
    of(869, "inet", -1, Kind::Network, 1041),
    of(1033, "aclitem", 12, Kind::Same, 1034),
    of(1042, "bpchar", -1, Kind::Same, 1014),
    of(1043, "varchar", -1, Kind::Same, 1015),
    of(1082, "date", 4, Kind::Date, 1182),
    of(1083, "time", 8, Kind::Time, 1183),
    of(1114, "timestamp", 8, Kind::Timestamp, 1115),
    of(1184, "timestamptz", 8, Kind::TimestampTz, 1185),
    of(1186, "interval", 16, Kind::Interval, 1187),
    of(1266, "timetz", 12, Kind::TimeTz, 1270),
    of(1560, "bit", -1, Kind::Bits, 1561),
    of(1562, "varbit", -1, Kind::Bits, 1563),
    of(1700, "numeric", -1, Kind::Numeric, 1231),
    of(1790, "refcursor", -1, Kind::Same, 2201),
    of(2202, "regprocedure", 4, Kind::Oid, 2207),
    of(2205, "regclass", 4, Kind::Oid, 2210),
    of(2206, "regtype", 4, Kind::Oid, 2211),
    of(2249, "record", -1, Kind::Same, 2287),
    of(2275, "cstring", -2, Kind::Same, 1263),
    of(2278, "void", 4, Kind::Same, 0),
    of(2950, "uuid", 16, Kind::Uuid, 2951),
    of(3220, "pg_lsn", 8, Kind::Same, 3221),
    of(3614, "tsvector", -1, Kind::Same, 3643),
    of(3615, "tsquery", -1, Kind::Same, 3645),
    of(3802, "jsonb", -1, Kind::Jsonb, 3807),
    range(3904, "int4range", Kind::Range, 3905, 23),
    range(3906, "numrange", Kind::Range, 3907, 1700),
    range(3908, "tsrange", Kind::Range, 3909, 1114),
    range(3910, "tstzrange", Kind::Range, 3911, 1184),
    range(3912, "daterange", Kind::Range, 3913, 1082),
    range(3926, "int8range", Kind::Range, 3927, 20),
    of(4072, "jsonpath", -1, Kind::Same, 4073),
    of(4089, "regnamespace", 4, Kind::Oid, 4090),
    of(4096, "regrole", 4, Kind::Oid, 4097),
    range(4451, "int4multirange", Kind::Multirange, 6150, 3904),
    range(4532, "nummultirange", Kind::Multirange, 6151, 3906),
    range(4533, "tsmultirange", Kind::Multirange, 6152, 3908),
    range(4534, "tstzmultirange", Kind::Multirange, 6153, 3910),
    range(4535, "datemultirange", Kind::Multirange, 6155, 3912),
    range(4536, "int8multirange", Kind::Multirange, 6157, 3926),
    of(5069, "xid8", 8, Kind::Same, 271),
];

/// The type of that number, when it is not an array.
pub fn find(oid: u32) -> Option<&'static Type> {
    TYPES.binary_search_by_key(&oid, |found| found.oid).ok().and_then(|at| TYPES.get(at))
}

/// What an array of that number holds.
pub fn element(array: u32) -> Option<&'static Type> {
    // The types of one database begin behind the catalogue's.
    (1..16_384).contains(&array).then(|| TYPES.iter().find(|found| found.array == array))?
}

/// `int4`, `int4[]`, or the number when the database's own types begin there.
pub fn name(oid: u32) -> Option<String> {
    match (find(oid), element(oid)) {
        (Some(found), _) => Some(found.name.to_owned()),
        (_, Some(element)) => Some(format!("{}[]", element.name)),
        _ => None,
    }
}

pub fn by_name(name: &str) -> Option<u32> {
    match name.strip_suffix("[]") {
        Some(element) => TYPES.iter().find(|found| found.name == element).map(|found| found.array),
        None => TYPES.iter().find(|found| found.name == name).map(|found| found.oid),
    }
}

/// Bytes of a value as `RowDescription` says them.
pub fn size(oid: u32) -> i16 {
    find(oid).map_or(-1, |found| found.size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_lead_back() {
        assert!(TYPES.is_sorted_by_key(|found| found.oid));
        for found in &TYPES {
            assert_eq!(by_name(found.name), Some(found.oid));
            if found.array != 0 {
                assert_eq!(name(found.array).as_deref().and_then(by_name), Some(found.array), "{}", found.name);
            }
        }
    }
}
