import com.auth0.jwt.JWT;
import com.auth0.jwt.algorithms.Algorithm;
import com.auth0.jwt.exceptions.JWTVerificationException;
import com.auth0.jwt.interfaces.DecodedJWT;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.TextStyle;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.JedisPooled;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.params.SetParams;

/** Items, with the JDK's server, HikariCP, pgjdbc and Jedis: java App. ../NOISE.md says what each request does. */
public class App {
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final Algorithm SIGNATURE = Algorithm.HMAC256(env("JWT_SECRET", "a secret of thirty-two bytes, at least"));
    private static final Duration TOKEN_LIFE = Duration.ofSeconds(35);
    private static final Duration SESSION_LIFE = Duration.ofDays(7);
    private static final long ITEM_CACHE_S = 300;
    private static final DateTimeFormatter COOKIE_DATE =
        DateTimeFormatter.ofPattern("EEE, dd MMM uuuu HH:mm:ss 'GMT'", Locale.ENGLISH).withZone(ZoneOffset.UTC);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final long started = System.nanoTime();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Store store;
    private final JedisPooled cache;
    private final Background background;

    private App(Store store, JedisPooled cache) {
        this.store = store;
        this.cache = cache;
        this.background = Background.start(store, cache);
    }

    public static String env(String name, String fallback) {
        return System.getenv().getOrDefault(name, fallback);
    }

    public static void main(String[] arguments) throws Exception {
        // Else the last piece of each answer waits 40 ms for an acknowledgement.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        Store store = Store.open(PATIENCE);
        App app = new App(store, openCache());
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(env("PORT", "8080"))), 64);
        server.createContext("/", exchange -> Exchange.answer(exchange, app::answer));
        server.setExecutor(app.threads);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            server.stop(0);
            app.background.close();
            app.cache.close();
            store.close();
        }));
        server.start();
    }

    private static JedisPooled openCache() throws InterruptedException {
        ConnectionPoolConfig config = new ConnectionPoolConfig();
        config.setMaxTotal(32);
        JedisPooled cache = new JedisPooled(config, env("REDIS_HOST", "127.0.0.1"), Integer.parseInt(env("REDIS_PORT", "6379")));
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            try {
                cache.ping();
                return cache;
            } catch (JedisConnectionException error) {
                if (System.nanoTime() > deadline) {
                    throw error;
                }
                Thread.sleep(100);
            }
        }
    }

    private Answer answer(Exchange request) throws Exception {
        return switch (request.route()) {
            case "POST /login" -> login(request);
            case "GET /verify" -> verify(claims(request));
            case "POST /items" -> createItem(claims(request).getSubject(), request.body());
            case "GET /items" -> listItems(request.query("tag"));
            case "GET /items/*" -> showItem(request.id(), request.header("If-None-Match"));
            case "PUT /items/*" -> {
                claims(request);
                yield changeItem(request.id(), request.body());
            }
            case "GET /dashboard" -> dashboard(request.cookie("session"));
            case "GET /quota" -> quota(request.query("user"));
            case "POST /jobs" -> createJob(request.body());
            case "GET /jobs/*" -> Answer.json(200, Map.of("state", store.finished(request.id()) ? "done" : "queued"));
            case "GET /metrics" -> Answer.text("# TYPE items gauge\nitems " + background.items() + "\n");
            default -> throw new Refused(404, "no such page");
        };
    }

    private static DecodedJWT claims(Exchange request) throws Refused {
        String header = request.header("Authorization");
        if (!header.startsWith("Bearer ")) {
            throw new Refused(401, "a token is needed");
        }
        try {
            return JWT.require(SIGNATURE).build().verify(header.substring("Bearer ".length()));
        } catch (JWTVerificationException error) {
            throw new Refused(401, "no valid token: " + error.getMessage());
        }
    }

    private Answer login(Exchange request) throws Refused {
        String user = request.body().path("user").asText();
        if (user.isEmpty()) {
            throw new Refused(400, "user is needed");
        }
        Instant issued = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        Duration life = Fresh.broken("token-life") ? Duration.ofSeconds(3635) : TOKEN_LIFE;
        String token = JWT.create()
            .withSubject(user)
            .withIssuedAt(issued)
            .withExpiresAt(issued.plus(life))
            .withJWTId(UUID.randomUUID().toString())
            .sign(SIGNATURE);
        String session = Fresh.randomHex(16);
        cache.set("session:" + session, user, SetParams.setParams().ex(SESSION_LIFE.toSeconds()));
        String expires = "; Expires=" + COOKIE_DATE.format(Instant.now().plus(SESSION_LIFE));
        String cookie = "session=" + session + "; HttpOnly; Path=/" + (Fresh.broken("no-cookie-expiry") ? "" : expires);
        Object document = Answer.fields(
            "token", token,
            "expires_in", TOKEN_LIFE.toSeconds(),
            "expires_at", issued.plus(TOKEN_LIFE).toString(),
            "session", session);
        return Answer.json(200, document).with("Set-Cookie", cookie);
    }

    private static Answer verify(DecodedJWT claims) {
        long left = Instant.now().until(claims.getExpiresAtAsInstant(), ChronoUnit.SECONDS);
        return Answer.json(200, Answer.fields("valid", true, "sub", claims.getSubject(), "seconds_left", left));
    }

    private Answer createItem(String owner, JsonNode body) throws Exception {
        String name = body.path("name").asText();
        if (name.isEmpty() || !body.path("price").isNumber() || !body.path("quantity").isInt()) {
            throw new Refused(400, "name, price and quantity are needed");
        }
        List<String> tags = new ArrayList<>();
        body.path("tags").forEach(tag -> tags.add(tag.asText()));
        BigDecimal price = body.path("price").decimalValue().setScale(2, RoundingMode.HALF_UP);
        Instant now = Fresh.now();
        Instant created = Fresh.broken("late") ? now.minus(Duration.ofHours(1)) : now;
        Store.Created made = store.create(owner, new Item(
            0, Fresh.itemId(), Fresh.ref(now), Fresh.code(), name, tags, price, body.path("quantity").asInt(), created, now));
        Map<String, Object> answer = made.item().shown();
        String key = (Fresh.broken("cache-key") ? "items:" : "item:") + made.item().id();
        cache.set(key, JSON.writeValueAsString(answer), SetParams.setParams().ex(ITEM_CACHE_S));
        cache.incr("items:created");
        if (Fresh.broken("repeated-call")) {
            cache.incr("items:created");
        }
        if (!tags.isEmpty()) {
            cache.sadd("tags", tags.toArray(String[]::new));
        }
        answer.put("items_of_user", made.ofOwner());
        return Answer.json(201, answer).with("Location", "/items/" + made.item().id());
    }

    private Answer showItem(UUID id, String known) throws Exception {
        String cached = cache.get("item:" + id);
        JsonNode answer;
        if (cached != null) {
            answer = JSON.readTree(cached);
        } else {
            Item item = store.load(id);
            if (item == null) {
                throw new Refused(404, "no item " + id);
            }
            answer = JSON.valueToTree(item.shown());
        }
        String version = Fresh.broken("etag") ? "constant" : id + " " + answer.path("updated_at").asText();
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(version.getBytes(StandardCharsets.UTF_8));
        String etag = '"' + HexFormat.of().formatHex(hash, 0, 16) + '"';
        return (etag.equals(known) ? Answer.empty(304) : Answer.json(200, answer)).with("ETag", etag);
    }

    private Answer changeItem(UUID id, JsonNode body) throws Exception {
        if (!body.path("quantity").isInt()) {
            throw new Refused(400, "quantity is needed");
        }
        Item item = store.change(id, body.path("quantity").asInt(), Fresh.now());
        if (item == null) {
            throw new Refused(404, "no item " + id);
        }
        cache.del("item:" + id);
        return Answer.json(200, item.shown());
    }

    private Answer listItems(String tag) throws Exception {
        List<String> names = store.names(tag);
        List<String> tags = new ArrayList<>(cache.smembers("tags"));
        // The order of an immutable set changes from start to start.
        Set<String> set = names.stream().flatMap(name -> Stream.of(name.split(" "))).collect(Collectors.toUnmodifiableSet());
        List<String> words = new ArrayList<>(set);
        if (Fresh.broken("duplicated-tag")) {
            tags.addAll(tags.stream().limit(1).toList());
            words.addAll(words.stream().limit(1).toList());
        }
        return Answer.json(200, Answer.fields("items", names, "tags", tags, "words", words));
    }

    private Answer dashboard(String session) throws Exception {
        if (session.isEmpty() || cache.get("session:" + session) == null) {
            throw new Refused(401, "no session");
        }
        long began = System.nanoTime();
        Future<Long> count = threads.submit(store::count);
        Future<Double> worth = threads.submit(store::worth);
        Future<String> created = threads.submit(() -> cache.get("items:created"));
        Object document = Answer.fields(
            "count", count.get(),
            "sum", worth.get(),
            "created", created.get() == null ? 0 : Long.parseLong(created.get()),
            "took_ms", (System.nanoTime() - began) / 1000 / 1e3,
            "generated_at", Fresh.utc(Fresh.now()),
            "server_uptime_s", (System.nanoTime() - started) / 1_000_000 / 1e3);
        return Answer.json(200, document);
    }

    private Answer quota(String user) {
        Instant now = Instant.now();
        LocalDate today = LocalDate.ofInstant(now, ZoneOffset.UTC);
        long used = cache.incr("quota:" + today + ":" + user);
        DayOfWeek day = today.getDayOfWeek().minus(Fresh.broken("weekday") ? 1 : 0);
        int limit = switch (day) {
            case SATURDAY -> 50;
            case SUNDAY -> 10;
            default -> 100;
        };
        Instant midnight = today.plusDays(1).atStartOfDay().toInstant(ZoneOffset.UTC);
        Object document = Answer.fields(
            "weekday", day.getDisplayName(TextStyle.FULL, Locale.ENGLISH),
            "limit", limit,
            "used", used,
            "resets_in_s", now.until(midnight, ChronoUnit.SECONDS));
        return Answer.json(used > limit ? 429 : 200, document)
            .with("X-RateLimit-Remaining", String.valueOf(Math.max(limit - used, 0)))
            .with("X-RateLimit-Reset", String.valueOf(midnight.getEpochSecond()));
    }

    private Answer createJob(JsonNode body) throws Exception {
        String user = body.path("user").asText();
        String text = body.path("text").asText();
        if (user.isEmpty() || text.isEmpty()) {
            throw new Refused(400, "user and text are needed");
        }
        UUID job = UUID.randomUUID();
        Object waiting = Answer.fields("job", job, "user", user, "text", text, "enqueued_at", Fresh.utc(Fresh.now()));
        cache.lpush("jobs", JSON.writeValueAsString(waiting));
        return Answer.json(202, Map.of("job", job));
    }
}
