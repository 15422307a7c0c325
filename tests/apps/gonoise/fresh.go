package main

import (
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"os"
	"sync/atomic"
	"time"
	_ "time/tzdata" // a static binary takes its zones with it

	"github.com/google/uuid"
)

// What is new each time: ids, tokens and times. And the regressions that the end-to-end tests plant: see ../NOISE.md.

// Empty for everybody else.
var regression = os.Getenv("REGRESSION")

func broken(name string) bool { return regression == name }

const (
	base62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	// RFC 3339 with milliseconds; Z stands for an offset, too.
	milliseconds = "2006-01-02T15:04:05.000Z07:00"
	localTime    = "2006-01-02T15:04:05.000"
)

var (
	constantID = uuid.MustParse("5eed5eed-5eed-4eed-8eed-5eed5eed5eed")
	// Of this process, as in MongoDB's ObjectIds.
	processID = randomBytes(5)
	refs      = startAnywhere()
	berlin    = mustLoad("Europe/Berlin")
)

func newItemID() uuid.UUID {
	if broken("constant-id") {
		return constantID
	}
	return uuid.New()
}

// newRef is made as MongoDB makes ObjectIds: 4 bytes of time, 5 of the process, 3 that count.
func newRef(instant time.Time) string {
	count := refs.Add(1)
	if broken("zero-ref") {
		count = 0
	}
	seconds := instant.Unix()
	ref := []byte{byte(seconds >> 24), byte(seconds >> 16), byte(seconds >> 8), byte(seconds)}
	ref = append(ref, processID...)
	return hex.EncodeToString(append(ref, byte(count>>16), byte(count>>8), byte(count)))
}

func newCode() string {
	code := make([]byte, 16)
	for i := range code {
		// crypto/rand does not fail.
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(base62))))
		code[i] = base62[n.Int64()]
	}
	return string(code)
}

// now is as precise as it is shown, so that what is written and what is answered are the same.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func randomBytes(n int) []byte {
	bytes := make([]byte, n)
	rand.Read(bytes) // does not fail
	return bytes
}

func startAnywhere() *atomic.Uint32 {
	var counter atomic.Uint32
	start := randomBytes(3)
	counter.Store(uint32(start[0])<<16 | uint32(start[1])<<8 | uint32(start[2]))
	return &counter
}

func mustLoad(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err)
	}
	return zone
}
