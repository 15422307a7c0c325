import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import redis.clients.jedis.JedisPooled;
import redis.clients.jedis.params.SetParams;

/** What runs beside the requests: a heartbeat, a gauge, and the worker that does the jobs. */
public class Background {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String key = "heartbeat:" + Fresh.randomHex(4);
    private final Store store;
    private final JedisPooled cache;
    private volatile long items;

    private Background(Store store, JedisPooled cache) {
        this.store = store;
        this.cache = cache;
    }

    public static Background start(Store store, JedisPooled cache) {
        Background background = new Background(store, cache);
        forEver("heartbeat", 300, background::beat);
        forEver("gauge", 500, () -> background.items = store.count());
        // It waits in Redis.
        forEver("worker", 0, background::work);
        return background;
    }

    public long items() {
        return items;
    }

    private Void beat() {
        cache.set(key, String.valueOf(Instant.now().toEpochMilli()), SetParams.setParams().ex(5));
        return null;
    }

    private Void work() throws Exception {
        List<String> taken = cache.brpop(1, "jobs");
        if (taken != null) {
            JsonNode job = JSON.readTree(taken.get(1));
            UUID id = UUID.fromString(job.path("job").asText());
            store.finish(id, job.path("user").asText(), job.path("text").asText(), Fresh.now());
        }
        return null;
    }

    private static void forEver(String name, long pauseMs, Callable<?> task) {
        Thread thread = new Thread(() -> {
            while (true) {
                long wait = pauseMs;
                try {
                    task.call();
                } catch (Exception error) {
                    System.err.println(name + ": " + error);
                    wait = 1000;
                }
                try {
                    Thread.sleep(wait);
                } catch (InterruptedException ended) {
                    return;
                }
            }
        }, name);
        thread.setDaemon(true);
        thread.start();
    }
}
