package aggregate

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/weirmq/weir/telemetry"
)

// betweenFlushes is how many reports a source that is behind reads between two flushes, with seven others on a core:
// a million series in eight sources see less than one each until then, ten thousand see eighty.
const betweenFlushes = 100_000

// benchGroupings are those of cmd/bench/rules.d, with what is left out of them.
var benchGroupings = []telemetry.Grouping{{ID: "cluster", By: []string{"cluster"}, Omit: telemetry.AllParts},
	{ID: "topic", By: []string{"cluster", "topic"}, Omit: telemetry.AllParts &^ telemetry.PartLatency},
	{ID: "version", By: []string{"cluster", "sdk_lang", "sdk_version"}, Omit: telemetry.AllParts &^ telemetry.PartDistincts}}

// BenchmarkFlushed begins and adds one report of one of several numbers of series, which send in turn or at random, and
// writes what changed, as a source that is behind does. Reports differ from one to the next. CPU time is told beside
// time: other programs do not disturb it as much.
func BenchmarkFlushed(b *testing.B) {
	for _, series := range []int{1250, 12_500, 125_000} {
		for _, order := range []string{"turn", "random"} {
			b.Run(fmt.Sprintf("series=%d/order=%s", series, order), func(b *testing.B) {
				source := newFlushedSource(b, series, order == "random")
				for range series {
					source.add()
				}
				before := cpuNanos(b)
				b.ResetTimer()
				for b.Loop() {
					source.add()
				}
				b.ReportMetric(float64(cpuNanos(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

// BenchmarkListed lists who is in a group of 125,000 series, as each flush does where a rule reads clients.
func BenchmarkListed(b *testing.B) {
	source := newFlushedSource(b, 125_000, false)
	for range source.labels {
		source.add()
	}
	for _, g := range source.fold.groups {
		if !g.grouping.Omit.Has(telemetry.PartDistincts) {
			for b.Loop() {
				source.fold.partial(g.panes[0])
			}
		}
	}
}

// flushedSource is a source whose series each report once a second.
type flushedSource struct {
	b      *testing.B
	fold   *Fold
	labels [][]byte
	shapes []telemetry.Report // what reports hold beside labels and time
	random bool               // series do not come in turn
	offset int64
}

func newFlushedSource(b *testing.B, series int, random bool) *flushedSource {
	s := &flushedSource{b: b, fold: NewFold(telemetry.Source{}, DefaultParameters(), DefaultLateness, benchGroupings),
		labels: make([][]byte, series), shapes: make([]telemetry.Report, 1000), random: random}
	for i := range s.labels {
		s.labels[i] = telemetry.AppendLabels(nil, &telemetry.Labels{Env: "prod", Cluster: "eu-1", System: "kafka", Topic: fmt.Sprintf("orders-%03d", i%100),
			Op: "send", Client: fmt.Sprintf("checkout-7f9c5b6d4f-%07d", i), SDKLang: "go", SDKVersion: "1.12.0"})
	}
	for i := range s.shapes {
		r, slowness := &s.shapes[i], 850+rand.Uint64N(300)
		*r = telemetry.Report{Schema: telemetry.Schema, LengthMillis: 1000, Bytes: 281_736}
		for bucket := range uint64(20) {
			for range 1 + rand.Uint64N(100) {
				r.LatencyMicros.Observe(slowness + 20*bucket)
				r.Messages++
			}
		}
	}
	return s
}

func (s *flushedSource) add() {
	at := Position{Offset: s.offset, AppendUnixMillis: epoch.UnixMilli() + s.offset*1000/int64(len(s.labels)), ValueBytes: 210}
	report := &s.shapes[s.offset%int64(len(s.shapes))]
	report.RawLabels, report.StartUnixMillis = s.labels[s.offset%int64(len(s.labels))], at.AppendUnixMillis-time.Second.Milliseconds()
	if s.random && s.offset >= int64(len(s.labels)) {
		report.RawLabels = s.labels[rand.IntN(len(s.labels))]
	}
	if closed := s.fold.Begin(at); closed != nil {
		encode(closed)
	}
	if err := s.fold.Add(at, report, rawLabels{}); err != nil {
		s.b.Fatal(err)
	}
	if s.offset++; s.offset%betweenFlushes == 0 {
		encode(s.fold.Flush())
	}
}

// encode encodes a flush.
func encode(f *Flush) {
	f.EachCellRecord(900_000, func([]byte) {})
	f.EachGroupRecord(8, 900_000, func(int32, []byte) {})
}

// rawLabels reads labels of reports that have them encoded only.
type rawLabels struct{}

func (rawLabels) ReadLabels(raw []byte, into *telemetry.Labels) (err error) {
	*into, err = telemetry.UnmarshalLabels(raw)
	return err
}

// cpuNanos is the CPU time of this process.
func cpuNanos(b *testing.B) int64 {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
