import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;

/** One connection, and a channel for each purpose. */
class Broker {
    private static final long PATIENCE = 10_000;

    private final Channel channel;
    private final Channel publisher;
    private final Channel caller;
    private final BlockingQueue<Returned> returned = new LinkedBlockingQueue<>();
    private final Map<String, CompletableFuture<String>> answers = new ConcurrentHashMap<>();
    private final String replies;

    record Returned(int code, String text) {}

    Broker(String url, Audit audit) throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(url);
        Connection connection = factory.newConnection("orders");
        channel = connection.createChannel();
        channel.exchangeDeclare("orders", "topic", true);
        declare("audit");
        channel.queueBind("audit", "orders", "order.#");

        publisher = connection.createChannel();
        publisher.confirmSelect();
        publisher.addReturnListener((code, text, exchange, key, properties, body) -> returned.add(new Returned(code, text)));

        Channel consumer = connection.createChannel();
        consumer.basicQos(2);
        consumer.basicConsume("audit", false, (tag, delivery) -> {
            JsonObject order = JsonParser.parseString(text(delivery.getBody())).getAsJsonObject();
            consumer.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
            audit.saw(order.get("customer").getAsString(), order.get("item").getAsString());
        }, tag -> {});

        caller = connection.createChannel();
        replies = caller.queueDeclare().getQueue();
        caller.basicConsume(replies, true, (tag, delivery) -> {
            CompletableFuture<String> waiting = answers.remove(delivery.getProperties().getCorrelationId());
            if (waiting != null) {
                waiting.complete(text(delivery.getBody()));
            }
        }, tag -> {});
    }

    void declare(String queue) throws Exception {
        synchronized (channel) {
            channel.queueDeclare(queue, true, false, false, null);
        }
    }

    void publish(String exchange, String key, String body) throws Exception {
        BasicProperties properties = new BasicProperties.Builder()
                .contentType("application/json").deliveryMode(2).headers(Map.of("attempt", 1)).build();
        synchronized (publisher) {
            publisher.basicPublish(exchange, key, properties, body.getBytes(StandardCharsets.UTF_8));
            publisher.waitForConfirmsOrDie(PATIENCE);
        }
    }

    Returned publishUnroutable(String exchange, String key, String body) throws Exception {
        synchronized (publisher) {
            publisher.basicPublish(exchange, key, true, null, body.getBytes(StandardCharsets.UTF_8));
            publisher.waitForConfirmsOrDie(PATIENCE);
            return returned.take();
        }
    }

    /** Null when there is none. */
    String fetch(String queue, boolean takes) throws Exception {
        synchronized (channel) {
            GetResponse response = channel.basicGet(queue, false);
            if (response == null) {
                return null;
            }
            if (takes) {
                channel.basicAck(response.getEnvelope().getDeliveryTag(), false);
            } else {
                channel.basicReject(response.getEnvelope().getDeliveryTag(), true);
            }
            return text(response.getBody());
        }
    }

    String call(String queue, String body) throws Exception {
        String id = UUID.randomUUID().toString();
        CompletableFuture<String> answer = new CompletableFuture<>();
        answers.put(id, answer);
        BasicProperties properties = new BasicProperties.Builder().correlationId(id).replyTo(replies).build();
        synchronized (caller) {
            caller.basicPublish("", queue, properties, body.getBytes(StandardCharsets.UTF_8));
        }
        return answer.get();
    }

    private static String text(byte[] body) {
        return new String(body, StandardCharsets.UTF_8);
    }
}
