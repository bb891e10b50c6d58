package clickhouse

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// history is what a few sources hold: the reports of each segment in the order of
// the log. What a store must hold in the end depends on nothing else.
type history struct {
	random   *rand.Rand
	segments []*segment
}

type segment struct {
	source  telemetry.Source
	segment telemetry.Segment
	reports []placed
}

// placed is a report with the series and pane that it belongs to.
type placed struct {
	pane   time.Time
	labels telemetry.Labels
	report telemetry.Report
}

const (
	historySources  = 3
	historySegments = 4 // of each source
	historySeries   = 12
	segmentReports  = 150
)

// newHistory makes up a history from a seed. Panes are not older than a day: the
// table forgets after 30.
func newHistory(seed uint64) *history {
	h := &history{random: rand.New(rand.NewPCG(seed, 0))}
	start := time.Now().UTC().Truncate(24 * time.Hour)
	for source := range historySources {
		for number := range historySegments {
			s := &segment{source: telemetry.Source{TopicID: [16]byte{7}, Partition: int32(source)},
				segment: telemetry.Segment{Block: uint64(number / 2), MinuteUnix: start.Unix()/60 + int64(number)}}
			for range segmentReports {
				pane := start.Add(time.Duration(h.random.IntN(12)) * 10 * time.Second)
				s.reports = append(s.reports, placed{pane, seriesLabels(h.random.IntN(historySeries)), h.report()})
			}
			h.segments = append(h.segments, s)
		}
	}
	return h
}

func seriesLabels(number int) telemetry.Labels {
	return telemetry.Labels{Env: "test", Cluster: "main", System: "kafka", Topic: fmt.Sprint("topic-", number%3), Op: []string{"send", "consume"}[number%2],
		Client: fmt.Sprint("client-", number), Extra: []telemetry.Label{{Name: "zone", Value: fmt.Sprint(number % 4)}}}
}

func (h *history) report() telemetry.Report {
	r := telemetry.Report{Schema: telemetry.Schema, LengthMillis: 1000, Messages: h.random.Uint64N(1000), Bytes: h.random.Uint64N(1 << 30),
		Rebalances: h.random.Uint64N(2), DroppedReports: h.random.Uint64N(3)}
	for _, class := range []string{"broker", "client", "timeout"} {
		if h.random.IntN(3) == 0 {
			r.Errors = append(r.Errors, telemetry.ErrorCount{Class: class, Count: h.random.Uint64N(10)})
		}
	}
	for range h.random.IntN(20) {
		r.LatencyMicros.Observe(h.random.Uint64N(1 << 24))
		r.SizeBytes.Observe(h.random.Uint64N(1 << 20))
	}
	if h.random.IntN(2) == 0 {
		r.Gauges = append(r.Gauges, telemetry.Gauge{Name: "lag", Value: float64(h.random.IntN(1000))})
		r.StartUnixMillis = h.random.Int64N(1 << 41)
	}
	if h.random.IntN(9) == 0 {
		r.Events = append(r.Events, telemetry.Event{Kind: telemetry.EventKind(1 + h.random.IntN(5)), TimeUnixMillis: h.random.Int64N(1 << 41), Detail: "deploy"})
	}
	return r
}

// cells are the segment's totals after its first reports.
func (s *segment) cells(reports int) []telemetry.Cell {
	byIdentity := map[string]*telemetry.Cell{}
	for i := range s.reports[:reports] {
		p := &s.reports[i]
		identity := fmt.Sprint(p.pane, p.labels)
		cell := byIdentity[identity]
		if cell == nil {
			cell = &telemetry.Cell{Pane: p.pane, Labels: p.labels}
			byIdentity[identity] = cell
		}
		cell.Totals.AddReport(&p.report)
	}
	var cells []telemetry.Cell
	for _, identity := range slices.Sorted(maps.Keys(byIdentity)) {
		cells = append(cells, *byIdentity[identity])
	}
	return cells
}

// batches are the records that an aggregator may write after its first reports,
// each of at most so many cells.
func (s *segment) batches(reports, maxCells int) []telemetry.CellBatch {
	var batches []telemetry.CellBatch
	for chunk := range slices.Chunk(s.cells(reports), maxCells) {
		batches = append(batches, telemetry.CellBatch{Source: s.source, Segment: s.segment, Cells: chunk})
	}
	batches[len(batches)-1].Ledger = s.ledger(reports)
	return batches
}

func (s *segment) ledger(reports int) *telemetry.Ledger {
	return &telemetry.Ledger{Reports: uint64(reports), Refused: uint64(reports / 10), Bytes: uint64(reports) * 200,
		FirstOffset: 100, EndOffset: 100 + int64(reports), Closed: reports == len(s.reports)}
}

// telling is one way to write a history: what each call of WriteCells gets. Every
// segment is written to its end at least once.
func (h *history) telling() [][]telemetry.CellBatch {
	var flushes [][]telemetry.CellBatch
	for _, s := range h.segments {
		for reports := 1 + h.random.IntN(60); reports < segmentReports; reports += 1 + h.random.IntN(60) {
			flushes = append(flushes, s.batches(reports, 1+h.random.IntN(40)))
		}
		flushes = append(flushes, s.batches(segmentReports, 1+h.random.IntN(40)))
	}
	for range len(flushes) / 3 { // retries of writes whose answer was lost, and zombies' late ones
		flushes = append(flushes, flushes[h.random.IntN(len(flushes))])
	}
	for _, s := range h.segments { // a rewind to the beginning reads other batches
		flushes = append(flushes, s.batches(segmentReports/2, 500), s.batches(segmentReports, 7))
	}
	for _, s := range h.segments { // and a zombie writes less than what is there
		flushes = append(flushes, s.batches(1+h.random.IntN(segmentReports-1), 13))
	}
	var writes [][]telemetry.CellBatch
	for len(flushes) > 0 { // one write may hold several versions of a cell
		n := min(1+h.random.IntN(8), len(flushes))
		writes = append(writes, slices.Concat(flushes[:n]...))
		flushes = flushes[n:]
	}
	return writes
}
