// Orders, with net/http: a static binary (CGO_ENABLED=0), so that nothing of libc stands between it and the kernel.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const rateTTL = time.Hour

type order struct {
	ID       string  `json:"id"`
	Customer string  `json:"customer"`
	Currency string  `json:"currency"`
	Amount   int     `json:"amount"`
	Total    float64 `json:"total"`
	Revision int64   `json:"revision,omitempty"`
}

// refused is an error that the client gets to see, with its status.
type refused struct {
	status  int
	message string
}

func (r refused) Error() string { return r.message }

type server struct {
	cache    *redis.Client
	http     *http.Client
	upstream string
	// Regressions that the end-to-end tests plant; empty for everybody else.
	mutate map[string]bool
}

func main() {
	options, err := redis.ParseURL(env("REDIS_URL", "redis://127.0.0.1:6379/0"))
	if err != nil {
		log.Fatal(err)
	}
	s := &server{
		cache:    redis.NewClient(options),
		http:     &http.Client{Timeout: 10 * time.Second},
		upstream: env("UPSTREAM_URL", "http://rates.test:8085"),
		mutate:   map[string]bool{},
	}
	for name := range strings.SplitSeq(os.Getenv("MUTATE"), ",") {
		s.mutate[name] = true
	}
	log.Fatal(http.ListenAndServe(":"+env("PORT", "8080"), s.routes()))
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("POST /orders", answering(s.create))
	mux.HandleFunc("GET /orders", answering(s.index))
	mux.HandleFunc("GET /orders/{id}", answering(s.show))
	mux.HandleFunc("PATCH /orders/{id}", answering(s.change))
	mux.HandleFunc("DELETE /orders/{id}", answering(s.remove))
	mux.HandleFunc("GET /rates/{currency}", answering(s.rate))
	mux.HandleFunc("GET /report.txt", answering(s.report))
	mux.HandleFunc("POST /echo", echo)
	mux.HandleFunc("POST /tickets", answering(s.ticket))
	return mux
}

// answering turns an error of a handler into a JSON answer.
func answering(handler func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := handler(w, r)
		if err == nil {
			return
		}
		status := http.StatusInternalServerError
		if r, ok := errors.AsType[refused](err); ok {
			status = r.status
		}
		reply(w, status, map[string]string{"error": err.Error()})
	}
}

func reply(w http.ResponseWriter, status int, document any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(document)
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	if s.mutate["text"] {
		fmt.Fprintln(w, "fine")
		return
	}
	fmt.Fprintln(w, "ok")
}

func (s *server) create(w http.ResponseWriter, r *http.Request) error {
	var o order
	if json.NewDecoder(r.Body).Decode(&o) != nil || o.Customer == "" || o.Currency == "" || o.Amount <= 0 {
		return refused{http.StatusBadRequest, "customer, currency and a positive amount are needed"}
	}
	rate, known, err := s.upstreamRate(r.Context(), o.Currency)
	if err != nil {
		return err
	}
	if !known {
		return refused{http.StatusUnprocessableEntity, "unknown currency " + o.Currency}
	}
	number, err := s.cache.Incr(r.Context(), "orders:"+o.Customer+":next").Result()
	if err != nil {
		return err
	}
	o.ID, o.Total = fmt.Sprintf("%s-%d", o.Customer, number), float64(o.Amount)*rate
	if err := s.cache.Set(r.Context(), "order:"+o.ID, encode(o), 0).Err(); err != nil {
		return err
	}
	if err := s.cache.RPush(r.Context(), "orders:"+o.Customer, o.ID).Err(); err != nil {
		return err
	}
	version, status := "1", http.StatusCreated
	if s.mutate["header"] {
		version = "2"
	}
	if s.mutate["status"] {
		status = http.StatusOK
	}
	w.Header().Set("Location", "/orders/"+o.ID)
	w.Header().Set("X-Api-Version", version)
	return reply(w, status, s.public(o))
}

func (s *server) index(w http.ResponseWriter, r *http.Request) error {
	orders, err := s.customerOrders(r.Context(), r.FormValue("customer"))
	if err != nil {
		return err
	}
	for i := range orders {
		orders[i] = s.public(orders[i])
	}
	return reply(w, http.StatusOK, map[string]any{"orders": orders})
}

func (s *server) show(w http.ResponseWriter, r *http.Request) error {
	if s.mutate["extra-call"] {
		_, _, _ = s.upstreamRate(r.Context(), "SEK") // only the call is new, not the answer
	}
	o, err := s.load(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, s.public(o))
}

func (s *server) change(w http.ResponseWriter, r *http.Request) error {
	o, err := s.load(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	var patch struct{ Amount int }
	if json.NewDecoder(r.Body).Decode(&patch) != nil || patch.Amount <= 0 {
		return refused{http.StatusBadRequest, "a positive amount is needed"}
	}
	o.Total = o.Total / float64(o.Amount) * float64(patch.Amount)
	o.Amount = patch.Amount
	transaction := s.cache.TxPipeline()
	transaction.Set(r.Context(), "order:"+o.ID, encode(o), 0)
	revision := transaction.Incr(r.Context(), "order:"+o.ID+":rev")
	if _, err := transaction.Exec(r.Context()); err != nil {
		return err
	}
	o = s.public(o)
	o.Revision = revision.Val()
	return reply(w, http.StatusOK, o)
}

func (s *server) remove(w http.ResponseWriter, r *http.Request) error {
	o, err := s.load(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	pipeline := s.cache.Pipeline()
	pipeline.Del(r.Context(), "order:"+o.ID)
	pipeline.LRem(r.Context(), "orders:"+o.Customer, 1, o.ID)
	if _, err := pipeline.Exec(r.Context()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) rate(w http.ResponseWriter, r *http.Request) error {
	currency := r.PathValue("currency")
	key := "rate:" + currency
	switch cached, err := s.cache.Get(r.Context(), key).Float64(); {
	case err == nil:
		return reply(w, http.StatusOK, map[string]any{"currency": currency, "rate": cached})
	case !errors.Is(err, redis.Nil):
		return err
	}
	value, known, err := s.upstreamRate(r.Context(), currency)
	if err != nil {
		return err
	}
	if !known {
		return refused{http.StatusNotFound, "unknown currency " + currency}
	}
	if !s.mutate["skip-cache-write"] {
		text := strconv.FormatFloat(value, 'g', -1, 64)
		if err := s.cache.SetEx(r.Context(), key, text, rateTTL).Err(); err != nil {
			return err
		}
	}
	return reply(w, http.StatusOK, map[string]any{"currency": currency, "rate": value})
}

func (s *server) report(w http.ResponseWriter, r *http.Request) error {
	customer := r.FormValue("customer")
	orders, err := s.customerOrders(r.Context(), customer)
	if err != nil {
		return err
	}
	total := 0.0
	fmt.Fprintf(w, "Orders of %s\n", customer)
	for _, o := range orders {
		fmt.Fprintf(w, "%s\t%d %s\t%.2f\n", o.ID, o.Amount, o.Currency, o.Total)
		total += o.Total
	}
	fmt.Fprintf(w, "Total\t%.2f\n", total)
	return nil
}

func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	_, _ = w.Write(body) // a client that has gone away needs no answer
}

func (s *server) ticket(w http.ResponseWriter, r *http.Request) error {
	var body struct{ Customer string }
	if json.NewDecoder(r.Body).Decode(&body) != nil || body.Customer == "" {
		return refused{http.StatusBadRequest, "customer is needed"}
	}
	number, err := s.cache.Incr(r.Context(), "tickets:next").Result()
	if err != nil {
		return err
	}
	if err := s.cache.Set(r.Context(), fmt.Sprintf("ticket:%d", number), body.Customer, 0).Err(); err != nil {
		return err
	}
	return reply(w, http.StatusCreated, map[string]any{"ticket": number, "customer": body.Customer})
}

// upstreamRate asks the upstream; known is false when it has no such currency.
func (s *server) upstreamRate(ctx context.Context, currency string) (rate float64, known bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.upstream+"/rates/"+currency, nil)
	if err != nil {
		return 0, false, err
	}
	answer, err := s.http.Do(request)
	if err != nil {
		return 0, false, err
	}
	defer answer.Body.Close()
	var document struct{ Rate float64 }
	if err := json.NewDecoder(answer.Body).Decode(&document); err != nil {
		return 0, false, err
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil { // so that the connection can be used again
		return 0, false, err
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return document.Rate, true, nil
	case http.StatusNotFound:
		return 0, false, nil
	default:
		return 0, false, refused{http.StatusBadGateway, "the upstream answered " + answer.Status}
	}
}

func (s *server) load(ctx context.Context, id string) (order, error) {
	text, err := s.cache.Get(ctx, "order:"+id).Bytes()
	if errors.Is(err, redis.Nil) {
		return order{}, refused{http.StatusNotFound, "no order " + id}
	}
	if err != nil {
		return order{}, err
	}
	var o order
	return o, json.Unmarshal(text, &o)
}

func (s *server) customerOrders(ctx context.Context, customer string) ([]order, error) {
	orders := []order{}
	ids, err := s.cache.LRange(ctx, "orders:"+customer, 0, -1).Result()
	if err != nil || len(ids) == 0 {
		return orders, err
	}
	for i, id := range ids {
		ids[i] = "order:" + id
	}
	texts, err := s.cache.MGet(ctx, ids...).Result()
	for _, text := range texts {
		if text, ok := text.(string); ok {
			var o order
			if err := json.Unmarshal([]byte(text), &o); err != nil {
				return nil, err
			}
			orders = append(orders, o)
		}
	}
	return orders, err
}

// public is an order as clients see it.
func (s *server) public(o order) order {
	if s.mutate["json"] {
		o.Total++
	}
	return o
}

func encode(o order) []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err) // a struct of strings and finite numbers always has a JSON form
	}
	return text
}
