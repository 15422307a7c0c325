// For each line on its input, what the clocks show.
import java.io.*;
import java.time.Instant;
import java.util.concurrent.*;

public class Clocks {
    static long ns(Instant t) { return t.getEpochSecond() * 1_000_000_000L + t.getNano(); }

    public static void main(String[] arguments) throws Exception {
        var asked = new SynchronousQueue<Boolean>();
        var answers = new SynchronousQueue<Long>();
        var thread = new Thread(() -> {
            try { while (asked.take()) answers.put(ns(Instant.now())); } catch (InterruptedException e) { }
        });
        thread.setDaemon(true);
        thread.start();
        var in = new BufferedReader(new InputStreamReader(System.in));
        while (in.readLine() != null) {
            asked.put(true);
            var date = new ProcessBuilder("date", "+exec=%s%N").start();
            var exec = new String(date.getInputStream().readAllBytes()).trim();
            System.out.println("main=" + ns(Instant.now()) + " millis=" + System.currentTimeMillis() + "000000 thread="
                + answers.take() + " " + exec);
        }
    }
}
