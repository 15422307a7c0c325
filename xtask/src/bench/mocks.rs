//! Large recordings: what `keploy test` does with them before anything else.

use super::figures;
use super::{Bench, Row};
use crate::command::{Failure, Result, Run};

const MANY: u64 = 1_000_000;
const MANY_QUICKLY: u64 = 100_000;
const FEW: u64 = 1000;

pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let many = if bench.quick { MANY_QUICKLY } else { MANY };
    let folders = [(many, bench.new_folder("many")?), (FEW, bench.new_folder("few")?)];
    for (count, folder) in &folders {
        bench.program("mocks").args(["generate", &count.to_string()]).arg(folder).run_quietly()?;
    }
    let (mut loads, mut memory, mut ratios, mut note) = (Vec::new(), Vec::new(), Vec::new(), String::new());
    for _ in 0..if bench.quick { 1 } else { 3 } {
        let mut looks = Vec::new();
        for (count, folder) in &folders {
            let figures = figures::run(bench.program("mocks").arg("read").arg(folder))?;
            let find = |name: &str| {
                let missing = || Failure::new(format!("`mocks` printed no {name:?}"));
                figures.iter().find(|figure| figure.name() == name).ok_or_else(missing)
            };
            let (load, look) = (find("mocks load")?, find("mocks look-up")?);
            looks.push(look.value()?);
            if *count == many {
                let parts = (load.number("reading")?, load.number("preparing")?);
                note = format!("{:.1} s of it files, {:.1} s parsers and hashes", parts.0, parts.1);
                loads.push(load.value()?);
                memory.push(find("mocks memory")?.value()? / f64::from(1 << 20));
            }
        }
        ratios.push((looks[0] / looks[1], looks[0], looks[1]));
    }
    let (_, slow, fast) = ratios[0];
    let counted = |row: Row| row.counted(many, many);
    Ok(vec![
        counted(Row::new(format!("{many} mocks: load"), "s", loads).at_most(3.0).note(note)),
        counted(Row::new(format!("{many} mocks: peak memory"), "MiB", memory).at_most(1024.0)),
        Row::new(format!("look-up, {many} against {FEW} mocks"), "ratio", ratios.iter().map(|all| all.0).collect())
            .at_most(1.5)
            .note(format!("{slow:.1} us and {fast:.1} us, canonical form and answer included")),
    ])
}
