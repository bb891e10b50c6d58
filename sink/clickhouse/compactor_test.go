package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/telemetry"
)

// addedRow is a row of a table of longer steps.
type addedRow struct {
	Clients uint64 `ch:"clients"`
	row
}

// expectAdded compares every column of every row of a table with what the reports add up to, one by one, as nothing in SQL does.
func (s *store) expectAdded(h *history, table string, step time.Duration) {
	s.t.Helper()
	type key struct {
		step   time.Time
		labels string
	}
	cells, clients := map[key]*telemetry.Cell{}, map[key]map[string]bool{}
	for _, segment := range h.segments {
		for i := range segment.reports {
			p := &segment.reports[i]
			labels := p.labels
			if table == RollupTopics {
				labels = telemetry.Labels{Env: labels.Env, Cluster: labels.Cluster, System: labels.System, Topic: labels.Topic, Group: labels.Group, Op: labels.Op,
					Tier: labels.Tier, Lane: labels.Lane, Tag: labels.Tag}
			}
			at := key{p.pane.Truncate(step), fmt.Sprint(labels)}
			if cells[at] == nil {
				cells[at], clients[at] = &telemetry.Cell{Pane: at.step, Labels: labels}, map[string]bool{}
			}
			cells[at].Totals.AddReport(&p.report)
			clients[at][p.labels.Client] = true
		}
	}
	var want []string
	for at, cell := range cells {
		cell.Totals.Errors = slices.DeleteFunc(cell.Totals.Errors, func(e telemetry.ErrorCount) bool { return e.Count == 0 })
		slices.SortFunc(cell.Totals.Errors, func(a, b telemetry.ErrorCount) int { return strings.Compare(a.Class, b.Class) })
		cell.Totals.Gauges, cell.Totals.Events = nil, nil
		of := addedRow{row: rowsOf([]telemetry.CellBatch{{Cells: []telemetry.Cell{*cell}}})[0]}
		of.Source, of.Minute = "", time.Time{}
		if table == RollupTopics {
			of.Clients = uint64(len(clients[at]))
		}
		want = append(want, fmt.Sprintf("%+v", of))
	}
	var rows []addedRow
	s.read(&rows, "SELECT * EXCEPT inserted_at FROM "+table+" FINAL")
	var got []string
	for _, of := range rows {
		got = append(got, fmt.Sprintf("%+v", of))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		s.t.Errorf("%s differs (-want +got):\n%s", table, gocmp.Diff(want, got))
	}
}

func (s *store) expectRollups(h *history) {
	s.t.Helper()
	s.expectAdded(h, RollupMinutes, time.Minute)
	s.expectAdded(h, RollupTopics, time.Minute)
	s.expectAdded(h, RollupHours, time.Hour)
}

// compacted counts what compactors tell.
type compacted struct {
	mu   sync.Mutex
	rows map[string]uint64
}

func (c *compacted) note(of Compaction) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == nil {
		c.rows = map[string]uint64{}
	}
	c.rows[of.Table] += of.Rows
}

// take is how many rows a table was made of since it was asked before.
func (c *compacted) take(table string) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer delete(c.rows, table)
	return c.rows[table]
}

// round adds up with a compactor that is new.
func (s *store) round() *compacted {
	s.t.Helper()
	counted := &compacted{}
	c := s.NewCompactor(counted.note)
	c.spare = time.Hour // also what came long ago
	for range 2 {       // hours of minutes that were made of that
		for _, level := range c.levels {
			level.looked = time.Time{}
		}
		if err := c.Round(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
	return counted
}

// dying is a connection of a process that dies before one of its statements, which may be between any two.
type dying struct {
	driver.Conn
	left int // statements
}

var errDied = errors.New("died")

func (d *dying) Exec(ctx context.Context, query string, args ...any) error {
	if d.left--; d.left < 0 {
		return errDied
	}
	return d.Conn.Exec(ctx, query, args...)
}

// spread puts the panes of a history into three days, five hours of which are near each other. None is under way.
func (h *history) spread() {
	begin := time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
	var minutes []time.Time
	for range 9 {
		minutes = append(minutes, begin.AddDate(0, 0, -h.random.IntN(2)*h.random.IntN(3)).Add(time.Duration(h.random.IntN(180))*time.Minute))
	}
	for _, s := range h.segments {
		for i := range s.reports {
			s.reports[i].pane = minutes[h.random.IntN(len(minutes))].Add(time.Duration(h.random.IntN(6)) * 10 * time.Second)
		}
	}
}

// TestRollupsAreExact tells histories in random order, with retries, zombies and late reports, to a store that two compactors add up
// meanwhile, at once and one after the other, which die between any two statements: what is there in the end is what the reports
// add up to. So it stays where a compactor comes late with what it read before, and where cells have expired.
func TestRollupsAreExact(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s, h := newStore(t), newHistory(seed)
			h.spread()
			compactors := make([]*Compactor, 2)
			started := func() *Compactor { // a process, which may die soon
				of := NewStore(&dying{s.conn, h.random.IntN(30)}, Config{})
				of.settings = s.settings
				c := of.NewCompactor((&compacted{}).note)
				c.most = 1 + h.random.Uint64N(300)
				return c
			}
			for i := range compactors {
				compactors[i] = started()
			}
			var running sync.WaitGroup
			busy, died := make([]sync.Mutex, len(compactors)), make([]error, len(compactors))
			writes := h.telling()
			for i, write := range writes {
				if i == len(writes)/2 {
					s.query("CREATE TABLE stale AS rollup_1m")
					s.query("INSERT INTO stale SELECT * FROM rollup_1m FINAL")
				}
				for j, c := range compactors {
					if h.random.IntN(6) == 0 {
						running.Go(func() {
							busy[j].Lock() // each is of one goroutine at a time
							defer busy[j].Unlock()
							died[j] = cmp.Or(died[j], c.Round(t.Context()))
						})
					}
				}
				s.write(write...)
				if h.random.IntN(2) == 0 {
					continue // compactors and writes overlap
				}
				running.Wait()
				for j, err := range died {
					if err != nil && !errors.Is(err, errDied) {
						t.Fatal(err)
					}
					if err != nil {
						compactors[j], died[j] = started(), nil
					}
				}
			}
			running.Wait()
			s.round()
			s.expectRollups(h)
			for _, table := range append(RollupTables[:], "rollup_10s") {
				s.query("OPTIMIZE TABLE " + table + " FINAL")
			}
			s.expectRollups(h)
			if t.Failed() {
				t.FailNow()
			}
			s.query("INSERT INTO rollup_1m SELECT * FROM stale")
			s.query("ALTER TABLE rollup_10s DELETE WHERE cityHash64(client, source) % 2 = 0 SETTINGS mutations_sync = 2")
			s.query("TRUNCATE TABLE rollup_marks")
			if rows := s.round().take(RollupMinutes); rows == 0 {
				t.Error("cells of which some have expired were not added up again")
			}
			s.expectRollups(h)
		})
	}
}
