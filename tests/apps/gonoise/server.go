package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
)

const (
	defaultSecret = "a secret of thirty-two bytes, at least"
	tokenLife     = 35 * time.Second
	sessionLife   = 7 * 24 * time.Hour
)

// From Sunday on.
var limits = [7]int64{10, 100, 100, 100, 100, 100, 50}

type server struct {
	store   *store
	cache   *redis.Client
	secret  []byte
	started time.Time
	items   atomic.Int64
}

// job is what waits in Redis.
type job struct {
	ID         uuid.UUID `json:"job"`
	User       string    `json:"user"`
	Text       string    `json:"text"`
	EnqueuedAt string    `json:"enqueued_at"`
}

type object = map[string]any

// refused is an error that the client gets to see, with its status.
type refused struct {
	status  int
	message string
}

func (r refused) Error() string { return r.message }

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, answer func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			err := answer(w, r)
			var no refused
			switch {
			case errors.As(err, &no):
				reply(w, no.status, object{"error": no.message})
			case err != nil:
				log.Printf("%s %s: %v", r.Method, r.URL.Path, err)
				reply(w, http.StatusInternalServerError, object{"error": "internal error"})
			}
		})
	}
	handle("POST /login", s.login)
	handle("GET /verify", s.signedIn(verify))
	handle("POST /items", s.signedIn(s.createItem))
	handle("GET /items", s.listItems)
	handle("GET /items/{id}", s.showItem)
	handle("PUT /items/{id}", s.signedIn(s.changeItem))
	handle("GET /dashboard", s.dashboard)
	handle("GET /quota", s.quota)
	handle("POST /jobs", s.createJob)
	handle("GET /jobs/{id}", s.showJob)
	handle("GET /metrics", func(w http.ResponseWriter, _ *http.Request) error {
		_, err := fmt.Fprintf(w, "# TYPE items gauge\nitems %d\n", s.items.Load())
		return err
	})
	return mux
}

// identified gives every answer an id.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", uuid.NewString())
		next.ServeHTTP(w, r)
	})
}

type signedHandler func(http.ResponseWriter, *http.Request, *jwt.RegisteredClaims) error

// signedIn asks for a bearer's token.
func (s *server) signedIn(next signedHandler) func(http.ResponseWriter, *http.Request) error {
	key := func(*jwt.Token) (any, error) { return s.secret, nil }
	return func(w http.ResponseWriter, r *http.Request) error {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		claims := &jwt.RegisteredClaims{}
		_, err := jwt.ParseWithClaims(token, claims, key, jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
		if err != nil {
			return refused{http.StatusUnauthorized, "no valid token: " + err.Error()}
		}
		return next(w, r, claims)
	}
}

func (s *server) login(w http.ResponseWriter, r *http.Request) error {
	var asked struct{ User string }
	if err := read(r, &asked); err != nil || asked.User == "" {
		return refused{http.StatusBadRequest, "user is needed"}
	}
	issued, life := time.Now().Truncate(time.Second), tokenLife
	if broken("token-life") {
		life = 3635 * time.Second
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: asked.User, IssuedAt: jwt.NewNumericDate(issued), ExpiresAt: jwt.NewNumericDate(issued.Add(life)), ID: uuid.NewString(),
	}).SignedString(s.secret)
	if err != nil {
		return err
	}
	session := hex.EncodeToString(randomBytes(16))
	if err := s.cache.Set(r.Context(), "session:"+session, asked.User, sessionLife).Err(); err != nil {
		return err
	}
	cookie := http.Cookie{Name: "session", Value: session, Path: "/", HttpOnly: true, Expires: time.Now().Add(sessionLife)}
	if broken("no-cookie-expiry") {
		cookie.Expires = time.Time{}
	}
	http.SetCookie(w, &cookie)
	expires := issued.Add(tokenLife).UTC().Format(time.RFC3339)
	return reply(w, 200, object{"token": token, "expires_in": int(tokenLife.Seconds()), "expires_at": expires, "session": session})
}

func verify(w http.ResponseWriter, _ *http.Request, claims *jwt.RegisteredClaims) error {
	left := int(time.Until(claims.ExpiresAt.Time).Seconds())
	return reply(w, 200, object{"valid": true, "sub": claims.Subject, "seconds_left": left})
}

func (s *server) dashboard(w http.ResponseWriter, r *http.Request) error {
	cookie, err := r.Cookie("session")
	if err == nil {
		err = s.cache.Get(r.Context(), "session:"+cookie.Value).Err()
	}
	if errors.Is(err, http.ErrNoCookie) || errors.Is(err, redis.Nil) {
		return refused{http.StatusUnauthorized, "no session"}
	}
	if err != nil {
		return err
	}
	began := time.Now()
	var count, created int64
	var sum float64
	group, ctx := errgroup.WithContext(r.Context())
	group.Go(func() (err error) { count, err = s.store.count(ctx); return err })
	group.Go(func() (err error) { sum, err = s.store.worth(ctx); return err })
	group.Go(func() (err error) {
		created, err = s.cache.Get(ctx, "items:created").Int64()
		if errors.Is(err, redis.Nil) {
			return nil
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return reply(w, 200, object{
		"count": count, "sum": sum, "created": created,
		"took_ms":         float64(time.Since(began).Microseconds()) / 1000,
		"generated_at":    now().Format(milliseconds),
		"server_uptime_s": float64(time.Since(s.started).Milliseconds()) / 1000,
	})
}

func (s *server) quota(w http.ResponseWriter, r *http.Request) error {
	instant := now()
	key := "quota:" + instant.Format(time.DateOnly) + ":" + r.URL.Query().Get("user")
	used, err := s.cache.Incr(r.Context(), key).Result()
	if err != nil {
		return err
	}
	day := instant.Weekday()
	if broken("weekday") {
		day = (day + 6) % 7
	}
	limit := limits[day]
	midnight := instant.Truncate(24 * time.Hour).Add(24 * time.Hour)
	w.Header().Set("X-RateLimit-Remaining", strconv.FormatInt(max(limit-used, 0), 10))
	w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(midnight.Unix(), 10))
	status := 200
	if used > limit {
		status = http.StatusTooManyRequests
	}
	left := int(midnight.Sub(instant).Seconds())
	return reply(w, status, object{"weekday": day.String(), "limit": limit, "used": used, "resets_in_s": left})
}

func (s *server) createJob(w http.ResponseWriter, r *http.Request) error {
	j := job{ID: uuid.New(), EnqueuedAt: now().Format(milliseconds)}
	var asked struct{ User, Text string }
	if err := read(r, &asked); err != nil || asked.User == "" || asked.Text == "" {
		return refused{http.StatusBadRequest, "user and text are needed"}
	}
	j.User, j.Text = asked.User, asked.Text
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := s.cache.LPush(r.Context(), "jobs", text).Err(); err != nil {
		return err
	}
	return reply(w, http.StatusAccepted, object{"job": j.ID})
}

func (s *server) showJob(w http.ResponseWriter, r *http.Request) error {
	id, err := idOf(r, "job")
	if err != nil {
		return err
	}
	done, err := s.store.finished(r.Context(), id)
	if err != nil {
		return err
	}
	state := "queued"
	if done {
		state = "done"
	}
	return reply(w, 200, object{"state": state})
}

func idOf(r *http.Request, what string) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return id, refused{http.StatusNotFound, "no " + what + " " + r.PathValue("id")}
	}
	return id, nil
}

func read(r *http.Request, into any) error { return json.NewDecoder(r.Body).Decode(into) }

func reply(w http.ResponseWriter, status int, document any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(document)
}
