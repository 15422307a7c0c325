package main

import (
	"errors"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// gormStore maps rows to objects, over pgx.
type gormStore struct{ db *gorm.DB }

func openGorm() (Store, error) {
	db, err := gorm.Open(postgres.Open(postgresURL()), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(poolSize)
	pool.SetMaxIdleConns(poolSize)
	return gormStore{db}, nil
}

func (s gormStore) Setup() error { return s.db.Exec(postgresTable).Error }

func (s gormStore) Create(o Order) (Order, error) {
	if err := s.db.Create(&o).Error; err != nil {
		return o, err
	}
	err := s.db.First(&o, o.ID).Error
	return o, err
}

func (s gormStore) Load(id int64) (*Order, error) {
	var o Order
	err := s.db.First(&o, id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return &o, err
}

func (s gormStore) List(customer string, other bool) ([]Order, error) {
	query := s.db.Where("customer = ?", customer)
	if other {
		query = query.Where("quantity < ?", 1000)
	}
	orders := []Order{}
	err := query.Order("id").Find(&orders).Error
	return orders, err
}

func (s gormStore) Batch(customer string, orders []Order) (count, sum int64, err error) {
	err = s.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.CreateInBatches(orders, 2).Error; err != nil {
			return err
		}
		row := tx.Model(&Order{}).Where("customer = ? and item like ?", customer, "batch-%").Select("count(*), sum(quantity)").Row()
		return row.Scan(&count, &sum)
	})
	return count, sum, err
}

func (s gormStore) Rollback(customer string) (during, count int64, err error) {
	undone := errors.New("undone")
	err = s.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Create(&Order{Customer: customer, Item: "undone", Quantity: 1, Price: "1"}).Error; err != nil {
			return err
		}
		// A transaction in a transaction is a savepoint.
		half := tx.Transaction(func(tx *gorm.DB) error {
			return errors.Join(undone, tx.Create(&Order{Customer: customer, Item: "undone at once", Quantity: 1, Price: "1"}).Error)
		})
		count := tx.Model(&Order{}).Where("customer = ?", customer).Count(&during)
		return errors.Join(half, count.Error)
	})
	if !errors.Is(err, undone) {
		return 0, 0, err
	}
	err = s.db.Model(&Order{}).Where("customer = ?", customer).Count(&count).Error
	return during, count, err
}

func (s gormStore) Fail(o Order) (Refusal, error) {
	return refusedByPgx(s.db.Create(&o).Error)
}

func (s gormStore) Types() (map[string]any, error) {
	found := map[string]any{}
	err := s.db.Raw(postgresTypes).Scan(&found).Error
	return found, err
}
