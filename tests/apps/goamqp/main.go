// Orders over RabbitMQ with amqp091-go: goamqp. The API is that of ../pyamqp/app.py. A static binary (CGO_ENABLED=0).
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
	Quantity int    `json:"quantity,omitempty"`
	Number   int    `json:"number,omitempty"`
	N        int    `json:"n,omitempty"`
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
	broker, err := openBroker(env("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672"), s.audit.saw)
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
	handle("POST /unroutable", func(_ *http.Request, asked body) (int, any, error) {
		returned, err := s.broker.publishUnroutable("orders", "nobody."+asked.Customer, asked)
		return 409, object{"code": returned.ReplyCode, "text": returned.ReplyText}, err
	})
	handle("POST /mailbox", s.fill)
	handle("GET /mailbox", func(r *http.Request, _ body) (int, any, error) {
		message, err := s.broker.fetch("mailbox."+r.URL.Query().Get("customer"), !s.mutate["settle"])
		if message == nil {
			return 404, object{"error": "no message"}, err
		}
		return 200, message, err
	})
	handle("POST /call", func(_ *http.Request, asked body) (int, any, error) {
		answer, err := s.broker.call("worker", object{"customer": asked.Customer, "number": asked.Number})
		return 200, answer, err
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
	what := "created"
	if s.mutate["publish"] {
		what = "changed"
	}
	err := s.broker.publish("orders", "order."+asked.Customer+"."+what, asked)
	if s.mutate["json"] {
		asked.Item = "another"
	}
	return 201, asked, err
}

func (s *server) fill(_ *http.Request, asked body) (int, any, error) {
	queue := "mailbox." + asked.Customer
	if err := s.broker.declare(queue); err != nil {
		return 0, nil, err
	}
	for n := range asked.N {
		if err := s.broker.publish("", queue, object{"n": n}); err != nil {
			return 0, nil, err
		}
	}
	return 201, object{"sent": asked.N}, nil
}

func reply(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(document); err != nil {
		log.Print(err)
	}
}
