package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Items, their audit and finished jobs, in PostgreSQL.

const tables = `
create table if not exists items (
	number bigserial primary key,
	id uuid not null,
	owner text not null,
	ref char(24) not null,
	code text not null,
	name text not null,
	tags text[] not null,
	price numeric(10,2) not null,
	quantity int not null,
	created_at timestamptz not null,
	updated_at timestamptz not null
);
create index if not exists items_id on items (id);
create index if not exists items_owner on items (owner);
create table if not exists audit (id uuid not null, item uuid not null, action text not null, at timestamptz not null);
create table if not exists done_jobs (
	id uuid primary key,
	job uuid not null unique,
	owner text not null,
	text text not null,
	finished_at timestamptz not null
)`

const (
	columns    = "number, id, ref, code, name, tags, price, quantity, created_at, updated_at"
	insertItem = `insert into items (id, owner, ref, code, name, tags, price, quantity, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning number`
	insertAudit = "insert into audit (id, item, action, at) values ($1, $2, 'created', $3)"
	countOwned  = "select count(*) from items where owner = $1"
	loadItem    = "select " + columns + " from items where id = $1"
	changeItem  = "update items set quantity = $1, updated_at = $2 where id = $3 returning " + columns
	listNames   = "select name from items where $1 = any(tags) order by name, number"
	countItems  = "select count(*) from items"
	sumItems    = "select coalesce(sum(price * quantity), 0) from items"
	insertDone  = "insert into done_jobs (id, job, owner, text, finished_at) values ($1, $2, $3, $4, $5)"
	isDone      = "select exists (select from done_jobs where job = $1)"
)

// Item is a row.
type Item struct {
	Number               int64
	ID                   uuid.UUID
	Ref, Code, Name      string
	Tags                 []string
	Price                float64
	Quantity             int
	CreatedAt, UpdatedAt time.Time
}

type store struct{ pool *pgxpool.Pool }

func openStore(ctx context.Context) (*store, error) {
	config, err := pgxpool.ParseConfig(fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s sslmode=disable",
		env("DB_HOST", "127.0.0.1"), env("DB_PORT", "5432"), env("DB_USER", "t"), env("DB_PASSWORD", "pw"), env("DB_NAME", "test")))
	if err != nil {
		return nil, err
	}
	config.MaxConns = 10
	pool, err := pgxpool.NewWithConfig(ctx, config)
	return &store{pool}, err
}

func (s *store) setup(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, tables)
	return err
}

// create gives the item its number, and says how many its owner has now.
func (s *store) create(ctx context.Context, owner string, item *Item) (count int, err error) {
	quantity := item.Quantity
	if broken("wrong-value") {
		quantity++
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		row := tx.QueryRow(ctx, insertItem, item.ID, owner, item.Ref, item.Code, item.Name, item.Tags, item.Price, quantity,
			item.CreatedAt, item.UpdatedAt)
		if err := row.Scan(&item.Number); err != nil {
			return err
		}
		if !broken("skipped-write") {
			audit := uuid.New()
			if broken("equal-ids") {
				audit = item.ID
			}
			if _, err := tx.Exec(ctx, insertAudit, audit, item.ID, item.UpdatedAt); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, countOwned, owner).Scan(&count)
	})
	if broken("count") {
		count++
	}
	return count, err
}

// load returns nil when there is no such item.
func (s *store) load(ctx context.Context, id uuid.UUID) (*Item, error) {
	return s.one(ctx, loadItem, id)
}

// change returns nil when there is no such item.
func (s *store) change(ctx context.Context, id uuid.UUID, quantity int, instant time.Time) (*Item, error) {
	return s.one(ctx, changeItem, quantity, instant, id)
}

func (s *store) one(ctx context.Context, sql string, arguments ...any) (*Item, error) {
	rows, _ := s.pool.Query(ctx, sql, arguments...) // the error is in rows, too
	item, err := pgx.CollectOneRow(rows, pgx.RowToAddrOfStructByPos[Item])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return item, err
}

func (s *store) names(ctx context.Context, tag string) ([]string, error) {
	rows, _ := s.pool.Query(ctx, listNames, tag)
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (s *store) count(ctx context.Context) (count int64, err error) {
	err = s.pool.QueryRow(ctx, countItems).Scan(&count)
	return count, err
}

func (s *store) worth(ctx context.Context) (sum float64, err error) {
	err = s.pool.QueryRow(ctx, sumItems).Scan(&sum)
	return sum, err
}

func (s *store) finish(ctx context.Context, j job, instant time.Time) error {
	_, err := s.pool.Exec(ctx, insertDone, uuid.New(), j.ID, j.User, j.Text, instant)
	return err
}

func (s *store) finished(ctx context.Context, id uuid.UUID) (done bool, err error) {
	err = s.pool.QueryRow(ctx, isDone, id).Scan(&done)
	return done, err
}

// view is an item as clients see it.
type view struct {
	ID           uuid.UUID `json:"id"`
	Ref          string    `json:"ref"`
	Code         string    `json:"code"`
	Name         string    `json:"name"`
	Tags         []string  `json:"tags"`
	Price        float64   `json:"price"`
	Quantity     int       `json:"quantity"`
	Total        float64   `json:"total"`
	CreatedAt    any       `json:"created_at"`
	UpdatedAt    string    `json:"updated_at,omitempty"`
	CreatedLocal string    `json:"created_local"`
	ExpiresAt    string    `json:"expires_at"`
	Number       int64     `json:"number"`
	ItemsOfUser  *int      `json:"items_of_user,omitempty"`
}

func shown(item *Item) view {
	created := item.CreatedAt.UTC()
	v := view{
		ID: item.ID, Ref: item.Ref, Code: item.Code, Name: item.Name, Tags: item.Tags, Price: item.Price, Quantity: item.Quantity,
		Total:        cents(item.Price * float64(item.Quantity)),
		CreatedAt:    created.Format(milliseconds),
		UpdatedAt:    item.UpdatedAt.UTC().Format(milliseconds),
		CreatedLocal: created.In(berlin).Format(milliseconds),
		ExpiresAt:    created.Add(time.Hour).Format(milliseconds),
		Number:       item.Number,
	}
	if broken("expiry") {
		v.ExpiresAt = created.Add(2 * time.Hour).Format(milliseconds)
	}
	if broken("total") {
		v.Total = cents(v.Total + 0.01)
	}
	if broken("wrong-zone") {
		local := created.In(berlin).Format(localTime)
		v.CreatedAt, v.CreatedLocal = local+"Z", local+"+00:00"
	}
	if broken("wrong-format") {
		v.CreatedAt = created.Unix()
	}
	if broken("missing-field") {
		v.UpdatedAt = ""
	}
	return v
}

func cents(amount float64) float64 { return math.Round(amount*100) / 100 }
