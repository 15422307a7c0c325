import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import redis.clients.jedis.JedisPooled;
import redis.clients.jedis.params.SetParams;

/** What runs beside the requests: a heartbeat, a gauge, and the worker that does the jobs. */
public class Background implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String key = "heartbeat:" + Fresh.randomHex(4);
    private final Store store;
    private final JedisPooled cache;
    private volatile long items;
    private volatile boolean ended;

    private Background(Store store, JedisPooled cache) {
        this.store = store;
        this.cache = cache;
    }

    public static Background start(Store store, JedisPooled cache) {
        Background background = new Background(store, cache);
        background.every(300, "heartbeat", background::beat);
        background.every(500, "gauge", () -> background.items = store.count());
        // It waits in Redis.
        background.every(0, "worker", background::work);
        return background;
    }

    public long items() {
        return items;
    }

    /** What goes wrong from now on is no wonder. */
    @Override
    public void close() {
        ended = true;
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

    private void every(long pauseMs, String name, Callable<?> task) {
        Thread thread = new Thread(() -> {
            while (!ended) {
                sleep(succeeds(name, task) ? pauseMs : 1000);
            }
        }, name);
        thread.setDaemon(true);
        thread.start();
    }

    private boolean succeeds(String name, Callable<?> task) {
        try {
            task.call();
            return true;
        } catch (Exception error) {
            if (!ended) {
                System.err.println(name + ": " + error);
            }
            return false;
        }
    }

    private void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException error) {
            close();
        }
    }
}
