import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** An idempotent producer for all threads, and a consumer in a group with a thread of its own. */
class Broker {
    private final KafkaProducer<String, String> producer;
    private final KafkaConsumer<String, String> consumer;

    Broker(String servers, Audit audit) {
        Map<String, Object> common = new HashMap<>(Map.of("bootstrap.servers", servers));
        if (System.getenv("KAFKA_MECHANISM") != null) {
            common.put("security.protocol", "SASL_PLAINTEXT");
            common.put("sasl.mechanism", System.getenv("KAFKA_MECHANISM"));
            common.put("sasl.jaas.config", System.getenv("KAFKA_JAAS"));
        }
        Map<String, Object> producing = new HashMap<>(common);
        producing.putAll(Map.of("enable.idempotence", true, "linger.ms", 5));
        producer = new KafkaProducer<>(producing, new StringSerializer(), new StringSerializer());
        Map<String, Object> consuming = new HashMap<>(common);
        consuming.putAll(Map.of("group.id", "audit", "auto.offset.reset", "earliest"));
        consuming.put("group.protocol", System.getenv().getOrDefault("KAFKA_GROUP_PROTOCOL", "classic"));
        consumer = new KafkaConsumer<>(consuming, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of("orders"));
        Thread thread = new Thread(() -> consume(audit), "audit");
        thread.setDaemon(true);
        thread.start();
    }

    private void consume(Audit audit) {
        while (true) {
            for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500))) {
                JsonObject order = JsonParser.parseString(record.value()).getAsJsonObject();
                audit.saw(order.get("customer").getAsString(), order.get("item").getAsString());
            }
        }
    }

    void produce(String topic, String key, List<String> values) throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (String value : values) {
            ProducerRecord<String, String> record = new ProducerRecord<>(topic, key, value);
            record.headers().add("source", "app".getBytes(StandardCharsets.UTF_8));
            sent.add(producer.send(record));
        }
        for (Future<RecordMetadata> one : sent) {
            one.get();
        }
    }
}
