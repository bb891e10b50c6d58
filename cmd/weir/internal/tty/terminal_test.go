package tty

import (
	"os"
	"testing"
)

// TestFit holds what a terminal shows of a table: no line longer than the terminal is
// wide, and one row left for the cursor.
func TestFit(t *testing.T) {
	const table = "quiet traffic\n\nstage      state\naggregate  running\nsink       läuft schon\n"
	for _, test := range []struct {
		size Size
		want string
	}{
		{Size{80, 24}, table},
		{Size{22, 6}, table},
		{Size{21, 6}, "quiet traffic\n\nstage      state\naggregate  running\nsink       läuft sch…\n"},
		{Size{80, 5}, "quiet traffic\n\nstage      state\n... 2 more lines; make the window higher\n"},
		{Size{10, 3}, "quiet tra…\n... 4 mor…\n"},
		{Size{10, 2}, "... 5 mor…\n"},
		{Size{1, 1}, "…\n"},
	} {
		if got := test.size.Fit(table); got != test.want {
			t.Errorf("%+v shows\n%s\nwant\n%s", test.size, got, test.want)
		}
	}
	for text, want := range map[string]string{"订单服务 up": "订单服…", "订单服务": "订单服务", "a订单服务": "a订单服…", "cafe\u0301-\u200bbar": "cafe\u0301-\u200bbar", "cafe\u0301-barbar": "cafe\u0301-ba…"} {
		if got := (Size{8, 4}).Fit(text); got != want+"\n" {
			t.Errorf("of %q 8 cells show %q, want %q", text, got, want)
		}
	}
	if got := (Size{9, 4}).Fit("aggregate      \nsink  up  \n"); got != "aggregate\nsink  up\n" {
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
		if got, ok := SizeOf(file); ok {
			t.Errorf("%s is taken for a terminal of %+v", file.Name(), got)
		}
	}
}
