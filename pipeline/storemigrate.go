package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/weirmq/weir/sink/clickhouse"
)

// StoreMigrate is a wish to bring a store up to date.
type StoreMigrate struct {
	DryRun bool // say what would be done
	JSON   bool
	Out    io.Writer
	// Progress hears what is about to be done, and what is waited for.
	Progress func(text string)
}

// storeMigration is what was done, or would be.
type storeMigration struct {
	clickhouse.Plan
	Retention []clickhouse.RetentionChange `json:"retention"`
	DryRun    bool                         `json:"dry_run"`
}

// RunStoreMigrate migrates the store of a configuration and makes its rows expire as configured, as the role clickhouse does when it
// begins. A store that cannot be asked is an error at once, and so is one with a newer schema.
func RunStoreMigrate(ctx context.Context, config *Config, of StoreMigrate) error {
	at := storeOf(config)
	at.OnProgress = of.Progress
	return askStore(ctx, at, func(ctx context.Context, store *clickhouse.Store) error {
		done := storeMigration{DryRun: of.DryRun}
		retention, _ := config.ClickHouse.Retention.lifetimes() // checked when it was loaded
		var err error
		if done.Plan, err = store.Plan(ctx); err != nil {
			return because(ctx, "migrate the store", err)
		}
		if of.DryRun {
			done.Retention, err = store.PlanRetention(ctx, retention)
		} else if err = store.Migrate(ctx); err == nil {
			done.Retention, err = store.Retain(ctx, retention)
		}
		if err != nil {
			return because(ctx, "migrate the store", err)
		}
		if of.JSON {
			return done.printJSON(of.Out)
		}
		return done.print(of.Out)
	})
}

func (m *storeMigration) printJSON(out io.Writer) error {
	if m.Retention == nil {
		m.Retention = []clickhouse.RetentionChange{}
	}
	if err := json.NewEncoder(out).Encode(m); err != nil {
		return fmt.Errorf("print the migration: %w", err)
	}
	return nil
}

// print writes SQL that a client of ClickHouse can run; all that is not a statement is a comment.
func (m *storeMigration) print(out io.Writer) error {
	w := &statementWriter{out: out}
	switch {
	case len(m.Migrations) == 0:
		w.printf("-- The schema has version %d, the newest that this Weir knows.\n", m.From)
	case m.DryRun:
		w.printf("-- The schema has version %d; this would bring it to version %d.\n", m.From, m.To)
	default:
		w.printf("-- The schema had version %d and has version %d now.\n", m.From, m.To)
	}
	for _, migration := range m.Migrations {
		w.printf("\n-- %04d %s\n", migration.Version, migration.Name)
		if m.DryRun {
			w.statements(migration.Statements)
		}
	}
	for _, change := range m.Retention {
		w.printf("\n-- Rows of %s expire by: %s; before: %s\n", change.Table, change.To, orNever(change.From))
		if m.DryRun {
			w.statements(change.Statements)
		}
	}
	return w.err
}

func orNever(ttl string) string {
	if ttl == "" {
		return "never, or as they are created"
	}
	return ttl
}

// statementWriter writes until something fails.
type statementWriter struct {
	out io.Writer
	err error
}

func (w *statementWriter) printf(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.out, format, args...)
	}
}

func (w *statementWriter) statements(of []string) {
	for _, statement := range of {
		if strings.Contains(statement, clickhouse.PerHour) {
			w.printf("-- For each hour that rollup_10s has, in place of %s:\n", clickhouse.PerHour)
		}
		w.printf("%s;\n", statement)
	}
}
