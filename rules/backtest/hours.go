package backtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a container may have no time zones
)

// DefaultHours are those of most offices. UTC, since nobody knows better unasked.
const DefaultHours = "Mon-Fri 09:00-18:00 UTC"

// Hours are the business hours of a week.
type Hours struct {
	text     string
	days     [7]bool // by time.Weekday
	from, to time.Duration
	location *time.Location
}

var errHours = errors.New(`want days, times and a time zone, as in "Mon-Fri 09:00-18:00 Europe/Berlin" or "Mon,Wed-Thu 08:00-12:30 UTC"`)

// ParseHours reads business hours such as DefaultHours.
func ParseHours(text string) (Hours, error) {
	h := Hours{text: text}
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return h, fmt.Errorf("business hours %q: %w", text, errHours)
	}
	for days := range strings.SplitSeq(fields[0], ",") {
		first, last, isRange := strings.Cut(days, "-")
		from := slices.Index(weekdays, first)
		to := from
		if isRange {
			to = slices.Index(weekdays, last)
		}
		if from < 0 || to < from {
			return h, fmt.Errorf("business hours %q: got days %q; days are %s: %w", text, days, strings.Join(weekdays, ", "), errHours)
		}
		for day := from; day <= to; day++ {
			h.days[(day+1)%7] = true
		}
	}
	begin, end, _ := strings.Cut(fields[1], "-")
	from, fromErr := time.Parse("15:04", begin)
	to, toErr := time.Parse("15:04", end)
	if fromErr != nil || toErr != nil || !to.After(from) {
		return h, fmt.Errorf("business hours %q: got times %q, the second must be later on the same day: %w", text, fields[1], errHours)
	}
	h.from, h.to = sinceMidnight(from), sinceMidnight(to)
	location, err := time.LoadLocation(fields[2])
	if err != nil {
		return h, fmt.Errorf("business hours %q: %w", text, err)
	}
	h.location = location
	return h, nil
}

// weekdays begin with Monday, so that ranges go on to Sunday.
var weekdays = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
}

// String returns what was parsed.
func (h Hours) String() string { return h.text }

// Has says whether a time is within the hours.
func (h Hours) Has(t time.Time) bool {
	t = t.In(h.location)
	clock := sinceMidnight(t)
	return h.days[t.Weekday()] && clock >= h.from && clock < h.to
}
