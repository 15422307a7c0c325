// Items, with net/http, pgx and go-redis: a static binary (CGO_ENABLED=0). ../NOISE.md says what each request does.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

const patience = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	store, err := openStore(ctx)
	if err != nil {
		return err
	}
	defer store.pool.Close()
	if err := eventually(ctx, store.setup); err != nil {
		return fmt.Errorf("the database is not there: %w", err)
	}
	cache := redis.NewClient(&redis.Options{Addr: net.JoinHostPort(env("REDIS_HOST", "127.0.0.1"), env("REDIS_PORT", "6379"))})
	defer cache.Close()
	if err := eventually(ctx, func(ctx context.Context) error { return cache.Ping(ctx).Err() }); err != nil {
		return fmt.Errorf("Redis is not there: %w", err)
	}

	s := &server{store: store, cache: cache, secret: []byte(env("JWT_SECRET", defaultSecret)), started: time.Now()}
	s.startBackground(ctx)
	web := &http.Server{Addr: "127.0.0.1:" + env("PORT", "8080"), Handler: identified(s.routes())}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := web.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		// Who is being answered is answered.
		ending, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return web.Shutdown(ending)
	})
	return group.Wait()
}

// eventually tries until it works, or patience has an end.
func eventually(ctx context.Context, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
