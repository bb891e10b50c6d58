package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// auditSource is the source of all that these tests store.
const auditSource = "000102030405060708090a0b0c0d0e0f/3"

// auditAll says in text what an audit of an hour finds: a line for the cells and for each rollup that differs.
func (s *store) auditAll(begin time.Time) string {
	s.t.Helper()
	span := AuditRange{From: begin, To: begin.Add(time.Hour), MaxParts: MaxShortParts, Settled: time.Now()}
	tables := []func() (AuditedTable, error){func() (AuditedTable, error) { return s.AuditCells(s.t.Context(), span, 10*time.Minute) }}
	for _, of := range Rollups {
		tables = append(tables, func() (AuditedTable, error) { return s.AuditRollup(s.t.Context(), span, of) })
	}
	var out []string
	for _, audit := range tables {
		of, err := audit()
		if err != nil {
			s.t.Fatal(err)
		}
		line := fmt.Sprintf("%s %d of %d", of.Table, of.Stored, of.Expected)
		for _, part := range of.Parts {
			line += fmt.Sprintf(", minute %d", part.Begin.Sub(begin)/time.Minute)
			switch part.Source {
			case "":
			case auditSource:
				line += fmt.Sprintf(" block %d", part.Block)
			default:
				line += " of " + part.Source
			}
			line += fmt.Sprintf(": %d of %d", part.Stored, part.Expected)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// TestAudit breaks the store in every way that an audit is to notice.
func TestAudit(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour).Add(-3 * time.Hour)
	segment := func(minute, block, reports int, closed bool) {
		s.query(fmt.Sprintf("INSERT INTO ledger (source, segment_block, segment_minute, reports, closed, version, inserted_at) VALUES ('%s', %d, %d, %d, %t, %[4]d, now() - 600)",
			auditSource, block, begin.Unix()+int64(60*minute), reports, closed))
	}
	cell := func(minute, block, reports int, off time.Duration) { // in a pane that is off its segment's minute
		s.query(fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, source, segment_block, segment_minute, reports, inserted_at) VALUES (%d, 'orders', '%s', %d, %d, %d, now() - 600)",
			begin.Add(time.Duration(minute)*time.Minute+off).Unix(), auditSource, block, begin.Unix()+int64(60*minute), reports))
	}
	for minute := range 2 {
		segment(minute, 0, 4, true)
		cell(minute, 0, 3, 20*time.Second)
		cell(minute, 0, 1, 9*time.Minute) // of the tolerance
	}
	segment(2, 0, 7, false) // some of its cells are yet to come
	cell(2, 0, 2, 0)
	addUp := func() { // from the begin on, as if all had just come
		s.query("TRUNCATE TABLE rollup_marks")
		s.round()
		s.query("INSERT INTO rollup_marks (name, added_up) VALUES ('rollup_1m', now() + 3600), ('rollup_1h', now() + 3600)") // an hour later
	}
	for _, step := range []struct {
		why    string
		strike func()
		want   string
	}{
		{"nothing is added up yet, which is not asked about", func() {}, "rollup_10s 8 of 8\nrollup_1m 0 of 0\ntopic_1m 0 of 0\nrollup_1h 0 of 0"},
		{"all is there", addUp, "rollup_10s 8 of 8\nrollup_1m 10 of 10\ntopic_1m 10 of 10\nrollup_1h 10 of 10"},
		{"a cell is gone, the rollups keep it", func() {
			s.query("DELETE FROM rollup_10s WHERE segment_minute = " + fmt.Sprint(begin.Unix()+60) + " AND reports = 3")
		},
			`rollup_10s 5 of 8, minute 1 block 0: 1 of 4
rollup_1m 10 of 7, minute 1: 3 of 0
topic_1m 10 of 10
rollup_1h 10 of 10`},
		{"it is written again", func() { cell(1, 0, 3, 20*time.Second) }, "rollup_10s 8 of 8\nrollup_1m 10 of 10\ntopic_1m 10 of 10\nrollup_1h 10 of 10"},
		{"a segment is there that the ledger does not know", func() { cell(1, 1, 5, 0) }, `rollup_10s 13 of 8, minute 1 block 1: 5 of 0
rollup_1m 10 of 15, minute 1: 3 of 8
topic_1m 10 of 10
rollup_1h 10 of 10`},
		{"the ledger has it too, and it is added up", func() { segment(1, 1, 5, true); addUp() }, "rollup_10s 13 of 13\nrollup_1m 15 of 15\ntopic_1m 15 of 15\nrollup_1h 15 of 15"},
		{"the ledger has lost its begin, so that nothing is known of that", func() { s.query("DELETE FROM ledger WHERE segment_minute = " + fmt.Sprint(begin.Unix())) },
			"rollup_10s 9 of 9\nrollup_1m 15 of 15\ntopic_1m 15 of 15\nrollup_1h 15 of 15"},
		{"an hour is lost", func() { s.query("TRUNCATE TABLE rollup_1h") }, "rollup_10s 9 of 9\nrollup_1m 15 of 15\ntopic_1m 15 of 15\nrollup_1h 0 of 15, minute 0: 0 of 15"},
		{"the oldest minute is lost", func() { s.query("DELETE FROM topic_1m WHERE ts = " + fmt.Sprint(begin.Unix())) },
			"rollup_10s 9 of 9\nrollup_1m 15 of 15\ntopic_1m 12 of 15, minute 0: 0 of 3\nrollup_1h 0 of 15, minute 0: 0 of 15"},
		{"expired by a TTL that Weir does not know, so that nothing is known of it", func() { s.query("ALTER TABLE topic_1m MODIFY TTL ts + toIntervalMonth(1)") },
			"rollup_10s 9 of 9\nrollup_1m 15 of 15\ntopic_1m 12 of 12\nrollup_1h 0 of 15, minute 0: 0 of 15"},
		{"somebody's rows, of what is no source", func() {
			s.query(fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, source, segment_minute, reports, inserted_at) VALUES (%d, 'orders', 'by hand', %[1]d, 2, now() - 600)", begin.Unix()+180))
		}, "rollup_10s 11 of 9, minute 3 of by hand: 2 of 0\nrollup_1m 15 of 17, minute 3: 0 of 2\ntopic_1m 12 of 12\nrollup_1h 0 of 15, minute 0: 0 of 15"},
	} {
		step.strike()
		if got := s.auditAll(begin); got != step.want {
			t.Errorf("%s: got\n%s\nwant\n%s", step.why, got, step.want)
		}
	}
}

// TestWhatWasLeftIsNotAudited until it is worked off: it is not lost.
func TestWhatWasLeftIsNotAudited(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	begin := time.Now().UTC().Truncate(time.Hour).Add(-5 * time.Hour)
	for minute := range 3 {
		at := begin.Add(time.Duration(minute) * time.Minute)
		s.came(at, at.Add(70*time.Second), "a")
	}
	s.round()
	s.query("ALTER TABLE rollup_1m DELETE WHERE ts = " + fmt.Sprint(begin.Unix()+60) + " SETTINGS mutations_sync = 2")
	audited := func() string {
		t.Helper()
		of, err := s.AuditRollup(t.Context(), AuditRange{From: begin, To: begin.Add(time.Hour), Settled: time.Now()}, Rollups[0])
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(of.Stored, " of ", of.Expected)
	}
	if got := audited(); got != "2 of 3" {
		t.Errorf("of a minute that is lost: %s", got)
	}
	s.query("TRUNCATE TABLE rollup_backlog") // a span within one that is worked off is none
	for _, step := range []struct {
		workedOff int
		want      string
	}{{0, "1 of 1"}, {60, "1 of 2"}} { // what came of the first two minutes, then of the first
		s.query(fmt.Sprintf("INSERT INTO rollup_backlog (name, since, until, worked_off_seconds) VALUES ('rollup_1m', %d, %d, %d)", begin.Unix(), begin.Unix()+140, step.workedOff))
		if got := audited(); got != step.want {
			t.Errorf("with %d s worked off of what was left: %s, want %s", step.workedOff, got, step.want)
		}
	}
}
