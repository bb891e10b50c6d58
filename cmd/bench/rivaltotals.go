package main

import (
	"fmt"
	"strings"
)

// totalKey names one total of vmagent's: of a series, a metric with its output and
// bucket, and a window.
type totalKey struct{ series, metric, window int32 }

// totals are values by window, of vmagent or of the oracle.
type totals struct {
	metrics map[string]int32 // by name, output and bucket
	names   []string
	sent    map[sample][]int32 // metrics that come of a sample, whose value is 0 here
	values  map[totalKey]float64
	sum     float64 // of all values: they are whole and small, so it is exact
}

func newTotals() *totals {
	return &totals{metrics: map[string]int32{}, sent: map[sample][]int32{}, values: map[totalKey]float64{}}
}

// metric is the number of a metric; the parts of its name are joined by blanks.
func (t *totals) metric(name []byte) int32 {
	if id, ok := t.metrics[string(name)]; ok {
		return id
	}
	id := int32(len(t.names))
	t.metrics[string(name)], t.names = id, append(t.names, string(name))
	return id
}

func (t *totals) add(key totalKey, v float64) {
	if v != 0 { // vmagent goes on writing 0 of what it has not seen lately
		t.values[key] += v
		t.sum += v
	}
}

func (t *totals) max(key totalKey, v float64) {
	if old := t.values[key]; v > old {
		t.values[key] = v
		t.sum += v - old
	}
}

// expect folds a sample that vmagent is sent as it should fold it.
func (t *totals) expect(kind eventKind, at totalKey, s sample) {
	outputs := kind.outputs()
	ids := t.sent[sample{s.metric, s.bucket, 0}]
	if ids == nil {
		for _, output := range outputs {
			name := s.metric + " " + output + " "
			if s.bucket != noBucket {
				name += bucketRange(s.bucket)
			}
			ids = append(ids, t.metric([]byte(name)))
		}
		t.sent[sample{s.metric, s.bucket, 0}] = ids
	}
	for i, output := range outputs {
		at.metric = ids[i]
		switch output {
		case outputSum:
			t.add(at, float64(s.value))
		case outputCount, outputHistogram:
			t.add(at, 1)
		case outputMax:
			t.max(at, float64(s.value))
		}
	}
}

// carry adds the histograms' counts of the window before: vmagent's count on.
func (t *totals) carry(series, window int32) {
	id, ok := t.metrics[metricLatency+" "+outputHistogram+" "]
	if ok && window > 0 {
		t.add(totalKey{series, id, window}, t.values[totalKey{series, id, window - 1}])
	}
}

// differs says where other has not the same totals.
func (t *totals) differs(other *totals) error {
	if len(t.values) != len(other.values) {
		return fmt.Errorf("compare vmagent's totals: got %d, want %d", len(other.values), len(t.values))
	}
	for key, want := range t.values {
		name := t.names[key.metric]
		id, ok := other.metrics[name]
		got := other.values[totalKey{key.series, id, key.window}]
		if !ok || got != want {
			return fmt.Errorf("compare vmagent's totals: %s of series %d in window %d: got %g, want %g", strings.TrimSpace(name), key.series, key.window, got, want)
		}
	}
	return nil
}
