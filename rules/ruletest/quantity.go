package ruletest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
)

// dimension is what a number measures.
type dimension int

const (
	plain dimension = iota
	inSeconds
	inBytes
)

// wanted says in messages what a number of a dimension looks like.
var wanted = map[dimension]string{
	plain:     "a number such as 1000 or 0.5",
	inSeconds: "a time such as 800us, 15ms or 2s",
	inBytes:   "bytes such as 200, 10KB or 1MiB",
}

// units are those that a number may have directly behind it, with their size in seconds, bytes and one.
var units = map[string]struct {
	of   dimension
	size float64
}{
	"": {plain, 1}, "%": {plain, 0.01},
	"us": {inSeconds, 1e-6}, "ms": {inSeconds, 1e-3}, "s": {inSeconds, 1}, "m": {inSeconds, 60}, "h": {inSeconds, 3600}, "d": {inSeconds, 86400},
	"B": {inBytes, 1}, "KB": {inBytes, 1e3}, "MB": {inBytes, 1e6}, "GB": {inBytes, 1e9},
	"KiB": {inBytes, 1 << 10}, "MiB": {inBytes, 1 << 20}, "GiB": {inBytes, 1 << 30},
}

var numberWithUnit = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)([a-zA-Z%]*)$`)

// quantity reads a number with its unit, in seconds, bytes or one.
func quantity(text string) (value float64, of dimension, ok bool) {
	match := numberWithUnit.FindStringSubmatch(text)
	if match == nil {
		return 0, plain, false
	}
	number, err := strconv.ParseFloat(match[1], 64)
	unit, known := units[match[2]]
	if err != nil || !known {
		return 0, plain, false
	}
	return number * unit.size, unit.of, true
}

// quantityOf reads a number of a dimension. Bytes need no unit, times do.
func quantityOf(text string, of dimension) (float64, error) {
	value, has, ok := quantity(text)
	if !ok || has != of && !(of == inBytes && has == plain && !strings.HasSuffix(text, "%")) || value > greatest[of] {
		return 0, fmt.Errorf("got %q, want %s, at most %s", text, wanted[of], number(greatest[of]))
	}
	return value, nil
}

// greatest bounds each number, in seconds, bytes and one. Not smaller: what a large cluster counts in a pane; not larger: the
// wire contract refuses counters above 2^50, and the sum of a histogram is one.
var greatest = map[dimension]float64{plain: 1e15, inSeconds: 1e6, inBytes: 1e12}

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
