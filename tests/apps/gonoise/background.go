package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log"
	"time"

	"github.com/redis/go-redis/v9"
)

// What runs beside the requests: a heartbeat, a gauge, and the worker that does the jobs.
func (s *server) startBackground(ctx context.Context) {
	key := "heartbeat:" + hex.EncodeToString(randomBytes(4))
	go every(ctx, 300*time.Millisecond, "heartbeat", func() error {
		return s.cache.Set(ctx, key, time.Now().UnixMilli(), 5*time.Second).Err()
	})
	go every(ctx, 500*time.Millisecond, "gauge", func() error {
		count, err := s.store.count(ctx)
		if err == nil {
			s.items.Store(count)
		}
		return err
	})
	// It waits in Redis.
	go every(ctx, 0, "worker", func() error { return s.work(ctx) })
}

func (s *server) work(ctx context.Context) error {
	taken, err := s.cache.BRPop(ctx, time.Second, "jobs").Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return err
	}
	var j job
	if err := json.Unmarshal([]byte(taken[1]), &j); err != nil {
		return err
	}
	return s.store.finish(ctx, j, now())
}

func every(ctx context.Context, pause time.Duration, name string, task func() error) {
	for ctx.Err() == nil {
		wait := pause
		if err := task(); err != nil && ctx.Err() == nil {
			log.Printf("%s: %v", name, err)
			wait = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}
