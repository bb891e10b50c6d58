package aggregate

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestEncodingsAreFoundInAnyOrder holds that an encoding is found whatever came before it: what is foreseen is what came,
// in turn, with gaps and repeats, and for encodings that begin or end alike.
func TestEncodingsAreFoundInAnyOrder(t *testing.T) {
	for seed := range uint64(20) {
		random, e := rand.New(rand.NewPCG(seed, 0)), newEncodings()
		var known [][]byte
		foreseen, next := 0, 0
		for range 20_000 {
			switch {
			case len(known) < 500 && random.IntN(4) == 0:
				raw := fmt.Append(nil, "labels of ", len(known))
				e.insert(raw, e.hash(raw), uint32(len(known)))
				known = append(known, raw)
			case random.IntN(20) == 0:
				next = random.IntN(500)
			}
			if len(known) == 0 {
				continue
			}
			next = (next + 1) % len(known)
			got, ok := e.foresee(known[next])
			if ok {
				foreseen++
			} else if got, ok = e.find(known[next], e.hash(known[next])); !ok {
				t.Fatalf("seed %d: %q was inserted and is not found", seed, known[next])
			}
			if got != uint32(next) {
				t.Fatalf("seed %d: %q is of series %d, got %d", seed, known[next], next, got)
			}
		}
		if foreseen < 10_000 {
			t.Errorf("seed %d: %d of 20000 were foreseen, though most came in turn", seed, foreseen)
		}
	}
}
