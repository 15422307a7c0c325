// Orders in a database, with the driver of your choice: godb DRIVER. A static binary (CGO_ENABLED=0).
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

// Order is a row, and how clients see it. The price is a decimal number, so it stays a text.
type Order struct {
	ID       int64  `json:"id"`
	Customer string `json:"customer"`
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
	Price    string `json:"price"`
}

// Refusal is what the database said to a row that breaks a constraint.
type Refusal struct{ Code, Message string }

// Store is what a driver's application can do.
type Store interface {
	Setup() error
	Create(Order) (Order, error)
	// Load returns nil when there is no such order.
	Load(id int64) (*Order, error)
	List(customer string, other bool) ([]Order, error)
	// Batch returns how many batched rows the customer has, and the sum of their quantities.
	Batch(customer string, orders []Order) (count, sum int64, err error)
	// Rollback returns how many rows the customer had before and after the end of the transaction.
	Rollback(customer string) (during, count int64, err error)
	Fail(Order) (Refusal, error)
	Types() (map[string]any, error)
}

var open = map[string]func() (Store, error){"pgx": openPgx, "libpq": openLibpq, "gorm": openGorm, "go-sql-driver": openMySQL}

type server struct {
	store Store
	// Regressions that the end-to-end tests plant; empty for everybody else.
	mutate map[string]bool
}

func main() {
	s := &server{mutate: map[string]bool{}}
	for name := range strings.SplitSeq(os.Getenv("MUTATE"), ",") {
		s.mutate[name] = true
	}
	if len(os.Args) > 1 {
		opener, known := open[os.Args[1]]
		if !known {
			log.Fatalf("no driver %q", os.Args[1])
		}
		store, err := opener()
		if err != nil {
			log.Fatal(err)
		}
		s.store = store
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+env("PORT", "8080"), s.routes()))
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

type body struct {
	Order
	N int `json:"n"`
}

type object = map[string]any

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
	handle("POST /setup", func(*http.Request, body) (int, any, error) {
		return 200, object{"ready": true}, s.store.Setup()
	})
	handle("POST /orders", func(_ *http.Request, asked body) (int, any, error) {
		order, err := s.store.Create(asked.Order)
		return 201, order, err
	})
	handle("GET /orders/{id}", s.load)
	handle("GET /orders", s.list)
	handle("POST /batch", func(_ *http.Request, asked body) (int, any, error) {
		orders := make([]Order, asked.N)
		for i := range orders {
			price := fmt.Sprintf("%.2f", 1.25*float64(i+1))
			orders[i] = Order{Customer: asked.Customer, Item: fmt.Sprintf("batch-%d", i), Quantity: i + 1, Price: price}
		}
		count, sum, err := s.store.Batch(asked.Customer, orders)
		return 200, object{"count": count, "sum": sum}, err
	})
	handle("POST /rollback", func(_ *http.Request, asked body) (int, any, error) {
		during, count, err := s.store.Rollback(asked.Customer)
		return 200, object{"during": during, "count": count}, err
	})
	handle("POST /fail", func(_ *http.Request, asked body) (int, any, error) {
		refusal, err := s.store.Fail(Order{Customer: asked.Customer, Item: "impossible", Quantity: 0, Price: "1"})
		return 409, object{"error": refusal.Code, "message": refusal.Message}, err
	})
	handle("GET /types", s.types)
	handle("GET /fetch", fetch)
	return mux
}

func (s *server) load(r *http.Request, _ body) (int, any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 400, object{"error": "an order's number is a number"}, nil
	}
	order, err := s.store.Load(id)
	if order == nil {
		return 404, object{"error": "no such order"}, err
	}
	return 200, order, err
}

func (s *server) list(r *http.Request, _ body) (int, any, error) {
	orders, err := s.store.List(r.URL.Query().Get("customer"), s.mutate["query"])
	if s.mutate["json"] {
		for i := range orders {
			orders[i].Quantity++
		}
	}
	return 200, object{"orders": orders}, err
}

func (s *server) types(*http.Request, body) (int, any, error) {
	values, err := s.store.Types()
	shown := object{}
	for name, value := range values {
		switch value := value.(type) {
		case nil:
			shown[name] = nil
		case []byte:
			shown[name] = string(value)
			if name == "bytes" {
				shown[name] = fmt.Sprintf("%x", value)
			}
		default:
			shown[name] = fmt.Sprint(value)
		}
	}
	return 200, shown, err
}

// fetch makes one HTTPS GET with a client that is not told whom to trust.
func fetch(r *http.Request, _ body) (int, any, error) {
	answer, err := http.Get(r.URL.Query().Get("url"))
	if err != nil {
		return 502, object{"error": fmt.Sprintf("%T", err), "message": err.Error()}, nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return 200, object{"status": answer.StatusCode, "body": string(text)}, err
}

func reply(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		log.Print(err)
	}
}
