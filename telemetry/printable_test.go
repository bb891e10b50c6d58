package telemetry

import "testing"

// TestLabelsDoNotMoveTheCursor holds that what strangers write in labels is shown and not obeyed.
func TestLabelsDoNotMoveTheCursor(t *testing.T) {
	got := Printable("orders\nFAKE\x1b[2J\u009b31m carry 12 KiB, ä")
	if want := "orders\uFFFDFAKE\uFFFD[2J\uFFFD31m carry 12 KiB, ä"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
