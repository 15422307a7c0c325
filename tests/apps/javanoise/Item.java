import java.math.BigDecimal;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** A row. */
public record Item(
    long number,
    UUID id,
    String ref,
    String code,
    String name,
    List<String> tags,
    BigDecimal price,
    int quantity,
    Instant createdAt,
    Instant updatedAt
) {
    public Item numbered(long number) {
        return new Item(number, id, ref, code, name, tags, price, quantity, createdAt, updatedAt);
    }

    /** As clients see it. */
    public Map<String, Object> shown() {
        BigDecimal total = price.multiply(BigDecimal.valueOf(quantity));
        if (Fresh.broken("total")) {
            total = total.add(new BigDecimal("0.01"));
        }
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", id.toString());
        fields.put("ref", ref);
        fields.put("code", code);
        fields.put("name", name);
        fields.put("tags", tags);
        fields.put("price", price.doubleValue());
        fields.put("quantity", quantity);
        fields.put("total", total.doubleValue());
        fields.put("created_at", Fresh.utc(createdAt));
        fields.put("updated_at", Fresh.utc(updatedAt));
        fields.put("created_local", Fresh.inBerlin(createdAt));
        fields.put("expires_at", Fresh.utc(createdAt.plus(Duration.ofHours(Fresh.broken("expiry") ? 2 : 1))));
        fields.put("number", number);
        if (Fresh.broken("wrong-zone")) {
            String local = Fresh.clockInBerlin(createdAt);
            fields.put("created_at", local + "Z");
            fields.put("created_local", local + "+00:00");
        }
        if (Fresh.broken("wrong-format")) {
            fields.put("created_at", createdAt.getEpochSecond());
        }
        if (Fresh.broken("missing-field")) {
            fields.remove("updated_at");
        }
        return fields;
    }
}
