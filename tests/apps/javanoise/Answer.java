import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** A status, a body and headers. */
public record Answer(int status, byte[] body, Map<String, String> headers) {
    private static final ObjectMapper JSON = new ObjectMapper();

    public static Answer json(int status, Object document) {
        try {
            return new Answer(status, JSON.writeValueAsBytes(document), new LinkedHashMap<>()).with("Content-Type", "application/json");
        } catch (JsonProcessingException error) {
            throw new IllegalArgumentException("no JSON: " + document, error);
        }
    }

    public static Answer text(String text) {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        return new Answer(200, body, new LinkedHashMap<>()).with("Content-Type", "text/plain; charset=utf-8");
    }

    public static Answer empty(int status) {
        return new Answer(status, new byte[0], new LinkedHashMap<>());
    }

    public Answer with(String header, String value) {
        headers.put(header, value);
        return this;
    }

    /** Names and values by turns, in this order. */
    public static Map<String, Object> fields(Object... namesAndValues) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            fields.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return fields;
    }
}
