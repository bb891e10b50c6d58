package ruletest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/unit"
)

// wanted says in messages what a number of a dimension looks like.
var wanted = map[unit.Dimension]string{
	unit.Plain: "a number such as 1000 or 0.5",
	unit.Time:  "a time such as 800us, 15ms or 2s",
	unit.Bytes: "bytes such as 200, 10KB or 1MiB",
}

// greatest bounds each number, in seconds, bytes and one. Not smaller: what a large cluster counts in a pane; not larger: the
// wire contract refuses counters above 2^50, and the sum of a histogram is one.
var greatest = map[unit.Dimension]float64{unit.Plain: 1e15, unit.Time: 1e6, unit.Bytes: 1e12}

var bare = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?$`)

// quantity reads a number, with the units that expressions have, in seconds, bytes or one. What is none has a hint where it
// can be told what was meant.
func quantity(text string) (value float64, of unit.Dimension, hint string, ok bool) {
	if bare.MatchString(text) {
		value, err := strconv.ParseFloat(text, 64)
		return value, unit.Plain, "", err == nil
	}
	_, found := unit.Scan(text)
	if len(found) != 1 || found[0].Text != text {
		return 0, unit.Plain, "", false
	}
	return found[0].Value, found[0].Of, found[0].Hint, found[0].Message == ""
}

// measured reads a number of what is measured at a word. Bytes need no unit, times do.
func (p *parser) measured(w word, what measurement) (value float64, ok bool) {
	of := what.of
	value, has, hint, ok := quantity(w.text)
	asIs := of == unit.Bytes && bare.MatchString(w.text)
	if ok && (has == of || asIs) && value <= greatest[of] {
		return value, true
	}
	switch {
	case strings.HasSuffix(w.text, ","):
		hint = "settings are parted by blanks"
	case of == unit.Plain && strings.Contains(w.text, "/"):
		hint = "a report has what came in its interval, and no rate"
	case ok && what.gauge && has != of:
		hint = "a gauge is a number without a unit: write " + number(value)
	}
	p.fault(w.column, fmt.Sprintf("got %q, want %s, at most %s", w.text, wanted[of], number(greatest[of])), hint)
	return 0, false
}

// moment reads a time since the case began.
func moment(text string) (time.Duration, error) {
	d, err := rules.ParseDuration(text)
	if err != nil {
		return 0, err
	}
	if d > maxMoment {
		return 0, fmt.Errorf("got %s, at most %s are allowed", text, rules.FormatDuration(maxMoment))
	}
	return d, nil
}

// maxMoment bounds a case. Not smaller: keep_firing_for may last for days; not larger: each pane is evaluated.
const maxMoment = 30 * 24 * time.Hour

// shownDigits of a value are printed and compared. Not fewer: sizes of ten kilobytes differ in the fifth; not more: sums of
// floating-point numbers differ in the last ones.
const shownDigits = 6

// number writes a value with shownDigits digits.
func number(value float64) string {
	if math.IsInf(value, 0) || math.IsNaN(value) {
		return fmt.Sprint(value)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', shownDigits, 64), 64)
	if err != nil {
		return fmt.Sprint(value) // beyond the greatest number when rounded up
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}
