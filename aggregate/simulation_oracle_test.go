package aggregate

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// outcome is what a whole history comes to, however its reports were folded.
type outcome struct {
	Cells  map[string]oracleSums
	Groups map[string]oracleSums
	Ledger map[ledgerKey]ledgerSums
}

// oracleSums are the totals of one series or group in one pane.
type oracleSums struct {
	Reports, Messages, Bytes, Errors, Latencies, LatencySum uint64
	Gauge                                                   gauge // cells only
}

// gauge is the newest value, and the greatest.
type gauge struct {
	AtMillis  int64
	Last, Max float64
}

type ledgerKey struct {
	Source  telemetry.Source
	Segment telemetry.Segment
}

type ledgerSums struct {
	Reports, Refused, Bytes uint64
	First, End              int64
}

func newOutcome() *outcome {
	return &outcome{map[string]oracleSums{}, map[string]oracleSums{}, map[ledgerKey]ledgerSums{}}
}

// add adds totals up; the newer gauge stays, of equal ones the greater.
func (s *oracleSums) add(t *telemetry.Totals, withGauges bool) {
	s.Reports += t.Reports
	s.Messages += t.Messages
	s.Bytes += t.Bytes
	s.Errors += t.ErrorTotal()
	s.Latencies += t.LatencyMicros.Count()
	s.LatencySum += t.LatencyMicros.Sum
	if !withGauges {
		return
	}
	for _, g := range t.Gauges {
		s.observe(g.TimeUnixMillis, g.Last, g.Max)
	}
}

func (s *oracleSums) observe(atMillis int64, last, greatest float64) {
	if atMillis > s.Gauge.AtMillis || atMillis == s.Gauge.AtMillis && last > s.Gauge.Last {
		s.Gauge.AtMillis, s.Gauge.Last = atMillis, last
	}
	s.Gauge.Max = max(s.Gauge.Max, greatest)
}

func paneKey(name string, paneUnixSeconds int64) string {
	return name + " in " + epochSeconds(paneUnixSeconds)
}

// oracle reads each log once, from its begin to its end, without batches, versions, flushes or faults.
func oracle(worlds []*world) *outcome {
	out := newOutcome()
	for _, w := range worlds {
		highest := map[uint64]int64{} // minute, by block
		seen := map[telemetry.Segment][]telemetry.Labels{}
		for _, e := range w.log {
			block := uint64(e.at.Offset / telemetry.BlockOffsets)
			highest[block] = max(highest[block], e.at.AppendUnixMillis/60_000)
			segment := telemetry.Segment{Block: block, MinuteUnix: highest[block]}
			out.note(w, segment, e)
			if e.report != nil {
				seen[segment] = out.fold(w, seen[segment], e)
			}
		}
	}
	return out
}

func (o *outcome) note(w *world, segment telemetry.Segment, e entry) {
	key := ledgerKey{w.source, segment}
	l, known := o.Ledger[key]
	if !known {
		l.First = e.at.Offset
	}
	l.End = e.at.Offset + 1
	l.Bytes += uint64(e.at.ValueBytes)
	if e.report == nil {
		l.Refused++
	} else {
		l.Reports++
	}
	o.Ledger[key] = l
}

// fold adds one report to its cell and its groups; seen are the series of its segment so far.
func (o *outcome) fold(w *world, seen []telemetry.Labels, e entry) []telemetry.Labels {
	labels, seen := w.parameters.limited(e.report.Labels, seen)
	name := labelsText(&labels)
	tolerance := w.parameters.Tolerance.Milliseconds()
	start := min(max(e.report.StartUnixMillis, e.at.AppendUnixMillis-tolerance), e.at.AppendUnixMillis+tolerance)
	paneMillis := w.parameters.Pane.Milliseconds()
	pane := start / paneMillis * paneMillis / 1000
	one := telemetry.Totals{Reports: 1, Messages: e.report.Messages, Bytes: e.report.Bytes, Errors: e.report.Errors, LatencyMicros: e.report.LatencyMicros}
	cell := o.Cells[paneKey(name, pane)]
	cell.add(&one, false)
	for _, g := range e.report.Gauges {
		cell.observe(start+int64(e.report.LengthMillis), g.Value, g.Value)
	}
	o.Cells[paneKey(name, pane)] = cell
	for _, grouping := range w.groupings {
		if values, ok := grouping.Values(&labels); ok {
			key := paneKey(grouping.ID+"="+strings.Join(values, "+"), pane)
			group := o.Groups[key]
			group.add(&one, false)
			o.Groups[key] = group
		}
	}
	return seen
}

// limited returns the labels that a report is counted under in a segment whose series so far are seen, and those with it.
func (p *Parameters) limited(labels telemetry.Labels, seen []telemetry.Labels) (telemetry.Labels, []telemetry.Labels) {
	topicOf := func(l telemetry.Labels) telemetry.Labels {
		return telemetry.Labels{Env: l.Env, Cluster: l.Cluster, System: l.System, Topic: l.Topic, Op: l.Op}
	}
	ofTopic := 0
	for _, other := range seen {
		if reflect.DeepEqual(other, labels) {
			return labels, seen
		}
		if reflect.DeepEqual(topicOf(other), topicOf(labels)) {
			ofTopic++
		}
	}
	overflow := telemetry.Labels{}
	if p.MaxTopicSeries == 0 {
		if len(seen) < p.MaxSeries {
			return labels, append(seen, labels)
		}
		overflow.Extra = []telemetry.Label{{Name: "overflow", Value: "true"}}
		return overflow, seen
	}
	if len(seen) < p.MaxSeries && ofTopic < p.MaxTopicSeries && labels.Get("_overflow") == "" {
		return labels, append(seen, labels)
	}
	if ofTopic > 0 {
		overflow = topicOf(labels)
	}
	overflow.Extra = []telemetry.Label{{Name: "_overflow", Value: "true"}}
	return overflow, seen
}

// TestOracleIsNaive holds that the oracle says of one report what a person would.
func TestOracleIsNaive(t *testing.T) {
	w := randomWorld(rand.New(rand.NewPCG(1, 1)), 0)
	w.parameters = Parameters{Pane: 10e9, Tolerance: 60e9, MaxSeries: 1}
	report := telemetry.Report{Labels: telemetry.Labels{Topic: "a", Op: "send"}, StartUnixMillis: epoch.UnixMilli() + 14_000, LengthMillis: 1000,
		Messages: 3, Gauges: []telemetry.Gauge{{Name: "lag", Value: 5}}}
	w.log = []entry{{Position{7, epoch.UnixMilli() + 16_000, 100}, &report}, {Position{8, epoch.UnixMilli() + 17_000, 50}, nil}}
	want := &outcome{
		Cells:  map[string]oracleSums{"topic=a,op=send in 10s": {Reports: 1, Messages: 3, Gauge: gauge{epoch.UnixMilli() + 15_000, 5, 5}}},
		Groups: map[string]oracleSums{"topic=a in 10s": {Reports: 1, Messages: 3}},
		Ledger: map[ledgerKey]ledgerSums{{w.source, telemetry.Segment{MinuteUnix: 30_000_000}}: {1, 1, 150, 7, 9}},
	}
	if diff := cmp.Diff(want, oracle([]*world{w})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
