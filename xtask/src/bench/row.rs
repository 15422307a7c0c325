//! One figure: what was measured, in each round, and what it should be.

use std::path::Path;

use serde_json::{Value, json};

use crate::command::{Failure, Result, at};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub name: String,
    /// What the numbers are: `of HAProxy`, `us`, `MiB`.
    pub unit: String,
    pub goal: Option<Goal>,
    /// A number a round.
    pub rounds: Vec<f64>,
    /// The same of the peer, when there is one.
    pub peer: Vec<f64>,
    /// How much was recorded, and how much was sent.
    pub counted: Option<(u64, u64)>,
    /// What else is worth knowing: absolute figures, other contenders.
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Row {
    pub fn new(name: impl Into<String>, unit: impl Into<String>, rounds: Vec<f64>) -> Self {
        Self { name: name.into(), unit: unit.into(), rounds, ..Self::default() }
    }

    pub fn at_least(mut self, goal: f64) -> Self {
        self.goal = Some(Goal::AtLeast(goal));
        self
    }

    pub fn at_most(mut self, goal: f64) -> Self {
        self.goal = Some(Goal::AtMost(goal));
        self
    }

    pub fn peer(mut self, rounds: Vec<f64>) -> Self {
        self.peer = rounds;
        self
    }

    pub fn counted(mut self, recorded: u64, sent: u64) -> Self {
        self.counted = Some((recorded, sent));
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// The middle one of the rounds; of an even number, the mean of the middle two. None: nothing was measured.
    pub fn median(&self) -> Option<f64> {
        median(&self.rounds)
    }

    /// None: there is no goal, or nothing was measured.
    pub fn is_met(&self) -> Option<bool> {
        let median = self.median()?;
        Some(match self.goal? {
            Goal::AtLeast(goal) => median >= goal,
            Goal::AtMost(goal) => median <= goal,
        })
    }

    fn to_json(&self) -> Value {
        let goal = self.goal.map(|goal| match goal {
            Goal::AtLeast(goal) => json!({ "at_least": goal }),
            Goal::AtMost(goal) => json!({ "at_most": goal }),
        });
        let counted = self.counted.map(|(recorded, sent)| json!({ "recorded": recorded, "sent": sent }));
        let Self { name, unit, rounds, peer, note, .. } = self;
        json!({ "name": name, "unit": unit, "goal": goal, "median": self.median(), "met": self.is_met(),
            "rounds": rounds, "peer": peer, "counted": counted, "note": note })
    }

    /// None: that is no row.
    fn from_json(row: &Value) -> Option<Self> {
        let text = |name: &str| Some(row[name].as_str()?.to_owned());
        let numbers = |name: &str| row[name].as_array()?.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
        let goal = &row["goal"];
        let goal = goal["at_least"].as_f64().map(Goal::AtLeast).or_else(|| goal["at_most"].as_f64().map(Goal::AtMost));
        let counted = &row["counted"];
        let counted = counted["recorded"].as_u64().zip(counted["sent"].as_u64());
        let (name, unit, note) = (text("name")?, text("unit")?, text("note")?);
        Some(Self { name, unit, goal, rounds: numbers("rounds")?, peer: numbers("peer")?, counted, note })
    }
}

/// None: there are no numbers.
pub fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

/// One row a line. `-` is standard output.
pub fn write(path: &Path, rows: &[Row]) -> Result {
    let lines: String = rows.iter().map(|row| format!("{}\n", row.to_json())).collect();
    if path == Path::new("-") {
        print!("{lines}");
        return Ok(());
    }
    std::fs::write(path, lines).map_err(at(path))
}

/// What [`write`] wrote.
pub fn read(path: &Path) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(path).map_err(at(path))?;
    let row = |line: &str| serde_json::from_str(line).ok().as_ref().and_then(Row::from_json);
    text.lines()
        .map(|line| row(line).ok_or_else(|| Failure::new(format!("{}: {line:?} is no row", path.display()))))
        .collect::<Result<_>>()
        .map_err(|failure| failure.hint("cargo xtask bench --save writes such files"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn a_goal_is_met_by_the_median() {
        let row = Row::new("speed", "of HAProxy", vec![0.8, 0.9, 1.0]);
        assert_eq!(row.is_met(), None);
        assert_eq!(row.clone().at_least(0.9).is_met(), Some(true));
        assert_eq!(row.at_most(0.8).is_met(), Some(false));
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let row = Row::new("a", "us", vec![1.5]).at_most(2.0).counted(3, 4).peer(vec![7.0]).note("n");
        assert_eq!(Row::from_json(&row.to_json()), Some(row));
    }
}
