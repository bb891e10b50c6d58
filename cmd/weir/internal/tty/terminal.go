// Package tty draws what changes in place of what was there before.
package tty

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
	"golang.org/x/text/width"
)

// Size is how much a terminal shows, in cells: a letter takes one.
type Size struct{ Columns, Rows int }

// usualSize is that of a terminal that does not tell.
var usualSize = Size{80, 24}

// SizeOf is the size that out shows at present; ok is false where it is no terminal.
func SizeOf(out io.Writer) (s Size, ok bool) {
	file, isFile := out.(*os.File)
	if !isFile {
		return Size{}, false
	}
	window, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return Size{}, false
	}
	if window.Col == 0 || window.Row == 0 {
		return usualSize, true
	}
	return Size{int(window.Col), int(window.Row)}, true
}

// Fit cuts text to what the terminal shows at once: a longer line would take two
// rows, and rows that have scrolled away cannot be drawn again. The last row stays
// free for the cursor.
func (s Size) Fit(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if most := max(s.Rows-1, 1); len(lines) > most {
		hidden := len(lines) - most + 1
		lines = append(lines[:most-1], fmt.Sprintf("... %d more lines; make the window higher", hidden))
	}
	var out strings.Builder
	for _, line := range lines {
		line = strings.TrimRight(line, " ") // of empty cells
		if len(cut(line, s.Columns)) < len(line) {
			line = cut(line, s.Columns-1) + "…"
		}
		out.WriteString(line + "\n")
	}
	return out.String()
}

// cut is as much of a line as takes no more than so many cells.
func cut(line string, most int) string {
	taken := 0
	for at, r := range line {
		if taken += cells(r); taken > most {
			return line[:at]
		}
	}
	return line
}

// cells is how many a terminal takes for a rune: two for those that are wide in East Asia, none for marks on the one before and for what is not seen.
func cells(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// Frame is what is drawn on a terminal, again and again. The zero value has drawn nothing.
type Frame struct{ drawn int }

// Draw draws text in place of what was drawn before, as much as fits.
func (f *Frame) Draw(out io.Writer, text string) error {
	if f.drawn > 0 {
		if _, err := fmt.Fprintf(out, "\x1b[%dA\x1b[J", f.drawn); err != nil { // up to the begin, clear to the end
			return err
		}
	}
	now, _ := SizeOf(out) // people change it
	text = now.Fit(text)
	f.drawn = strings.Count(text, "\n")
	_, err := io.WriteString(out, text)
	return err
}
