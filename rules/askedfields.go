package rules

import (
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/rules/unit"
)

const reportIntervalKey = "report_interval"

// askedNames are what rules may ask, in the words of commands: all that ends by itself and that nobody has to come back for. A resume takes
// something out of what people asked, and a lowest version is asked of people.
var askedNames = []string{"send_limit", "pause", "large_messages", "sampling", reportIntervalKey}

// askedFields are those of what an action asks, by its name. A rule says a unit where a command has one in the name of its field.
var askedFields = map[string][]askedField{
	"send_limit": {
		{name: "messages_per_second", path: "messages_per_second", of: unit.PerSecond, least: control.MinMessagesPerSecond, most: control.MaxMessagesPerSecond, needed: true},
		{name: "shared", path: "shared", truth: true},
		{name: "cold_factor", path: "cold_factor", of: unit.Plain, least: 1, most: control.MaxColdFactor},
		{name: "ramp", path: "ramp_seconds", of: unit.Time, most: control.MaxRampSeconds},
	},
	"pause": {},
	"large_messages": {
		{name: "flag", path: "flag_bytes", of: unit.Bytes, least: control.MinFlagBytes, most: control.MaxBytes, whole: true},
		{name: "compress", path: "compress_bytes", of: unit.Bytes, least: control.MinFlagBytes, most: control.MaxBytes, whole: true},
		{name: "refuse", path: "refuse_bytes", of: unit.Bytes, least: control.MinRefuseBytes, most: control.MaxBytes, whole: true},
	},
	"sampling": {
		{name: "one_in", path: "one_in", of: unit.Plain, least: 1, most: control.MaxOneIn, whole: true},
		{name: "slow_after", path: "slow_after_seconds", of: unit.Time, least: 1e-6, most: control.MaxSlowSeconds},
	},
	reportIntervalKey: {{path: "seconds", of: unit.Time, least: control.MinReportSeconds, most: control.MaxReportSeconds}},
	releaseKey:        {{name: "ramp", path: "ramp_seconds", of: unit.Time, most: control.MaxRampSeconds}},
}

// askedField is one field: what a rule calls it, what a command does, and its bounds in seconds, bytes or messages per second.
type askedField struct {
	name, path    string
	of            unit.Dimension
	least, most   float64
	whole, needed bool
	truth         bool // true or false, and no number
}

// read puts a field's value among those of a command.
func (f *askedField) read(d *decoder, node *yaml.Node, of string, into map[string]any) {
	what := f.name
	if what == "" {
		what = of
	}
	if f.truth {
		into[f.path] = d.truth(node, what)
		return
	}
	before := d.found
	number := d.quantity(node, what, f.of)
	switch {
	case d.found > before:
	case !(number >= f.least && number <= f.most):
		d.fault(node, "", "got %s for %s, want %s to %s", node.Value, what, f.spell(f.least), f.spell(f.most))
	case f.whole && number != math.Trunc(number):
		d.fault(node, "", "got %s for %s, want a whole number", node.Value, what)
	case f.whole:
		into[f.path] = int64(number)
	default:
		into[f.path] = number
	}
}

func (f *askedField) spell(number float64) string {
	if number == 0 && f.of == unit.Time {
		return "0s"
	}
	if text, ok := unit.Spell(number, f.of); ok {
		return text
	}
	if f.of == unit.PerSecond {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return fmt.Sprintf("%g", number)
}
