import java.security.SecureRandom;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** What is new each time: ids, tokens and times. And the regressions that the end-to-end tests plant: see ../NOISE.md. */
public class Fresh {
    /** Empty for everybody else. */
    private static final String REGRESSION = System.getenv().getOrDefault("REGRESSION", "");
    private static final String BASE62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    private static final UUID CONSTANT_ID = UUID.fromString("5eed5eed-5eed-4eed-8eed-5eed5eed5eed");
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");
    private static final DateTimeFormatter MILLISECONDS = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSXXX");
    private static final DateTimeFormatter LOCAL = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS");

    /** Of this process, as in MongoDB's ObjectIds. */
    private static final String PROCESS = randomHex(5);
    private static final AtomicInteger COUNTER = new AtomicInteger(RANDOM.nextInt(1 << 24));

    public static boolean broken(String regression) {
        return REGRESSION.equals(regression);
    }

    public static UUID itemId() {
        return broken("constant-id") ? CONSTANT_ID : UUID.randomUUID();
    }

    /** As MongoDB makes ObjectIds: 4 bytes of time, 5 of the process, 3 that count. */
    public static String ref(Instant instant) {
        int count = broken("zero-ref") ? 0 : COUNTER.incrementAndGet() & 0xffffff;
        return String.format("%08x%s%06x", instant.getEpochSecond(), PROCESS, count);
    }

    public static String code() {
        return RANDOM.ints(16, 0, BASE62.length()).mapToObj(i -> BASE62.substring(i, i + 1)).collect(Collectors.joining());
    }

    public static String randomHex(int bytes) {
        byte[] random = new byte[bytes];
        RANDOM.nextBytes(random);
        return HexFormat.of().formatHex(random);
    }

    /** As precise as it is shown, so that what is written and what is answered are the same. */
    public static Instant now() {
        return Instant.now().truncatedTo(ChronoUnit.MILLIS);
    }

    public static String utc(Instant instant) {
        return MILLISECONDS.format(instant.atOffset(ZoneOffset.UTC));
    }

    public static String inBerlin(Instant instant) {
        return MILLISECONDS.format(instant.atZone(BERLIN));
    }

    /** Without an offset. */
    public static String clockInBerlin(Instant instant) {
        return LOCAL.format(instant.atZone(BERLIN));
    }
}
