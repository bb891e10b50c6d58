package datasource

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// All is the value of a variable of which everything is chosen.
const All = "$__all"

// Variable is one of a dashboard, with what is chosen.
type Variable struct {
	Name    string
	Values  []string // one, unless Multi; only All where everything is chosen
	Multi   bool     // several may be chosen, so its value is a list even when it has one item
	Options []string // what may be chosen: the value where everything is
}

// all says that everything is chosen.
func (v Variable) all() bool { return len(v.Values) == 1 && v.Values[0] == All }

// chosen are the values that a query sees.
func (v Variable) chosen() []string {
	if v.all() {
		return v.Options
	}
	return v.Values
}

// list says that the value is a list for Grafana: so it is where several may be chosen, or everything is.
func (v Variable) list() bool { return v.Multi || v.all() }

// Expand is the SQL that ClickHouse is asked: variables and ad-hoc filters put in as the browser does, then macros expanded as the
// plugin's server does. The error names the macro or variable that is wrong.
func Expand(sql string, variables []Variable, filters []Filter, r Request) (string, error) {
	sql = conditionalAll(sql, variables)
	sql, err := Replace(sql, variables, r)
	if err != nil {
		return "", err
	}
	return expandMacros(applyFilters(sql, filters), r)
}

// maxConditions of a query are expanded. Not smaller: a query has a few for each table it joins; not larger: one that puts itself in
// again, by $& in its condition, never ends.
const maxConditions = 100

const conditional = prefix + "conditionalAll("

// variableName is the first name of a variable in a text: ${name} without a format, or $name.
var variableName = regexp.MustCompile(`\$\{(\w+)\}|\$(\w+)`)

// conditionalAll puts the condition of each $__conditionalAll(condition, $variable), or 1=1 where everything is chosen. It does not
// know quotes, as the plugin does not. It begins with the last one, and stops at one that has not two arguments.
func conditionalAll(sql string, variables []Variable) string {
	for range maxConditions {
		begin := strings.LastIndex(sql, conditional)
		if begin < 0 {
			return sql
		}
		arguments := plainArguments(sql[begin+len(conditional):])
		if len(arguments) != 2 {
			return sql
		}
		phrase := arguments[0]
		if match := variableName.FindStringSubmatch(strings.TrimSpace(arguments[1])); match != nil {
			for _, v := range variables {
				if v.Name == match[1]+match[2] && (v.all() || strings.Join(v.Values, ",") == "") {
					phrase = "1=1"
				}
			}
		}
		whole := conditional + arguments[0] + "," + arguments[1] + ")"
		at := strings.Index(sql, whole)
		before, after := sql[:at], sql[at+len(whole):]
		// JavaScript's replace reads these in what it puts in, so the plugin does.
		patterns := strings.NewReplacer("$$", "$", "$&", whole, "$`", before, "$'", after)
		sql = before + patterns.Replace(phrase) + after
	}
	return sql
}

// plainArguments cuts the text after an opening parenthesis at commas outside further ones, up to the closing one. Quotes count for
// nothing.
func plainArguments(text string) []string {
	var arguments []string
	depth, begin := 1, 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return append(arguments, text[begin:i])
			}
		case ',':
			if depth == 1 {
				arguments = append(arguments, text[begin:i])
				begin = i + 1
			}
		}
	}
	return nil
}

// reference is how a variable is named: $name, ${name}, ${name:format} or [[name:format]].
var reference = regexp.MustCompile(`\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]|\$\{(\w+)(?::([^}]+))?\}`)

// References are the names of the variables that a text names, Grafana's own too, and macros not.
func References(text string) []string {
	var names []string
	for _, match := range reference.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1]+match[2]+match[4])
	}
	return names
}

// Replace puts variables, and those that Grafana has itself. A name that nobody knows stays, as it may be a macro.
func Replace(text string, variables []Variable, r Request) (string, error) {
	var failed error
	out := reference.ReplaceAllStringFunc(text, func(whole string) string {
		match := reference.FindStringSubmatch(whole)
		name, format := match[1]+match[2]+match[4], match[3]+match[5]
		if value, known := own(name, format, r); known {
			return value
		}
		for _, v := range variables {
			if v.Name == name {
				value, err := formatted(v, format)
				if err != nil {
					failed = err
				}
				return value
			}
		}
		return whole
	})
	return out, failed
}

// own is the value of a variable that Grafana has itself.
func own(name, format string, r Request) (value string, known bool) {
	switch name {
	case "__interval":
		return fmt.Sprintf("%ds", r.seconds()), true
	case "__interval_ms":
		return fmt.Sprint(r.Interval.Milliseconds()), true
	case "__range_s":
		return fmt.Sprint(int64(r.To.Sub(r.From) / time.Second)), true
	case "__range_ms":
		return fmt.Sprint(r.To.Sub(r.From).Milliseconds()), true
	case "__from", "__to":
		at := r.From
		if name == "__to" {
			at = r.To
		}
		switch format {
		case "date", "date:iso":
			return at.UTC().Format("2006-01-02T15:04:05.000Z"), true
		case "date:seconds":
			return fmt.Sprint(at.Unix()), true
		}
		return fmt.Sprint(at.UnixMilli()), true
	case "__url_time_range":
		return fmt.Sprintf("from=%d&to=%d", r.From.UnixMilli(), r.To.UnixMilli()), true
	}
	return "", false
}

// formatted is the value of a variable in a format; without one it is as the plugin wants it: a list in quotes, and what is none bare.
func formatted(v Variable, format string) (string, error) {
	values := v.chosen()
	each := func(begin, separator, end string, escape *strings.Replacer) string {
		out := make([]string, len(values))
		for i, value := range values {
			out[i] = begin + escape.Replace(value) + end
		}
		return strings.Join(out, separator)
	}
	switch format {
	case "":
		if v.list() {
			return each("'", ",", "'", strings.NewReplacer()), nil
		}
		return each("", ",", "", strings.NewReplacer()), nil
	case "singlequote":
		return each("'", ",", "'", strings.NewReplacer(`'`, `\'`)), nil
	case "doublequote":
		return each(`"`, ",", `"`, strings.NewReplacer(`"`, `\"`)), nil
	case "sqlstring":
		return each("'", ",", "'", strings.NewReplacer(`'`, `''`)), nil
	case "csv", "raw", "text":
		return each("", ",", "", strings.NewReplacer()), nil
	case "pipe":
		return each("", "|", "", strings.NewReplacer()), nil
	case "regex":
		out := make([]string, len(values))
		for i, value := range values {
			out[i] = regexp.QuoteMeta(value)
		}
		if len(out) == 1 {
			return out[0], nil
		}
		return "(" + strings.Join(out, "|") + ")", nil
	case "json":
		text, err := json.Marshal(values)
		return string(text), err
	case "queryparam":
		out := make([]string, len(v.Values))
		for i, value := range v.Values {
			out[i] = "var-" + url.QueryEscape(v.Name) + "=" + url.QueryEscape(value)
		}
		return strings.Join(out, "&"), nil
	case "percentencode":
		return url.PathEscape(each("", ",", "", strings.NewReplacer())), nil
	}
	return "", fmt.Errorf("${%s:%s}: unknown format, want singlequote, sqlstring, doublequote, csv, raw, text, pipe, regex, json, queryparam or percentencode", v.Name, format)
}
