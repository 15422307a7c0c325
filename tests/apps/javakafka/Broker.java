import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** An idempotent producer for all threads, and a consumer in a group with a thread of its own. */
class Broker {
    private final KafkaProducer<String, String> producer;
    /** Those who have partitions. */
    private final Set<Thread> assigned = new HashSet<>();

    Broker(String servers, Audit audit) throws InterruptedException {
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
        int members = Integer.parseInt(System.getenv().getOrDefault("KAFKA_MEMBERS", "1"));
        for (int n = 0; n < members; n++) {
            Thread thread = new Thread(() -> consume(consuming, audit), "audit-" + n);
            thread.setDaemon(true);
            thread.start();
        }
        // One alone gets what there is at any time.
        synchronized (assigned) {
            while (members > 1 && assigned.size() < members) {
                assigned.wait();
            }
        }
    }

    private class Assigned implements ConsumerRebalanceListener {
        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            synchronized (assigned) {
                if (!partitions.isEmpty()) {
                    assigned.add(Thread.currentThread());
                }
                assigned.notifyAll();
            }
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            synchronized (assigned) {
                assigned.remove(Thread.currentThread());
            }
        }
    }

    private void consume(Map<String, Object> settings, Audit audit) {
        KafkaConsumer<String, String> consumer =
            new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of("orders"), new Assigned());
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
