package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/aggregate"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/lint"
	"github.com/weirmq/weir/rules/revision"
	"github.com/weirmq/weir/sink/clickhouse"
)

// RulesCheck is a look at folders of rule files.
type RulesCheck struct {
	Dirs   []string
	Format string        // one of lint.Formats
	Pane   time.Duration // of the Weir that shall run the rules
	Strict bool          // warnings are faults
	Base   string        // a revision of git: what is wrong with rules that it has too is left out; "" leaves nothing out
	Table  bool          // show what each rule looks at
	// Against is the DSN of the ClickHouse whose series rules are compared with; "" is that of the configuration.
	Against string
	Config  *Config   // whose store is asked; nil for none
	From    time.Time // event time of those series, up to Now
	Now     time.Time
	Out     io.Writer
	Err     io.Writer
}

// CheckRules prints what is wrong with folders of rules, and says whether there are faults. The error says which of them
// cannot be read, once the others are checked.
func CheckRules(ctx context.Context, check RulesCheck) (faulty bool, err error) {
	parameters := aggregate.DefaultParameters()
	parameters.Pane = check.Pane
	if err := parameters.Validate(); err != nil {
		return false, fmt.Errorf("check rules: %w", err)
	}
	if !slices.Contains(lint.Formats, check.Format) {
		return false, fmt.Errorf("check rules: got format %q, want %s", check.Format, strings.Join(lint.Formats, ", "))
	}
	folders := make([]*rules.Folder, len(check.Dirs)) // nil where there is none
	all := make([]lint.Checked, len(check.Dirs))
	for i, dir := range check.Dirs {
		folder, unread := rules.ReadFolder(fromHere(dir))
		folders[i], all[i] = folder, lint.Checked{Dir: dir, Since: check.Base}
		if unread != nil {
			all[i].Error, err = unread.Error(), errors.Join(err, unread)
		}
	}
	seen, unasked := check.seen(ctx, folders)
	if unasked != nil {
		return false, errors.Join(err, unasked)
	}
	for i, folder := range folders {
		if folder != nil {
			err = errors.Join(err, check.look(ctx, folder, seen, &all[i]))
		}
		faulty = faulty || all[i].Faulty(check.Strict)
	}
	printer := lint.Printer{Format: check.Format, Version: Version, Out: check.Out, Err: check.Err}
	return faulty, errors.Join(err, printer.Print(all))
}

// seen asks the store for the series of all folders' rules at once. It is nil where no store is to be asked.
func (c *RulesCheck) seen(ctx context.Context, folders []*rules.Folder) (*lint.Seen, error) {
	at := c.store()
	if at.DSN == "" {
		return nil, nil
	}
	if err := clickhouse.CheckDSN(at.DSN); err != nil {
		return nil, fmt.Errorf("check rules against a store: its address: %w", err)
	}
	var all []*rules.Rule
	for _, folder := range folders {
		if folder != nil {
			all = append(all, folder.Rules...)
		}
	}
	query, found := clickhouse.SeriesQuery{From: c.From, To: c.Now}, &lint.Seen{Span: c.Now.Sub(c.From).Round(time.Second)}
	query.Labels, query.All = lint.LabelsRead(all)
	err := askStore(ctx, at, func(ctx context.Context, store *clickhouse.Store) (err error) {
		found.Series, err = store.Series(ctx, query)
		switch {
		case errors.Is(err, clickhouse.ErrManySeries):
			return fmt.Errorf("check rules against the store: %w; ask for a shorter time with --since", err)
		case err != nil:
			return because(ctx, "check rules against the store", err)
		case len(found.Series) == 0:
			return fmt.Errorf("check rules against the store: it has no cells of the last %s; ask for a longer time with --since, or for another store",
				rules.FormatDuration(found.Span))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// store is the one to ask.
func (c *RulesCheck) store() storeAddress {
	var at storeAddress
	if c.Config != nil {
		at = storeOf(c.Config)
	}
	if c.Against != "" {
		at.DSN, at.by = c.Against, "--against"
	}
	return at
}

// look notes what is wrong with a folder. The error says that its former rules cannot be read.
func (c *RulesCheck) look(ctx context.Context, folder *rules.Folder, seen *lint.Seen, out *lint.Checked) error {
	out.Problems = lint.Run(folder, lint.Config{Pane: c.Pane, Seen: seen})
	if len(folder.Faults) == 0 {
		out.Rules = rules.Count(folder.Rules)
	}
	if c.Table {
		out.Table = folder.Rules
	}
	if seen != nil {
		out.Against = &lint.Against{Seen: seen, Pane: c.Pane, Rules: folder.Rules}
	}
	if c.Base == "" {
		return nil
	}
	former, err := revision.Read(ctx, fromHere(out.Dir), c.Base)
	if err != nil {
		out.Error = err.Error()
		return err
	}
	since := lint.Since(out.Problems, folder, former)
	out.Changed, out.Problems = since.Rules, since.Problems
	return nil
}

// fromHere is a path relative to the working directory where it lies below it, as those need it who annotate lines of files.
func fromHere(path string) string {
	here, err := os.Getwd()
	if err != nil || !filepath.IsAbs(path) {
		return path
	}
	below, err := filepath.Rel(here, path)
	if err != nil || !filepath.IsLocal(below) {
		return path
	}
	return below
}
