use super::*;

#[track_caller]
fn one(text: &str) -> Statement {
    let mut statements = Sql::new(text.as_bytes()).statements;
    assert_eq!(statements.len(), 1, "{text}: {statements:?}");
    statements.remove(0)
}

#[test]
fn verbs_and_tables() {
    let check = |text: &str, verb: &str, table: &str| {
        let statement = one(text);
        assert_eq!((statement.verb.as_str(), statement.table.as_deref().unwrap_or("-")), (verb, table), "{text}");
    };
    check("select * from orders where id = $1", "SELECT", "orders");
    check("/* hi; */ SELECT 1 -- ; x", "SELECT", "-");
    check("INSERT INTO public.\"Order\" (a) VALUES ('x;y''z')", "INSERT", "public.Order");
    check("UPDATE items SET a = 1", "UPDATE", "items");
    check("SELECT * FROM a FOR UPDATE", "SELECT", "a");
    check("INSERT INTO a VALUES (1) ON CONFLICT (id) DO UPDATE SET b = 2", "INSERT", "a");
    check("DELETE FROM ONLY items USING b", "DELETE", "items");
    check("WITH x AS (SELECT * FROM y) SELECT * FROM x", "SELECT", "y");
    check("WITH x AS (INSERT INTO z VALUES (1) RETURNING id) UPDATE t SET a = 1", "UPDATE", "z");
    check("COPY t (a) FROM STDIN", "COPY", "t");
    check("CREATE TABLE IF NOT EXISTS t (a int)", "CREATE", "t");
    check("DO $x$ begin; select 1; end $x$", "DO", "-");
    check("SELECT E'a\\'; b', 'c\\' FROM t", "SELECT", "t");
    check("SELECT * FROM generate_series(1, 3)", "SELECT", "-");
}

#[test]
fn effects() {
    let check = |text: &str, effect: Effect| assert_eq!(one(text).effect, effect, "{text}");
    let set = |name: &str, value: &str, local| Effect::Set { name: name.into(), value: value.into(), local };
    check("BEGIN ISOLATION LEVEL SERIALIZABLE", Effect::Begin);
    check("start transaction", Effect::Begin);
    check("COMMIT", Effect::End { commits: true, chain: false });
    check("ROLLBACK AND CHAIN", Effect::End { commits: false, chain: true });
    check("rollback work and no chain", Effect::End { commits: false, chain: false });
    check("ROLLBACK TO SAVEPOINT a", Effect::RollbackTo);
    check("ROLLBACK WORK TO a", Effect::RollbackTo);
    check("ROLLBACK PREPARED 'x'", Effect::None);
    check("SET search_path TO a, \"B\"", set("search_path", "a, B", false));
    check("SET LOCAL app.tenant = '42'", set("app.tenant", "42", true));
    check("SET SESSION TIME ZONE 'UTC'", set("timezone", "UTC", false));
    check("SET SESSION AUTHORIZATION ada", set("session_authorization", "ada", false));
    check("SET ROLE ada", set("role", "ada", false));
    check("SET search_path = DEFAULT", Effect::Reset(Some("search_path".into())));
    check("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Effect::None);
    check("SELECT set_config('TimeZone', 'UTC', false)", set("timezone", "UTC", false));
    check("SELECT pg_catalog.set_config('a.b', '1', true)", set("a.b", "1", true));
    check("LISTEN \"Jobs\"", Effect::Listen("Jobs".into()));
    check("UNLISTEN *", Effect::Unlisten(None));
}

#[test]
fn what_drivers_and_pools_ask_on_their_own() {
    for text in [
        "",
        "-- ping",
        ";",
        "SELECT 1",
        "select pg_catalog.version()",
        "select current_schema()",
        "SHOW standard_conforming_strings",
        "show transaction isolation level",
        "SELECT CAST('test plain returns' AS VARCHAR(60)) AS anon_1",
        "SELECT t.oid FROM pg_type t JOIN pg_namespace ns ON t.typnamespace = ns.oid WHERE t.typname = $1",
        "select * from information_schema.tables",
        "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;",
        "SET extra_float_digits = 3",
        "SELECT set_config('jit', $1, false)",
        "DISCARD ALL",
        "WITH RECURSIVE tree(oid, n) AS (SELECT oid, 1 FROM pg_catalog.pg_type) SELECT DISTINCT * FROM tree ORDER BY n",
        "SELECT c.relname FROM pg_catalog.pg_class c, pg_attribute a WHERE a.attrelid = c.oid",
    ] {
        assert_eq!(Sql::new(text.as_bytes()).lifetime(), Lifetime::Session, "{text}");
    }
    for text in [
        "BEGIN",
        "COMMIT",
        "SAVEPOINT a",
        "SELECT now()",
        "SELECT nextval('s')",
        "SELECT current_timestamp",
        "SELECT $1",
        "SELECT * FROM orders",
        "SELECT 1; SELECT * FROM orders",
        "SELECT * FROM pg_class, orders",
        "SELECT pg_advisory_lock(1)",
        "SET LOCAL app.tenant = '1'",
        "INSERT INTO pg_notes VALUES (1)",
        "WITH x AS (DELETE FROM a RETURNING *) SELECT * FROM x",
    ] {
        assert_eq!(Sql::new(text.as_bytes()).lifetime(), Lifetime::Test, "{text}");
    }
}

#[test]
fn passwords_are_not_written_down() {
    let check = |text: &str, shown: &str| assert_eq!(String::from_utf8_lossy(&Sql::new(text.as_bytes()).text), shown);
    check(
        "CREATE ROLE ada LOGIN PASSWORD 's3cret' VALID UNTIL 'x'",
        "CREATE ROLE ada LOGIN PASSWORD '<hidden>' VALID UNTIL 'x'",
    );
    check("alter user ada password E's\\'x'; SELECT 1", "alter user ada password E'<hidden>'; SELECT 1");
    check("SELECT * FROM users WHERE password = 'x'", "SELECT * FROM users WHERE password = 'x'");
    check("CREATE TABLE t (password text DEFAULT 'x')", "CREATE TABLE t (password text DEFAULT 'x')");
}
