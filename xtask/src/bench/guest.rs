//! What a parser in its sandbox costs.

use super::figures::{self, Figure};
use super::{Bench, Row};
use crate::command::Result;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let figures = figures::run(&mut bench.program("guest"))?;
    let of = |name: &str| figures::values(&figures, name);
    let mut rows = Vec::new();
    for (size, goal) in [(64, 0.3), (16 << 10, 0.6)] {
        let redis = super::row::median(&of(&format!("guest call Redis {size}"))?).unwrap_or_default();
        let row = Row::new(format!("guest call, {size} B of a body"), "us", of(&format!("guest call Http {size}"))?);
        rows.push(row.at_most(goal).note(format!("HTTP's parser; Redis' {redis:.2} us")));
    }
    for protocol in ["Http", "Redis"] {
        let row =
            Row::new(format!("guest, small {protocol} exchange"), "us", of(&format!("guest exchange {protocol}"))?);
        rows.push(row.note("bytes to documents: two calls, facts and CBOR"));
    }
    let cold: Vec<&Figure> = figures.iter().filter(|figure| figure.name() == "plugin load cold").collect();
    let seconds = cold.iter().map(|figure| figure.value()).collect::<Result<Vec<f64>>>()?;
    let slowest = seconds.iter().copied().fold(0.0, f64::max);
    let all = format!("the slowest of {}; {:.1} s for all", seconds.len(), seconds.iter().sum::<f64>());
    rows.push(Row::new("parser load, cold", "s", vec![slowest]).at_most(1.0).note(all));
    let warm: Vec<f64> = of("plugin load warm")?.iter().map(|seconds| seconds * 1e3).collect();
    rows.push(Row::new("parser load, warm", "ms", warm).at_most(1.0).note("each of all parsers, seven times"));
    rows.push(Row::new("instance for a connection", "us", of("instance Http")?).at_most(50.0));
    Ok(rows)
}
