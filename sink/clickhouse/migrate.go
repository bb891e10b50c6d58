package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// migrationTimeout bounds all of a migration. Not smaller: where rows must be rewritten that takes hours;
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

// Migrate brings the schema up to date, trying until it succeeds or ctx ends. Tables that are filled with what was stored before are left to
// FillHour. Of several processes one does it, and the others
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
		for _, table := range []string{createSchemaMigrations, createSchemaFills} {
			if err := s.define(ctx, table); err != nil {
				return err
			}
		}
		for _, m := range plan.Migrations {
			if err := s.apply(ctx, m); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
		}
		return nil
	})
}

// apply runs the statements of a migration, all of which are quick and may run twice. What takes long is noted for later.
func (s *Store) apply(ctx context.Context, m Migration) error {
	fills := 0
	for i, statement := range m.Statements {
		text := fmt.Sprintf("migration %s, statement %d of %d: %s", m.file(), i+1, len(m.Statements), firstLine(statement))
		s.say(text)
		run := func() error { return s.ddl.Exec(ctx, statement) }
		if isFill(statement) {
			fills++
			run = func() error { return s.noteFill(ctx, m.Version, fills) }
		}
		if err := s.patiently(ctx, text, run); err != nil {
			return err
		}
	}
	return s.patiently(ctx, "note migration "+m.file(), func() error {
		return s.ddl.Exec(ctx, "INSERT INTO schema_migrations (version, name) VALUES (?, ?)", m.Version, m.Name)
	})
}

// maxStepTries is how often a statement of a migration is tried while the lock is held. Not fewer: a server that merges, or elects, is back in
// seconds; not more: others wait, and the whole of it is tried again anyway.
const maxStepTries = 5

// patiently runs a statement again where it fails for a reason that passes.
func (s *Store) patiently(ctx context.Context, text string, run func() error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = minRetryPause, maxRetryPause
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := run()
		if err != nil && !passes(err) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(maxStepTries), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, pause time.Duration) {
		s.say(fmt.Sprintf("%s failed, tries again in %s: %v", text, pause.Round(100*time.Millisecond), explained(err)))
	}))
	if permanent := (*backoff.PermanentError)(nil); errors.As(err, &permanent) { // of this step: somebody may mend what is wrong
		return permanent.Unwrap()
	}
	return err
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
