package unit

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Literal is a number with a unit as an expression has it.
type Literal struct {
	Text   string  // as written
	Offset int     // characters before it
	Width  int     // characters
	Value  float64 // in seconds, bytes, bytes per second, or a share 0-1
	Of     Dimension
	// Message says why it is none, "" where it is one; Hint is what was probably meant.
	Message, Hint string
}

// DurationText is how a literal of time is written where a text says a duration, as in over("5m"); ok is false for others.
func (l Literal) DurationText() (text string, ok bool) {
	if l.Of != Time || l.Message != "" {
		return "", false
	}
	days, rest, found := strings.Cut(l.Text, "d")
	if _, err := strconv.Atoi(days); found && err == nil && rest == "" {
		return l.Text, true
	}
	if !found {
		days, rest = "0", l.Text
	}
	_, daysErr := strconv.Atoi(days)
	if _, err := time.ParseDuration(rest); err == nil && daysErr == nil {
		return l.Text, true
	}
	if l.Value > math.MaxInt64/float64(time.Second) {
		return l.Text, true
	}
	return time.Duration(l.Value * float64(time.Second)).String(), true
}

// number reads a number without a unit; divisor is 100 where it is per cent.
func (l *Literal) number(text string, divisor float64) {
	n, ok := read(text)
	if !ok {
		l.tooLarge()
		return
	}
	l.Value = n / divisor
}

func (l *Literal) tooLarge() {
	l.Message, l.Hint = fmt.Sprintf("%s is too large", l.Text), "write a smaller number, or a larger unit"
}

// read returns the value of digits; ok is false where they are too many.
func read(digits string) (n float64, ok bool) {
	n, err := strconv.ParseFloat(strings.ReplaceAll(digits, "_", ""), 64)
	return n, err == nil
}

// part is a number and the letters behind it.
type part struct{ number, letters string }

// finish reads what was found: one number with a unit, or several of time, as in 1h30m.
func (l *Literal) finish(parts []part, rest string) {
	var before measure
	for i, p := range parts {
		n, ok := read(p.number)
		m, known := measureOf(p.letters)
		switch {
		case !ok:
			l.tooLarge()
			return
		case p.letters == "" || known && i > 0 && (m.of != Time || before.of != Time || m.size >= before.size):
			l.Message, l.Hint = fmt.Sprintf("%s is no number with a unit", l.Text), "units of time follow each other as in 1h30m, the largest first"
			return
		case !known:
			l.unknown(p, n, len(parts) == 1)
			return
		}
		l.Value, l.Of, before = l.Value+m.value(n), m.of, m
	}
	if rest == "" {
		return
	}
	if rest == "/s" && l.Of == Bytes {
		l.Of = ByteRate
		return
	}
	l.otherRate(strings.TrimSuffix(l.Text, rest), rest)
	if l.Of != Bytes {
		l.Hint = ""
	}
}

// otherRate says that a rate is not per second, and how one per another unit of time is written.
func (l *Literal) otherRate(number, per string) {
	l.Message = fmt.Sprintf("unknown unit in %s; rates are per second", l.Text)
	l.Hint = fmt.Sprintf("write %s/1%s", number, meant(strings.TrimPrefix(per, "/")))
	if meant(strings.TrimPrefix(per, "/")) == "s" {
		l.Hint = fmt.Sprintf("write %s/s", number)
	}
}

// unknown says that a unit is none, and what was probably meant by the only part of a literal.
func (l *Literal) unknown(p part, n float64, only bool) {
	l.Message = fmt.Sprintf("unknown unit %q in %s; allowed are %s, directly behind the number", p.letters, l.Text, Allowed)
	by, count := counts[p.letters]
	switch near := meant(p.letters); {
	case only && count:
		number := strconv.FormatFloat(n*by, 'f', -1, 64)
		l.Hint = fmt.Sprintf("write %s of what is counted, %s%sB of bytes", number, p.number, strings.ToUpper(p.letters))
	case only && rates[p.letters] > 0:
		l.Hint = fmt.Sprintf("write %sB/s", strconv.FormatFloat(n*rates[p.letters], 'f', -1, 64)+p.letters[:1])
	case only && weeks[p.letters]:
		l.Hint = fmt.Sprintf("write %sd", strconv.FormatFloat(7*n, 'f', -1, 64))
	case only && near != "":
		l.Hint = fmt.Sprintf("did you mean %s%s?", p.number, near)
	}
}
