package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
)

// Where the database is, from the environment.
var (
	dbHost     = env("DB_HOST", "127.0.0.1")
	dbPort     = env("DB_PORT", "5432")
	dbUser     = env("DB_USER", "t")
	dbPassword = env("DB_PASSWORD", "pw")
	dbName     = env("DB_NAME", "test")
	// off, require (encrypt, trust anybody) or verify (also the name in the certificate).
	dbTLS = env("DB_TLS", "off")
	// Whom verify trusts; without it, whom the system trusts.
	dbCA = os.Getenv("DB_CA")
)

const poolSize = 4

// Everybody with SQL of their own writes the same; $n stands for a parameter.
const (
	columns     = "id, customer, item, quantity, price"
	insertOrder = "insert into orders (customer, item, quantity, price) values ($1, $2, $3, $4)"
	loadOrder   = "select " + columns + " from orders where id = $1"
	listOrders  = "select " + columns + " from orders where customer = $1"
	countOrders = "select count(*) from orders where customer = $1"
	sumBatch    = "select count(*), sum(quantity) from orders where customer = $1 and item like 'batch-%'"
)

const postgresTable = `create table if not exists orders (
	id bigserial primary key,
	customer text not null,
	item text not null,
	quantity int not null constraint positive check (quantity > 0),
	price numeric(10,2) not null
)`

const postgresTypes = `select 42::int4 as int, 9007199254740993::int8 as bigint, 12345.6789::numeric as numeric, 0.1::float8 as float,
	true as bool, 'ünïcode ✓'::text as text, '\xdeadbeef'::bytea as bytes, date '2024-02-29' as date,
	timestamp '2024-02-29 12:34:56.789' as timestamp, timestamptz '2024-02-29 12:34:56.789+00' as timestamptz,
	'{"a": [1, null]}'::jsonb as json, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as uuid, null::text as null,
	array[1, 2, 3]::int4[] as array`

const mysqlTable = `create table if not exists orders (
	id bigint auto_increment primary key,
	customer varchar(100) not null,
	item varchar(100) not null,
	quantity int not null,
	price decimal(10,2) not null,
	key of_customer (customer),
	constraint positive check (quantity > 0)
)`

const mysqlTypes = "select 42 as `int`, 9007199254740993 as `bigint`, 12345.6789 as `numeric`, 0.1e0 as `float`, true as `bool`," +
	" 'ünïcode ✓' as `text`, x'deadbeef' as `bytes`, date'2024-02-29' as `date`," +
	" timestamp'2024-02-29 12:34:56.789' as `timestamp`, json_object('a', json_array(1, null)) as `json`, null as `null`"

func list(other bool) string {
	if other {
		return listOrders + " and quantity < 1000 order by id"
	}
	return listOrders + " order by id"
}

func postgresURL() string {
	query := url.Values{"sslmode": {map[string]string{"off": "disable", "require": "require", "verify": "verify-full"}[dbTLS]}}
	if dbTLS == "verify" && dbCA != "" {
		query.Set("sslrootcert", dbCA)
	}
	where := url.URL{
		Scheme: "postgres", User: url.UserPassword(dbUser, dbPassword), Host: dbHost + ":" + dbPort, Path: dbName,
		RawQuery: query.Encode(),
	}
	return where.String()
}

// tlsConfig is nil when there is to be no TLS.
func tlsConfig() (*tls.Config, error) {
	switch {
	case dbTLS == "off":
		return nil, nil
	case dbTLS == "require":
		return &tls.Config{InsecureSkipVerify: true}, nil
	case dbCA == "":
		return &tls.Config{ServerName: dbHost}, nil
	}
	pem, err := os.ReadFile(dbCA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", dbCA)
	}
	return &tls.Config{RootCAs: roots, ServerName: dbHost}, nil
}
