package clickhouse

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// before are rows of three hours with a gauge, of a store that has no table of gauges yet, and how many hours its days have.
func before(t *testing.T, database string) (newest time.Time, hours uint64) {
	t.Helper()
	migrated(t, database, 7)
	newest = time.Now().UTC().Truncate(day).AddDate(0, 0, -2).Add(5 * time.Hour)
	for back := range 3 {
		for row := range 2 {
			shared.query(t, database, fmt.Sprintf("INSERT INTO rollup_10s (ts, topic, source, reports, `gauge.name`, `gauge.last`, `gauge.max`, `gauge.at`) VALUES (%d, 't%d', 's', 1, ['lag'], [3], [9], [%[1]d])",
				newest.Add(-time.Duration(back)*30*time.Hour).Unix(), row))
		}
	}
	return newest, 3 * 24
}

// TestMigrationsLeaveFills: a migration is done without them, each hour is noted when it is, and whoever comes next goes on there, the newest first.
func TestMigrationsLeaveFills(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	newest, hours := before(t, database)
	s := openStore(t, shared, database, nil)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.expect(appliedMigrations, allMigrations)
	s.expect("SELECT count() FROM gauges", "0")
	fills, err := s.Fillings(t.Context())
	if err != nil || len(fills) == 0 || fills[0].Migration != "0009_views" || fills[0].Table != "gauges" || fills[0].Hours != hours || fills[0].Done != 0 {
		t.Fatalf("got %+v, %v, want all of %d hours of gauges", fills, err, hours)
	}
	fillUntil := func(s *store, until time.Time) (last Filling) {
		t.Helper()
		for {
			fills, err := s.Fillings(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(fills) == 0 || fills[0].Table != "gauges" || fills[0].Hour.Before(until) {
				return last
			}
			if _, err := s.FillHour(t.Context(), func(f Filling) { last = f }); err != nil {
				t.Fatal(err)
			}
		}
	}
	of := fillUntil(s, newest)
	s.expect("SELECT count(), min(ts) FROM gauge_values", fmt.Sprintf("2\t%s", newest.Format(time.DateTime)))
	if of.Rows != 2 || of.Done != 19 { // the day's hours from 23 to 5
		t.Errorf("after the newest rows: %s", of)
	}
	if want := "fill gauges with what was stored before (0009_views): 19 of 72 hours, 2 rows"; of.String() != want {
		t.Errorf("got %q, want %q", of, want)
	}
	// Another process, which migrates too, goes on. An hour that was filled and not noted is filled again.
	s.query(fmt.Sprintf("ALTER TABLE schema_fills DELETE WHERE done > 0 AND hour = %d SETTINGS mutations_sync = 2", newest.Unix()))
	other := openStore(t, shared, database, nil)
	if err := other.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := 0
	if err := other.FillAll(t.Context(), func(f Filling) {
		if f.Table == "gauges" {
			told, of = told+1, f
		}
	}); err != nil {
		t.Fatal(err)
	}
	if told != int(hours)-18 || of.Rows != 6 || of.Done != hours {
		t.Errorf("filled %d hours more, want %d; and at the end %s", told, hours-18, of)
	}
	s.expect("SELECT count(), sum(last), max(max) FROM gauge_values", "6\t18\t9")
	s.query("INSERT INTO schema_fills (version, fill, hour, done, rows) VALUES (4711, 1, now(), 0, 0)") // of a newer weir
	if fills, err = s.Fillings(t.Context()); err != nil || len(fills) != 0 {
		t.Errorf("left are %v, %v", fills, err)
	}
	if more, err := s.FillHour(t.Context(), func(f Filling) { t.Error(f) }); more || err != nil {
		t.Errorf("more: %t, %v", more, err)
	}
}

// TestHoursAreNotedOnce: a migration that begins anew, as its process died behind them, leaves alone what was filled.
func TestHoursAreNotedOnce(t *testing.T) {
	t.Parallel()
	database := shared.database(t)
	_, hours := before(t, database)
	s := openStore(t, shared, database, nil)
	for _, want := range []uint64{hours, 0} {
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		filled := uint64(0)
		if err := s.FillAll(t.Context(), func(f Filling) {
			if f.Table == "gauges" {
				filled++
			}
		}); err != nil || filled != want {
			t.Fatalf("filled %d hours, %v, want %d", filled, err, want)
		}
		s.query("ALTER TABLE schema_migrations DELETE WHERE version >= 9 SETTINGS mutations_sync = 2")
	}
	s.expect("SELECT count(), countIf(done > 0), sum(rows) FROM schema_fills FINAL WHERE version = 9 AND fill = 1", fmt.Sprintf("%d\t%[1]d\t6", hours))
}

// TestAStoreWithoutRowsHasNothingToFill, nor has one that an earlier Weir has filled.
func TestAStoreWithoutRowsHasNothingToFill(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for range 2 {
		if fills, err := s.Fillings(t.Context()); err != nil || len(fills) != 0 {
			t.Errorf("got %v, %v", fills, err)
		}
		s.query("DROP TABLE IF EXISTS schema_fills")
	}
}

// TestStepsOfMigrationsAreTriedAgain where what failed may pass, and told of.
func TestStepsOfMigrationsAreTriedAgain(t *testing.T) {
	for _, c := range []struct {
		name         string
		fails        error
		times, tries int
	}{
		{"nothing", nil, 0, 1},
		{"no answer", errors.New("connection reset by peer"), 2, 3},
		{"short of memory", &driver.Exception{Code: 241}, 1, 2},
		{"for long", &driver.Exception{Code: 241}, 100, maxStepTries},
		{"no such table", &driver.Exception{Code: 60}, 100, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			said, tries := 0, 0
			s := &Store{config: Config{OnProgress: func(text string) {
				if said++; !strings.HasPrefix(text, "the step failed, tries again in ") {
					t.Errorf("%s: it says %q", c.name, text)
				}
			}}}
			err := s.patiently(t.Context(), "the step", func() error {
				if tries++; tries <= c.times {
					return c.fails
				}
				return nil
			})
			want := c.fails
			if c.tries > c.times {
				want = nil
			}
			if tries != c.tries || said != tries-1 || err != want {
				t.Errorf("%s: tried %d times, said %d times, and got %v; want %d, %d and %v", c.name, tries, said, err, c.tries, c.tries-1, want)
			}
		})
	}
}
