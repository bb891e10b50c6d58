package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// TestOverhead measures each way on a real Kafka and a real RocketMQ, with few messages: what it says of costs then is nothing to go by.
// A process fails where reports are not acknowledged.
func TestOverhead(t *testing.T) {
	t.Parallel()
	c := overheadCommand{Rounds: 1, Turns: 2, Share: 0.05}
	var out bytes.Buffer
	figures, err := c.measure(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, target := range overheadTargets {
		for _, way := range target.ways() {
			want = append(want, target.name(way))
		}
	}
	if len(figures) != len(want) {
		t.Fatalf("got %d figures, want %d", len(figures), len(want))
	}
	for i, f := range figures {
		if f.Name != want[i] {
			t.Errorf("got %q, want %q", f.Name, want[i])
		}
		if f.Pairs != 2 || f.BareNanos <= 0 || f.Least > f.Percent || f.Percent > f.Most {
			t.Errorf("got %+v, want two pairs and their median", f)
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != len(want)+1 {
		t.Errorf("got %d lines, want a header and %d:\n%s", lines, len(want), &out)
	}
}

// TestMedianBounds holds the bounds against the tables that books have: of 10 values the second and the ninth, of 100 the 40th and the 61st.
func TestMedianBounds(t *testing.T) {
	for n, want := range map[int][2]float64{1: {1, 1}, 5: {1, 5}, 6: {1, 6}, 10: {2, 9}, 100: {40, 61}} {
		var values []float64
		for i := range n {
			values = append(values, float64(n-i))
		}
		if low, high := medianBounds(values); low != want[0] || high != want[1] {
			t.Errorf("of %d values got %.0f and %.0f, want %v", n, low, high, want)
		}
	}
}

// TestCompared holds what is said of pairs: of 100, 110 and 120 ns beside 100, one is 10 % dearer at the median.
func TestCompared(t *testing.T) {
	bare := []overheadBlock{{100, 5}, {100, 5}, {200, 5}}
	way := []overheadBlock{{100, 5}, {110, 5.5}, {240, 6}}
	f := compared(bare, way)
	if f.BareNanos != 100 || f.AddedNanos != 10 || math.Abs(f.Percent-10) > 1e-9 || f.Least != 0 || math.Abs(f.Most-20) > 1e-9 || f.Allocations != 0.5 || f.Pairs != 3 {
		t.Errorf("got %+v", f)
	}
}
