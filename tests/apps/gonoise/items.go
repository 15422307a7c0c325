package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"
)

const itemCache = 300 * time.Second

func (s *server) createItem(w http.ResponseWriter, r *http.Request, claims *jwt.RegisteredClaims) error {
	var asked struct {
		Name     string
		Price    *float64
		Quantity *int
		Tags     []string
	}
	if err := read(r, &asked); err != nil || asked.Name == "" || asked.Price == nil || asked.Quantity == nil {
		return refused{http.StatusBadRequest, "name, price and quantity are needed"}
	}
	instant := now()
	item := &Item{
		ID: newItemID(), Ref: newRef(instant), Code: newCode(), Name: asked.Name, Tags: append([]string{}, asked.Tags...),
		Price: cents(*asked.Price), Quantity: *asked.Quantity, CreatedAt: instant, UpdatedAt: instant,
	}
	if broken("late") {
		item.CreatedAt = instant.Add(-time.Hour)
	}
	ctx := r.Context()
	count, err := s.store.create(ctx, claims.Subject, item)
	if err != nil {
		return err
	}
	answer := shown(item)
	if err := s.remember(r, answer, asked.Tags); err != nil {
		return err
	}
	answer.ItemsOfUser = &count
	w.Header().Set("Location", "/items/"+item.ID.String())
	return reply(w, http.StatusCreated, answer)
}

// remember tells Redis of a new item.
func (s *server) remember(r *http.Request, item view, tags []string) error {
	ctx := r.Context()
	text, err := json.Marshal(item)
	if err != nil {
		return err
	}
	key, times := "item:", 1
	if broken("cache-key") {
		key = "items:"
	}
	if err := s.cache.Set(ctx, key+item.ID.String(), text, itemCache).Err(); err != nil {
		return err
	}
	if broken("repeated-call") {
		times = 2
	}
	for range times {
		if err := s.cache.Incr(ctx, "items:created").Err(); err != nil {
			return err
		}
	}
	if len(tags) == 0 {
		return nil
	}
	return s.cache.SAdd(ctx, "tags", tags).Err()
}

func (s *server) showItem(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r, "item")
	if err != nil {
		return err
	}
	var answer view
	cached, err := s.cache.Get(r.Context(), "item:"+id.String()).Bytes()
	switch {
	case err == nil:
		err = json.Unmarshal(cached, &answer)
	case errors.Is(err, redis.Nil):
		var item *Item
		if item, err = s.store.load(r.Context(), id); err == nil {
			if item == nil {
				return refused{http.StatusNotFound, "no item " + id.String()}
			}
			answer = shown(item)
		}
	}
	if err != nil {
		return err
	}
	version := answer.ID.String() + " " + answer.UpdatedAt
	if broken("etag") {
		version = "constant"
	}
	etag := fmt.Sprintf(`"%x"`, sha256.Sum256([]byte(version)))
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return reply(w, 200, answer)
}

func (s *server) changeItem(w http.ResponseWriter, r *http.Request, _ *jwt.RegisteredClaims) error {
	id, err := idOf(r, "item")
	if err != nil {
		return err
	}
	var asked struct{ Quantity *int }
	if err := read(r, &asked); err != nil || asked.Quantity == nil {
		return refused{http.StatusBadRequest, "quantity is needed"}
	}
	item, err := s.store.change(r.Context(), id, *asked.Quantity, now())
	if err != nil {
		return err
	}
	if item == nil {
		return refused{http.StatusNotFound, "no item " + id.String()}
	}
	if err := s.cache.Del(r.Context(), "item:"+id.String()).Err(); err != nil {
		return err
	}
	return reply(w, 200, shown(item))
}

func (s *server) listItems(w http.ResponseWriter, r *http.Request) error {
	names, err := s.store.names(r.Context(), r.URL.Query().Get("tag"))
	if err != nil {
		return err
	}
	tags, err := s.cache.SMembers(r.Context(), "tags").Result()
	if err != nil {
		return err
	}
	set := map[string]bool{}
	for _, name := range names {
		for word := range strings.FieldsSeq(name) {
			set[word] = true
		}
	}
	// In whatever order the map has this time.
	words := slices.AppendSeq([]string{}, maps.Keys(set))
	if broken("duplicated-tag") {
		tags = append(tags, tags[:min(1, len(tags))]...)
		words = append(words, words[:min(1, len(words))]...)
	}
	return reply(w, 200, object{"items": append([]string{}, names...), "tags": tags, "words": words})
}
