package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/file"
)

// What Expr finds, and the words before a name that is a text without quotes.
var (
	unexpectedToken = regexp.MustCompile(`^unexpected token \w+\("(.+?)"\)`)
	unknownSign     = regexp.MustCompile(`^unrecognized character: \S+ '(.+)'$`)
	mismatched      = regexp.MustCompile(`\(mismatched types (.+) and (.+)\)$`)
	unfitArgument   = regexp.MustCompile(`^cannot use (.+) as argument \(type (.+)\) to call (.+)$`)
	argumentCount   = regexp.MustCompile(`^(not enough|too many) arguments to call (\w+)$`)
	unfitElement    = regexp.MustCompile(`^cannot use (.+) as type (.+) in array$`)
	noMethod        = regexp.MustCompile(`^type string has no method (\w+)$`)
	comparedBefore  = regexp.MustCompile(`(==|!=|\bin|\bin\s*\[[^\]]*|\bmatches|\bcontains|\bstartsWith|\bendsWith)\s*$`)
	goTypes         = regexp.MustCompile(`func\([^)]*\)(?: ?\([^)]*\)| ?[\w.]*)|\[\][\w.]+(?: \{\})?|map\[\w+\][\w.]+(?: \{\})?|rules\.\w+|time\.\w+|interface \{\}|float64|\bint\b|\bstring\b|\bbool\b`)
)

var unknownName = regexp.MustCompile(`unknown name (\w+)|has no field (\w+)|unknown (?:builtin|function) (\w+)`)

// explain turns expr's error into one with a place and what was meant.
func (x *expression) explain(err error, known []string) *expressionError {
	if ours := (*expressionError)(nil); errors.As(err, &ours) {
		return ours
	}
	var at *file.Error
	if !errors.As(err, &at) {
		out := &expressionError{}
		out.Message, out.Hint = x.meant(err.Error(), 0)
		return out
	}
	out := &expressionError{Offset: at.From}
	message := strings.TrimSpace(at.Message)
	if literal, ok := x.literals[at.From]; ok { // Expr knows what stands in its place
		message = strings.ReplaceAll(message, strings.Repeat("_", literal.Width), literal.Text)
	}
	out.Message, out.Hint = x.meant(message, at.From)
	if match := unknownName.FindStringSubmatch(at.Message); match != nil {
		name := match[1] + match[2] + match[3]
		out.Message = fmt.Sprintf("unknown name %s", name)
		out.Hint = meantByName(x.text, at.From, name, known)
		if match[2] == "" && slices.Contains(x.source.in.names(), name) { // what is no function stands for what it names
			out.Message, out.Hint = fmt.Sprintf("let %s is no function", name), "write its name alone"
		} else if elsewhere := x.source.in.elsewhere(name); match[2] == "" && elsewhere != "" {
			out.Hint = elsewhere
		}
	}
	return out
}

// meant says a fault that Expr found in clearer words, and what was probably meant.
func (x *expression) meant(message string, at int) (clearer, hint string) {
	words := inWords(message)
	if match := unexpectedToken.FindStringSubmatch(message); match != nil {
		return fmt.Sprintf("unexpected %q", match[1]), x.meantByToken(match[1], at)
	}
	if match := unknownSign.FindStringSubmatch(message); match != nil {
		return fmt.Sprintf("unexpected %q", match[1]), meantBySign(match[1])
	}
	if match := unfitArgument.FindStringSubmatch(words); match != nil {
		return unfit(match[3], match[2], match[1])
	}
	if match := argumentCount.FindStringSubmatch(message); match != nil {
		if match[1] == "too many" && match[2] == "over" {
			return words, "a span that ended before now is ago(10m, 1h)"
		}
		return words, exampleOf(match[2])
	}
	if match := mismatched.FindStringSubmatch(words); match != nil {
		return words, x.meantByTypes(match[1], match[2], at)
	}
	if match := unfitElement.FindStringSubmatch(words); match != nil {
		return fmt.Sprintf("%s is looked for in a list of which each is %s", match[1], match[2]), "labels are texts, which stand in quotes"
	}
	if match := noMethod.FindStringSubmatch(message); match != nil {
		return fmt.Sprintf("a text has no %s behind a dot", match[1]), meantByMethod(match[1])
	}
	switch {
	case strings.HasPrefix(message, "unexpected token EOF"):
		return "the expression ends too early", "a value, a condition or a closing bracket is missing here"
	case message == "literal not terminated":
		return "a text has no end", "close it with the quote that it begins with"
	case strings.Contains(message, "exceeds maximum allowed nodes"):
		return "the expression has too many parts", "make several rules of it"
	case strings.HasPrefix(message, "invalid operation: not ("):
		return words, "put what is denied in brackets, as in not (tps > 100)"
	case strings.HasPrefix(message, "type float64[") || strings.HasPrefix(message, "type float64 does not support"):
		return "a number has no parts", "another span of time is over(5m).tps, and which series count stands in where"
	case strings.Contains(message, "has no method") || strings.Contains(message, "has no field"):
		return words, spanOnly
	case strings.HasPrefix(message, "expected bool"):
		return words, "compare with something, as in tps > 100"
	}
	return words, ""
}

// unfit says what a function is given that it does not take.
func unfit(function, takes, given string) (message, hint string) {
	switch {
	case function == policyNumberName || function == policyVersionName || function == policyOwnersName:
		return "between the brackets of a policy stands a text, and this is " + given, "write a label that the rule groups by, or a text in quotes"
	case takes == "a text" && (function == "outdated" || function == versionShareName):
		hint = "a version stands in quotes, as in " + strings.TrimPrefix(exampleOf(function), "write ")
	case takes == "a text" || takes == "a number":
		hint = exampleOf(function)
	}
	return fmt.Sprintf("%s takes %s, and this is %s", function, takes, given), hint
}

// exampleOf says how a function of a view is written, "" of others.
func exampleOf(function string) string {
	example := map[string]string{"outdated": `outdated("1.18.0")`, versionShareName: `version_share("<", "1.18.0")`, "latency_share_above": "latency_share_above(500ms)",
		"over": "over(5m).tps", "ago": "ago(5m).tps", "label": `label("owner")`}[function]
	if example == "" {
		return ""
	}
	return "write " + example
}

// inWords says types as the documentation does.
func inWords(message string) string {
	return goTypes.ReplaceAllStringFunc(message, func(name string) string {
		switch {
		case strings.HasPrefix(name, "func"):
			return "a function"
		case strings.HasPrefix(name, "[]"):
			return "a list"
		case strings.HasPrefix(name, "map["):
			return "a map"
		case strings.HasPrefix(name, "time."):
			return "another kind of time"
		case name == "interface {}":
			return "anything"
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
