package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestEffect pushes each change to a few clients: what it says of times then is nothing to go by.
func TestEffect(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	figures, err := (&effectCommand{Clients: 5, Rounds: 2}).measure(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	if len(figures) != len(effectSteps) {
		t.Fatalf("got %d figures, want %d", len(figures), len(effectSteps))
	}
	for i, f := range figures {
		if f.What != effectSteps[i].what || f.Clients != 5 || f.Pushes != 2 || f.P50 < 1 || f.P50 > f.P99 || f.P99 > f.Most {
			t.Errorf("got %+v, want %s of 5 clients and 2 pushes, in order", f, effectSteps[i].what)
		}
	}
	if lines := strings.Count(out.String(), "\n"); lines != len(figures)+2 {
		t.Errorf("got %d lines, want two and one for each:\n%s", lines, &out)
	}
}

// TestEffectOf holds the quantiles against a hundred and one times of a millisecond to a hundred and one.
func TestEffectOf(t *testing.T) {
	var took []time.Duration
	for i := range 101 {
		took = append(took, time.Duration(101-i)*time.Millisecond)
	}
	if f := effectOf("a pause", 1, took); f.P50 != 51 || f.P99 != 100 || f.Most != 101 || f.Clients != 101 || !f.Met {
		t.Errorf("got %+v", f)
	}
	if f := effectOf("a pause", 1, []time.Duration{effectBound + 1}); f.Met {
		t.Errorf("got %+v, want one that is not met", f)
	}
}
