import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/** One HTTPS GET with each of Java's usual clients, none of which is told whom to trust. */
public class Fetch {
    public static Map<String, Object> get(String client, String url) throws IOException, InterruptedException {
        return switch (client) {
            case "httpclient" -> httpClient(url);
            case "okhttp" -> okHttp(url);
            default -> throw new IOException("no client " + client);
        };
    }

    private static Map<String, Object> httpClient(String url) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url)).build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        return Map.of("status", answer.statusCode(), "body", answer.body());
    }

    private static Map<String, Object> okHttp(String url) throws IOException {
        Request request = new Request.Builder().url(url).build();
        try (Response answer = new OkHttpClient().newCall(request).execute()) {
            return Map.of("status", answer.code(), "body", answer.body().string());
        }
    }
}
