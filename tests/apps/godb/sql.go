package main

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
)

// sqlStore is for what goes through database/sql.
type sqlStore struct {
	db     *sql.DB
	table  string
	types  string
	refuse func(error) (Refusal, error)
	// sql is a statement with $n, as the driver wants it.
	sql func(string) string
	// create inserts an order and returns it as the database has it.
	create func(*sql.DB, Order) (Order, error)
}

func openLibpq() (Store, error) {
	db, err := sql.Open("postgres", postgresURL())
	if err != nil {
		return nil, err
	}
	refuse := func(err error) (Refusal, error) {
		var refused *pq.Error
		if errors.As(err, &refused) {
			return Refusal{string(refused.Code), refused.Message}, nil
		}
		return Refusal{}, errors.Join(err, errors.New("the constraint did not hold"))
	}
	create := func(db *sql.DB, o Order) (Order, error) {
		return scan(db.QueryRow(insertOrder+" returning "+columns, o.Customer, o.Item, o.Quantity, o.Price))
	}
	same := func(statement string) string { return statement }
	return pooled(sqlStore{db, postgresTable, postgresTypes, refuse, same, create}), nil
}

func openMySQL() (Store, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd, config.DBName = "tcp", dbHost+":"+dbPort, dbUser, dbPassword, dbName
	tls, err := tlsConfig()
	if err != nil {
		return nil, err
	}
	config.TLS = tls
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	refuse := func(err error) (Refusal, error) {
		var refused *mysql.MySQLError
		if errors.As(err, &refused) {
			return Refusal{strconv.Itoa(int(refused.Number)), refused.Message}, nil
		}
		return Refusal{}, errors.Join(err, errors.New("the constraint did not hold"))
	}
	create := func(db *sql.DB, o Order) (Order, error) {
		done, err := db.Exec(questionMarks(insertOrder), o.Customer, o.Item, o.Quantity, o.Price)
		if err != nil {
			return Order{}, err
		}
		id, err := done.LastInsertId()
		if err != nil {
			return Order{}, err
		}
		return scan(db.QueryRow(questionMarks(loadOrder), id))
	}
	return pooled(sqlStore{sql.OpenDB(connector), mysqlTable, mysqlTypes, refuse, questionMarks, create}), nil
}

func pooled(s sqlStore) Store {
	s.db.SetMaxOpenConns(poolSize)
	s.db.SetMaxIdleConns(poolSize)
	return s
}

func questionMarks(statement string) string {
	return strings.NewReplacer("$1", "?", "$2", "?", "$3", "?", "$4", "?").Replace(statement)
}

func scan(row interface{ Scan(...any) error }) (o Order, err error) {
	err = row.Scan(&o.ID, &o.Customer, &o.Item, &o.Quantity, &o.Price)
	return o, err
}

func (s sqlStore) Setup() error {
	_, err := s.db.Exec(s.table)
	return err
}

func (s sqlStore) Create(o Order) (Order, error) { return s.create(s.db, o) }

func (s sqlStore) Load(id int64) (*Order, error) {
	order, err := scan(s.db.QueryRow(s.sql(loadOrder), id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return &order, err
}

func (s sqlStore) List(customer string, other bool) ([]Order, error) {
	rows, err := s.db.Query(s.sql(list(other)), customer)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	orders := []Order{}
	for rows.Next() {
		order, err := scan(rows)
		if err != nil {
			return nil, err
		}
		orders = append(orders, order)
	}
	return orders, rows.Err()
}

// Batch prepares once and executes often.
func (s sqlStore) Batch(customer string, orders []Order) (count, sum int64, err error) {
	tx, err := s.db.Begin()
	if err != nil {
		return 0, 0, err
	}
	defer tx.Rollback()
	insert, err := tx.Prepare(s.sql(insertOrder))
	if err != nil {
		return 0, 0, err
	}
	defer insert.Close()
	for _, o := range orders {
		if _, err := insert.Exec(o.Customer, o.Item, o.Quantity, o.Price); err != nil {
			return 0, 0, err
		}
	}
	if err := tx.QueryRow(s.sql(sumBatch), customer).Scan(&count, &sum); err != nil {
		return 0, 0, err
	}
	return count, sum, tx.Commit()
}

func (s sqlStore) Rollback(customer string) (during, count int64, err error) {
	tx, err := s.db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return 0, 0, err
	}
	defer tx.Rollback()
	insert := s.sql(insertOrder)
	steps := []struct {
		statement  string
		parameters []any
	}{
		{insert, []any{customer, "undone", 1, "1"}},
		{"savepoint half", nil},
		{insert, []any{customer, "undone at once", 1, "1"}},
		{"rollback to savepoint half", nil},
	}
	for _, step := range steps {
		if _, err := tx.Exec(step.statement, step.parameters...); err != nil {
			return 0, 0, err
		}
	}
	if err := tx.QueryRow(s.sql(countOrders), customer).Scan(&during); err != nil {
		return 0, 0, err
	}
	if err := tx.Rollback(); err != nil {
		return 0, 0, err
	}
	err = s.db.QueryRow(s.sql(countOrders), customer).Scan(&count)
	return during, count, err
}

func (s sqlStore) Fail(o Order) (Refusal, error) {
	_, err := s.Create(o)
	return s.refuse(err)
}

func (s sqlStore) Types() (map[string]any, error) {
	rows, err := s.db.Query(s.types)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values, places := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		places[i] = &values[i]
	}
	rows.Next()
	if err := errors.Join(rows.Err(), rows.Scan(places...)); err != nil {
		return nil, err
	}
	found := map[string]any{}
	for i, name := range names {
		found[name] = values[i]
	}
	return found, nil
}
