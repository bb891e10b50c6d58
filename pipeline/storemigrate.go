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
	DSN    string // of the store; "" is the configuration's
	DryRun bool   // say what would be done
	// LeaveFills leaves tables that are filled with what was stored before to the role clickhouse, which does it while it goes on.
	LeaveFills bool
	JSON       bool
	Out        io.Writer
	// Progress hears what is about to be done, and what is waited for.
	Progress func(text string)
	// Filled hears of each hour that was filled, and whether it was the last of its table.
	Filled func(text string, last bool)
}

// storeMigration is what was done, or would be.
type storeMigration struct {
	clickhouse.Plan
	Fills     []clickhouse.Filling         `json:"fills"` // what is left to fill
	Retention []clickhouse.RetentionChange `json:"retention"`
	DryRun    bool                         `json:"dry_run"`
}

// RunStoreMigrate migrates the store of a configuration and makes its rows expire as configured, as the role clickhouse does when it
// begins. A store that cannot be asked is an error at once, and so is one with a newer schema.
func RunStoreMigrate(ctx context.Context, config *Config, of StoreMigrate) error {
	at := storeAt(config, of.DSN)
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
		if err == nil && !of.DryRun && !of.LeaveFills {
			err = store.FillAll(ctx, func(f clickhouse.Filling) { of.Filled(f.String(), f.Done == f.Hours) })
		}
		if err == nil {
			done.Fills, err = store.Fillings(ctx)
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
	if m.Fills == nil {
		m.Fills = []clickhouse.Filling{}
	}
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
	for _, fill := range m.Fills {
		w.printf("\n-- Left to %s\n", fill)
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
			w.printf("-- For each hour that rollup_10s has, in place of %s, after the migration and while rows come:\n", clickhouse.PerHour)
		}
		w.printf("%s;\n", statement)
	}
}
