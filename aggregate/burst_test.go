package aggregate

import (
	"fmt"
	"maps"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// A burst: ten times the series, new ones each minute, for ten minutes between calm ones. The calm ones are just within
// the limits.
const (
	calmSeries   = 450
	burstSeries  = 10 * calmSeries
	burstMinutes = 10
	burstTopics  = 3
)

// TestBurstOfSeries holds that memory stays flat in a burst, and that what is written is what the limits say of the log:
// each topic's totals are exact, also of the topic that bursts.
func TestBurstOfSeries(t *testing.T) {
	parameters := DefaultParameters()
	parameters.MaxSeries, parameters.MaxTopicSeries = 500, 250
	fold := NewFold(telemetry.Source{}, parameters, DefaultLateness, []telemetry.Grouping{{ID: "topic", By: []string{"topic"}}})
	b := &burst{t: t, fold: fold, parameters: parameters}
	b.begin()
	var heaps []uint64 // after each minute
	calm := 3
	for minute := range calm + burstMinutes + 2 {
		series, generation := calmSeries, 0
		if minute >= calm && minute < calm+burstMinutes {
			series, generation = burstSeries, minute
		}
		b.minute(minute, series, generation)
		runtime.GC()
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		heaps = append(heaps, now.HeapAlloc)
		if got, most := len(fold.series.series), minRemembered+(2*rememberedPerLive)*parameters.MaxSeries; got > most {
			t.Errorf("minute %d: %d series are remembered, at most %d want to be", minute, got, most)
		}
	}
	t.Logf("heap after each minute, in KiB: %v", inKiB(heaps))
	if got, want := fold.Counters().Overflowed, b.overflowed; got != want {
		t.Errorf("%d reports overflowed, want %d", got, want)
	}
	first, last := heaps[calm], heaps[calm+burstMinutes-1]
	if last > first+first/5 {
		t.Errorf("the heap grew from %d to %d KiB in the burst", first>>10, last>>10)
	}
	if most := 2 * heaps[calm-1]; last > most {
		t.Errorf("the heap is %d KiB in the burst, more than twice what it was before, %d", last>>10, most>>11)
	}
}

func inKiB(bytes []uint64) []uint64 {
	out := make([]uint64, len(bytes))
	for i := range bytes {
		out[i] = bytes[i] >> 10
	}
	return out
}

// burst feeds a fold, and counts by the limits what it must write.
type burst struct {
	t          *testing.T
	fold       *Fold
	parameters Parameters
	offset     int64
	overflowed uint64

	series    map[string]bool // admitted to the segment
	ofTopic   map[string]int
	cells     map[string]uint64 // messages, by series and pane
	topics    map[string]uint64 // messages, by topic and pane
	gotCells  map[string]uint64
	gotTopics map[string]uint64
}

func (b *burst) begin() {
	b.series, b.ofTopic, b.cells, b.topics = map[string]bool{}, map[string]int{}, map[string]uint64{}, map[string]uint64{}
	b.gotCells, b.gotTopics = map[string]uint64{}, map[string]uint64{}
}

// minute adds a segment: each series twice. It compares what the one before wrote.
func (b *burst) minute(minute, series, generation int) {
	reader := &labelsOfReport{}
	for round := range 2 {
		for i := range series {
			topic := fmt.Sprintf("topic-%d", i%burstTopics)
			if generation > 0 && i >= calmSeries { // one topic bursts
				topic = "topic-0"
			}
			report := telemetry.Report{Schema: telemetry.Schema, LengthMillis: 1000, Messages: uint64(1 + i%7),
				Labels: telemetry.Labels{Op: "send", Topic: topic, Client: fmt.Sprintf("client-%d-%d", generation, i)}}
			raw, err := telemetry.MarshalLabels(&report.Labels)
			if err != nil {
				b.t.Fatal(err)
			}
			report.RawLabels, reader.report = raw, &report
			second := minute*60 + round*30 + i*30/series
			at := Position{Offset: b.offset, AppendUnixMillis: epoch.Add(time.Duration(second) * time.Second).UnixMilli()}
			report.StartUnixMillis = at.AppendUnixMillis
			b.offset++
			if closed := b.fold.Begin(at); closed != nil {
				b.read(closed)
				b.compare()
			}
			b.expect(&report)
			if err := b.fold.Add(at, &report, reader); err != nil {
				b.t.Fatal(err)
			}
			if i%1500 == 0 {
				b.read(b.fold.Flush())
			}
		}
	}
}

// expect counts a report under the series that it is admitted to.
func (b *burst) expect(r *telemetry.Report) {
	topic, series := r.Labels.Topic, r.Labels.Topic+"/"+r.Labels.Client
	if !b.series[series] {
		if len(b.series) < b.parameters.MaxSeries && b.ofTopic[topic] < b.parameters.MaxTopicSeries {
			b.series[series] = true
			b.ofTopic[topic]++
		} else {
			b.overflowed++
			series = topic + "/"
		}
	}
	pane := r.StartUnixMillis / b.parameters.Pane.Milliseconds()
	b.cells[fmt.Sprint(series, " ", pane)] += r.Messages
	b.topics[fmt.Sprint(topic, " ", pane)] += r.Messages
}

// read keeps the newest version of what was written.
func (b *burst) read(flush *Flush) {
	pane := func(start time.Time) int64 { return start.UnixMilli() / b.parameters.Pane.Milliseconds() }
	for _, batch := range cellsOf(b.t, flush) {
		for i := range batch.Cells {
			c := &batch.Cells[i]
			b.gotCells[fmt.Sprint(c.Labels.Topic+"/"+c.Labels.Client, " ", pane(c.Pane))] = c.Totals.Messages
		}
	}
	for _, batch := range groupsOf(b.t, flush) {
		for _, partial := range batch.Partials {
			b.gotTopics[fmt.Sprint(batch.Values[0], " ", pane(partial.Pane))] = partial.Totals.Messages
		}
	}
}

// compare holds what a whole segment wrote against what was expected.
func (b *burst) compare() {
	if !maps.Equal(b.cells, b.gotCells) { // much faster than finding no difference
		b.t.Fatalf("cells (-want +got):\n%s", cmp.Diff(b.cells, b.gotCells))
	}
	if !maps.Equal(b.topics, b.gotTopics) {
		b.t.Fatalf("topics (-want +got):\n%s", cmp.Diff(b.topics, b.gotTopics))
	}
	b.begin()
}
