import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import java.util.stream.Stream;

/** A request, as the application asks for its parts. */
public class Exchange {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpExchange exchange;
    private final byte[] body;

    public interface Handler {
        Answer answer(Exchange request) throws Exception;
    }

    private Exchange(HttpExchange exchange) throws IOException {
        this.exchange = exchange;
        this.body = exchange.getRequestBody().readAllBytes();
    }

    /** Answers with what `handler` says, and with an id in any case. */
    public static void answer(HttpExchange exchange, Handler handler) throws IOException {
        Answer answer;
        try {
            answer = handler.answer(new Exchange(exchange));
        } catch (Refused refused) {
            answer = Answer.json(refused.status, Answer.fields("error", refused.getMessage()));
        } catch (Exception error) {
            error.printStackTrace();
            answer = Answer.json(500, Answer.fields("error", "internal error"));
        }
        answer.with("X-Request-Id", UUID.randomUUID().toString()).headers().forEach(exchange.getResponseHeaders()::set);
        int length = answer.body().length;
        exchange.sendResponseHeaders(answer.status(), length == 0 ? -1 : length);
        exchange.getResponseBody().write(answer.body());
        exchange.close();
    }

    /** Method and path, with a star for an id. */
    public String route() {
        String[] parts = parts();
        return exchange.getRequestMethod() + " /" + parts[1] + (parts.length > 2 ? "/*" : "");
    }

    public UUID id() throws Refused {
        try {
            return UUID.fromString(parts()[2]);
        } catch (IllegalArgumentException error) {
            throw new Refused(404, "nothing is called " + parts()[2]);
        }
    }

    private String[] parts() {
        return exchange.getRequestURI().getPath().split("/", 3);
    }

    /** A missing node when it is no JSON. */
    public JsonNode body() {
        try {
            return JSON.readTree(new String(body, StandardCharsets.UTF_8));
        } catch (JsonProcessingException error) {
            return JSON.missingNode();
        }
    }

    /** Empty when there is none. */
    public String query(String name) {
        return URLDecoder.decode(named(exchange.getRequestURI().getRawQuery(), "&", name), StandardCharsets.UTF_8);
    }

    /** Empty when there is none. */
    public String cookie(String name) {
        return named(header("Cookie"), "; *", name);
    }

    /** Empty when there is none. */
    public String header(String name) {
        String value = exchange.getRequestHeaders().getFirst(name);
        return value == null ? "" : value;
    }

    private static String named(String pairs, String separator, String name) {
        Stream<String[]> split = Stream.of(pairs == null ? new String[0] : pairs.split(separator)).map(pair -> pair.split("=", 2));
        return split.filter(pair -> pair.length == 2 && pair[0].equals(name)).map(pair -> pair[1]).findFirst().orElse("");
    }
}
