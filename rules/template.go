package rules

import (
	"fmt"
	"math"
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

func parseTemplate(name, text string, sample map[string]any) (*template.Template, error) {
	parsed, err := template.New(name).Funcs(templateFunctions).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read the template: %w", err)
	}
	if _, err := render(parsed, sample); err != nil {
		return nil, err
	}
	return parsed, nil
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

// annotationData is what an annotation's template sees: labels and the view's numbers.
func annotationData(by, values []string, view *View) map[string]any {
	data := labelData(by, values)
	for _, name := range viewNames {
		if number := view.number(name); !math.IsNaN(number) || isNumeric(name) {
			data[name] = number
		}
	}
	return data
}

func isNumeric(name string) bool {
	var zero Span
	_, ok := zero.number(name)
	return ok
}
