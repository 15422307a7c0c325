import java.math.BigDecimal;

/** A row. */
public record Order(long id, String customer, String item, int quantity, BigDecimal price) {}
