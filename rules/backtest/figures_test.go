package backtest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// lives makes a timeline of an hour from stretches of firing in minutes, as "a 1-5"; the last
// minute may be left out.
func lives(t *testing.T, stretches ...string) *Timeline {
	t.Helper()
	out := &Timeline{From: midnight, Since: midnight, To: midnight.Add(time.Hour), Rules: []string{"Rule"}}
	for _, text := range stretches {
		var group string
		var from, to int
		if n, err := fmt.Sscanf(text, "%s %d-%d", &group, &from, &to); n < 2 {
			t.Fatalf("%q: %v", text, err)
		}
		life := Life{Rule: "Rule", Group: group, Began: midnight.Add(time.Duration(from) * time.Minute), timeline: out}
		life.Fired = life.Began
		if to > 0 {
			life.Over = midnight.Add(time.Duration(to) * time.Minute)
		}
		out.Lives = append(out.Lives, life)
	}
	return out
}

func TestDiff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		base, head []string
		same       int
		want       string
	}{
		{"nothing", nil, nil, 0, ""},
		{"alike", []string{"a 1-5", "b 9-"}, []string{"a 1-5", "b 9-"}, 2, ""},
		{"new and gone", []string{"a 1-5"}, []string{"b 1-5"}, 0, "gone a 1-5, new b 1-5"},
		{"apart", []string{"a 1-5"}, []string{"a 5-9"}, 0, "gone a 1-5, new a 5-9"},
		{"longer", []string{"a 2-5"}, []string{"a 1-5"}, 0, "longer a 1-5 was 2-5"},
		{"never over", []string{"a 1-5"}, []string{"a 1-"}, 0, "longer a 1-60 was 1-5"},
		{"shorter", []string{"a 1-5"}, []string{"a 1-4"}, 0, "shorter a 1-4 was 1-5"},
		{"moved", []string{"a 1-5"}, []string{"a 2-6"}, 0, "moved a 2-6 was 1-5"},
		{"in the last pane", []string{"a 60-"}, []string{"a 60-"}, 1, ""},
		{"later, in the last pane", []string{"a 59-"}, []string{"a 60-"}, 0, "shorter a 60-60 was 59-60"},
		{"over as another begins", []string{"a 59-60"}, []string{"a 60-"}, 0, "gone a 59-60, new a 60-60"},
		{"in pieces", []string{"a 1-20"}, []string{"a 1-4", "a 6-20"}, 0, "new a 1-4, shorter a 6-20 was 1-20"},
		{"in one", []string{"a 1-4", "a 6-20"}, []string{"a 1-20"}, 0, "gone a 1-4, longer a 1-20 was 6-20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Diff(lives(t, c.base...), lives(t, c.head...))
			var got []string
			minutes := func(l *Life) string {
				return fmt.Sprintf("%g-%g", l.Fired.Sub(midnight).Minutes(), l.end().Sub(midnight).Minutes())
			}
			for i := range d.Changes {
				change := &d.Changes[i]
				text := fmt.Sprintf("%s %s %s", change.Kind, change.life().Group, minutes(change.life()))
				if change.Base != nil && change.Head != nil {
					text += " was " + minutes(change.Base)
				}
				got = append(got, text)
			}
			if text := strings.Join(got, ", "); text != c.want || d.Same != c.same {
				t.Errorf("got %q and %d alike, want %q and %d", text, d.Same, c.want, c.same)
			}
		})
	}
}

func TestNoise(t *testing.T) {
	t.Parallel()
	hours, err := ParseHours("Wed 00:10-00:30 UTC")
	if err != nil {
		t.Fatal(err)
	}
	timeline := lives(t, "a 1-5", "b 6-7", "a 20-21", "a 37-38", "a 50-")
	pending := Life{Rule: "Rule", Group: "c", Began: midnight.Add(20 * time.Minute), timeline: timeline}
	timeline.Lives = append(timeline.Lives, pending)
	timeline.Rules = []string{"Quiet", "Rule"}
	got := timeline.Noise(hours)
	want := []Noise{{Rule: "Quiet"}, {Rule: "Rule", Fired: 5, PerDay: 120, Flaps: 2, Median: time.Minute, Office: 1}}
	if fmt.Sprint(got) != fmt.Sprint(want) || got[0].OfficeShare() != 0 || got[1].OfficeShare() != 0.2 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	timeline.Since = midnight.Add(30 * time.Minute)
	if got := timeline.Noise(hours)[1].PerDay; got != 240 {
		t.Errorf("five times in the half hour that is known are %g a day, want 240", got)
	}
	if even := medianOf([]time.Duration{3, 1}); even != 2 {
		t.Errorf("the median of 1 and 3 is %d", even)
	}
}

func TestHours(t *testing.T) {
	t.Parallel()
	h, err := ParseHours("Mon-Wed,Sun 09:00-17:30 Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{ // November: an hour ahead of UTC; July: two
		"2026-11-25T07:59:59Z": false, "2026-11-25T08:00:00Z": true, "2026-11-25T16:29:59Z": true, "2026-11-25T16:30:00Z": false,
		"2026-11-26T12:00:00Z": false, "2026-11-29T12:00:00Z": true, "2026-11-28T12:00:00Z": false, "2026-07-01T07:00:00Z": true,
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if h.Has(at) != want {
			t.Errorf("%s is in %s: %t", text, h, !want)
		}
	}
	const hint = `want days, times and a time zone, as in "Mon-Fri 09:00-18:00 Europe/Berlin" or "Mon,Wed-Thu 08:00-12:30 UTC"`
	for text, want := range map[string]string{
		"":                        `business hours "": ` + hint,
		"Mon-Fri 09:00-18:00":     `business hours "Mon-Fri 09:00-18:00": ` + hint,
		"Mo 09:00-18:00 UTC":      `business hours "Mo 09:00-18:00 UTC": got days "Mo"; days are Mon, Tue, Wed, Thu, Fri, Sat, Sun: ` + hint,
		"Fri-Mon 09:00-18:00 UTC": `business hours "Fri-Mon 09:00-18:00 UTC": got days "Fri-Mon"; days are Mon, Tue, Wed, Thu, Fri, Sat, Sun: ` + hint,
		"Mon 18:00-09:00 UTC":     `business hours "Mon 18:00-09:00 UTC": got times "18:00-09:00", the second must be later on the same day: ` + hint,
		"Mon 9-18 UTC":            `business hours "Mon 9-18 UTC": got times "9-18", the second must be later on the same day: ` + hint,
		"Mon 09:00-18:00 Mars":    `business hours "Mon 09:00-18:00 Mars": unknown time zone Mars`,
	} {
		if _, err := ParseHours(text); fmt.Sprint(err) != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
