import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.sql.SQLException;
import java.util.function.Function;

/** What differs between databases; where they are comes from the environment. */
public record Database(String url, String table, String types, Function<SQLException, String> codes) {
    private static final String POSTGRES_TABLE = """
        create table if not exists orders (
          id bigserial primary key,
          customer text not null,
          item text not null,
          quantity int not null constraint positive check (quantity > 0),
          price numeric(10,2) not null
        )""";
    private static final String POSTGRES_TYPES = """
        select 42::int4 as int, 9007199254740993::int8 as bigint, 12345.6789::numeric as numeric, 0.1::float8 as float,
          true as bool, 'ünïcode ✓'::text as text, '\\xdeadbeef'::bytea as bytes, date '2024-02-29' as date,
          timestamp '2024-02-29 12:34:56.789' as timestamp, timestamptz '2024-02-29 12:34:56.789+00' as timestamptz,
          '{"a": [1, null]}'::jsonb as json, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as uuid, null::text as null,
          array[1, 2, 3]::int4[] as array""";
    private static final String MYSQL_TABLE = """
        create table if not exists orders (
          id bigint auto_increment primary key,
          customer varchar(100) not null,
          item varchar(100) not null,
          quantity int not null,
          price decimal(10,2) not null,
          key of_customer (customer),
          constraint positive check (quantity > 0)
        )""";
    private static final String MYSQL_TYPES = """
        select 42 as `int`, 9007199254740993 as `bigint`, 12345.6789 as `numeric`, 0.1e0 as `float`, true as `bool`,
          'ünïcode ✓' as `text`, x'deadbeef' as `bytes`, date'2024-02-29' as `date`,
          timestamp'2024-02-29 12:34:56.789' as `timestamp`, json_object('a', json_array(1, null)) as `json`, null as `null`""";

    public static Database of(String driver) {
        return switch (driver) {
            case "pgjdbc" -> new Database(postgresUrl(), POSTGRES_TABLE, POSTGRES_TYPES, SQLException::getSQLState);
            case "connectorj" ->
                new Database(mysqlUrl(), MYSQL_TABLE, MYSQL_TYPES, refused -> String.valueOf(refused.getErrorCode()));
            default -> throw new IllegalArgumentException("no driver " + driver);
        };
    }

    public String code(SQLException refused) {
        return codes.apply(refused);
    }

    public static String env(String name, String fallback) {
        return System.getenv().getOrDefault(name, fallback);
    }

    /** off, require (encrypt, trust anybody) or verify (also the name in the certificate; DB_CA says whom to trust). */
    private static String tls() {
        return env("DB_TLS", "off");
    }

    private static String where(String port) {
        return env("DB_HOST", "127.0.0.1") + ":" + env("DB_PORT", port) + "/" + env("DB_NAME", "test");
    }

    private static String postgresUrl() {
        String url = "jdbc:postgresql://" + where("5432") + "?sslmode=";
        return switch (tls()) {
            case "off" -> url + "disable";
            case "require" -> url + "require";
            default -> url + "verify-full" + (System.getenv("DB_CA") == null
                ? "&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory"
                : "&sslrootcert=" + encoded(System.getenv("DB_CA")));
        };
    }

    private static String mysqlUrl() {
        String url = "jdbc:mysql://" + where("3306")
            + "?useServerPrepStmts=true&cachePrepStmts=true&rewriteBatchedStatements=true&sslMode=";
        return switch (tls()) {
            case "off" -> url + "DISABLED&allowPublicKeyRetrieval=true";
            case "require" -> url + "REQUIRED";
            default -> url + "VERIFY_IDENTITY" + (System.getenv("DB_CA") == null
                ? ""
                : "&trustCertificateKeyStoreType=PKCS12&trustCertificateKeyStorePassword=public"
                    + "&trustCertificateKeyStoreUrl=" + encoded("file:" + keyStore(System.getenv("DB_CA"))));
        };
    }

    /** Connector/J reads no PEM. */
    private static Path keyStore(String pem) {
        try (FileInputStream in = new FileInputStream(pem)) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            int number = 0;
            for (Certificate certificate : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry("ca" + number++, certificate);
            }
            Path file = Files.createTempFile("ca", ".p12");
            file.toFile().deleteOnExit();
            try (FileOutputStream out = new FileOutputStream(file.toFile())) {
                store.store(out, "public".toCharArray());
            }
            return file;
        } catch (Exception error) {
            throw new IllegalStateException("cannot trust " + pem, error);
        }
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
