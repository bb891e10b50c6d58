package rules

import (
	"errors"
	"strings"
	"text/template"
)

// orderFunctions stand for those of text/template, which takes what is not less, or neither less nor equal, for greater: a number that is unknown, NaN, would be.
var orderFunctions = template.FuncMap{
	"gt": orderedBy(`{{ gt .a .b }}`, func(a, b float64) bool { return a > b }),
	"ge": orderedBy(`{{ ge .a .b }}`, func(a, b float64) bool { return a >= b }),
}

// orderedBy compares two numbers by itself, and all else, what cannot be compared too, as a template does.
func orderedBy(others string, numbers func(a, b float64) bool) func(a, b any) (bool, error) {
	parsed := template.Must(template.New(mainTemplate).Parse(others))
	return func(a, b any) (bool, error) {
		left, isLeft := a.(float64)
		right, isRight := b.(float64)
		if isLeft && isRight {
			return numbers(left, right), nil
		}
		var out strings.Builder
		err := parsed.Execute(&out, map[string]any{"a": a, "b": b})
		for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(inner) { // whoever runs this says the rest
			err = inner
		}
		return out.String() == "true", err
	}
}
