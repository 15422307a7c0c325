/** What the client gets to see instead of an answer. */
public class Refused extends Exception {
    public final int status;

    public Refused(int status, String message) {
        super(message);
        this.status = status;
    }
}
