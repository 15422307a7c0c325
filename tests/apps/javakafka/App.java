import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;

/** Orders over Kafka with its Java client: java App. The API is that of ../pykafka/app.py. */
public class App {
    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();
    /** Regressions that the end-to-end tests plant; empty for everybody else. */
    private static final Set<String> MUTATE = Set.of(System.getenv().getOrDefault("MUTATE", "").split(","));

    private final Audit audit = new Audit();
    private final Broker broker;

    private App(String servers) throws InterruptedException {
        broker = new Broker(servers, audit);
    }

    private record Answer(int status, Object document) {}

    public static void main(String[] arguments) throws Exception {
        App app = new App(System.getenv().getOrDefault("KAFKA", "127.0.0.1:9092"));
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
            answer = answer(exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath(), query(exchange), body);
        } catch (Exception error) {
            answer = new Answer(500, Map.of("error", error.getClass().getSimpleName(), "message", String.valueOf(error.getMessage())));
        }
        byte[] encoded = GSON.toJson(answer.document).getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(answer.status, encoded.length);
        exchange.getResponseBody().write(encoded);
        exchange.close();
    }

    private Answer answer(String asked, Map<String, String> query, JsonObject body) throws Exception {
        String customer = body.has("customer") ? body.get("customer").getAsString() : query.get("customer");
        switch (asked) {
            case "POST /orders":
                JsonObject order = body.deepCopy();
                if (MUTATE.contains("publish")) {
                    order.addProperty("changed", true);
                }
                broker.produce(MUTATE.contains("topic") ? "returns" : "orders", customer, List.of(order.toString()));
                if (MUTATE.contains("json")) {
                    body.addProperty("item", "another");
                }
                return new Answer(201, body);
            case "POST /batch":
                int count = body.get("n").getAsInt();
                broker.produce("batches", customer, IntStream.range(0, count).mapToObj(n -> "{\"n\": " + n + "}").toList());
                return new Answer(201, Map.of("sent", count));
            case "GET /audit":
                return new Answer(200, Map.of("items", audit.of(customer, Integer.parseInt(query.get("n")))));
            default:
                return new Answer(404, Map.of("error", "no such page"));
        }
    }

    private static Map<String, String> query(HttpExchange exchange) {
        Map<String, String> query = new HashMap<>();
        String text = exchange.getRequestURI().getQuery();
        for (String pair : text == null ? new String[0] : text.split("&")) {
            query.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
        }
        return query;
    }
}
