"""The shop that the sample applications call: python upstream.py PORT [KEY CERTIFICATE]"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import shop_pb2 as pb
import shop_pb2_grpc as rpc


def item(name, n=1):
    return pb.Item(
        name=name,
        stock=-n,
        price=1.25 * n,
        tags=["a", name],
        sizes=[1, n, 300],
        attributes={"weight": n},
        quality=pb.GOOD,
        picture=bytes([0, 255, n]),
        is_new=True,
    )


class Shop(rpc.ShopServicer):
    def Find(self, request, context):
        if request.name.startswith("no-"):
            context.set_trailing_metadata([("reason", "sold out"), ("detail-bin", b"\x00\x01")])
            context.abort(grpc.StatusCode.NOT_FOUND, f"no {request.name} · none")
        if request.name.startswith("zip-"):
            context.set_compression(grpc.Compression.Gzip)
            return item(request.name * 100)
        if request.name.startswith("slow-"):
            wait_until_gone(context)
        context.set_trailing_metadata([("served-by", "upstream")])
        return item(request.name, len(request.name))

    def List(self, request, context):
        for n in range(request.items):
            yield item(f"{request.name}-{n}", n)

    def Bring(self, requests, context):
        count, total = 0, 0.0
        for brought in requests:
            count, total = count + 1, total + brought.price
        return pb.Receipt(count=count, total=total)

    def Haggle(self, requests, context):
        for bid in requests:
            yield pb.Offer(item=bid.item, cents=bid.cents + 10, is_final=bid.cents > 100)


def wait_until_gone(context):
    """The caller has less patience."""
    gone = threading.Event()
    if context.add_callback(gone.set):
        gone.wait()


def main():
    server = grpc.server(ThreadPoolExecutor(max_workers=64))
    rpc.add_ShopServicer_to_server(Shop(), server)
    port, *tls = sys.argv[1:]
    if tls:
        pair = tuple(Path(file).read_bytes() for file in tls)
        server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([pair]))
    else:
        server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    print("ready", file=sys.stderr, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
