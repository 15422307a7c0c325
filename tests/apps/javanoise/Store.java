import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** Items, their audit and finished jobs, in PostgreSQL. */
public class Store implements AutoCloseable {
    private static final String TABLES = """
        create table if not exists items (
          number bigserial primary key,
          id uuid not null,
          owner text not null,
          ref char(24) not null,
          code text not null,
          name text not null,
          tags text[] not null,
          price numeric(10,2) not null,
          quantity int not null,
          created_at timestamptz not null,
          updated_at timestamptz not null
        );
        create index if not exists items_id on items (id);
        create index if not exists items_owner on items (owner);
        create table if not exists audit (id uuid not null, item uuid not null, action text not null, at timestamptz not null);
        create table if not exists done_jobs (
          id uuid primary key,
          job uuid not null unique,
          owner text not null,
          text text not null,
          finished_at timestamptz not null
        )""";
    private static final String COLUMNS = "number, id, ref, code, name, tags, price, quantity, created_at, updated_at";
    private static final String INSERT = """
        insert into items (id, owner, ref, code, name, tags, price, quantity, created_at, updated_at)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning number""";
    private static final String INSERT_AUDIT = "insert into audit (id, item, action, at) values (?, ?, 'created', ?)";
    private static final String COUNT_OWNED = "select count(*) from items where owner = ?";
    private static final String LOAD = "select " + COLUMNS + " from items where id = ?";
    private static final String CHANGE = "update items set quantity = ?, updated_at = ? where id = ? returning " + COLUMNS;
    private static final String NAMES = "select name from items where ? = any(tags) order by name, number";
    private static final String COUNT = "select count(*) from items";
    private static final String WORTH = "select coalesce(sum(price * quantity), 0) from items";
    private static final String INSERT_DONE = "insert into done_jobs (id, job, owner, text, finished_at) values (?, ?, ?, ?, ?)";
    private static final String DONE = "select exists (select from done_jobs where job = ?)";

    private final HikariDataSource pool;

    /** An item as it was created, and how many its owner has now. */
    public record Created(Item item, long ofOwner) {}

    private interface Read<T> {
        T from(ResultSet row) throws SQLException;
    }

    private Store(HikariDataSource pool) {
        this.pool = pool;
    }

    public static Store open(Duration patience) throws SQLException {
        HikariConfig config = new HikariConfig();
        String where = App.env("DB_HOST", "127.0.0.1") + ":" + App.env("DB_PORT", "5432") + "/" + App.env("DB_NAME", "test");
        config.setJdbcUrl("jdbc:postgresql://" + where + "?sslmode=disable");
        config.setUsername(App.env("DB_USER", "t"));
        config.setPassword(App.env("DB_PASSWORD", "pw"));
        config.setMinimumIdle(4);
        config.setMaximumPoolSize(10);
        config.setInitializationFailTimeout(patience.toMillis());
        Store store = new Store(new HikariDataSource(config));
        try (Connection connection = store.pool.getConnection(); Statement statement = connection.createStatement()) {
            statement.execute(TABLES);
        }
        return store;
    }

    @Override
    public void close() {
        pool.close();
    }

    public Created create(String owner, Item item) throws SQLException {
        int quantity = item.quantity() + (Fresh.broken("wrong-value") ? 1 : 0);
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            Object[] row = {
                item.id(), owner, item.ref(), item.code(), item.name(), connection.createArrayOf("text", item.tags().toArray()),
                item.price(), quantity, instant(item.createdAt()), instant(item.updatedAt()),
            };
            try {
                long number = first(connection, INSERT, result -> result.getLong(1), row);
                if (!Fresh.broken("skipped-write")) {
                    UUID audit = Fresh.broken("equal-ids") ? item.id() : UUID.randomUUID();
                    update(connection, INSERT_AUDIT, audit, item.id(), instant(item.updatedAt()));
                }
                long count = first(connection, COUNT_OWNED, result -> result.getLong(1), owner);
                connection.commit();
                return new Created(item.numbered(number), Fresh.broken("count") ? count + 1 : count);
            } catch (SQLException error) {
                connection.rollback();
                throw error;
            }
        }
    }

    /** Null when there is none. */
    public Item load(UUID id) throws SQLException {
        return first(LOAD, Store::item, id);
    }

    /** Null when there is none. */
    public Item change(UUID id, int quantity, Instant now) throws SQLException {
        return first(CHANGE, Store::item, quantity, instant(now), id);
    }

    public List<String> names(String tag) throws SQLException {
        try (Connection connection = pool.getConnection(); PreparedStatement select = prepare(connection, NAMES, tag)) {
            ResultSet rows = select.executeQuery();
            List<String> names = new ArrayList<>();
            while (rows.next()) {
                names.add(rows.getString(1));
            }
            return names;
        }
    }

    public long count() throws SQLException {
        return first(COUNT, row -> row.getLong(1));
    }

    public double worth() throws SQLException {
        return first(WORTH, row -> row.getDouble(1));
    }

    public void finish(UUID job, String owner, String text, Instant now) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            update(connection, INSERT_DONE, UUID.randomUUID(), job, owner, text, instant(now));
        }
    }

    public boolean finished(UUID job) throws SQLException {
        return first(DONE, row -> row.getBoolean(1), job);
    }

    private <T> T first(String sql, Read<T> read, Object... parameters) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            return first(connection, sql, read, parameters);
        }
    }

    /** What is read from the first row; null when there is none. */
    private static <T> T first(Connection connection, String sql, Read<T> read, Object... parameters) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, parameters)) {
            ResultSet rows = statement.executeQuery();
            return rows.next() ? read.from(rows) : null;
        }
    }

    private static void update(Connection connection, String sql, Object... parameters) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, parameters)) {
            statement.executeUpdate();
        }
    }

    private static PreparedStatement prepare(Connection connection, String sql, Object... parameters) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int i = 0; i < parameters.length; i++) {
            statement.setObject(i + 1, parameters[i]);
        }
        return statement;
    }

    private static Item item(ResultSet row) throws SQLException {
        return new Item(
            row.getLong("number"),
            row.getObject("id", UUID.class),
            row.getString("ref"),
            row.getString("code"),
            row.getString("name"),
            List.of((String[]) row.getArray("tags").getArray()),
            row.getBigDecimal("price"),
            row.getInt("quantity"),
            row.getObject("created_at", OffsetDateTime.class).toInstant(),
            row.getObject("updated_at", OffsetDateTime.class).toInstant()
        );
    }

    private static OffsetDateTime instant(Instant instant) {
        return instant.atOffset(ZoneOffset.UTC);
    }
}
