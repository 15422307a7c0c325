"""A shop in front of another one, over gRPC on both sides: python app.py. Over TLS where UPSTREAM_CA, or KEY and CERTIFICATE, name files."""

import os
import queue
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import shop_pb2 as pb
import shop_pb2_grpc as rpc

# Regressions that the end-to-end tests plant; empty for everybody else.
MUTATE = set(os.environ.get("MUTATE", "").split(","))


class Shop(rpc.ShopServicer):
    def __init__(self, upstream):
        self.upstream = upstream

    def Find(self, request, context):
        name = request.name + "!" if "call" in MUTATE else request.name
        timeout = 0.3 if name.startswith("slow-") else 5
        try:
            item, call = self.upstream.Find.with_call(pb.Wanted(name=name), timeout=timeout)
        except grpc.RpcError as error:
            # Who notices first that it is too late, this side or the other, says it in words of its own.
            late = error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            context.abort(error.code(), f"upstream: {'late' if late else error.details()}")
        served = dict(call.trailing_metadata()).get("served-by", "nobody")
        context.set_trailing_metadata([("served-by", f"{served}, app")])
        if "answer" in MUTATE:
            item.price += 1
        return item

    def List(self, request, context):
        for item in self.upstream.List(request):
            item.stock += 1
            yield item

    def Bring(self, requests, context):
        return self.upstream.Bring(requests)

    def Haggle(self, requests, context):
        for offer in self.upstream.Haggle(requests):
            offer.cents *= 2
            yield offer

    def Deal(self, bid, context):
        said = queue.Queue()
        said.put(bid)
        for n, offer in enumerate(self.upstream.Haggle(iter(said.get, None)), 1):
            last = offer
            said.put(None if n == 3 else pb.Bid(item=offer.item, cents=offer.cents + 1))
        return last


def channel(upstream):
    """Over TLS when there is an authority to trust."""
    authority = os.environ.get("UPSTREAM_CA")
    if not authority:
        return grpc.insecure_channel(upstream)
    with open(authority, "rb") as pem:
        return grpc.secure_channel(upstream, grpc.ssl_channel_credentials(pem.read()))


def main():
    server = grpc.server(ThreadPoolExecutor(max_workers=32))
    rpc.add_ShopServicer_to_server(Shop(rpc.ShopStub(channel(os.environ.get("UPSTREAM", "127.0.0.1:50052")))), server)
    address = f"127.0.0.1:{os.environ.get('PORT', '50051')}"
    if "KEY" in os.environ:
        pair = tuple(Path(os.environ[name]).read_bytes() for name in ("KEY", "CERTIFICATE"))
        server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    else:
        server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
