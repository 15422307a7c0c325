// Orders in MongoDB, with the official driver.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Regressions that the end-to-end tests plant; empty for everybody else.
func mutates(what string) bool {
	for _, word := range strings.Split(os.Getenv("MUTATE"), ",") {
		if word == what {
			return true
		}
	}
	return false
}

// What a client asks for.
type body struct {
	Customer string `json:"customer"`
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
	Price    string `json:"price"`
	N        int    `json:"n"`
}

type answer map[string]any

func main() {
	store, err := open(os.Getenv("MONGO_URI"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	err = http.ListenAndServe("127.0.0.1:"+port, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked body
		if r.Method == http.MethodPost {
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
				reply(w, 400, answer{"error": err.Error()})
				return
			}
		}
		if asked.Customer == "" {
			asked.Customer = r.URL.Query().Get("customer")
		}
		page, id, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
		status, said, err := serve(r.Context(), store, r.Method+" "+page, id, asked)
		if err != nil {
			status, said = 500, answer{"error": err.Error()}
		}
		reply(w, status, said)
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func reply(w http.ResponseWriter, status int, said any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Who went away misses it.
	_ = json.NewEncoder(w).Encode(said)
}

func serve(ctx context.Context, store *store, page, id string, asked body) (int, any, error) {
	switch page {
	case "POST setup":
		return 200, answer{"ready": true}, store.setup(ctx)
	case "POST orders":
		made := order{Customer: asked.Customer, Item: asked.Item, Quantity: asked.Quantity, Price: asked.Price, Created: time.Now()}
		found, err := store.create(ctx, made)
		return 201, found, err
	case "GET orders":
		if id == "" {
			found, err := store.list(ctx, asked.Customer, mutates("query"))
			if mutates("json") {
				for i := range found {
					found[i].Quantity++
				}
			}
			return 200, answer{"orders": found}, err
		}
		key, err := bson.ObjectIDFromHex(id)
		if err != nil {
			return 0, nil, err
		}
		found, err := store.load(ctx, key)
		if errors.Is(err, mongo.ErrNoDocuments) {
			return 404, answer{"error": "no such order"}, nil
		}
		return 200, found, err
	case "POST batch":
		count, sum, err := store.batch(ctx, asked.Customer, asked.N)
		return 200, answer{"count": count, "sum": sum}, err
	case "POST count":
		n, err := store.count(ctx, asked.Customer)
		return 200, answer{"n": n}, err
	case "POST transaction":
		during, count, err := store.transaction(ctx, asked.Customer)
		return 200, answer{"during": during, "count": count}, err
	case "POST fail":
		code, err := store.fail(ctx, asked.Customer)
		return 409, answer{"error": code}, err
	case "POST forget":
		return 202, answer{"sent": true}, store.forget(ctx, asked.Customer)
	case "GET types":
		found, err := store.types(ctx, asked.Customer)
		return 200, found, err
	}
	return 404, answer{"error": "no such page"}, nil
}
