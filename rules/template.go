package rules

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// templateFunctions have Prometheus' names and take a number.
var templateFunctions = template.FuncMap{
	"humanize":           humanize,
	"humanize1024":       humanize1024,
	"humanizeDuration":   humanizeDuration,
	"humanizePercentage": func(share float64) string { return fmt.Sprintf("%.4g%%", share*100) },
}

func humanize(v float64) string { return scaled(v, 1000, []string{"", "k", "M", "G", "T", "P"}) }

func humanize1024(v float64) string {
	return scaled(v, 1024, []string{"", "Ki", "Mi", "Gi", "Ti", "Pi"})
}

func scaled(v, base float64, prefixes []string) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Sprint(v)
	}
	at := 0
	for math.Abs(v) >= base && at < len(prefixes)-1 {
		v /= base
		at++
	}
	return fmt.Sprintf("%.4g%s", v, prefixes[at])
}

// humanizeDuration takes seconds.
func humanizeDuration(seconds float64) string {
	if math.IsNaN(seconds) || math.Abs(seconds) > math.MaxInt64/1e9 {
		return fmt.Sprint(seconds)
	}
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.String()
}

// undefinedVariable is what the parser says of $name.
var undefinedVariable = regexp.MustCompile(`^undefined variable "\$(\w+)"$`)

// mainTemplate names every template for the parser; the fault's place says which it is.
const mainTemplate = "text"

// checkTemplate reads a template and says which names it shows. It looks at the whole
// tree, since a run takes one branch only, and then runs it over samples.
func checkTemplate(source string, names templateNames) (parsed *template.Template, shown []string, faults []*expressionError) {
	trees, message := parseTree(source)
	if message != "" {
		fault := syntaxError(source, message)
		if match := undefinedVariable.FindStringSubmatch(message); match != nil {
			if fault.Hint = meantByAlertData(match[1]); names.known(match[1]) {
				fault.Hint = "write ." + match[1]
			}
		}
		return nil, nil, []*expressionError{fault}
	}
	for name := range trees {
		if name != mainTemplate {
			at := max(strings.Index(source, strconv.Quote(name)), 0)
			return nil, nil, []*expressionError{{Offset: runes(source, at), Message: "templates within templates are not for rules", Hint: "write the text where it is shown"}}
		}
	}
	parsed, err := template.New(mainTemplate).Funcs(templateFunctions).Funcs(orderFunctions).Option("missingkey=error").Parse(source)
	if main := trees[mainTemplate]; main != nil {
		read := readTree(source, main, names)
		if len(read.faults) > 0 {
			return nil, nil, read.faults
		}
		shown = read.read
	}
	if err != nil {
		return nil, nil, []*expressionError{{Message: err.Error()}}
	}
	for _, value := range []string{"sample", ""} {
		if _, err := render(parsed, names.sample(value)); err != nil {
			fault := runError(source, err)
			if value == "" {
				fault.Hint = "a label may be empty"
			}
			return nil, nil, []*expressionError{fault}
		}
	}
	return parsed, shown, nil
}

// sample is data to try a template with: every label has that value, and every
// number is the one that is hardest to show.
func (n *templateNames) sample(value string) map[string]any {
	data := map[string]any{}
	for _, name := range n.labels {
		data[name] = value
	}
	for _, name := range n.fields {
		data[name] = math.NaN()
	}
	for name, named := range n.lets {
		switch {
		case data[name] != nil: // a fault of its name
		case named.kind == kindTruth:
			data[name] = value != ""
		default:
			data[name] = math.NaN()
		}
	}
	return data
}

// What a run says: template: name:line:column: executing "name" at <word>: message.
// The column counts bytes from 0.
var runMessage = regexp.MustCompile(`(?s)template: [^:]*:(\d+):(\d+): executing "[^"]*" at <.*?>: (.*)$`)

// runError finds the place of what went wrong when a template ran.
func runError(source string, err error) *expressionError {
	match := runMessage.FindStringSubmatch(err.Error())
	if match == nil {
		return &expressionError{Message: err.Error()}
	}
	line, _ := strconv.Atoi(match[1])
	column, _ := strconv.Atoi(match[2])
	at := 0
	for range line - 1 {
		at += strings.IndexByte(source[at:], '\n') + 1
	}
	return &expressionError{Offset: runes(source, at+column), Message: match[3]}
}

func render(t *template.Template, data map[string]any) (string, error) {
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		return "", fmt.Errorf("fill in the template: %w", err)
	}
	return out.String(), nil
}

// labelData is what a label's template sees: the group's labels and nothing that
// changes, as labels are an alert's identity.
func labelData(by, values []string) map[string]any {
	data := map[string]any{}
	for i, name := range by {
		data[name] = values[i]
	}
	return data
}

// annotationData is what a rule's annotations see: labels, the view's numbers, and the lets that they show.
func annotationData(rule *Rule, values []string, view *View) map[string]any {
	data := labelData(rule.Grouping.By, values)
	for _, named := range rule.shows {
		data[named.name] = named.in(view)
	}
	for _, name := range viewNames {
		if isNumeric(name) {
			data[name] = view.number(name)
		}
	}
	return data
}

// isNumeric says that a name is a number of the view.
func isNumeric(name string) bool {
	var zero View
	return !math.IsNaN(zero.number(name))
}
