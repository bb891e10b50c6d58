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
)

// RulesCheck is a look at folders of rule files.
type RulesCheck struct {
	Dirs   []string
	Format string        // one of lint.Formats
	Pane   time.Duration // of the Weir that shall run the rules
	Strict bool          // warnings are faults
	Base   string        // a revision of git: what is wrong with rules that it has too is left out; "" leaves nothing out
	Table  bool          // show what each rule looks at
	Out    io.Writer
	Err    io.Writer
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
	var all []lint.Checked
	for _, dir := range check.Dirs {
		checked, unread := check.folder(ctx, dir)
		all = append(all, checked)
		faulty, err = faulty || checked.Faulty(check.Strict), errors.Join(err, unread)
	}
	printer := lint.Printer{Format: check.Format, Version: Version, Out: check.Out, Err: check.Err}
	return faulty, errors.Join(err, printer.Print(all))
}

func (c *RulesCheck) folder(ctx context.Context, dir string) (lint.Checked, error) {
	out := lint.Checked{Dir: dir, Since: c.Base}
	folder, err := rules.ReadFolder(fromHere(dir))
	if err != nil {
		out.Error = err.Error()
		return out, err
	}
	out.Problems = lint.Run(folder, lint.Config{Pane: c.Pane})
	if len(folder.Faults) == 0 {
		out.Rules = rules.Count(folder.Rules)
	}
	if c.Table {
		out.Table = folder.Rules
	}
	if c.Base == "" {
		return out, nil
	}
	former, err := revision.Read(ctx, fromHere(dir), c.Base)
	if err != nil {
		out.Error = err.Error()
		return out, err
	}
	since := lint.Since(out.Problems, folder, former)
	out.Changed, out.Problems = since.Rules, since.Problems
	return out, nil
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
