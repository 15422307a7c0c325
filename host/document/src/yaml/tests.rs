use crate::{Map, Value, yaml::*};

#[test]
fn reads_back_what_it_writes() {
    let document = Value::Map(
        Map::new()
            .with("version", "api.keploy.io/v1beta1")
            .with("body", "{\n  \"a\": 1\n}\n")
            .with("bytes", vec![0, 255])
            .with("list", vec![Value::Null, 1.5.into(), Value::Array(vec![])]),
    );
    let text = emit(&document);
    assert_eq!(
        text,
        "version: api.keploy.io/v1beta1\nbody: |\n  {\n    \"a\": 1\n  }\nbytes: !!binary AP8=\nlist:\n  - null\n  - 1.5\n  - []\n"
    );
    assert_eq!(parse_one(&text), Ok(document));
}
