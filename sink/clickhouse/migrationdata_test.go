package clickhouse

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestMigrateFromEveryVersion takes a store of each earlier version, with what the program of that version wrote, to the newest:
// all tables and views then say what they say of a store that had the newest schema from the beginning, and the program of today
// writes into it.
func TestMigrateFromEveryVersion(t *testing.T) {
	t.Parallel()
	always := newStore(t)
	for _, m := range knownMigrations(t) {
		data := versionData(t, m)
		for _, statement := range data {
			always.query(statement)
		}
		want := contents(always)
		t.Run(m.file(), func(t *testing.T) {
			database := shared.database(t)
			migrated(t, database, m.Version)
			for _, earlier := range knownMigrations(t) {
				for _, statement := range versionData(t, earlier) {
					if earlier.Version <= m.Version {
						shared.query(t, database, statement)
					}
				}
			}
			s := openStore(t, shared, database, nil)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := s.FillAll(t.Context(), func(Filling) {}); err != nil {
				t.Fatal(err)
			}
			s.expect(appliedMigrations, allMigrations)
			s.expect("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine_full LIKE '%merge_selector_base = 25%' ORDER BY name", "gauges\nrollup_10s")
			got := contents(s)
			for name := range want {
				if !slices.Equal(got[name], want[name]) {
					t.Errorf("%s has %q, want %q", name, got[name], want[name])
				}
			}
			for range 2 {
				if err := s.WriteCells(t.Context(), tableOf(t, outageBatch(0))); err != nil {
					t.Fatal(err)
				}
				if err := s.WriteAlerts(t.Context(), life("orders")); err != nil {
					t.Fatal(err)
				}
			}
			s.expect("SELECT count(), sum(messages) FROM rollup_10s FINAL WHERE client LIKE 'client-%' AND env = ''", "500\t500")
			s.expect("SELECT count() FROM alerts FINAL WHERE length(fingerprint) > 2", fmt.Sprint(len(life("orders"))))
		})
	}
	always.expect("SELECT name, isNull(created_at), isNull(expires_at) FROM control_history ORDER BY name", "pause-billing\t0\t0\nproduction//orders\t1\t1")
	always.expect("SELECT sum(messages), sum(reports) FROM rollup_10s FINAL", "82\t16") // of each row the higher version
}

// versionData are the inserts of the program of a version into the tables that it brought or changed, or that its views read. Each version has some.
func versionData(t *testing.T, m Migration) []string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("testdata/versions/%04d.sql", m.Version))
	if err != nil {
		t.Fatal(err)
	}
	data := splitStatements(string(text))
	if len(data) == 0 {
		t.Fatalf("version %d has no data: write what its program does", m.Version)
	}
	return data
}

// contents are the rows of all tables and views but for when ClickHouse took them, each with a point at its end.
func contents(s *store) map[string][]string {
	out := map[string][]string{}
	names := s.query("SELECT name FROM system.tables WHERE database = currentDatabase() AND NOT startsWith(name, 'schema_') AND engine != 'MaterializedView' AND NOT match(create_table_query, '\\\\{\\\\w+:')")
	for name := range strings.SplitSeq(names, "\n") {
		rows := strings.Split(s.query("SELECT * EXCEPT('^(inserted_at|written_at|stored_after_seconds)$'), '.' FROM "+name+" SETTINGS final = 1"), "\n")
		slices.Sort(rows)
		out[name] = rows
	}
	return out
}
