import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import org.bson.Document;
import org.bson.types.ObjectId;

/** Orders in MongoDB, with the official driver. */
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
        App app = new App(new Store(System.getenv("MONGO_URI")));
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
            answer = new Answer(500, Map.of("error", error.getClass().getSimpleName(), "message", String.valueOf(error.getMessage())));
        }
        byte[] encoded = GSON.toJson(answer.document).getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(answer.status, encoded.length);
        exchange.getResponseBody().write(encoded);
        exchange.close();
    }

    private Answer answer(String method, String path, Map<String, String> query, JsonObject body) {
        String[] parts = path.substring(1).split("/");
        String customer = body.has("customer") ? body.get("customer").getAsString() : query.get("customer");
        switch (method + " " + parts[0]) {
            case "POST setup":
                store.setup();
                return new Answer(200, Map.of("ready", true));
            case "POST orders":
                Document order = new Document("customer", customer)
                        .append("item", body.get("item").getAsString())
                        .append("quantity", body.get("quantity").getAsInt())
                        .append("price", body.get("price").getAsString())
                        .append("created", new Date());
                return new Answer(201, shown(store.create(order)));
            case "GET orders":
                if (parts.length == 1) {
                    List<Document> orders = store.list(customer, MUTATE.contains("query"));
                    return new Answer(200, Map.of("orders", orders.stream().map(App::changed).map(App::shown).toList()));
                }
                Document found = store.load(new ObjectId(parts[1]));
                return found == null ? new Answer(404, Map.of("error", "no such order")) : new Answer(200, shown(found));
            case "POST batch":
                return new Answer(200, store.batch(customer, body.get("n").getAsInt()));
            case "POST count":
                return new Answer(200, Map.of("n", store.count(customer)));
            case "POST transaction":
                return new Answer(200, store.transaction(customer));
            case "POST fail":
                return new Answer(409, Map.of("error", store.fail(customer)));
            case "POST forget":
                store.forget(customer);
                return new Answer(202, Map.of("sent", true));
            case "GET types":
                Map<String, String> texts = new LinkedHashMap<>();
                store.types(customer).forEach((name, value) -> texts.put(name, String.valueOf(value)));
                return new Answer(200, texts);
            default:
                return new Answer(404, Map.of("error", "no such page"));
        }
    }

    private static Document changed(Document order) {
        return MUTATE.contains("json") ? order.append("quantity", order.getInteger("quantity") + 1) : order;
    }

    private static Map<String, Object> shown(Document order) {
        Map<String, Object> shown = new LinkedHashMap<>();
        shown.put("id", order.getObjectId("_id").toHexString());
        for (String name : List.of("customer", "item", "quantity", "price")) {
            shown.put(name, order.get(name));
        }
        return shown;
    }

    private static Map<String, String> query(HttpExchange exchange) {
        Map<String, String> query = new HashMap<>();
        String raw = exchange.getRequestURI().getRawQuery();
        for (String pair : raw == null ? new String[0] : raw.split("&")) {
            String[] parts = pair.split("=", 2);
            query.put(parts[0], URLDecoder.decode(parts.length > 1 ? parts[1] : "", StandardCharsets.UTF_8));
        }
        return query;
    }
}
