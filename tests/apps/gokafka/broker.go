package main

import (
	"context"
	"encoding/json"
	"log"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// broker is one client: an idempotent producer, and a consumer in a group.
type broker struct {
	client *kgo.Client
}

func openBroker(servers string, saw func(body)) (*broker, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(servers, ",")...),
		kgo.ConsumerGroup("audit"),
		kgo.ConsumeTopics("orders"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			fetches := client.PollFetches(context.Background())
			fetches.EachError(func(topic string, partition int32, err error) { log.Print(topic, partition, err) })
			fetches.EachRecord(func(record *kgo.Record) {
				var order body
				if err := json.Unmarshal(record.Value, &order); err != nil {
					log.Print(err)
				}
				saw(order)
			})
		}
	}()
	return &broker{client}, client.Ping(context.Background())
}

func (b *broker) produce(topic, key string, documents ...any) error {
	records := make([]*kgo.Record, len(documents))
	for n, document := range documents {
		value, err := json.Marshal(document)
		if err != nil {
			return err
		}
		headers := []kgo.RecordHeader{{Key: "source", Value: []byte("app")}}
		records[n] = &kgo.Record{Topic: topic, Key: []byte(key), Value: value, Headers: headers}
	}
	return b.client.ProduceSync(context.Background(), records...).FirstErr()
}
