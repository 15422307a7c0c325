package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// broker has one connection, and a channel for each purpose.
type broker struct {
	// For what fetches and declares: one at a time.
	mutex   sync.Mutex
	channel *amqp.Channel
	// For what is published and confirmed.
	publishing sync.Mutex
	publisher  *amqp.Channel
	returned   chan amqp.Return
	// For calls.
	caller  *amqp.Channel
	replies string
	answers sync.Map // correlation ID -> chan object
}

func openBroker(url string, saw func(body)) (*broker, error) {
	connection, err := amqp.Dial(url)
	if err != nil {
		return nil, err
	}
	b := &broker{}
	var consumer *amqp.Channel
	for _, channel := range []**amqp.Channel{&b.channel, &b.publisher, &b.caller, &consumer} {
		if *channel, err = connection.Channel(); err != nil {
			return nil, err
		}
	}
	if err := b.setup(consumer, saw); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *broker) setup(consumer *amqp.Channel, saw func(body)) error {
	if err := b.channel.ExchangeDeclare("orders", "topic", true, false, false, false, nil); err != nil {
		return err
	}
	if err := b.declare("audit"); err != nil {
		return err
	}
	if err := b.channel.QueueBind("audit", "order.#", "orders", false, nil); err != nil {
		return err
	}
	if err := b.publisher.Confirm(false); err != nil {
		return err
	}
	b.returned = b.publisher.NotifyReturn(make(chan amqp.Return, 1))
	if err := consumer.Qos(2, 0, false); err != nil {
		return err
	}
	orders, err := consumer.Consume("audit", "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	go func() {
		for delivery := range orders {
			var order body
			if err := json.Unmarshal(delivery.Body, &order); err != nil {
				log.Print(err)
			}
			if err := delivery.Ack(false); err != nil {
				log.Print(err)
			}
			saw(order)
		}
	}()
	return b.listen()
}

// listen hands answers to the calls that wait for them.
func (b *broker) listen() error {
	queue, err := b.caller.QueueDeclare("", false, false, true, false, nil)
	if err != nil {
		return err
	}
	b.replies = queue.Name
	replies, err := b.caller.Consume(queue.Name, "", true, false, false, false, nil)
	if err != nil {
		return err
	}
	go func() {
		for delivery := range replies {
			answer := object{}
			if err := json.Unmarshal(delivery.Body, &answer); err != nil {
				log.Print(err)
			}
			if waiting, known := b.answers.LoadAndDelete(delivery.CorrelationId); known {
				waiting.(chan object) <- answer
			}
		}
	}()
	return nil
}

func (b *broker) declare(queue string) error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	_, err := b.channel.QueueDeclare(queue, true, false, false, false, nil)
	return err
}

func (b *broker) publish(exchange, key string, document any) error {
	b.publishing.Lock()
	defer b.publishing.Unlock()
	return b.confirmed(exchange, key, false, document, amqp.Publishing{
		ContentType: "application/json", DeliveryMode: amqp.Persistent, Headers: amqp.Table{"attempt": 1},
	})
}

func (b *broker) publishUnroutable(exchange, key string, document any) (amqp.Return, error) {
	b.publishing.Lock()
	defer b.publishing.Unlock()
	if err := b.confirmed(exchange, key, true, document, amqp.Publishing{}); err != nil {
		return amqp.Return{}, err
	}
	return <-b.returned, nil
}

func (b *broker) confirmed(exchange, key string, mandatory bool, document any, message amqp.Publishing) error {
	var err error
	if message.Body, err = json.Marshal(document); err != nil {
		return err
	}
	sent, err := b.publisher.PublishWithDeferredConfirm(exchange, key, mandatory, false, message)
	if err != nil {
		return err
	}
	if !sent.Wait() {
		return fmt.Errorf("the broker did not take a message for %s/%s", exchange, key)
	}
	return nil
}

func (b *broker) fetch(queue string, takes bool) (any, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	delivery, found, err := b.channel.Get(queue, false)
	if err != nil || !found {
		return nil, err
	}
	message := object{}
	if err := json.Unmarshal(delivery.Body, &message); err != nil {
		return nil, err
	}
	if takes {
		return message, delivery.Ack(false)
	}
	return message, delivery.Reject(true)
}

func (b *broker) call(queue string, document any) (object, error) {
	text, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	id, waiting := rand.Text(), make(chan object, 1)
	b.answers.Store(id, waiting)
	message := amqp.Publishing{Body: text, CorrelationId: id, ReplyTo: b.replies}
	if err := b.caller.PublishWithContext(context.Background(), "", queue, false, false, message); err != nil {
		return nil, err
	}
	return <-waiting, nil
}
