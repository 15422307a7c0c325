package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

type store struct {
	client                              *mongo.Client
	orders, events, notes, counters, of *mongo.Collection
}

type order struct {
	ID       bson.ObjectID `bson:"_id,omitempty" json:"id"`
	Customer string        `bson:"customer" json:"customer"`
	Item     string        `bson:"item" json:"item"`
	Quantity int           `bson:"quantity" json:"quantity"`
	Price    string        `bson:"price" json:"price"`
	Created  time.Time     `bson:"created,omitempty" json:"-"`
}

func open(uri string) (*store, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri).SetMaxPoolSize(4))
	if err != nil {
		return nil, err
	}
	db := client.Database("shop")
	unacknowledged := options.Collection().SetWriteConcern(writeconcern.Unacknowledged())
	return &store{
		client:   client,
		orders:   db.Collection("orders"),
		events:   db.Collection("events"),
		notes:    db.Collection("notes", unacknowledged),
		counters: db.Collection("counters"),
		of:       db.Collection("types"),
	}, nil
}

func (s *store) setup(ctx context.Context) error {
	byCustomer := mongo.IndexModel{
		Keys:    bson.D{{Key: "customer", Value: 1}, {Key: "item", Value: -1}},
		Options: options.Index().SetName("of_customer"),
	}
	if _, err := s.orders.Indexes().CreateOne(ctx, byCustomer); err != nil {
		return err
	}
	unique := mongo.IndexModel{Keys: bson.M{"key": 1}, Options: options.Index().SetUnique(true).SetSparse(true)}
	_, err := s.events.Indexes().CreateOne(ctx, unique)
	return err
}

func (s *store) create(ctx context.Context, made order) (found order, err error) {
	inserted, err := s.orders.InsertOne(ctx, made)
	if err != nil {
		return found, err
	}
	err = s.orders.FindOne(ctx, bson.M{"_id": inserted.InsertedID}).Decode(&found)
	return found, err
}

func (s *store) load(ctx context.Context, id bson.ObjectID) (found order, err error) {
	err = s.orders.FindOne(ctx, bson.M{"_id": id}).Decode(&found)
	return found, err
}

func (s *store) list(ctx context.Context, customer string, other bool) ([]order, error) {
	wanted := bson.M{"customer": customer}
	if other {
		wanted["quantity"] = bson.M{"$lt": 1000}
	}
	by := bson.D{{Key: "quantity", Value: 1}, {Key: "item", Value: 1}}
	// Small batches, so that the cursor has to be asked for more.
	cursor, err := s.orders.Find(ctx, wanted, options.Find().SetSort(by).SetBatchSize(2).SetProjection(bson.M{"created": 0}))
	if err != nil {
		return nil, err
	}
	found := []order{}
	return found, cursor.All(ctx, &found)
}

func (s *store) batch(ctx context.Context, customer string, n int) (count, sum int, err error) {
	rows := make([]order, n)
	for i := range rows {
		rows[i] = order{Customer: customer, Item: fmt.Sprintf("batch-%d", i), Quantity: i + 1, Price: "1.25"}
	}
	if _, err = s.orders.InsertMany(ctx, rows); err != nil {
		return 0, 0, err
	}
	_, err = s.orders.BulkWrite(ctx, []mongo.WriteModel{
		mongo.NewUpdateOneModel().SetFilter(bson.D{{Key: "customer", Value: customer}, {Key: "item", Value: "batch-0"}}).
			SetUpdate(bson.M{"$inc": bson.M{"quantity": 10}}),
		mongo.NewInsertOneModel().SetDocument(order{Customer: customer, Item: "batch-extra", Quantity: 100, Price: "9"}),
		mongo.NewDeleteOneModel().SetFilter(bson.D{{Key: "customer", Value: customer}, {Key: "item", Value: "batch-1"}}),
	})
	if err != nil {
		return 0, 0, err
	}
	cursor, err := s.orders.Aggregate(ctx, mongo.Pipeline{
		{{Key: "$match", Value: bson.M{"customer": customer, "item": bson.M{"$regex": "^batch-"}}}},
		{{Key: "$group", Value: bson.M{"_id": nil, "count": bson.M{"$sum": 1}, "sum": bson.M{"$sum": "$quantity"}}}},
	})
	if err != nil {
		return 0, 0, err
	}
	var groups []struct{ Count, Sum int }
	if err = cursor.All(ctx, &groups); err != nil || len(groups) != 1 {
		return 0, 0, errors.Join(err, fmt.Errorf("%d groups", len(groups)))
	}
	return groups[0].Count, groups[0].Sum, nil
}

func (s *store) count(ctx context.Context, customer string) (int, error) {
	more := options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)
	var counter struct{ N int }
	err := s.counters.FindOneAndUpdate(ctx, bson.M{"_id": customer}, bson.M{"$inc": bson.M{"n": 1}}, more).Decode(&counter)
	return counter.N, err
}

func (s *store) transaction(ctx context.Context, customer string) (during, count int64, err error) {
	session, err := s.client.StartSession()
	if err != nil {
		return 0, 0, err
	}
	defer session.EndSession(ctx)
	_, err = session.WithTransaction(ctx, func(ctx context.Context) (any, error) {
		if _, err := s.events.InsertOne(ctx, bson.D{{Key: "customer", Value: customer}, {Key: "what", Value: "kept"}}); err != nil {
			return nil, err
		}
		return s.events.InsertOne(ctx, bson.D{{Key: "customer", Value: customer}, {Key: "what", Value: "kept, too"}})
	})
	if err != nil {
		return 0, 0, err
	}
	err = mongo.WithSession(ctx, session, func(ctx context.Context) error {
		if err := session.StartTransaction(); err != nil {
			return err
		}
		if _, err := s.events.InsertOne(ctx, bson.D{{Key: "customer", Value: customer}, {Key: "what", Value: "undone"}}); err != nil {
			return err
		}
		if during, err = s.events.CountDocuments(ctx, bson.M{"customer": customer}); err != nil {
			return err
		}
		return session.AbortTransaction(ctx)
	})
	if err != nil {
		return 0, 0, err
	}
	count, err = s.events.CountDocuments(ctx, bson.M{"customer": customer})
	return during, count, err
}

func (s *store) fail(ctx context.Context, customer string) (int, error) {
	twice := bson.D{{Key: "customer", Value: "fails-" + customer}, {Key: "key", Value: customer}}
	if _, err := s.events.InsertOne(ctx, twice); err != nil {
		return 0, err
	}
	_, err := s.events.InsertOne(ctx, twice)
	var refused mongo.WriteException
	if errors.As(err, &refused) && len(refused.WriteErrors) == 1 {
		return refused.WriteErrors[0].Code, nil
	}
	return 0, fmt.Errorf("the index did not hold: %w", err)
}

func (s *store) forget(ctx context.Context, customer string) error {
	said := bson.D{{Key: "customer", Value: customer}, {Key: "what", Value: "not waited for"}}
	_, err := s.notes.InsertOne(ctx, said)
	return err
}

// Every type; the answer is what was read, as texts.
func (s *store) types(ctx context.Context, customer string) (map[string]string, error) {
	decimal, err := bson.ParseDecimal128("12345.6789")
	if err != nil {
		return nil, err
	}
	id, err := bson.ObjectIDFromHex("65f000000000000000000001")
	if err != nil {
		return nil, err
	}
	values := bson.D{
		{Key: "int", Value: int32(42)}, {Key: "bigint", Value: int64(9007199254740993)}, {Key: "long", Value: int64(5)},
		{Key: "double", Value: 2.0}, {Key: "decimal", Value: decimal}, {Key: "text", Value: "ünïcode ✓"},
		{Key: "null", Value: nil}, {Key: "bool", Value: true},
		{Key: "date", Value: time.UnixMilli(1709210096789).UTC()}, {Key: "old", Value: time.UnixMilli(-2208988800000).UTC()},
		{Key: "timestamp", Value: bson.Timestamp{T: 1700000000, I: 7}}, {Key: "id", Value: id},
		{Key: "uuid", Value: bson.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}},
		{Key: "bytes", Value: []byte{0xde, 0xad, 0xbe, 0xef}}, {Key: "regex", Value: bson.Regex{Pattern: "^a.*b$", Options: "im"}},
		{Key: "code", Value: bson.JavaScript("function () { return 1 }")},
		{Key: "min", Value: bson.MinKey{}}, {Key: "max", Value: bson.MaxKey{}},
		{Key: "nested", Value: bson.D{{Key: "list", Value: bson.A{1, bson.A{2, bson.D{{Key: "three", Value: 3.5}}}, nil}}, {Key: "empty", Value: bson.D{}}}},
	}
	replaced := bson.M{"_id": customer}
	if _, err := s.of.ReplaceOne(ctx, replaced, values, options.Replace().SetUpsert(true)); err != nil {
		return nil, err
	}
	var found bson.D
	if err := s.of.FindOne(ctx, replaced, options.FindOne().SetProjection(bson.M{"_id": 0})).Decode(&found); err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, field := range found {
		texts[field.Key] = fmt.Sprint(field.Value)
	}
	return texts, nil
}
