package unit_test

import (
	"math"
	"testing"

	"github.com/weirmq/weir/rules/unit"
)

func TestDimensionsInWords(t *testing.T) {
	for want, of := range map[string]unit.Dimension{
		"a plain number": unit.Plain, "in seconds": unit.Time, "in bytes": unit.Bytes, "in messages per second": unit.PerSecond,
		"in bytes per second": unit.ByteRate, "in seconds^2": unit.Time.Power(2), "in bytes times seconds": unit.Bytes.Times(unit.Time),
		"in seconds per byte": unit.Time.Over(unit.Bytes), "in per second^2": unit.PerSecond.Power(2),
		"in per byte and second": unit.Plain.Over(unit.Bytes.Times(unit.Time)),
	} {
		if got := of.In(); got != want {
			t.Errorf("%+v is %q, want %q", of, got, want)
		}
	}
	if unit.Bytes.Over(unit.Time) != unit.ByteRate || unit.Plain.Over(unit.Time) != unit.PerSecond {
		t.Error("a rate is what there is of something in a time")
	}
}

func TestSpell(t *testing.T) {
	for _, c := range []struct {
		value float64
		of    unit.Dimension
		want  string
	}{
		{0.8, unit.Time, "800ms"}, {0.3, unit.Time, "300ms"}, {60, unit.Time, "1m"}, {90, unit.Time, "90s"}, {86400, unit.Time, "1d"},
		{1.5, unit.Time, "1500ms"}, {5e-6, unit.Time, "5us"}, {5e-7, unit.Time, "0.5us"}, {0.1 + 0.2, unit.Time, "300ms"}, {-0.8, unit.Time, "-800ms"},
		{10240, unit.Bytes, "10KiB"}, {10000, unit.Bytes, "10KB"}, {1 << 20, unit.Bytes, "1MiB"}, {1000, unit.Bytes, "1KB"}, {1500, unit.Bytes, "1500B"},
		{512, unit.Bytes, "512B"}, {0.5, unit.Bytes, "0.5B"}, {1e7, unit.ByteRate, "10MB/s"}, {5, unit.Plain, ""}, {math.Inf(1), unit.Time, ""},
	} {
		if got, ok := unit.Spell(c.value, c.of); got != c.want || ok != (c.want != "") {
			t.Errorf("%v %s is written %q, %t; want %q", c.value, c.of, got, ok, c.want)
		}
	}
}
