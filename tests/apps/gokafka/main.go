// Orders over Kafka with franz-go: gokafka. The API is that of ../pykafka/app.py. A static binary (CGO_ENABLED=0).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
)

type body struct {
	Customer string `json:"customer"`
	Item     string `json:"item,omitempty"`
	N        int    `json:"n,omitempty"`
	Changed  bool   `json:"changed,omitempty"`
}

type object = map[string]any

type server struct {
	broker *broker
	audit  *audit
	// Regressions that the end-to-end tests plant; empty for everybody else.
	mutate map[string]bool
}

func main() {
	s := &server{audit: newAudit(), mutate: map[string]bool{}}
	for name := range strings.SplitSeq(os.Getenv("MUTATE"), ",") {
		s.mutate[name] = true
	}
	broker, err := openBroker(env("KAFKA", "127.0.0.1:9092"), s.audit.saw)
	if err != nil {
		log.Fatal(err)
	}
	s.broker = broker
	log.Fatal(http.ListenAndServe("127.0.0.1:"+env("PORT", "8080"), s.routes()))
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, answer func(*http.Request, body) (int, any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			var asked body
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil && err != io.EOF {
				reply(w, http.StatusBadRequest, object{"error": err.Error()})
				return
			}
			status, document, err := answer(r, asked)
			if err != nil {
				status, document = http.StatusInternalServerError, object{"error": fmt.Sprintf("%T", err), "message": err.Error()}
			}
			reply(w, status, document)
		})
	}
	handle("POST /orders", s.order)
	handle("POST /batch", func(_ *http.Request, asked body) (int, any, error) {
		documents := make([]any, asked.N)
		for n := range documents {
			documents[n] = object{"n": n}
		}
		return 201, object{"sent": asked.N}, s.broker.produce("batches", asked.Customer, documents...)
	})
	handle("GET /audit", func(r *http.Request, _ body) (int, any, error) {
		count, err := strconv.Atoi(r.URL.Query().Get("n"))
		if err != nil {
			return 400, object{"error": "n is a number"}, nil
		}
		return 200, object{"items": s.audit.of(r.URL.Query().Get("customer"), count)}, nil
	})
	return mux
}

func (s *server) order(_ *http.Request, asked body) (int, any, error) {
	sent, topic := asked, "orders"
	sent.Changed = s.mutate["publish"]
	if s.mutate["topic"] {
		topic = "returns"
	}
	err := s.broker.produce(topic, asked.Customer, sent)
	if s.mutate["json"] {
		asked.Item = "another"
	}
	return 201, asked, err
}

func reply(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(document); err != nil {
		log.Print(err)
	}
}
