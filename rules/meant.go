package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What people who know other languages write, and what it is here.
var (
	unexpectedToken = regexp.MustCompile(`^unexpected token \w+\("(.+?)"\)`)
	badNumber       = regexp.MustCompile(`^bad number syntax: "([0-9.]+)([a-zA-Z]+)`)
	comparedBefore  = regexp.MustCompile(`(==|!=|\bin)\s*$`)
	goTypes         = regexp.MustCompile(`func\([^)]*\) ?[\w.]*|rules\.\w+|float64|\bint\b|\bstring\b|\bbool\b`)
)

// aggregations are functions of PromQL that fields of the view stand for.
var aggregations = []string{"rate", "irate", "increase", "sum", "avg", "histogram_quantile", "quantile", "delta", "deriv"}

// spanOnly is said of what only the present view has.
const spanOnly = "prev, over and ago have the fields of a span only"

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
		}
		return clearer, ""
	}
	if match := badNumber.FindStringSubmatch(message); match != nil {
		clearer = fmt.Sprintf("%q is no number", match[1]+match[2])
		if slices.Contains([]string{"ms", "s", "m", "h", "d"}, match[2]) {
			return clearer, fmt.Sprintf("latencies and delays are seconds, as in p99 > 0.3; a span of time is a text, as in over(%q)", match[1]+match[2])
		}
		return clearer, "write it out, as in 10000"
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
		return inWords(message), `give it what it asks for, as in latency_share_above(0.5) or version_share("1.2.0")`
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
