import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.util.Iterator;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import shop.v1.Bid;
import shop.v1.Item;
import shop.v1.Offer;
import shop.v1.Receipt;
import shop.v1.Shelf;
import shop.v1.ShopGrpc;
import shop.v1.Wanted;

/** A shop in front of another one, over gRPC on both sides: java App. */
public final class App extends ShopGrpc.ShopImplBase {
  /** Regressions that the end-to-end tests plant; empty for everybody else. */
  private static final Set<String> MUTATE = Set.of(env("MUTATE", "").split(","));

  private static final Metadata.Key<String> SERVED_BY =
      Metadata.Key.of("served-by", Metadata.ASCII_STRING_MARSHALLER);

  private final ShopGrpc.ShopStub upstream;
  private final ShopGrpc.ShopBlockingStub waiting;

  private App(String target) {
    var channel = Grpc.newChannelBuilder(target, InsecureChannelCredentials.create()).build();
    upstream = ShopGrpc.newStub(channel);
    waiting = ShopGrpc.newBlockingStub(channel);
  }

  @Override
  public void find(Wanted wanted, StreamObserver<Item> answer) {
    var name = wanted.getName() + (MUTATE.contains("call") ? "!" : "");
    var trailers = new AtomicReference<Metadata>();
    var heads = new AtomicReference<Metadata>();
    try {
      var stub = waiting
          .withDeadlineAfter(name.startsWith("slow-") ? 300 : 5000, TimeUnit.MILLISECONDS)
          .withInterceptors(MetadataUtils.newCaptureMetadataInterceptor(heads, trailers));
      var item = stub.find(Wanted.newBuilder().setName(name).build()).toBuilder();
      if (MUTATE.contains("answer")) {
        item.setPrice(item.getPrice() + 1);
      }
      item.addTags(Optional.ofNullable(trailers.get().get(SERVED_BY)).orElse("nobody"));
      answer.onNext(item.build());
      answer.onCompleted();
    } catch (StatusRuntimeException error) {
      // Who notices first that it is too late, this side or the other, says it in words of its own.
      var late = error.getStatus().getCode() == Status.Code.DEADLINE_EXCEEDED;
      var said = late ? "late" : error.getStatus().getDescription();
      answer.onError(error.getStatus().withDescription("upstream: " + said).asException());
    }
  }

  @Override
  public void list(Shelf shelf, StreamObserver<Item> answer) {
    try {
      Iterator<Item> items = waiting.list(shelf);
      while (items.hasNext()) {
        var item = items.next().toBuilder();
        answer.onNext(item.setStock(item.getStock() + 1).build());
      }
      answer.onCompleted();
    } catch (StatusRuntimeException error) {
      answer.onError(error);
    }
  }

  @Override
  public StreamObserver<Item> bring(StreamObserver<Receipt> answer) {
    return upstream.bring(answer);
  }

  @Override
  public StreamObserver<Bid> haggle(StreamObserver<Offer> answer) {
    return upstream.haggle(
        new Passed<Offer>(answer) {
          @Override
          public void onNext(Offer offer) {
            answer.onNext(offer.toBuilder().setCents(offer.getCents() * 2).build());
          }
        });
  }

  @Override
  public void deal(Bid first, StreamObserver<Offer> answer) {
    var bids = new AtomicReference<StreamObserver<Bid>>();
    var deal =
        new Passed<Offer>(answer) {
          private int asked = 1;
          private Offer last;

          @Override
          public void onNext(Offer offer) {
            last = offer;
            if (asked++ == 3) {
              bids.get().onCompleted();
            } else {
              bids.get().onNext(Bid.newBuilder().setItem(offer.getItem()).setCents(offer.getCents() + 1).build());
            }
          }

          @Override
          public void onCompleted() {
            answer.onNext(last);
            answer.onCompleted();
          }
        };
    bids.set(upstream.haggle(deal));
    bids.get().onNext(first);
  }

  /** Passes on how a call ends. */
  private abstract static class Passed<T> implements StreamObserver<T> {
    private final StreamObserver<T> to;

    Passed(StreamObserver<T> to) {
      this.to = to;
    }

    @Override
    public void onError(Throwable error) {
      to.onError(error);
    }

    @Override
    public void onCompleted() {
      to.onCompleted();
    }
  }

  private static String env(String name, String otherwise) {
    return Optional.ofNullable(System.getenv(name)).orElse(otherwise);
  }

  public static void main(String[] arguments) throws Exception {
    var port = Integer.parseInt(env("PORT", "50051"));
    Grpc.newServerBuilderForPort(port, InsecureServerCredentials.create())
        .addService(new App(env("UPSTREAM", "127.0.0.1:50052")))
        .build()
        .start()
        .awaitTermination();
  }
}
