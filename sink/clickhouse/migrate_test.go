package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// promptly is how long what does not wait for anything may take. Not smaller: a busy
// machine; not larger: the pauses between retries add up to more soon.
const promptly = 20 * time.Second

const tables = "SELECT arrayStringConcat(groupArray(name), ' ') FROM (SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name)"

const allTables = "alert_states alert_transitions alerts client_event_log client_events clients clients_over cluster_states cluster_states_10s control_commands control_history delay delay_over errors gauge_values gauge_values_1m gauges gauges_1m gauges_1m_feed gauges_feed group_1m group_lag group_lag_10s hours_made inspection_findings inspections " +
	"inventory inventory_hours lag lag_10s latency latency_over ledger nodes nodes_10s owners pipeline resources rollup_10s rollup_1h rollup_1m rollup_backlog rollup_marks rollup_over rule_evaluations schema_fills schema_locks schema_migrations " +
	"sdk_versions sdk_versions_over size size_over topic_1m topic_over trace_hops traces traffic traffic_10s"

const appliedMigrations = "SELECT version, name FROM schema_migrations FINAL ORDER BY version"

const allMigrations = "1\trollup\n2\talerts\n3\ttraffic\n4\thistory\n5\tinspections\n6\talert_revision\n7\tinventory\n8\trollups\n9\tviews\n10\ttraces\n11\tgroups\n12\tcontrol\n13\tmerges\n14\tcontrol_times\n15\tgauges_merges"

func TestMigrateTwiceIsMigratedOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.expect(tables, allTables)
	s.expect(appliedMigrations, allMigrations)
	created := s.query("SELECT name, uuid FROM system.tables WHERE database = currentDatabase() ORDER BY name")
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect("SELECT name, uuid FROM system.tables WHERE database = currentDatabase() ORDER BY name", created)
	s.expect(appliedMigrations, allMigrations)
}

// TestMigrateBySeveralAtOnce: one of them does it, and all return when it is done.
func TestMigrateBySeveralAtOnce(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	var group sync.WaitGroup
	var ran sync.Map
	var stores []*store
	for range 4 {
		s := openStore(t, shared, database, nil)
		s.config.OnProgress = func(text string) {
			if _, twice := ran.LoadOrStore(text, true); twice && strings.HasPrefix(text, "migration ") {
				t.Errorf("%s was run twice", text)
			}
		}
		stores = append(stores, s)
	}
	for _, s := range stores {
		group.Go(func() {
			if err := s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
			s.expect(appliedMigrations, allMigrations)
		})
	}
	group.Wait()
	stores[0].expect(tables, allTables)
}

// TestMigrateContinues starts where a process that died left the schema.
func TestMigrateContinues(t *testing.T) {
	t.Parallel()
	first, second := knownMigrations(t)[0].Statements[0], knownMigrations(t)[0].Statements[1]
	for name, left := range map[string][]string{
		"before anything":               nil,
		"after the table of migrations": {createSchemaMigrations},
		"between two statements":        {createSchemaMigrations, first},
		"before noting what was done":   {createSchemaMigrations, first, second},
		"after a whole migration": {createSchemaMigrations, first, second,
			"INSERT INTO schema_migrations (version, name) VALUES (1, 'rollup')"},
	} {
		t.Run(name, func(t *testing.T) {
			database := shared.database(t)
			for _, statement := range left {
				shared.query(t, database, statement)
			}
			s := openStore(t, shared, database, nil)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.expect(tables, allTables)
			s.expect(appliedMigrations, allMigrations)
		})
	}
}

// migrated makes a database as a program left it that knew migrations up to a version.
func migrated(t *testing.T, database string, version uint32) {
	t.Helper()
	shared.query(t, database, createSchemaMigrations)
	for _, m := range knownMigrations(t) {
		if m.Version > version {
			break
		}
		for _, statement := range m.Statements {
			if !isFill(statement) { // there are no hours yet
				shared.query(t, database, statement)
			}
		}
		shared.query(t, database, fmt.Sprintf("INSERT INTO schema_migrations (version, name) VALUES (%d, '%s')", m.Version, m.Name))
	}
}

func knownMigrations(t *testing.T) []Migration {
	t.Helper()
	known, err := readMigrations()
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// TestMigrateRefusesANewerSchema says so at once: no later attempt could succeed.
func TestMigrateRefusesANewerSchema(t *testing.T) {
	t.Parallel()
	var heard failures
	s := openStore(t, shared, shared.database(t), heard.add)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.query("INSERT INTO schema_migrations (version, name) VALUES (4711, 'later')")
	within(t, promptly, func() {
		err := s.Migrate(context.WithoutCancel(t.Context()))
		want := "migrate the schema: the schema has version 4711, this program knows 15: run a newer weir"
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})
	if attempts := heard.list(); len(attempts) != 1 {
		t.Errorf("tried %d times, want once: %v", len(attempts), attempts)
	}
}

// TestMigrateChangesNothingOfANewerSchema leaves it as it is.
func TestMigrateChangesNothingOfANewerSchema(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	shared.query(t, database, createSchemaMigrations)
	shared.query(t, database, "INSERT INTO schema_migrations (version, name) VALUES (4711, 'later')")
	s := openStore(t, shared, database, nil)
	within(t, promptly, func() {
		if err := s.Migrate(context.WithoutCancel(t.Context())); err == nil {
			t.Error("a newer schema was accepted")
		}
	})
	s.expect(tables, "schema_migrations")
}

func TestMigrationNames(t *testing.T) {
	for file, want := range map[string]string{
		"migrations/rollup.sql":      "is not named 0001_name.sql",
		"migrations/one_rollup.sql":  "invalid syntax",
		"migrations/-001_rollup.sql": "invalid syntax",
	} {
		if _, _, err := migrationName(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q in it", file, err, want)
		}
	}
}

// failures hears what a Store reports.
type failures struct {
	mu   sync.Mutex
	errs []error
}

func (f *failures) add(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errs = append(f.errs, err)
}

func (f *failures) list() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]error(nil), f.errs...)
}
