package rules

import (
	"reflect"
	"testing"

	"github.com/weirmq/weir/rules/unit"
)

// TestFieldsHaveDimensions holds that every number of the view, and every function of numbers, says what it measures, and the
// same in words and for the checker.
func TestFieldsHaveDimensions(t *testing.T) {
	words := map[string]unit.Dimension{"seconds": unit.Time, "bytes": unit.Bytes, "bytes per second": unit.ByteRate, "messages per second": unit.PerSecond}
	number := reflect.TypeFor[float64]()
	for _, view := range []reflect.Type{reflect.TypeFor[Span](), reflect.TypeFor[View](), reflect.TypeFor[LabelView]()} {
		for i := range view.NumField() {
			field := view.Field(i)
			function := field.Type.Kind() == reflect.Func
			if field.Type != number && (!function || field.Type.Out(0) != number) {
				continue
			}
			name := field.Tag.Get("expr")
			if name == policyNumberName { // each of its numbers has its own
				continue
			}
			of, ok := fieldDimensions[name]
			if !ok || of != words[field.Tag.Get("unit")] {
				t.Errorf("%s is %q to the checker and %q in words", name, field.Tag.Get("dim"), field.Tag.Get("unit"))
			}
			_, takes := takenDimensions[name]
			if of := function && field.Type.In(0) == number; of != takes {
				t.Errorf("%s takes a number: %t, of a dimension: %t", name, of, takes)
			}
		}
	}
}
