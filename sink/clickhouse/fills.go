package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// PerHour stands in a statement of a migration that fills a table with what rollup_10s had before, for each hour that it has. A migration only
// notes these hours, and is done: they are filled afterwards, the newest first, while rows come and people ask. So no statement of a later
// migration may need a table to be filled, but another fill, as fills are done in the order of their migrations.
const PerHour = "{hour}"

// createSchemaFills is of a table of hours that are to be filled: a row that says that it was done replaces the one that says that it is to be.
const createSchemaFills = `CREATE TABLE IF NOT EXISTS schema_fills (
    version UInt32, fill UInt32, hour DateTime('UTC'), done UInt8, rows UInt64, written_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree(done)
ORDER BY (version, fill, hour)`

// fillTimeout bounds the statement of an hour. Not smaller: an hour of a large fleet are tens of millions of rows, which two threads read
// in minutes; not larger: a server that hangs is found out by it.
const fillTimeout = time.Hour

// isFill says that a statement is run for each hour.
func isFill(statement string) bool { return strings.Contains(statement, PerHour) }

// noteFill notes the hours that a fill of a migration is to be run for, and leaves alone those that were.
func (s *Store) noteFill(ctx context.Context, version uint32, fill int) error {
	// The days are those of the partitions: no row is read.
	return s.ddl.Exec(ctx, `INSERT INTO schema_fills (version, fill, hour, done, rows) SELECT ?, ?, toDateTime(day, 'UTC') + toIntervalHour(hour), 0, 0
		FROM (SELECT toDate(ts) AS day FROM rollup_10s GROUP BY day) ARRAY JOIN range(24) AS hour`, version, fill)
}

// Filling is how far a fill is.
type Filling struct {
	Migration string    `json:"migration"` // its file, without the ending
	Table     string    `json:"table"`
	Hours     uint64    `json:"hours"` // of all that there were
	Done      uint64    `json:"done"`
	Rows      uint64    `json:"rows"` // of rollup_10s that were read
	Hour      time.Time `json:"-"`    // the next that is to be filled
	statement string
	fillKey
}

// String says so in a line.
func (f Filling) String() string {
	return fmt.Sprintf("fill %s with what was stored before (%s): %d of %d hours, %d rows", f.Table, f.Migration, f.Done, f.Hours, f.Rows)
}

// Fillings are the fills of migrations that this program knows that are not done, in their order. It asks once.
func (s *Store) Fillings(ctx context.Context) ([]Filling, error) {
	var has uint64
	err := s.conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'schema_fills'").Scan(&has)
	if err != nil || has == 0 { // as of a store that was migrated without
		return nil, err
	}
	fills, err := s.knownFills(ctx)
	if err != nil {
		return nil, err
	}
	var f Filling
	var out []Filling
	err = s.askRows(ctx, `SELECT version, fill, count(), countIf(done > 0), sum(rows), maxIf(hour, done = 0) FROM schema_fills FINAL
		GROUP BY version, fill HAVING countIf(done = 0) > 0 ORDER BY version, fill`, []any{&f.version, &f.fill, &f.Hours, &f.Done, &f.Rows, &f.Hour}, func() {
		known, is := fills[f.fillKey]
		f.Migration, f.Table, f.statement, f.Hour = known.Migration, known.Table, known.statement, f.Hour.UTC()
		if is { // one of a newer weir is left to it
			out = append(out, f)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("ask what is to be filled: %w", err)
	}
	return out, nil
}

// fillKey names a fill: the migration, and which of its statements with hours it is, counted from 1.
type fillKey struct{ version, fill uint32 }

// knownFills are those of all migrations, without hours.
func (s *Store) knownFills(ctx context.Context) (map[fillKey]Filling, error) {
	files, err := readMigrations()
	if err != nil {
		return nil, err
	}
	ddl, err := s.ddlOf(ctx)
	if err != nil {
		return nil, err
	}
	if files, err = ddl.rewriteAll(files); err != nil {
		return nil, err
	}
	out := map[fillKey]Filling{}
	for _, m := range files {
		fill := uint32(0)
		for _, statement := range m.Statements {
			if isFill(statement) {
				fill++
				table, _, _ := strings.Cut(strings.TrimPrefix(firstLine(statement), "INSERT INTO "), " ")
				out[fillKey{m.Version, fill}] = Filling{Migration: m.file(), Table: table, statement: statement}
			}
		}
	}
	return out, nil
}

// FillHour fills the next hour that a migration left, of the fill that comes first, and tells how far that is then. more says that there was
// one. An hour that is filled is noted in the store, so that whoever goes on does not begin anew; that two fill one at once, or that one was
// filled and not noted, changes nothing. It asks once.
func (s *Store) FillHour(ctx context.Context, told func(Filling)) (more bool, err error) {
	fillings, err := s.Fillings(ctx)
	if err != nil || len(fillings) == 0 {
		return false, err
	}
	f := fillings[0]
	rows, err := s.fillHour(ctx, &f)
	if err != nil {
		return false, fmt.Errorf("fill %s of %s: %w", f.Table, f.Hour.Format(time.RFC3339), err)
	}
	f.Done, f.Rows = f.Done+1, f.Rows+rows
	told(f)
	return true, nil
}

func (s *Store) fillHour(ctx context.Context, f *Filling) (rows uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	hour := moment(f.Hour)
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM rollup_10s WHERE ts >= "+hour+" AND ts < "+hour+" + INTERVAL 1 HOUR").Scan(&rows); err != nil {
		return 0, err
	}
	if rows > 0 {
		slowly := driver.Context(ctx, driver.WithSettings(driver.Settings{"max_threads": maxRollupThreads}))
		if err := s.ddl.Exec(slowly, strings.ReplaceAll(f.statement, PerHour, hour)); err != nil {
			return 0, err
		}
	}
	return rows, s.noteFilled(ctx, f, rows)
}

// noteFilled notes that an hour is done.
func (s *Store) noteFilled(ctx context.Context, f *Filling, rows uint64) error {
	return s.ddl.Exec(ctx, "INSERT INTO schema_fills (version, fill, hour, done, rows) VALUES (?, ?, ?, 1, ?)", f.version, f.fill, f.Hour, rows)
}

// FillAll fills all hours that migrations left, trying each until it succeeds or ctx ends.
func (s *Store) FillAll(ctx context.Context, told func(Filling)) error {
	for more := true; more; {
		err := s.retryWithin(ctx, "fill what migrations left", fillTimeout, func(ctx context.Context) (err error) {
			more, err = s.FillHour(ctx, told)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
