import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the consumer has seen, by customer. */
class Audit {
    private final Map<String, List<String>> seen = new HashMap<>();

    synchronized void saw(String customer, String item) {
        seen.computeIfAbsent(customer, name -> new ArrayList<>()).add(item);
        notifyAll();
    }

    /** Waits until there are so many. */
    synchronized List<String> of(String customer, int count) throws InterruptedException {
        while (seen.getOrDefault(customer, List.of()).size() < count) {
            wait();
        }
        return List.copyOf(seen.get(customer));
    }
}
