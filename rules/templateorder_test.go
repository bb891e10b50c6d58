package rules

import (
	"math"
	"strings"
	"testing"
	"text/template"
)

// TestTemplatesCompareWhatIsUnknown: NaN is neither more nor less than anything, and all else is as text/template has it.
func TestTemplatesCompareWhatIsUnknown(t *testing.T) {
	t.Parallel()
	data := map[string]any{"unknown": math.NaN(), "two": 2.0, "text": "b", "count": 3}
	for text, want := range map[string]string{
		`{{ ge .unknown 0.0 }} {{ gt .unknown 0.0 }} {{ le .unknown 0.0 }} {{ lt .unknown 0.0 }}`: "false false false false",
		`{{ ge 0.0 .unknown }} {{ gt 0.0 .unknown }} {{ ge .unknown .unknown }}`:                  "false false false",
		`{{ ge .two 2.0 }} {{ gt .two 2.0 }} {{ gt .two 1.5 }} {{ .two | ge 3.0 }}`:               "true false true true",
		`{{ gt .text "a" }} {{ ge .text "c" }} {{ ge .count 3 }} {{ gt .count 3 }}`:               "true false true false",
		`{{ gt .two 1 }}`:       "error calling gt: incompatible types for comparison: float64 and int",
		`{{ ge .text .count }}`: "error calling ge: incompatible types for comparison: string and int",
	} {
		parsed, err := template.New(mainTemplate).Funcs(orderFunctions).Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := parsed.Execute(&out, data); err != nil {
			fault := runError(text, err)
			out.Reset()
			out.WriteString(fault.Message)
		}
		if out.String() != want {
			t.Errorf("%s gives %q, want %q", text, out.String(), want)
		}
	}
	rule := parseRule(t, "messages > 100", ", annotations: {summary: '{{ if ge .p99 0.0 }}known{{ else }}unknown{{ end }}'}")
	if got, err := render(rule.annotations["summary"], map[string]any{"p99": math.NaN()}); err != nil || got != "unknown" {
		t.Errorf("an annotation of what is unknown says %q, %v", got, err)
	}
}
