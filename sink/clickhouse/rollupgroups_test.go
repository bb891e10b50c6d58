package clickhouse

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// groupGauge is one value that a collector reported of a group's partition, topic or members.
func groupGauge(r *rand.Rand) (telemetry.Labels, string) {
	group, topic, partition := fmt.Sprint("g", r.IntN(2)), fmt.Sprint("t", r.IntN(2)), fmt.Sprint(r.IntN(3))
	names := partitionGauges[:8]
	switch r.IntN(8) {
	case 0:
		partition, names = "", groupGauges[:2]
	case 1:
		topic, partition, names = "", "", groupGauges[2:]
	}
	labels := groupLabels(group, topic, partition)
	labels.Tier = []string{"", "S1"}[r.IntN(2)] // two collectors give different labels
	return labels, names[r.IntN(len(names))]
}

// newestByMinute is what group_lag must say, by a way of its own: of the table gauges, name by name.
const newestByMinute = `SELECT minute, consumer_group, topic, sumOrNullIf(value, name = 'lag_messages'), maxOrNullIf(value, name = 'lag_seconds'),
		maxOrNullIf(value, name = 'drain_seconds'), maxOrNullIf(value, name = 'consumed_messages_per_second')
	FROM (
		SELECT toStartOfMinute(ts) AS minute, consumer_group, topic, partition, name, argMax(reinterpretAsFloat64(newest), newest) AS value
		FROM gauges GROUP BY minute, consumer_group, topic, partition, name
	)
	WHERE topic != ''
	GROUP BY minute, consumer_group, topic
	HAVING countIf(name IN ('lag_messages', 'lag_seconds', 'drain_seconds', 'consumed_messages_per_second')) > 0
	ORDER BY minute, consumer_group, topic`

// statesByMinute is the same of lag.
const statesByMinute = `SELECT minute, consumer_group, topic, partition, maxOrNullIf(value, name = 'lag_messages'), maxOrNullIf(value, name = 'lag_seconds'),
		multiIf(maxIf(value, name = 'stopped_partitions') = 1, 'stop', maxIf(value, name = 'rewound_partitions') = 1, 'rewind', maxIf(value, name = 'stalled_partitions') = 1, 'stall',
			maxIf(value, name = 'growing_partitions') = 1, 'warn', countIf(endsWith(name, '_partitions')) = 4, 'ok', 'unknown')
	FROM (
		SELECT toStartOfMinute(ts) AS minute, consumer_group, topic, partition, name, argMax(reinterpretAsFloat64(newest), newest) AS value
		FROM gauges WHERE partition != '' GROUP BY minute, consumer_group, topic, partition, name
	)
	GROUP BY minute, consumer_group, topic, partition
	ORDER BY minute, consumer_group, topic, partition`

// TestGroupsByMinute tells of groups in several segments, late, again, and in older versions, while compactors come and go: the newest value of
// each minute is there once.
func TestGroupsByMinute(t *testing.T) {
	t.Parallel()
	s, r := newStore(t), rand.New(rand.NewPCG(11, 0))
	var told [][]telemetry.CellBatch
	for i := range 60 {
		batch := telemetry.CellBatch{Source: telemetry.Source{Partition: int32(r.IntN(3))}, Segment: telemetry.Segment{MinuteUnix: inventoryDay.Unix()/60 + int64(i)}}
		seen := map[string]bool{}
		for range 12 {
			labels, name := groupGauge(r)
			pane := inventoryDay.Add(time.Duration(r.IntN(18)) * 10 * time.Second)
			if key := fmt.Sprint(pane, labels); seen[key] {
				continue
			} else {
				seen[key] = true
			}
			value := float64(r.IntN(50))
			if telemetry.GaugeStopped == name || telemetry.GaugeRewound == name || telemetry.GaugeStalled == name || telemetry.GaugeGrowing == name {
				value = float64(r.IntN(2))
			}
			batch.Cells = append(batch.Cells, telemetry.Cell{Pane: pane, Labels: labels, Totals: telemetry.Totals{Reports: 1, Gauges: []telemetry.GaugeValue{
				{Name: name, Last: value, Max: value, Series: 1, TimeUnixMillis: pane.UnixMilli() + r.Int64N(10_000)}}}})
		}
		told = append(told, []telemetry.CellBatch{batch})
	}
	stale := s.NewCompactor(func(Compaction) {})
	for i, batches := range told {
		s.write(batches...)
		if i%7 == 0 {
			s.write(told[r.IntN(i+1)]...) // again
		}
		if i%20 == 10 {
			s.round()
		}
	}
	if err := stale.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	const groups = "SELECT ts, consumer_group, topic, lag_messages, lag_seconds, drain_seconds, consumed_messages_per_second FROM group_lag ORDER BY ts, consumer_group, topic"
	const partitions = "SELECT ts, consumer_group, topic, partition, lag_messages, lag_seconds, state FROM lag ORDER BY ts, consumer_group, topic, partition"
	s.expect("SELECT count() > 10, countIf(lag_messages IS NULL) < count() FROM group_lag", "1\t1")
	s.expect(groups, s.query(newestByMinute))
	s.expect(partitions, s.query(statesByMinute))
	s.query("TRUNCATE TABLE group_1m")
	if filled := s.fillFrom(inventoryDay); filled[3].Lacking == 0 {
		t.Errorf("filled in %+v where %s was lost", filled, RollupGroups)
	}
	s.expect(groups, s.query(newestByMinute))
	s.expect(partitions, s.query(statesByMinute))
}

// fillFrom fills in an hour.
func (s *store) fillFrom(begin time.Time) []Filled {
	s.t.Helper()
	filled, err := s.FillIn(s.t.Context(), FillIn{From: begin, To: begin.Add(time.Hour)})
	if err != nil {
		s.t.Fatal(err)
	}
	return filled
}
