import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The database through JDBC and a pool, whichever it is. */
public class Store {
    private static final String COLUMNS = "id, customer, item, quantity, price";
    private static final String INSERT = "insert into orders (customer, item, quantity, price) values (?, ?, ?, ?)";
    private static final String COUNT = "select count(*) from orders where customer = ?";

    private final HikariDataSource pool;
    private final Database database;

    private Store(HikariDataSource pool, Database database) {
        this.pool = pool;
        this.database = database;
    }

    public static Store open(String driver) {
        Database database = Database.of(driver);
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(database.url());
        config.setUsername(Database.env("DB_USER", "t"));
        config.setPassword(Database.env("DB_PASSWORD", "pw"));
        config.setMaximumPoolSize(4);
        return new Store(new HikariDataSource(config), database);
    }

    public void setup() throws SQLException {
        try (Connection connection = pool.getConnection(); Statement statement = connection.createStatement()) {
            statement.execute(database.table());
        }
    }

    public Order create(Order order) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            long id;
            try (PreparedStatement insert = connection.prepareStatement(INSERT, new String[] {"id"})) {
                bind(insert, order).executeUpdate();
                ResultSet keys = insert.getGeneratedKeys();
                keys.next();
                id = keys.getLong(1);
            }
            return load(connection, id);
        }
    }

    /** Null when there is none. */
    public Order load(long id) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            return load(connection, id);
        }
    }

    private static Order load(Connection connection, long id) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement("select " + COLUMNS + " from orders where id = ?")) {
            select.setLong(1, id);
            ResultSet rows = select.executeQuery();
            return rows.next() ? order(rows) : null;
        }
    }

    public List<Order> list(String customer, boolean other) throws SQLException {
        String more = other ? " and quantity < 1000" : "";
        String sql = "select " + COLUMNS + " from orders where customer = ?" + more + " order by id";
        try (Connection connection = pool.getConnection(); PreparedStatement select = connection.prepareStatement(sql)) {
            select.setString(1, customer);
            ResultSet rows = select.executeQuery();
            List<Order> orders = new ArrayList<>();
            while (rows.next()) {
                orders.add(order(rows));
            }
            return orders;
        }
    }

    public Map<String, Long> batch(String customer, List<Order> orders) throws SQLException {
        String sql = "select count(*), sum(quantity) from orders where customer = ? and item like 'batch-%'";
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            try (PreparedStatement insert = connection.prepareStatement(INSERT)) {
                for (Order order : orders) {
                    bind(insert, order).addBatch();
                }
                insert.executeBatch();
            }
            try (PreparedStatement select = connection.prepareStatement(sql)) {
                select.setString(1, customer);
                ResultSet row = select.executeQuery();
                row.next();
                Map<String, Long> totals = Map.of("count", row.getLong(1), "sum", row.getLong(2));
                connection.commit();
                return totals;
            }
        }
    }

    public Map<String, Long> rollback(String customer) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            connection.setAutoCommit(false);
            insert(connection, new Order(0, customer, "undone", 1, java.math.BigDecimal.ONE));
            Savepoint half = connection.setSavepoint("half");
            insert(connection, new Order(0, customer, "undone at once", 1, java.math.BigDecimal.ONE));
            connection.rollback(half);
            long during = count(connection, customer);
            connection.rollback();
            long count = count(connection, customer);
            connection.commit();
            return Map.of("during", during, "count", count);
        }
    }

    public Map<String, String> fail(Order order) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            insert(connection, order);
        } catch (SQLException refused) {
            return Map.of("error", database.code(refused), "message", refused.getMessage());
        }
        throw new IllegalStateException("the constraint did not hold");
    }

    public Map<String, String> types() throws SQLException {
        try (Connection connection = pool.getConnection(); PreparedStatement select = connection.prepareStatement(database.types())) {
            ResultSet row = select.executeQuery();
            row.next();
            Map<String, String> found = new LinkedHashMap<>();
            for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
                Object value = row.getObject(i);
                String text = row.getString(i);
                if (value instanceof byte[] bytes) {
                    text = HexFormat.of().formatHex(bytes);
                } else if (value instanceof java.sql.Array array) {
                    // As text it would say whether the driver has changed to the binary format meanwhile.
                    text = java.util.Arrays.toString((Object[]) array.getArray());
                }
                found.put(row.getMetaData().getColumnLabel(i), text);
            }
            return found;
        }
    }

    private static void insert(Connection connection, Order order) throws SQLException {
        try (PreparedStatement insert = connection.prepareStatement(INSERT)) {
            bind(insert, order).executeUpdate();
        }
    }

    private static long count(Connection connection, String customer) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(COUNT)) {
            select.setString(1, customer);
            ResultSet row = select.executeQuery();
            row.next();
            return row.getLong(1);
        }
    }

    private static PreparedStatement bind(PreparedStatement insert, Order order) throws SQLException {
        insert.setString(1, order.customer());
        insert.setString(2, order.item());
        insert.setInt(3, order.quantity());
        insert.setBigDecimal(4, order.price());
        return insert;
    }

    private static Order order(ResultSet row) throws SQLException {
        return new Order(row.getLong(1), row.getString(2), row.getString(3), row.getInt(4), row.getBigDecimal(5));
    }
}
