package pipeline

import (
	"fmt"
	"testing"
	"time"
)

// TestWhenDaysAreInspected: once each, the last few of those that were missed, and of a first start the newest.
func TestWhenDaysAreInspected(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		t.Helper()
		if text == "" {
			return time.Time{}
		}
		when, err := time.Parse("2006-01-02 15:04", text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	s := schedule{6 * time.Hour}
	for _, c := range []struct{ done, now, want string }{
		{"", "2026-11-26 05:59", "2026-11-24 00:00"},
		{"", "2026-11-26 06:00", "2026-11-25 00:00"},
		{"2026-11-24 00:00", "2026-11-26 05:59", ""},
		{"2026-11-24 00:00", "2026-11-26 06:00", "2026-11-25 00:00"},
		{"2026-11-25 00:00", "2026-11-27 05:59", ""},
		{"2026-11-23 00:00", "2026-11-27 05:59", "2026-11-24 00:00"},
		{"2026-11-01 00:00", "2026-11-27 06:00", "2026-11-24 00:00"},
		{"2026-11-28 00:00", "2026-11-27 06:00", ""}, // a clock that was set back
	} {
		day, due := s.next(at(c.done), at(c.now))
		if due != (c.want != "") || !day.Equal(at(c.want)) {
			t.Errorf("after %q, at %s it is %s, %t; want %q", c.done, c.now, day, due, c.want)
		}
	}
	if due := s.due(at("2026-11-25 00:00")); !due.Equal(at("2026-11-26 06:00")) {
		t.Errorf("the day is due at %s", due)
	}
	if s.late(at("2026-11-25 00:00"), at("2026-11-26 12:00")) || !s.late(at("2026-11-25 00:00"), at("2026-11-26 12:01")) {
		t.Error("a day waits for other than six hours")
	}
}

func TestInspectionAt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"06:00": "6h0m0s <nil>", "23:59": "23h59m0s <nil>", "00:00": "0s <nil>",
		"6 am":  `0s got "6 am", want hours and minutes in UTC as 06:00`,
		"24:00": `0s got "24:00", want hours and minutes in UTC as 06:00`,
	} {
		at, err := InspectionConfig{At: text}.sinceMidnight()
		if got := fmt.Sprint(at, " ", err); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	config := DefaultConfig()
	config.Inspection.At = "noon"
	if err := config.Validate(); fmt.Sprint(err) != `inspection.at: got "noon", want hours and minutes in UTC as 06:00` {
		t.Errorf("got %v", err)
	}
}

// TestWhatHasExpiredIsNotLacking is told apart from what is lost, which somebody has to look after.
func TestWhatHasExpiredIsNotLacking(t *testing.T) {
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for expired, want := range map[bool]string{false: "the store lacks 2 of 5 reports of 2026-11-20.",
		true: "of 2026-11-20 the store holds 3 of 5 reports: rows of some tier have expired, as their lifetime says."} {
		if got := lackNote(day, 5, 3, expired); got != want {
			t.Errorf("expired: %t: got %q, want %q", expired, got, want)
		}
	}
}
