//! Rows, as people read them.

use super::row::{Goal, Row, median};

/// A line a row; `before`: rows of another commit.
pub fn of(rows: &[Row], before: Option<&[Row]>) -> String {
    let has_peer = rows.iter().any(|row| !row.peer.is_empty());
    let mut lines = vec![head(has_peer, before.is_some())];
    lines.extend(rows.iter().map(|row| line(row, has_peer, before)));
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let padded = |line: &Vec<String>| {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    lines.iter().map(padded).collect()
}

fn head(has_peer: bool, has_before: bool) -> Vec<String> {
    let mut head = vec!["figure", "median", "least .. most", "unit", "goal", "", "recorded / sent"];
    head.extend(has_peer.then_some("peer"));
    head.extend(has_before.then_some("now / before"));
    head.push("note");
    head.into_iter().map(str::to_owned).collect()
}

fn line(row: &Row, has_peer: bool, before: Option<&[Row]>) -> Vec<String> {
    let (least, most) = row.rounds.iter().fold((f64::MAX, f64::MIN), |(l, m), &n| (l.min(n), m.max(n)));
    let spread = if row.rounds.len() > 1 { format!("{} .. {}", short(least), short(most)) } else { String::new() };
    let goal = match row.goal {
        Some(Goal::AtLeast(goal)) => format!(">= {}", short(goal)),
        Some(Goal::AtMost(goal)) => format!("<= {}", short(goal)),
        None => String::new(),
    };
    let met = match row.is_met() {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    let counted = row.counted.map(|(recorded, sent)| format!("{recorded} / {sent}")).unwrap_or_default();
    let number = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), short);
    let mut line =
        vec![row.name.clone(), number(row.median()), spread, row.unit.clone(), goal, met.to_owned(), counted];
    line.extend(has_peer.then(|| median(&row.peer).map(short).unwrap_or_default()));
    line.extend(before.map(|before| since(row, before)));
    line.push(row.note.clone());
    line
}

/// The ratio of the medians.
fn since(row: &Row, before: &[Row]) -> String {
    let same = before.iter().find(|before| before.name == row.name);
    let ratio = same.and_then(Row::median).zip(row.median()).map(|(before, now)| now / before);
    ratio.filter(|ratio| ratio.is_finite()).map(|ratio| format!("{ratio:.2}")).unwrap_or_default()
}

/// Three digits that count.
pub fn short(number: f64) -> String {
    match number.abs() {
        n if n >= 99.95 => format!("{number:.0}"),
        n if n >= 9.995 => format!("{number:.1}"),
        n if n >= 0.0995 || n == 0.0 => format!("{number:.2}"),
        _ => format!("{number:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_shows_its_spread_its_goal_and_what_it_was() {
        let now = [Row::new("keep-alive", "of HAProxy", vec![0.5, 0.9, 0.7]).at_least(0.9).counted(10, 11)];
        let before = [Row::new("keep-alive", "of HAProxy", vec![0.35])];
        let table = of(&now, Some(&before));
        let line = table.lines().nth(1).expect("a line a row");
        let words: Vec<&str> = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        assert_eq!(words, ["keep-alive", "0.70", "0.50 .. 0.90", "of HAProxy", ">= 0.90", "MISSED", "10 / 11", "2.00"]);
    }
}
