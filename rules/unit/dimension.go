// Package unit has the units that expressions of rules are written in: literals such as 800ms, 10KiB, 5% and 10MB/s, the
// dimensions of what they and the fields of a view measure, and how both are said in words.
package unit

import (
	"fmt"
	"strings"
)

// Dimension is what a number measures: the powers of time and of bytes in its unit. Numbers are in seconds and bytes.
// Counts, shares and ratios have none.
type Dimension struct{ Time, Bytes int }

// The dimensions that fields have.
var (
	Plain     = Dimension{}
	Time      = Dimension{Time: 1}
	Bytes     = Dimension{Bytes: 1}
	PerSecond = Dimension{Time: -1}
	ByteRate  = Dimension{Time: -1, Bytes: 1}
)

// names are what tags call dimensions.
var names = map[string]Dimension{"plain": Plain, "time": Time, "bytes": Bytes, "1/time": PerSecond, "bytes/time": ByteRate}

// Named returns the dimension that a tag names: plain, time, bytes, 1/time or bytes/time.
func Named(name string) (Dimension, bool) {
	d, ok := names[name]
	return d, ok
}

// Times is the dimension of a product.
func (d Dimension) Times(by Dimension) Dimension {
	return Dimension{d.Time + by.Time, d.Bytes + by.Bytes}
}

// Over is the dimension of a quotient.
func (d Dimension) Over(by Dimension) Dimension {
	return Dimension{d.Time - by.Time, d.Bytes - by.Bytes}
}

// Power is the dimension of a whole power.
func (d Dimension) Power(n int) Dimension { return Dimension{d.Time * n, d.Bytes * n} }

// TakesBare says that a number without a unit is understood beside this dimension: beside counts and what is counted per
// second, but not beside bytes or time, which have units of several sizes.
func (d Dimension) TakesBare() bool { return d.Bytes == 0 && d.Time <= 0 }

// String says the unit in words: seconds, bytes per second, messages per second. A plain number has none.
func (d Dimension) String() string {
	switch d {
	case Plain:
		return "a plain number"
	case PerSecond:
		return "messages per second"
	}
	var over, under []string
	for _, part := range []struct {
		unit  string
		power int
	}{{"bytes", d.Bytes}, {"seconds", d.Time}} {
		switch {
		case part.power > 0:
			over = append(over, raised(part.unit, part.power))
		case part.power < 0:
			under = append(under, raised(strings.TrimSuffix(part.unit, "s"), -part.power))
		}
	}
	if len(under) == 0 {
		return strings.Join(over, " times ")
	}
	return strings.TrimSpace(strings.Join(over, " times ") + " per " + strings.Join(under, " and "))
}

// In says in a sentence what something of this dimension is: in seconds, a plain number.
func (d Dimension) In() string {
	if d == Plain {
		return d.String()
	}
	return "in " + d.String()
}

func raised(unit string, power int) string {
	if power == 1 {
		return unit
	}
	return fmt.Sprintf("%s^%d", unit, power)
}
