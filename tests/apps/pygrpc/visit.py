"""Eight clients at once, who make every kind of call: python visit.py PORT [AUTHORITY]. Prints how many calls were made."""

import queue
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import shop_pb2 as pb
import shop_pb2_grpc as rpc

CLIENTS = 8


def visit(port, authority, n):
    own = [("grpc.use_local_subchannel_pool", 1)]
    if authority:
        channel = grpc.secure_channel(f"localhost:{port}", grpc.ssl_channel_credentials(authority), own)
    else:
        channel = grpc.insecure_channel(f"127.0.0.1:{port}", own)
    shop, calls = rpc.ShopStub(channel), 0
    for name in (f"pen-{n}", f"zip-{n}", f"ink-{n}"):
        assert shop.Find(pb.Wanted(name=name), timeout=10).name.startswith(name)
        calls += 1
    for name, code in ((f"no-{n}", grpc.StatusCode.NOT_FOUND), (f"slow-{n}", grpc.StatusCode.DEADLINE_EXCEEDED)):
        try:
            shop.Find(pb.Wanted(name=name), timeout=10)
            raise AssertionError(f"{name} was found")
        except grpc.RpcError as error:
            assert error.code() == code, error
        calls += 1
    assert len(list(shop.List(pb.Shelf(name=f"shelf-{n}", items=n + 1)))) == n + 1
    receipt = shop.Bring(iter([pb.Item(name=f"box-{n}-{m}", price=m) for m in range(n + 2)]))
    assert receipt.count == n + 2
    assert shop.Deal(pb.Bid(item=f"bus-{n}", cents=n)).cents > n
    calls += 3
    return calls + haggle(shop, n)


def haggle(shop, n):
    """Bids what depends on the offer before."""
    bids, said = 0, queue.Queue()
    said.put(pb.Bid(item=f"car-{n}", cents=n))
    for offer in shop.Haggle(iter(said.get, None)):
        bids += 1
        said.put(None if bids == 3 else pb.Bid(item=offer.item, cents=offer.cents))
    # The end of the client is a turn, too.
    return bids + 1


def main():
    port = int(sys.argv[1])
    authority = Path(sys.argv[2]).read_bytes() if sys.argv[2:] else None
    with ThreadPoolExecutor(CLIENTS) as clients:
        print(sum(clients.map(lambda n: visit(port, authority, n), range(CLIENTS))))


if __name__ == "__main__":
    main()
