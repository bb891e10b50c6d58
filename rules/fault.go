package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// Fault is one thing wrong with a rule file. Line and Column count from 1; 0 means
// the whole file.
type Fault struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Source  string `json:"source,omitempty"` // the line of the file
	Hint    string `json:"hint,omitempty"`   // what was probably meant, "" where unknown
}

// String returns file:line:column: message and the hint, and below them the source line, or what of a long one is around the
// place, with a caret.
func (f Fault) String() string {
	var out strings.Builder
	out.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&out, ":%d:%d", f.Line, f.Column)
	}
	fmt.Fprintf(&out, ": %s", f.Message)
	if f.Hint != "" {
		fmt.Fprintf(&out, "; %s", f.Hint)
	}
	if f.Line > 0 && f.Source != "" {
		source, caret := f.shown()
		fmt.Fprintf(&out, "\n    %s\n    %s^", source, strings.Repeat(" ", caret))
	}
	return out.String()
}

// shownColumns is how much of a long line a fault shows. Not smaller: people break lines there; not larger: a terminal
// breaks the line, and the caret points nowhere.
const shownColumns = 120

// shown returns the source line, only what is around the caret where it is long, and how many characters the caret is behind
// its beginning.
func (f Fault) shown() (source string, caret int) {
	line := []rune(readable(f.Source))
	caret = min(f.Column-1, len(line))
	from := max(0, min(caret-shownColumns/2, len(line)-shownColumns))
	to := min(len(line), from+shownColumns)
	source = string(line[from:to])
	if to < len(line) {
		source += "…"
	}
	if from > 0 {
		source, caret = "…"+source, caret+len([]rune("…"))
	}
	return source, caret - from
}

// readable is a line as a terminal can show it, each character in its column.
func readable(line string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t':
			return ' '
		case c < ' ' || c >= 0x7f && c < 0xa0:
			return utf8.RuneError
		}
		return c
	}, line)
}

// Faults is everything wrong with a folder of rules, in the order of files and lines.
type Faults []Fault

// Error lists all faults, one after the other.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i := range f {
		lines[i] = f[i].String()
	}
	return strings.Join(lines, "\n")
}

func (f Faults) sorted() Faults {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return f
}

// maxNameDistance is how many letters a name may be off to be suggested. Not
// smaller: swapped letters are two; not larger: unrelated short names would match.
const maxNameDistance = 2

// DidYouMean returns a hint that names the known name nearest to what was written, "" where none is near.
func DidYouMean(written string, known []string) string { return didYouMean(written, known) }

// didYouMean returns a hint that names the known name nearest to what was written.
func didYouMean(written string, known []string) string {
	best, distance := "", maxNameDistance+1
	for _, name := range known {
		if d := levenshtein.Distance(strings.ToLower(written), name, nil); d < distance && d < len(name) {
			best, distance = name, d
		}
	}
	if best == "" {
		best = withBeginning(written, known)
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}
