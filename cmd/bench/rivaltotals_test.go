package main

import (
	"strings"
	"testing"

	"github.com/klauspost/compress/snappy"
)

// TestTheOracleSeesWhatVMAgentLost folds what was encoded as vmagent should, loses one
// sample of it, and holds that the oracle names the total.
func TestTheOracleSeesWhatVMAgentLost(t *testing.T) {
	for _, kind := range []eventKind{kindCount, kindLatency, kindHistogram} {
		t.Run(string(kind), func(t *testing.T) {
			c := rivalCommand{Kind: kind, Series: 3, Windows: 2}
			f := c.newFeed()
			all, lossy := received(t, f, kind, -1), received(t, f, kind, 7)
			if err := f.want.differs(all); err != nil {
				t.Errorf("nothing was lost: %v", err)
			}
			if err := f.want.differs(lossy); err == nil || !strings.Contains(err.Error(), "want") {
				t.Errorf("one sample was lost: got %v", err)
			}
			if all.sum != f.sums[1] {
				t.Errorf("values add up to %g, want %g", all.sum, f.sums[1])
			}
		})
	}
}

// received is what vmagent makes of the requests without the sample of that number.
func received(t *testing.T, f *feed, kind eventKind, lost int) *totals {
	t.Helper()
	out, number := newTotals(), -1
	for window, requests := range f.windows {
		for _, body := range requests {
			request, err := snappy.Decode(nil, body)
			if err != nil {
				t.Fatal(err)
			}
			err = eachSeries(request, func(s *series) error {
				at, ok := f.series[string(s.labels)]
				if !ok {
					t.Fatalf("labels %q are of no series", s.labels)
				}
				if number++; number != lost {
					fold(out, kind, totalKey{series: at, window: int32(window)}, s)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range f.series {
			out.carry(f.series[i], int32(window))
		}
	}
	return out
}

// fold adds a sample that was read back, by the name it will have in what vmagent writes.
func fold(to *totals, kind eventKind, at totalKey, s *series) {
	for _, output := range kind.outputs() {
		at.metric = to.metric([]byte(string(s.metric) + " " + output + " " + string(s.bucket)))
		switch output {
		case outputMax:
			to.max(at, s.value)
		case outputSum:
			to.add(at, s.value)
		default:
			to.add(at, 1)
		}
	}
}
