package main

import "sync"

// audit is what the consumer has seen, by customer.
type audit struct {
	mutex   sync.Mutex
	changed *sync.Cond
	seen    map[string][]string
}

func newAudit() *audit {
	a := &audit{seen: map[string][]string{}}
	a.changed = sync.NewCond(&a.mutex)
	return a
}

func (a *audit) saw(order body) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.seen[order.Customer] = append(a.seen[order.Customer], order.Item)
	a.changed.Broadcast()
}

// of waits until there are so many.
func (a *audit) of(customer string, count int) []string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for len(a.seen[customer]) < count {
		a.changed.Wait()
	}
	return a.seen[customer]
}
