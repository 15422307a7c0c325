// Command gogrpc is a shop in front of another one, over gRPC on both sides.
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // what upstream compresses
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"gogrpc/shop"
)

// Regressions that the end-to-end tests plant; empty for everybody else.
var mutate = strings.Split(os.Getenv("MUTATE"), ",")

type server struct {
	shop.UnimplementedShopServer
	upstream shop.ShopClient
}

func (s server) Find(ctx context.Context, wanted *shop.Wanted) (*shop.Item, error) {
	name, timeout := wanted.Name, 5*time.Second
	if slices.Contains(mutate, "call") {
		name += "!"
	}
	if strings.HasPrefix(name, "slow-") {
		timeout = 300 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var trailer metadata.MD
	item, err := s.upstream.Find(ctx, &shop.Wanted{Name: name}, grpc.Trailer(&trailer))
	if err != nil {
		told, said := status.Convert(err), "late"
		// Who notices first that it is too late, this side or the other, says it in words of its own.
		if told.Code() != codes.DeadlineExceeded {
			said = told.Message()
		}
		return nil, status.Error(told.Code(), "upstream: "+said)
	}
	if err := grpc.SetTrailer(ctx, metadata.Pairs("served-by", strings.Join(trailer["served-by"], "+")+", app")); err != nil {
		return nil, err
	}
	if slices.Contains(mutate, "answer") {
		item.Price++
	}
	return item, nil
}

func (s server) List(shelf *shop.Shelf, out grpc.ServerStreamingServer[shop.Item]) error {
	items, err := s.upstream.List(out.Context(), shelf)
	if err != nil {
		return err
	}
	for {
		item, err := items.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		item.Stock++
		if err := out.Send(item); err != nil {
			return err
		}
	}
}

func (s server) Bring(in grpc.ClientStreamingServer[shop.Item, shop.Receipt]) error {
	up, err := s.upstream.Bring(in.Context())
	if err != nil {
		return err
	}
	for {
		item, err := in.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := up.Send(item); err != nil {
			return err
		}
	}
	receipt, err := up.CloseAndRecv()
	if err != nil {
		return err
	}
	return in.SendAndClose(receipt)
}

func (s server) Haggle(both grpc.BidiStreamingServer[shop.Bid, shop.Offer]) error {
	up, err := s.upstream.Haggle(both.Context())
	if err != nil {
		return err
	}
	for {
		bid, err := both.Recv()
		if errors.Is(err, io.EOF) {
			return up.CloseSend()
		}
		if err != nil {
			return err
		}
		offer, err := ask(up, bid)
		if err != nil {
			return err
		}
		offer.Cents *= 2
		if err := both.Send(offer); err != nil {
			return err
		}
	}
}

func (s server) Deal(ctx context.Context, bid *shop.Bid) (*shop.Offer, error) {
	up, err := s.upstream.Haggle(ctx)
	if err != nil {
		return nil, err
	}
	var offer *shop.Offer
	for range 3 {
		if offer, err = ask(up, bid); err != nil {
			return nil, err
		}
		bid = &shop.Bid{Item: offer.Item, Cents: offer.Cents + 1}
	}
	if err := up.CloseSend(); err != nil {
		return nil, err
	}
	if _, err := up.Recv(); !errors.Is(err, io.EOF) {
		return nil, status.Error(codes.Internal, "upstream goes on")
	}
	return offer, nil
}

func ask(up grpc.BidiStreamingClient[shop.Bid, shop.Offer], bid *shop.Bid) (*shop.Offer, error) {
	if err := up.Send(bid); err != nil {
		return nil, err
	}
	return up.Recv()
}

func env(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func main() {
	// Over TLS when there is an authority to trust.
	trust := insecure.NewCredentials()
	if authority := os.Getenv("UPSTREAM_CA"); authority != "" {
		var err error
		if trust, err = credentials.NewClientTLSFromFile(authority, ""); err != nil {
			log.Fatal(err)
		}
	}
	upstream, err := grpc.NewClient(env("UPSTREAM", "127.0.0.1:50052"), grpc.WithTransportCredentials(trust))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+env("PORT", "50051"))
	if err != nil {
		log.Fatal(err)
	}
	s := grpc.NewServer()
	shop.RegisterShopServer(s, server{upstream: shop.NewShopClient(upstream)})
	log.Fatal(s.Serve(listener))
}
