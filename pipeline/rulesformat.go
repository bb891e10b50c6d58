package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aymanbagabas/go-udiff"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/format"
)

// RulesFormat is a wish to have folders of rule files formatted.
type RulesFormat struct {
	Dirs  []string
	Check bool // say what is not formatted, and write nothing
	Diff  bool // show how it would be, and write nothing
	Out   io.Writer
	Err   io.Writer
}

// FormatRules formats the rule files of folders. It says whether something is not as it should be: a file that cannot be
// formatted or, where nothing is written, one that would change. The error says which folders cannot be read or files written.
func FormatRules(ctx context.Context, wish RulesFormat) (faulty bool, err error) {
	for _, dir := range wish.Dirs {
		folder, unread := rules.ReadFolder(fromHere(dir))
		if unread != nil {
			err = errors.Join(err, unread)
			continue
		}
		for _, fault := range folder.Faults {
			if fault.Line == 0 { // of the whole file, which could not be read
				fmt.Fprintln(wish.Err, fault)
				faulty = true
			}
		}
		for _, file := range folder.Files {
			if ctx.Err() != nil {
				return faulty, errors.Join(err, ctx.Err())
			}
			wrong, failed := wish.file(file)
			faulty, err = faulty || wrong, errors.Join(err, failed)
		}
	}
	return faulty, err
}

func (w *RulesFormat) file(file rules.File) (wrong bool, err error) {
	formatted, err := format.Source(file.Path, file.Content)
	if faults := (rules.Faults)(nil); errors.As(err, &faults) {
		_, err := fmt.Fprintln(w.Err, faults)
		return true, err
	}
	if bytes.Equal(formatted, file.Content) {
		return false, err
	}
	if w.Diff {
		_, err = fmt.Fprint(w.Out, udiff.Unified(file.Path, file.Path+" formatted", string(file.Content), string(formatted)))
		return true, err
	}
	if w.Check {
		_, err = fmt.Fprintf(w.Out, "%s is not formatted; run weir rules fmt\n", file.Path)
		return true, err
	}
	if err := format.WriteFile(file.Path, formatted); err != nil {
		return false, err
	}
	_, err = fmt.Fprintf(w.Out, "%s: formatted\n", file.Path)
	return false, err
}
