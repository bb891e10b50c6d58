package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// size is how much a terminal shows, in characters.
type size struct{ columns, rows int }

// usualSize is that of a terminal that does not tell.
var usualSize = size{80, 24}

// terminalSize is the size that out shows at present; ok is false where it is no terminal.
func terminalSize(out io.Writer) (s size, ok bool) {
	file, isFile := out.(*os.File)
	if !isFile {
		return size{}, false
	}
	window, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return size{}, false
	}
	if window.Col == 0 || window.Row == 0 {
		return usualSize, true
	}
	return size{int(window.Col), int(window.Row)}, true
}

// fit cuts text to what the terminal shows at once: a longer line would take two
// rows, and rows that have scrolled away cannot be drawn again. The last row stays
// free for the cursor.
func (s size) fit(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if most := max(s.rows-1, 1); len(lines) > most {
		hidden := len(lines) - most + 1
		lines = append(lines[:most-1], fmt.Sprintf("... %d more lines; make the window higher", hidden))
	}
	var out strings.Builder
	for _, line := range lines {
		line = strings.TrimRight(line, " ") // of empty cells
		if utf8.RuneCountInString(line) > s.columns {
			line = string([]rune(line)[:max(s.columns-1, 0)]) + "…"
		}
		out.WriteString(line + "\n")
	}
	return out.String()
}
