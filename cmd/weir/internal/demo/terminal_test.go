package demo

import (
	"os"
	"testing"
)

// TestFit holds what a terminal shows of a table: no line longer than the terminal is
// wide, and one row left for the cursor.
func TestFit(t *testing.T) {
	const table = "quiet traffic\n\nstage      state\naggregate  running\nsink       läuft schon\n"
	for _, test := range []struct {
		size size
		want string
	}{
		{size{80, 24}, table},
		{size{22, 6}, table},
		{size{21, 6}, "quiet traffic\n\nstage      state\naggregate  running\nsink       läuft sch…\n"},
		{size{80, 5}, "quiet traffic\n\nstage      state\n... 2 more lines; make the window higher\n"},
		{size{10, 3}, "quiet tra…\n... 4 mor…\n"},
		{size{10, 2}, "... 5 mor…\n"},
		{size{1, 1}, "…\n"},
	} {
		if got := test.size.fit(table); got != test.want {
			t.Errorf("%+v shows\n%s\nwant\n%s", test.size, got, test.want)
		}
	}
	if got := (size{9, 4}).fit("aggregate      \nsink  up  \n"); got != "aggregate\nsink  up\n" {
		t.Errorf("blanks of empty cells are shown as cut: %q", got)
	}
}

// TestOnlyATerminalHasASize holds where plain lines are printed.
func TestOnlyATerminalHasASize(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer writer.Close()
	for _, file := range []*os.File{null, writer} {
		if got, ok := terminalSize(file); ok {
			t.Errorf("%s is taken for a terminal of %+v", file.Name(), got)
		}
	}
}
