package unit

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
)

// measure is one unit that a literal may have: its size in seconds or bytes.
type measure struct {
	name string
	size float64
	of   Dimension
}

// value is n of the unit. What is small divides, so that 300ms is 0.3 to the last bit.
func (m measure) value(n float64) float64 {
	if m.size < 1 {
		return n / math.Round(1/m.size)
	}
	return n * m.size
}

// Units of time and of bytes, the smallest first.
var (
	times = []measure{{"us", 1e-6, Time}, {"ms", 1e-3, Time}, {"s", 1, Time}, {"m", 60, Time}, {"h", 3600, Time}, {"d", 86400, Time}}
	sizes = []measure{{"B", 1, Bytes}, {"KB", 1e3, Bytes}, {"KiB", 1 << 10, Bytes}, {"MB", 1e6, Bytes}, {"MiB", 1 << 20, Bytes},
		{"GB", 1e9, Bytes}, {"GiB", 1 << 30, Bytes}}
	all = slices.Concat(times, sizes)
)

// Allowed lists all units.
const Allowed = "us, ms, s, m, h and d, B, KB, MB, GB, KiB, MiB and GiB, and %"

func measureOf(name string) (measure, bool) {
	at := slices.IndexFunc(all, func(m measure) bool { return m.name == name })
	if at < 0 {
		return measure{}, false
	}
	return all[at], true
}

// otherwise is what people write for a unit who do not know its name, in small letters.
var otherwise = map[string]string{
	"µs": "us", "μs": "us", "usec": "us", "micros": "us", "microsecond": "us", "microseconds": "us",
	"msec": "ms", "msecs": "ms", "milli": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms",
	"sec": "s", "secs": "s", "second": "s", "seconds": "s", "min": "m", "mins": "m", "minute": "m", "minutes": "m",
	"hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "byte": "B", "bytes": "B",
	"kilobyte": "KB", "kilobytes": "KB", "megabyte": "MB", "megabytes": "MB", "gigabyte": "GB", "gigabytes": "GB",
	"ki": "KiB", "mi": "MiB", "gi": "GiB",
}

// counts are the letters behind large numbers elsewhere.
var counts = map[string]float64{"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}

// rates are what people write for rates of bytes and of bits, in bytes of the same size.
var rates = map[string]float64{"KBps": 1, "MBps": 1, "GBps": 1, "Kbps": 0.125, "Mbps": 0.125, "Gbps": 0.125, "Kbit": 0.125, "Mbit": 0.125, "Gbit": 0.125}

// weeks are the names of a unit that literals do not have.
var weeks = map[string]bool{"w": true, "wk": true, "week": true, "weeks": true}

// Meant returns how a text is written that was meant as a number with a unit, "" where that cannot be told.
func Meant(text string) string {
	_, found := Scan(text)
	if len(found) != 1 || found[0].Text != text {
		return ""
	}
	return found[0].Hint
}

// meant returns the unit that was probably meant by a name that is none, "" where it cannot be told.
func meant(name string) string {
	if known, ok := measureOf(name); ok {
		return known.name
	}
	small := strings.ToLower(name)
	if known, ok := otherwise[small]; ok {
		return known
	}
	for _, m := range all {
		if strings.ToLower(m.name) == small {
			return m.name
		}
	}
	best := ""
	for _, m := range all {
		if len(m.name) > 1 && levenshtein.Distance(name, m.name, nil) == 1 {
			best = m.name
		}
	}
	return best
}

// whole is how far off a whole number a value may be by rounding.
const whole = 1e-9

// Spell writes a value in seconds, bytes or bytes per second as a literal, in the unit that makes the smallest whole
// number of it. ok is false where no literal has the dimension.
func Spell(value float64, of Dimension) (text string, ok bool) {
	units, rate := sizes, ""
	switch of {
	case Time:
		units = times
	case Bytes:
	case ByteRate:
		rate = "/s"
	default:
		return "", false
	}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return "", false
	}
	best, unit := value/units[0].size, units[0].name
	for _, m := range units {
		n := value / m.size
		if rounded := math.Round(n); rounded != 0 && math.Abs(n-rounded) <= whole*math.Abs(n) && math.Abs(rounded) < math.Abs(best) {
			best, unit = rounded, m.name
		}
	}
	if rounded := math.Round(best); math.Abs(best-rounded) <= whole*math.Abs(best) {
		best = rounded
	}
	return strconv.FormatFloat(best, 'f', -1, 64) + unit + rate, true
}
