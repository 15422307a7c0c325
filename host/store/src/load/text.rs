//! Finding the line that a complaint is about.

/// The line of the entry at `path` in the document that starts at line `start`, or of the deepest part of the path that
/// is there. Only block style is understood; for anything else it is the line of the document.
pub(crate) fn line_of(text: &str, start: usize, path: &[String]) -> usize {
    let mut lines = text.lines().enumerate().skip(start.saturating_sub(1)).peekable();
    let mut found = start;
    let mut path = path.iter();
    let Some(mut key) = path.next() else { return found };
    // The entries of one map stand in one column, which the first of them sets.
    let mut column = None;
    while let Some((number, line)) = lines.next() {
        let entry = line.trim_start();
        if entry.is_empty() || entry.starts_with('#') || (column.is_none() && entry.starts_with("---")) {
            continue;
        }
        let indent = line.len() - entry.len();
        let column = column.get_or_insert(indent);
        if indent < *column || line.starts_with("---") {
            break;
        }
        if indent > *column || !names(entry, key) {
            continue;
        }
        found = number + 1;
        match path.next() {
            Some(next) => key = next,
            None => break,
        }
        let child = lines.peek().map(|(_, line)| line.len() - line.trim_start().len());
        match child {
            Some(child) if child > *column => *column = child,
            _ => break,
        }
    }
    found
}

/// `key: ...`, also with the key in quotes.
fn names(entry: &str, key: &str) -> bool {
    let entry = entry.trim_start_matches(['"', '\'']);
    entry.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# head\nversion: a\nspec:\n  # inside\n  req:\n    body: |\n      app_port: no\n    app_port: x\n  app_port: y\n---\nspec:\n  app_port: z\n";

    fn line(start: usize, path: &str) -> usize {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        line_of(TEXT, start, &path)
    }

    #[test]
    fn entries_are_found_at_their_own_depth() {
        assert_eq!(line(2, "version"), 2);
        assert_eq!(line(2, "spec.app_port"), 9);
        assert_eq!(line(2, "spec.req.app_port"), 8);
        assert_eq!(line(11, "spec.app_port"), 12, "in the document asked for");
    }

    #[test]
    fn what_is_missing_points_to_where_it_belongs() {
        assert_eq!(line(2, "spec.req.none"), 5);
        assert_eq!(line(2, "none"), 2);
    }
}
