import com.mongodb.ConnectionString;
import com.mongodb.MongoClientSettings;
import com.mongodb.MongoWriteException;
import com.mongodb.WriteConcern;
import com.mongodb.client.ClientSession;
import com.mongodb.client.MongoClient;
import com.mongodb.client.MongoClients;
import com.mongodb.client.MongoCollection;
import com.mongodb.client.MongoDatabase;
import com.mongodb.client.model.Accumulators;
import com.mongodb.client.model.Aggregates;
import com.mongodb.client.model.DeleteOneModel;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.FindOneAndUpdateOptions;
import com.mongodb.client.model.IndexOptions;
import com.mongodb.client.model.Indexes;
import com.mongodb.client.model.InsertOneModel;
import com.mongodb.client.model.Projections;
import com.mongodb.client.model.ReplaceOptions;
import com.mongodb.client.model.ReturnDocument;
import com.mongodb.client.model.Sorts;
import com.mongodb.client.model.UpdateOneModel;
import com.mongodb.client.model.Updates;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.bson.BsonRegularExpression;
import org.bson.BsonTimestamp;
import org.bson.Document;
import org.bson.UuidRepresentation;
import org.bson.conversions.Bson;
import org.bson.types.Binary;
import org.bson.types.Code;
import org.bson.types.Decimal128;
import org.bson.types.MaxKey;
import org.bson.types.MinKey;
import org.bson.types.ObjectId;

/** What the application keeps, and how. */
final class Store {
    private final MongoClient client;
    private final MongoCollection<Document> orders;
    private final MongoCollection<Document> events;
    private final MongoCollection<Document> notes;
    private final MongoCollection<Document> counters;
    private final MongoCollection<Document> types;

    Store(String uri) {
        MongoClientSettings settings = MongoClientSettings.builder()
                .applyConnectionString(new ConnectionString(uri))
                .applyToConnectionPoolSettings(pool -> pool.maxSize(4))
                .uuidRepresentation(UuidRepresentation.STANDARD)
                .build();
        client = MongoClients.create(settings);
        MongoDatabase db = client.getDatabase("shop");
        orders = db.getCollection("orders");
        events = db.getCollection("events");
        notes = db.getCollection("notes").withWriteConcern(WriteConcern.UNACKNOWLEDGED);
        counters = db.getCollection("counters");
        types = db.getCollection("types");
    }

    void setup() {
        Bson byCustomer = Indexes.compoundIndex(Indexes.ascending("customer"), Indexes.descending("item"));
        orders.createIndex(byCustomer, new IndexOptions().name("of_customer"));
        events.createIndex(Indexes.ascending("key"), new IndexOptions().unique(true).sparse(true));
    }

    Document create(Document order) {
        ObjectId id = orders.insertOne(order).getInsertedId().asObjectId().getValue();
        return load(id);
    }

    Document load(ObjectId id) {
        return orders.find(Filters.eq("_id", id)).first();
    }

    List<Document> list(String customer, boolean other) {
        Bson mine = Filters.eq("customer", customer);
        // Small batches, so that the cursor has to be asked for more.
        return orders.find(other ? Filters.and(mine, Filters.lt("quantity", 1000)) : mine)
                .projection(Projections.exclude("created"))
                .sort(Sorts.ascending("quantity", "item"))
                .batchSize(2)
                .into(new ArrayList<>());
    }

    Map<String, Object> batch(String customer, int n) {
        List<Document> rows = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            rows.add(order(customer, "batch-" + i, i + 1, "1.25"));
        }
        orders.insertMany(rows);
        orders.bulkWrite(List.of(
                new UpdateOneModel<>(item(customer, "batch-0"), Updates.inc("quantity", 10)),
                new InsertOneModel<>(order(customer, "batch-extra", 100, "9")),
                new DeleteOneModel<>(item(customer, "batch-1"))));
        Document found = orders.aggregate(List.of(
                Aggregates.match(Filters.and(Filters.eq("customer", customer), Filters.regex("item", "^batch-"))),
                Aggregates.group(null, Accumulators.sum("count", 1), Accumulators.sum("sum", "$quantity")))).first();
        return Map.of("count", found.getInteger("count"), "sum", found.getInteger("sum"));
    }

    private static Document order(String customer, String item, int quantity, String price) {
        return new Document("customer", customer).append("item", item).append("quantity", quantity).append("price", price);
    }

    private static Bson item(String customer, String item) {
        return Filters.and(Filters.eq("customer", customer), Filters.eq("item", item));
    }

    int count(String customer) {
        FindOneAndUpdateOptions after = new FindOneAndUpdateOptions().upsert(true).returnDocument(ReturnDocument.AFTER);
        return counters.findOneAndUpdate(Filters.eq("_id", customer), Updates.inc("n", 1), after).getInteger("n");
    }

    Map<String, Object> transaction(String customer) {
        Bson mine = Filters.eq("customer", customer);
        long during;
        try (ClientSession session = client.startSession()) {
            session.withTransaction(() -> {
                events.insertOne(session, event(customer, "kept"));
                return events.insertOne(session, event(customer, "kept, too"));
            });
            session.startTransaction();
            events.insertOne(session, event(customer, "undone"));
            during = events.countDocuments(session, mine);
            session.abortTransaction();
        }
        return Map.of("during", during, "count", events.countDocuments(mine));
    }

    private static Document event(String customer, String what) {
        return new Document("customer", customer).append("what", what);
    }

    int fail(String customer) {
        events.insertOne(new Document("customer", "fails-" + customer).append("key", customer));
        try {
            events.insertOne(new Document("customer", "fails-" + customer).append("key", customer));
        } catch (MongoWriteException refused) {
            return refused.getError().getCode();
        }
        throw new IllegalStateException("the index did not hold");
    }

    void forget(String customer) {
        notes.insertOne(event(customer, "not waited for"));
    }

    Document types(String customer) {
        Document values = new Document("int", 42)
                .append("bigint", 9007199254740993L)
                .append("long", 5L)
                .append("double", 2.0)
                .append("decimal", Decimal128.parse("12345.6789"))
                .append("text", "ünïcode ✓")
                .append("null", null)
                .append("bool", true)
                .append("date", new Date(1709210096789L))
                .append("old", new Date(-2208988800000L))
                .append("timestamp", new BsonTimestamp(1700000000, 7))
                .append("id", new ObjectId("65f000000000000000000001"))
                .append("uuid", UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"))
                .append("bytes", new Binary(new byte[] {(byte) 0xde, (byte) 0xad, (byte) 0xbe, (byte) 0xef}))
                .append("regex", new BsonRegularExpression("^a.*b$", "im"))
                .append("code", new Code("function () { return 1 }"))
                .append("min", new MinKey())
                .append("max", new MaxKey())
                .append("nested", new Document("list", List.of(1, List.of(2, new Document("three", 3.5)))).append("empty", new Document()));
        Bson mine = Filters.eq("_id", customer);
        types.replaceOne(mine, values, new ReplaceOptions().upsert(true));
        return types.find(mine).projection(Projections.excludeId()).first();
    }
}
