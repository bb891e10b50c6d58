package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// migrationTimeout bounds all of a migration. Not smaller: a table that is filled from a month of a large fleet's rows takes hours;
// not larger: who waits for a server that hangs shall hear of it the same day.
const migrationTimeout = 6 * time.Hour

const createSchemaMigrations = `CREATE TABLE IF NOT EXISTS schema_migrations (
    version UInt32, name String, applied_at DateTime('UTC') DEFAULT now()
)
ENGINE = ReplacingMergeTree
ORDER BY version`

// Plan is what brings a schema up to date.
type Plan struct {
	From       uint32      `json:"from"` // the schema's version, 0 where nothing was ever migrated
	To         uint32      `json:"to"`   // the newest that this program knows
	Migrations []Migration `json:"migrations"`
}

// Plan reads what Migrate would do, trying until it succeeds or ctx ends. It changes nothing. The error says that the schema is newer
// than this program, or is not that of one server or of a cluster, as configured.
func (s *Store) Plan(ctx context.Context) (Plan, error) {
	var plan Plan
	err := s.retry(ctx, "read the schema's version", func(ctx context.Context) (err error) {
		plan, err = s.plan(ctx)
		return err
	})
	return plan, err
}

// Migrate brings the schema up to date, trying until it succeeds or ctx ends. Of several processes one does it, and the others
// wait; should the lock fail them, no harm is done, as every statement may run twice, also by two at once. A schema newer than this
// program is an error.
func (s *Store) Migrate(ctx context.Context) error {
	return s.retryWithin(ctx, "migrate the schema", migrationTimeout, s.migrate)
}

func (s *Store) plan(ctx context.Context) (Plan, error) {
	files, err := readMigrations()
	if err != nil {
		return Plan{}, backoff.Permanent(err)
	}
	ddl, err := s.ddlOf(ctx)
	if err != nil {
		return Plan{}, err
	}
	rewritten, err := ddl.rewriteAll(files)
	if err != nil {
		return Plan{}, backoff.Permanent(err)
	}
	plan := Plan{To: files[len(files)-1].Version, Migrations: []Migration{}}
	var has uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'schema_migrations'").Scan(&has); err != nil {
		return Plan{}, err
	}
	if has > 0 {
		if err := s.conn.QueryRow(ctx, "SELECT max(version) FROM schema_migrations").Scan(&plan.From); err != nil {
			return Plan{}, err
		}
	}
	if plan.From > plan.To {
		return Plan{}, backoff.Permanent(fmt.Errorf("the schema has version %d, this program knows %d: run a newer weir", plan.From, plan.To))
	}
	for _, m := range rewritten {
		if m.Version > plan.From {
			plan.Migrations = append(plan.Migrations, m)
		}
	}
	return plan, nil
}

func (s *Store) migrate(ctx context.Context) error {
	plan, err := s.plan(ctx)
	if err != nil || len(plan.Migrations) == 0 {
		return err
	}
	return s.holdSchema(ctx, func(ctx context.Context) error {
		if plan, err = s.plan(ctx); err != nil { // another may have migrated meanwhile
			return err
		}
		if err := s.define(ctx, createSchemaMigrations); err != nil {
			return err
		}
		for _, m := range plan.Migrations {
			if err := s.apply(ctx, m); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
		}
		return nil
	})
}

func (s *Store) apply(ctx context.Context, m Migration) error {
	for i, statement := range m.Statements {
		steps, err := s.hourly(ctx, statement)
		if err != nil {
			return err
		}
		for j, step := range steps {
			text := fmt.Sprintf("migration %s, statement %d of %d: %s", m.file(), i+1, len(m.Statements), firstLine(statement))
			if len(steps) > 1 {
				text += fmt.Sprintf(", hour %d of %d", j+1, len(steps))
			}
			s.say(text)
			if err := s.ddl.Exec(ctx, step); err != nil {
				return err
			}
		}
	}
	return s.ddl.Exec(ctx, "INSERT INTO schema_migrations (version, name) VALUES (?, ?)", m.Version, m.Name)
}

// define runs a statement as it is for one server or for a cluster.
func (s *Store) define(ctx context.Context, statement string) error {
	ddl, err := s.ddlOf(ctx)
	if err != nil {
		return err
	}
	statements, err := ddl.rewrite([]string{statement})
	if err != nil {
		return backoff.Permanent(err)
	}
	for _, statement := range statements {
		if err := s.ddl.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// say tells of progress.
func (s *Store) say(text string) {
	if s.config.OnProgress != nil {
		s.config.OnProgress(text)
	}
}

// firstLine is the begin of a statement, without the comments before it and what is in parentheses.
func firstLine(statement string) string {
	_, statement = cutComments(statement)
	line, _, _ := strings.Cut(statement, "\n")
	line, _, _ = strings.Cut(line, " (")
	return strings.TrimSpace(line)
}
