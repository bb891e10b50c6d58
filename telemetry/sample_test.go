package telemetry_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// TestHashesAreThoseOfTheContract holds the numbers that docs/wire-contract.md gives to whoever writes an SDK.
func TestHashesAreThoseOfTheContract(t *testing.T) {
	if got := telemetry.TraceHash("4bf92f3577b34da6a3ce929d0e0e4736"); got != traceHashOfContract {
		t.Errorf("hash of the trace id: %d, want %d", got, uint64(traceHashOfContract))
	}
	if got := telemetry.MessageHash("orders/3/1041"); got != messageHashOfContract {
		t.Errorf("hash of the message id: %d, want %d", got, uint64(messageHashOfContract))
	}
}

const (
	traceHashOfContract   = 11395424692187207461
	messageHashOfContract = 5948753579119548059
)

// TestTraceHashIsOfTheNumber compares the digits' number with strconv's.
func TestTraceHashIsOfTheNumber(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[uint64]uint64{}
	for range 1000 {
		number := random.Uint64()
		text := fmt.Sprintf("%016x%016x", random.Uint64(), number)
		parsed, err := strconv.ParseUint(text[16:], 16, 64)
		if err != nil || parsed != number {
			t.Fatal(parsed, err)
		}
		hash := telemetry.TraceHash(text)
		if again := telemetry.TraceHash([]byte("00000000000000000000000000000000"[:16] + text[16:])); again != hash {
			t.Fatalf("%s: %d and %d: only the last 16 digits count", text, hash, again)
		}
		if other, known := seen[hash]; known && other != number {
			t.Fatalf("%d and %d have one hash", other, number)
		}
		seen[hash] = number
	}
}

// TestPrefixesMakeTheSameHash holds that an id in pieces hashes as the whole.
func TestPrefixesMakeTheSameHash(t *testing.T) {
	for number := range uint64(100) {
		for _, c := range []struct {
			prefix string
			digits int
		}{{"orders/3/", 1}, {"orders/3/10", 2}, {"orders/3/92233720368547758", 2}} {
			id := fmt.Sprintf("%s%0*d", c.prefix, c.digits, number)
			if got, want := telemetry.PrefixOf(c.prefix).HashWithDigits(number, c.digits), telemetry.MessageHash(id); got != want {
				t.Errorf("%s: %d in pieces, %d as a whole", id, got, want)
			}
			longer := telemetry.PrefixOf("orders").With([]byte(c.prefix[len("orders"):]))
			if got, want := longer.HashWithDigits(number, c.digits), telemetry.MessageHash(id); got != want {
				t.Errorf("%s: %d of a prefix in pieces, %d as a whole", id, got, want)
			}
		}
	}
}

// TestOneOfSoManyIsSampled counts what is sampled of neighbouring ids and of traces.
func TestOneOfSoManyIsSampled(t *testing.T) {
	const ids = 200_000
	for _, oneOf := range []uint32{1, 2, 100} {
		messages, traces := 0, 0
		for i := range uint64(ids) {
			if telemetry.Sampled(telemetry.MessageHash(fmt.Sprint("orders/3/", i)), oneOf) {
				messages++
			}
			if telemetry.Sampled(telemetry.TraceHash(fmt.Sprintf("%032x", i)), oneOf) {
				traces++
			}
		}
		for what, got := range map[string]int{"messages": messages, "traces": traces} {
			want := float64(ids) / float64(oneOf)
			if off := math.Abs(float64(got) - want); off > 5*math.Sqrt(want) {
				t.Errorf("one of %d: %d %s of %d, want about %.0f", oneOf, got, what, ids, want)
			}
		}
	}
	if telemetry.Sampled(0, 0) {
		t.Error("one of 0 samples: it is none")
	}
}
