//! Texts as they are compared.
use super::{Token, tokens};

/// White space and semicolons around it carry no meaning. Neither do the numbers in names that drivers make up for
/// savepoints, cursors and statements: they count over a whole process, or name a thread, and so depend on what ran before.
pub fn canonical(text: &str) -> String {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == ';');
    let mut words = tokens::read(text).take_while(|token| *token != Token::Symbol(';'));
    let verb = words.next().as_ref().and_then(Token::keyword).unwrap_or_default();
    let name = match verb.as_str() {
        "DECLARE" | "PREPARE" | "EXECUTE" => words.next(),
        "SAVEPOINT" | "RELEASE" | "FETCH" | "MOVE" | "CLOSE" => words.last(),
        "ROLLBACK" => words.skip_while(|word| word.keyword().as_deref() != Some("TO")).last(),
        // What a driver forgets, and when, depends on how full its cache is.
        "DEALLOCATE" => {
            let all = words.last().and_then(|word| word.keyword()).is_some_and(|word| word == "ALL");
            return if all { "DEALLOCATE ALL" } else { "DEALLOCATE" }.to_owned();
        }
        _ => None,
    };
    let Some(Token::Word(name) | Token::Quoted(name)) = name else { return text.to_owned() };
    // A token's content is a part of the text.
    let at = name.as_ptr().addr() - text.as_ptr().addr();
    format!("{}{}{}", &text[..at], starred(name), &text[at + name.len()..])
}

/// `s139872_x1` is `s*_x*`, and `__asyncpg_savepoint_1f__` is `__asyncpg_savepoint_*__`.
fn starred(name: &str) -> String {
    let mut all = String::with_capacity(name.len());
    let mut is_first = true;
    for piece in name.split_inclusive(|c: char| !c.is_alphanumeric()) {
        let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
        let is_hex = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        // `a` alone is a name that somebody chose; behind another word it counts.
        if is_hex && (!is_first || word.bytes().any(|byte| byte.is_ascii_digit())) {
            all.push('*');
        } else {
            let mut runs = word.split(|c: char| c.is_ascii_digit());
            all.push_str(runs.next().unwrap_or_default());
            let mut in_number = false;
            for run in runs {
                if !in_number {
                    all.push('*');
                }
                all.push_str(run);
                in_number = run.is_empty();
            }
        }
        all.push_str(&piece[word.len()..]);
        is_first &= word.is_empty();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_made_up_names_are_folded() {
        let check = |text, expected| assert_eq!(canonical(text), expected);
        // Django
        check("SAVEPOINT \"s139872_x1\"", "SAVEPOINT \"s*_x*\"");
        check("RELEASE SAVEPOINT \"s139872_x1\";", "RELEASE SAVEPOINT \"s*_x*\"");
        check(
            "FETCH FORWARD 100000 FROM \"_django_curs_139872_sync_1\"",
            "FETCH FORWARD 100000 FROM \"_django_curs_*_sync_*\"",
        );
        // SQLAlchemy
        check("ROLLBACK TO SAVEPOINT sa_savepoint_12", "ROLLBACK TO SAVEPOINT sa_savepoint_*");
        // asyncpg counts in hexadecimal
        check("SAVEPOINT __asyncpg_savepoint_16__;", "SAVEPOINT __asyncpg_savepoint_*__");
        check("ROLLBACK TO __asyncpg_savepoint_a__;", "ROLLBACK TO __asyncpg_savepoint_*__");
        check("RELEASE SAVEPOINT __asyncpg_savepoint_1ff__;", "RELEASE SAVEPOINT __asyncpg_savepoint_*__");
        // psycopg, pgjdbc, pgx
        check("SAVEPOINT \"_pg3_1\"", "SAVEPOINT \"_pg*_*\"");
        check("rollback to savepoint JDBC_SAVEPOINT_1", "rollback to savepoint JDBC_SAVEPOINT_*");
        check("SAVEPOINT PGJDBC_AUTOSAVE", "SAVEPOINT PGJDBC_AUTOSAVE");
        check("savepoint sp_0_1", "savepoint sp_*_*");
        check("/* app */ ROLLBACK TRANSACTION TO x9 ;", "/* app */ ROLLBACK TRANSACTION TO x*");
        check("SAVEPOINT \"x-0b4e-41d4\"", "SAVEPOINT \"x-*-*\"");
        // cursors and statements
        check("DECLARE \"_pg3_7\" CURSOR FOR SELECT 1 FROM a1", "DECLARE \"_pg*_*\" CURSOR FOR SELECT 1 FROM a1");
        check("CLOSE c_12", "CLOSE c_*");
        check("MOVE ABSOLUTE -5 IN c_12", "MOVE ABSOLUTE -5 IN c_*");
        check("PREPARE q12 (int) AS SELECT $1 + 12", "PREPARE q* (int) AS SELECT $1 + 12");
        check("EXECUTE q12(12)", "EXECUTE q*(12)");
        check("DEALLOCATE \"_pg3_7\"", "DEALLOCATE");
        check("deallocate prepare all;", "DEALLOCATE ALL");
    }

    #[test]
    fn everything_else_is_kept() {
        for text in [
            "SELECT a1234567 FROM t12",
            "SAVEPOINT a",
            "SAVEPOINT before_import",
            "ROLLBACK",
            "ROLLBACK PREPARED 'x12'",
            "CLOSE ALL",
            "FETCH 12 FROM c",
            "PREPARE TRANSACTION 'x12'",
            "SAVEPOINT",
            "SAVEPOINT é",
            "UPDATE a1 SET b = 2; SAVEPOINT x1",
        ] {
            assert_eq!(canonical(text), text);
        }
        assert_eq!(canonical(" SELECT 1 ; \n"), "SELECT 1");
        assert_eq!(canonical("SAVEPOINT x1; DELETE FROM a1"), "SAVEPOINT x*; DELETE FROM a1");
    }
}
