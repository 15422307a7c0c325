import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;

/** Orders in a database, with the driver of your choice: java App pgjdbc, or java App connectorj. */
public class App {
    private static final Gson GSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();
    /** Regressions that the end-to-end tests plant; empty for everybody else. */
    private static final Set<String> MUTATE = Set.of(System.getenv().getOrDefault("MUTATE", "").split(","));

    private final Store store;

    private App(Store store) {
        this.store = store;
    }

    private record Answer(int status, Object document) {}

    public static void main(String[] arguments) throws IOException {
        App app = new App(arguments.length > 0 ? Store.open(arguments[0]) : null);
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 64);
        server.createContext("/", app::handle);
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
    }

    private void handle(HttpExchange exchange) throws IOException {
        Answer answer;
        try {
            String text = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            JsonObject body = text.isEmpty() ? new JsonObject() : GSON.fromJson(text, JsonObject.class);
            answer = answer(exchange.getRequestMethod(), exchange.getRequestURI().getPath(), query(exchange), body);
        } catch (Exception error) {
            answer = failure(500, error);
        }
        byte[] encoded = GSON.toJson(answer.document).getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(answer.status, encoded.length);
        exchange.getResponseBody().write(encoded);
        exchange.close();
    }

    private Answer answer(String method, String path, Map<String, String> query, JsonObject body) throws Exception {
        String[] parts = path.substring(1).split("/");
        String customer = body.has("customer") ? body.get("customer").getAsString() : query.get("customer");
        switch (method + " " + parts[0]) {
            case "POST setup":
                store.setup();
                return new Answer(200, Map.of("ready", true));
            case "POST orders":
                String item = body.get("item").getAsString();
                Order order = new Order(0, customer, item, body.get("quantity").getAsInt(), body.get("price").getAsBigDecimal());
                return new Answer(201, shown(store.create(order)));
            case "GET orders":
                if (parts.length == 1) {
                    List<Order> orders = store.list(customer, MUTATE.contains("query"));
                    return new Answer(200, Map.of("orders", orders.stream().map(App::changed).map(App::shown).toList()));
                }
                Order found = store.load(Long.parseLong(parts[1]));
                return found == null ? new Answer(404, Map.of("error", "no such order")) : new Answer(200, shown(found));
            case "POST batch":
                List<Order> orders = new ArrayList<>();
                for (int i = 0; i < body.get("n").getAsInt(); i++) {
                    BigDecimal price = new BigDecimal("1.25").multiply(BigDecimal.valueOf(i + 1));
                    orders.add(new Order(0, customer, "batch-" + i, i + 1, price));
                }
                return new Answer(200, store.batch(customer, orders));
            case "POST rollback":
                return new Answer(200, store.rollback(customer));
            case "POST fail":
                return new Answer(409, store.fail(new Order(0, customer, "impossible", 0, BigDecimal.ONE)));
            case "GET types":
                return new Answer(200, store.types());
            case "GET fetch":
                try {
                    return new Answer(200, Fetch.get(query.get("client"), query.get("url")));
                } catch (IOException error) {
                    return failure(502, error);
                }
            default:
                return new Answer(404, Map.of("error", "no such page"));
        }
    }

    private static Answer failure(int status, Exception error) {
        return new Answer(status, Map.of("error", error.getClass().getSimpleName(), "message", String.valueOf(error.getMessage())));
    }

    private static Order changed(Order order) {
        int more = MUTATE.contains("json") ? 1 : 0;
        return new Order(order.id(), order.customer(), order.item(), order.quantity() + more, order.price());
    }

    /** As clients see it. */
    private static Map<String, Object> shown(Order order) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", order.id());
        fields.put("customer", order.customer());
        fields.put("item", order.item());
        fields.put("quantity", order.quantity());
        fields.put("price", order.price().toPlainString());
        return fields;
    }

    private static Map<String, String> query(HttpExchange exchange) {
        Map<String, String> query = new LinkedHashMap<>();
        String raw = exchange.getRequestURI().getRawQuery();
        for (String pair : raw == null ? new String[0] : raw.split("&")) {
            String[] sides = pair.split("=", 2);
            query.put(sides[0], URLDecoder.decode(sides[1], StandardCharsets.UTF_8));
        }
        return query;
    }
}
