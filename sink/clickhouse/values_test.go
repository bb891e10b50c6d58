package clickhouse

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// texts hold what breaks careless encodings.
var texts = []string{"заказы", "注文", "🌊", "it's", `a\b`, "a\tb\nc", "{'a':1}", "%s", "--", "a,b", "", "a\x00b", "\xff\xfe", "NULL", strings.Repeat("ж", 128)}

// TestEveryValueComesBack writes the least and the greatest of every field.
func TestEveryValueComesBack(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	now := time.Now().UTC().Truncate(time.Minute)
	latest := time.Date(2105, 12, 31, 23, 59, 0, 0, time.UTC) // 30 days further the seconds leave 32 bits
	batch := telemetry.CellBatch{Source: telemetry.Source{TopicID: [16]byte{255, 1}, Partition: math.MaxInt32},
		Segment: telemetry.Segment{Block: math.MaxUint64, MinuteUnix: latest.Unix() / 60},
		Ledger: &telemetry.Ledger{Reports: 1 << 60, Refused: 1 << 60, Bytes: math.MaxUint64,
			FirstOffset: math.MaxInt64 - 1, EndOffset: math.MaxInt64, Closed: true}}
	for i, text := range texts {
		text = strings.ToValidUTF8(text, "") // a record with other strings is refused
		labels := telemetry.Labels{Client: fmt.Sprint(i)}
		for field := range telemetry.LabelNames {
			*labels.FieldAt(field) += text
		}
		labels.Extra = []telemetry.Label{{Name: "extra" + strings.ReplaceAll(strings.ReplaceAll(text, `\`, ""), "=", ""), Value: text}}
		batch.Cells = append(batch.Cells, telemetry.Cell{Pane: now, Labels: labels, Totals: extremes(text)})
	}
	batch.Cells = append(batch.Cells,
		telemetry.Cell{Pane: now}, // no labels, nothing counted
		telemetry.Cell{Pane: latest, Totals: telemetry.Totals{Reports: 1}})
	s.write(batch)
	s.expectCells([]telemetry.CellBatch{batch})
	s.expectLedger([]telemetry.CellBatch{batch})
}

func extremes(text string) telemetry.Totals {
	const most = math.MaxUint64
	greatest := telemetry.Histogram{Indexes: []int32{telemetry.ZeroBucket, 0, telemetry.MaxHistogramBuckets - 2},
		Counts: []uint64{1, most, most - 1}, Sum: most, Max: most}
	return telemetry.Totals{Reports: most, Messages: most, Bytes: most, Rebalances: most, DroppedReports: most, IntervalMillis: most,
		Errors:        []telemetry.ErrorCount{{Class: "broker" + text, Count: 1}, {Class: "timeout", Count: most - 1}},
		LatencyMicros: greatest, DelayMicros: greatest, SizeBytes: greatest, HeartbeatMicros: greatest,
		Gauges: []telemetry.GaugeValue{{Name: "lag" + text, Last: math.MaxFloat64, Max: math.MaxFloat64},
			{Name: "members", Last: math.SmallestNonzeroFloat64, Max: -0.5}, {Name: "zero"}}}
}

// TestEachHistogramHasItsColumns tells the four apart.
func TestEachHistogramHasItsColumns(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var totals telemetry.Totals
	totals.Reports = 1
	for i, h := range []*telemetry.Histogram{&totals.LatencyMicros, &totals.DelayMicros, &totals.SizeBytes, &totals.HeartbeatMicros} {
		h.Observe(uint64(10 + i))
		h.Observe(uint64(20 + i))
	}
	s.write(telemetry.CellBatch{Cells: []telemetry.Cell{{Pane: time.Now().UTC().Truncate(time.Second), Totals: totals}}})
	s.expect(`SELECT latency_sum_us, latency_max_us, delay_sum_us, delay_max_us, size_sum_bytes, size_max_bytes, heartbeat_sum_us, heartbeat_max_us
		FROM rollup_10s FINAL`, "30\t20\t32\t21\t34\t22\t36\t23")
}

// quantiles is how SQL asks for percentiles of many cells; see telemetry.Histogram.
const quantiles = `WITH quantilesExactWeightedArray(%s)(latency.i, latency.c) AS buckets, toFloat64(max(latency_max_us)) AS greatest
	SELECT arrayStringConcat(arrayMap(i -> toString(if(i < 0, 0, least(2 * pow(101/99, i) / (101/99 + 1), greatest))), buckets), ' ')
	FROM rollup_10s FINAL WHERE topic = '%s'`

var levels = []float64{0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1}

// TestPercentilesInSQLAreThoseInGo merges the histograms of many cells in both.
func TestPercentilesInSQLAreThoseInGo(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	random := rand.New(rand.NewPCG(1, 0))
	for topic, draw := range map[string]func() uint64{
		"uniform":     func() uint64 { return random.Uint64N(1_000_000) },
		"long-tailed": func() uint64 { return uint64(math.Exp(random.NormFloat64()*2 + 8)) },
		"one-value":   func() uint64 { return 4711 },
		"with-zeros":  func() uint64 { return random.Uint64N(2) * 100 },
		"up-to-most":  func() uint64 { return random.Uint64() >> random.IntN(64) },
	} {
		var whole telemetry.Histogram
		var batch telemetry.CellBatch
		for client := range 20 {
			var totals telemetry.Totals
			totals.Reports = 1
			for range 1 + random.IntN(500) {
				totals.LatencyMicros.Observe(draw())
			}
			whole.Merge(&totals.LatencyMicros)
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: time.Now().UTC().Truncate(time.Second),
				Labels: telemetry.Labels{Topic: topic, Client: fmt.Sprint(client)}, Totals: totals})
		}
		s.write(batch)
		asked := strings.Trim(strings.ReplaceAll(fmt.Sprint(levels), " ", ","), "[]")
		answers := strings.Fields(s.query(fmt.Sprintf(quantiles, asked, topic)))
		if len(answers) != len(levels) {
			t.Fatalf("%s: got %q, want %d percentiles", topic, answers, len(levels))
		}
		for i, level := range levels {
			want := whole.Quantile(level)
			if got, err := strconv.ParseFloat(answers[i], 64); err != nil || math.Abs(got-want) > 0.01*want {
				t.Errorf("%s: quantile %g is %s in SQL (%v), %g in Go", topic, level, answers[i], err, want)
			}
		}
	}
}
