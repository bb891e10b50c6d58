package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/file"
)

// What people who know other languages write, and what it is here.
var (
	unexpectedToken = regexp.MustCompile(`^unexpected token \w+\("(.+?)"\)`)
	comparedBefore  = regexp.MustCompile(`(==|!=|\bin)\s*$`)
	goTypes         = regexp.MustCompile(`func\([^)]*\) ?[\w.]*|rules\.\w+|float64|\bint\b|\bstring\b|\bbool\b`)
)

// aggregations are functions of PromQL that fields of the view stand for.
var aggregations = []string{"rate", "irate", "increase", "sum", "avg", "histogram_quantile", "quantile", "delta", "deriv"}

// spanOnly is said of what only the present view has.
const spanOnly = "prev, over and ago have the fields of a span only"

var unknownName = regexp.MustCompile(`unknown name (\w+)|has no field (\w+)|unknown (?:builtin|function) (\w+)`)

// explain turns expr's error into one with a place and what was meant.
func (x *expression) explain(err error, known []string) *expressionError {
	if ours := (*expressionError)(nil); errors.As(err, &ours) {
		return ours
	}
	var at *file.Error
	if !errors.As(err, &at) {
		out := &expressionError{}
		out.Message, out.Hint = meant(err.Error())
		return out
	}
	out := &expressionError{Offset: at.From}
	message := strings.TrimSpace(at.Message)
	if literal, ok := x.literals[at.From]; ok { // Expr knows what stands in its place
		message = strings.ReplaceAll(message, strings.Repeat("_", literal.Width), literal.Text)
	}
	out.Message, out.Hint = meant(message)
	if match := unknownName.FindStringSubmatch(at.Message); match != nil {
		name := match[1] + match[2] + match[3]
		out.Message = fmt.Sprintf("unknown name %s", name)
		out.Hint = meantByName(x.text, at.From, name, known)
	}
	return out
}

// meant says a fault that expr found in clearer words, and what was probably meant.
func meant(message string) (clearer, hint string) {
	if match := unexpectedToken.FindStringSubmatch(message); match != nil {
		clearer = fmt.Sprintf("unexpected %q", match[1])
		switch strings.ToLower(match[1]) {
		case "=":
			return clearer, "compare with =="
		case "and", "or", "not":
			return clearer, "write " + strings.ToLower(match[1]) + " in small letters"
		case "&", "|":
			return clearer, "write and, or"
		case "#":
			return clearer, "a YAML comment stands above the key"
		}
		return clearer, ""
	}
	if strings.HasPrefix(message, "unexpected token EOF") {
		return "the expression ends too early", "a value, a condition or a closing bracket is missing here"
	}
	if message == "literal not terminated" {
		return "a text has no end", "close it with the quote that it begins with"
	}
	if strings.Contains(message, "has no method") || strings.Contains(message, "has no field") {
		return inWords(message), spanOnly
	}
	if strings.HasPrefix(message, "expected bool") {
		return inWords(message), "compare with something, as in tps > 100"
	}
	if strings.Contains(message, "func(") {
		return inWords(message), `give it what it asks for, as in latency_share_above(500ms) or version_share("1.2.0")`
	}
	return inWords(message), ""
}

// meantByName is what was probably meant by a name that is not known.
func meantByName(text string, offset int, name string, known []string) string {
	switch {
	case slices.Contains(clocks, name):
		return "no rule asks a clock; over, ago and prev look back"
	case slices.Contains(aggregations, name):
		return "tps and bps are rates, p50 to p999 quantiles, and by groups"
	case templateFunctions[name] != nil:
		return "annotations can format, expressions cannot"
	case slices.Contains(known, name):
		return spanOnly
	case slices.Contains(viewNames, name):
		return "where sees labels only: ask for it in expr"
	case comparedBefore.MatchString(string([]rune(text)[:min(offset, len([]rune(text)))])):
		return fmt.Sprintf("text stands in quotes: %q", name)
	}
	return didYouMean(name, known)
}

// inWords says types as the documentation does.
func inWords(message string) string {
	return goTypes.ReplaceAllStringFunc(message, func(name string) string {
		switch {
		case strings.HasPrefix(name, "func"):
			return "a function"
		case name == "float64" || name == "int":
			return "a number"
		case name == "string":
			return "a text"
		case name == "bool":
			return "a condition"
		}
		return "a span"
	})
}
