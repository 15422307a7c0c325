package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgxStore uses pgx by itself: its pool, its batches, binary values.
type pgxStore struct{ pool *pgxpool.Pool }

func openPgx() (Store, error) {
	config, err := pgxpool.ParseConfig(postgresURL())
	if err != nil {
		return nil, err
	}
	config.MaxConns = poolSize
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	return pgxStore{pool}, err
}

func (s pgxStore) Setup() error {
	_, err := s.pool.Exec(context.Background(), postgresTable)
	return err
}

func (s pgxStore) Create(o Order) (Order, error) {
	rows, _ := s.pool.Query(context.Background(), insertOrder+" returning "+columns, o.Customer, o.Item, o.Quantity, o.Price)
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Order])
}

func (s pgxStore) Load(id int64) (*Order, error) {
	rows, _ := s.pool.Query(context.Background(), loadOrder, id)
	order, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[Order])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return order, err
}

func (s pgxStore) List(customer string, other bool) ([]Order, error) {
	rows, _ := s.pool.Query(context.Background(), list(other), customer)
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Order])
}

// Batch sends everything at once, and reads the answers then.
func (s pgxStore) Batch(customer string, orders []Order) (count, sum int64, err error) {
	ctx := context.Background()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		batch := &pgx.Batch{}
		for _, o := range orders {
			batch.Queue(insertOrder, o.Customer, o.Item, o.Quantity, o.Price)
		}
		batch.Queue(sumBatch, customer).QueryRow(func(row pgx.Row) error { return row.Scan(&count, &sum) })
		return tx.SendBatch(ctx, batch).Close()
	})
	return count, sum, err
}

func (s pgxStore) Rollback(customer string) (during, count int64, err error) {
	ctx := context.Background()
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer tx.Rollback(ctx)
	if _, err = tx.Exec(ctx, insertOrder, customer, "undone", 1, "1"); err != nil {
		return 0, 0, err
	}
	half, err := tx.Begin(ctx)
	if err != nil {
		return 0, 0, err
	}
	if _, err = half.Exec(ctx, insertOrder, customer, "undone at once", 1, "1"); err != nil {
		return 0, 0, err
	}
	if err = half.Rollback(ctx); err != nil {
		return 0, 0, err
	}
	if err = tx.QueryRow(ctx, countOrders, customer).Scan(&during); err != nil {
		return 0, 0, err
	}
	if err = tx.Rollback(ctx); err != nil {
		return 0, 0, err
	}
	err = s.pool.QueryRow(ctx, countOrders, customer).Scan(&count)
	return during, count, err
}

func (s pgxStore) Fail(o Order) (Refusal, error) {
	_, err := s.Create(o)
	return refusedByPgx(err)
}

func (s pgxStore) Types() (map[string]any, error) {
	rows, _ := s.pool.Query(context.Background(), postgresTypes)
	return pgx.CollectExactlyOneRow(rows, pgx.RowToMap)
}

func refusedByPgx(err error) (Refusal, error) {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return Refusal{refused.Code, refused.Message}, nil
	}
	return Refusal{}, errors.Join(err, errors.New("the constraint did not hold"))
}
