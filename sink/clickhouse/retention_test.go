package clickhouse

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

// ttlOfTable is what the server says of a table.
func (s *store) ttlOfTable(table string) string {
	s.t.Helper()
	return s.query("SELECT extract(engine_full, ' TTL (.*?)(?: SETTINGS|$)'), extract(engine_full, 'ttl_only_drop_parts = (\\\\d)') FROM system.tables WHERE database = currentDatabase() AND name = '" + table + "'")
}

// retain changes what is kept, and says which tables it changed.
func (s *store) retain(of Retention) string {
	s.t.Helper()
	planned, err := s.PlanRetention(s.t.Context(), of)
	if err != nil {
		s.t.Fatal(err)
	}
	done, err := s.Retain(s.t.Context(), of)
	if err != nil {
		s.t.Fatal(err)
	}
	var tables []string
	for _, change := range done {
		tables = append(tables, change.Table)
	}
	if fmt.Sprint(planned) != fmt.Sprint(done) {
		s.t.Errorf("planned %v and did %v", planned, done)
	}
	return strings.Join(tables, " ")
}

// TestRetentionIsChangedWhereItDiffers, and nothing else is touched.
func TestRetentionIsChangedWhereItDiffers(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	tiers := []TierLifetime{{"S4", 3 * day}, {"it's", 36 * time.Hour}}
	for _, c := range []struct {
		name           string
		of             Retention
		changed, table string
		ttl            string
	}{
		{"nothing is given", nil, "", "rollup_10s", "ts + toIntervalDay(30)\t1"},
		{"as it is created", Retention{"rollup_10s": {Rows: 30 * day}, "alerts": {Rows: 400 * day}, "inventory_hours": {Rows: 30 * day}, "ledger": {Rows: 30 * day},
			"inventory": {Rows: 400 * day}, "inspection_findings": {Rows: 400 * day}}, "", "rollup_10s", "ts + toIntervalDay(30)\t1"},
		{"one is shorter", Retention{"rollup_10s": {Rows: 30 * day}, "alerts": {Rows: 60 * day}}, "alerts", "alerts", "toDateTime(at) + toIntervalDay(60)"},
		{"by hours", Retention{"ledger": {Rows: 36 * time.Hour}}, "ledger", "ledger", "segment_minute + toIntervalHour(36)"},
		{"a tier is shorter", Retention{"rollup_10s": {Rows: 30 * day, Tiers: tiers[:1]}}, "rollup_10s", "rollup_10s", "ts + toIntervalDay(multiIf(tier = 'S4', 3, 30))\t0"},
		{"the same again", Retention{"rollup_10s": {Rows: 30 * day, Tiers: tiers[:1]}}, "", "rollup_10s", "ts + toIntervalDay(multiIf(tier = 'S4', 3, 30))\t0"},
		{"two tiers", Retention{"rollup_10s": {Rows: 30 * day, Tiers: tiers}}, "rollup_10s", "rollup_10s", `ts + toIntervalHour(multiIf(tier = \'S4\', 72, tier = \'it\\\'s\', 36, 720))` + "\t0"},
		{"no key any more", Retention{"ledger": {Rows: 36 * time.Hour}}, "", "rollup_10s", `ts + toIntervalHour(multiIf(tier = \'S4\', 72, tier = \'it\\\'s\', 36, 720))` + "\t0"},
		{"no tiers any more", Retention{"rollup_10s": {Rows: 14 * day}}, "rollup_10s", "rollup_10s", "ts + toIntervalDay(14)\t1"},
	} {
		if got := s.retain(c.of); got != c.changed {
			t.Errorf("%s: changed %q, want %q", c.name, got, c.changed)
		}
		if got := s.ttlOfTable(c.table); strings.ReplaceAll(got, `\'`, `'`) != strings.ReplaceAll(c.ttl, `\'`, `'`) {
			t.Errorf("%s: %s has %s, want %s", c.name, c.table, got, c.ttl)
		}
	}
}

// TestRowsOfATierExpire and others stay; so do those of other tiers in the same part.
func TestRowsOfATierExpire(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, days := range []int{1, 10, 20} {
		s.query(fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, tier, source, reports) SELECT now('UTC') - INTERVAL %d DAY, 'orders', tier, 's', 1 FROM (SELECT arrayJoin(['S1', 'S4', '']) AS tier)", days))
	}
	rows := func(want string) {
		t.Helper()
		// A part that is merged again and again loses what has expired meanwhile; a mutation of the TTL is waited for.
		s.query("SYSTEM STOP TTL MERGES")
		s.query("SYSTEM START TTL MERGES")
		deadline := time.NewTimer(6 * promptly)
		defer deadline.Stop()
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		got := ""
		for {
			s.query("OPTIMIZE TABLE rollup_10s FINAL")
			got = s.query("SELECT arrayStringConcat(arraySort(groupArray(concat(tier, ':', toString(age('day', ts, now('UTC')))))), ' ') FROM rollup_10s") // whole days: midnight may pass meanwhile
			if got == want {
				return
			}
			select {
			case <-ticker.C:
			case <-deadline.C:
				t.Fatalf("rows are %s, want %s", got, want)
			}
		}
	}
	rows(":1 :10 :20 S1:1 S1:10 S1:20 S4:1 S4:10 S4:20")
	s.retain(Retention{"rollup_10s": {Rows: 30 * day, Tiers: []TierLifetime{{"S4", 3 * day}}}})
	rows(":1 :10 :20 S1:1 S1:10 S1:20 S4:1")
	s.retain(Retention{"rollup_10s": {Rows: 15 * day, Tiers: []TierLifetime{{"S1", 30 * day}}}})
	rows(":1 :10 S1:1 S1:10 S1:20 S4:1")
	s.retain(Retention{"rollup_10s": {Rows: 5 * day}})
	rows(":1 S1:1 S4:1")
}

// TestATTLOfOnesOwnIsKept where it does more than to delete.
func TestATTLOfOnesOwnIsKept(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.query("ALTER TABLE ledger MODIFY TTL segment_minute + INTERVAL 7 DAY RECOMPRESS CODEC(ZSTD(9)), segment_minute + INTERVAL 30 DAY")
	before := s.ttlOfTable("ledger")
	within(t, promptly, func() {
		_, err := s.Retain(t.Context(), Retention{"ledger": {Rows: 14 * day}})
		if err == nil || !strings.Contains(err.Error(), "change the retention: the TTL of ledger was written by hand and does more than to delete: ") ||
			!strings.Contains(err.Error(), "; leave clickhouse.retention.ledger empty and change it by hand") {
			t.Errorf("got %v", err)
		}
	})
	if after := s.ttlOfTable("ledger"); after != before {
		t.Errorf("the TTL is %s, was %s", after, before)
	}
}

// TestEveryTableThatExpiresIsRetained: each has its place in RetainedTables.
func TestEveryTableThatExpiresIsRetained(t *testing.T) {
	known := map[string]string{}
	for _, m := range knownMigrations(t) {
		for _, statement := range m.Statements {
			if found := ddlCreateTable.FindStringSubmatch(statement[len(commentsOf(statement)):]); found != nil && strings.Contains(found[6], "\nTTL ") {
				if days := regexp.MustCompile(`\nTTL ts \+ INTERVAL (\d+) DAY`).FindStringSubmatch(found[6]); keptAsCreated[found[2]] > 0 && days[1] != fmt.Sprint(keptAsCreated[found[2]].Hours()/24) {
					t.Errorf("%s is created with %s days, keptAsCreated says %s", found[2], days[1], keptAsCreated[found[2]])
				}
				known[found[2]] = regexp.MustCompile(`\nTTL (\S+)`).FindStringSubmatch(found[6])[1]
			}
		}
	}
	for name, since := range known {
		at := slices.IndexFunc(RetainedTables, func(table RetainedTable) bool { return table.Name == name })
		if at < 0 {
			t.Errorf("%s expires: add it to RetainedTables, and to clickhouse.retention in pipeline/configstore.go", name)
		} else if RetainedTables[at].Since != since {
			t.Errorf("%s counts from %s, RetainedTables says from %s", name, since, RetainedTables[at].Since)
		}
	}
	if len(known) < 6 {
		t.Errorf("found only %v", slices.Sorted(maps.Keys(known)))
	}
}

func commentsOf(statement string) string {
	comments, _ := cutComments(statement)
	return comments
}

// TestRetentionOfNoTable is refused.
func TestRetentionOfNoTable(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	if _, err := s.Retain(t.Context(), Retention{"owners": {Rows: day}}); err == nil || !strings.Contains(err.Error(), `no rows of "owners" expire`) {
		t.Errorf("got %v", err)
	}
}

// TestWhatIsMadeOfRowsIsKeptAsLong as they are, also of each tier.
func TestWhatIsMadeOfRowsIsKeptAsLong(t *testing.T) {
	t.Parallel()
	tiers := func(rows, s4 time.Duration) Lifetime {
		return Lifetime{Rows: rows, Tiers: []TierLifetime{{"S4", s4}}}
	}
	for _, c := range []struct {
		name string
		of   Retention
		want map[string]string
	}{
		{"nothing is given", nil, nil},
		{"as created", Retention{"rollup_10s": {Rows: 30 * day}, "rollup_1m": {Rows: 30 * day}, "topic_1m": {Rows: 400 * day}, "rollup_1h": {Rows: 400 * day}}, nil},
		{"panes for days", Retention{"rollup_10s": {Rows: 3 * day}}, nil},
		{"minutes for days", Retention{"rollup_1m": {Rows: 7 * day}}, map[string]string{"rollup_1m": "rows of rollup_1m are kept for 7d, and those of rollup_10s, which it is made of, for 30d"}},
		{"both for days", Retention{"rollup_10s": {Rows: 36 * time.Hour}, "rollup_1m": {Rows: 36 * time.Hour}}, nil},
		{"panes for months", Retention{"rollup_10s": {Rows: 60 * day}}, map[string]string{"rollup_10s": "rows of rollup_1m are kept for 30d"}},
		{"minutes for years", Retention{"rollup_1m": {Rows: 500 * day}, "rollup_1h": {Rows: 600 * day}},
			map[string]string{"rollup_1m": "rows of topic_1m are kept for 400d, and those of rollup_1m, which it is made of, for 500d"}},
		{"hours for days", Retention{"rollup_1h": {Rows: 7 * day}, "alerts": {Rows: day}}, map[string]string{"rollup_1h": "rows of rollup_1h are kept for 7d"}},
		{"a tier of panes for long", Retention{"rollup_10s": tiers(3*day, 40*day)}, map[string]string{"rollup_10s": "rows of tier S4 of rollup_1m are kept for 30d, and those of rollup_10s, which it is made of, for 40d"}},
		{"a tier of all for long", Retention{"rollup_10s": tiers(3*day, 40*day), "rollup_1m": tiers(3*day, 40*day), "group_1m": {Rows: 40 * day}}, nil},
		{"a tier of panes for longer than groups", Retention{"rollup_10s": tiers(3*day, 40*day), "rollup_1m": tiers(3*day, 40*day)},
			map[string]string{"rollup_10s": "rows of tier S4 of group_1m are kept for 30d, and those of rollup_10s, which it is made of, for 40d"}},
		{"groups for days", Retention{"group_1m": {Rows: 7 * day}}, map[string]string{"group_1m": "rows of group_1m are kept for 7d, and those of rollup_10s, which it is made of, for 30d"}},
		{"a tier of minutes for short", Retention{"rollup_10s": tiers(30*day, 3*day), "rollup_1m": tiers(30*day, 2*day)}, map[string]string{"rollup_1m": "rows of tier S4 of rollup_1m are kept for 2d"}},
	} {
		got := c.of.Outlived()
		for table, want := range c.want {
			if got[table] == nil || !strings.HasPrefix(got[table].Error(), want) {
				t.Errorf("%s: %s is refused with %v, want %q", c.name, table, got[table], want)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: refused is %v", c.name, got)
		}
	}
}
