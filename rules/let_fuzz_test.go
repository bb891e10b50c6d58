package rules

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v3"
)

// FuzzLets holds that no texts of lets make loading panic, that each fault stands at a place of the file, and that of what loads each
// part has a place in one of the texts, and a value.
func FuzzLets(f *testing.F) {
	for _, seed := range [][3]string{
		{"p99 > 800ms", "not a", "a and b or tps > 1"}, {"b", "a", "a > 1"}, {"over(5m)", "a.tps * 2", "b > a.tps"}, {"5m", "over(a).tps", "b > 1"},
		{"10m", "ago(a, 1h)", "tps > b.tps and ago(a, 5%).tps > ago(a, a, a).tps"},
		{`"größe"`, "topic == a", "b ? tps > 1 : errors > 1"}, {"[1, 2]", "any(a, # > 1)", "b and lag in a"}, {"if tps > 1 { 1 } else { 2 }", "a; a", "a > b"},
		{"tps > 1 // x", "a\n\n  and a", "b"}, {"-5", "a ** 2", "b > a ?? 1"}, {"policy.tiers[tier].lag", "max(a, 1)", "lag > b"}, {"sdk_version", `a < "1.2"`, "not b"},
		{"日本", "a(1)", "a | b()"}, {"{x: tps}", "a.x", "a?.x > 1 and b in 1..3"}, {"5%", "10MB/s", "bps > b * a"}, {"let x = 1; x", "(a", "a)"}, {"#", ".a", "$env.a"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, a, b, condition string) {
		rule := map[string]any{"alert": "A", "by": []string{"topic", "tier", "sdk_version"}, "let": map[string]string{"a": a, "b": b}, "expr": condition,
			"annotations": map[string]string{"summary": "{{ .a }} {{ .b }}"}}
		text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "g", "let": map[string]string{"a": "1", "c": "a"}, "rules": []any{rule}}}})
		if err != nil {
			return
		}
		parsed, faults := Parse("r.yaml", text)
		lines := strings.Split(string(text), "\n")
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > len(lines) || fault.Column < 1 || fault.Column > utf8.RuneCountInString(lines[fault.Line-1])+2 {
				t.Errorf("a fault stands at %d:%d of\n%s: %s", fault.Line, fault.Column, text, fault.Message)
			}
		}
		for _, one := range parsed {
			checkPlacesOf(t, one)
		}
	})
}

// checkPlacesOf looks at each part of a rule's conditions, and at what else asks of them.
func checkPlacesOf(t *testing.T, rule *Rule) {
	t.Helper()
	for _, of := range rule.Conditions() {
		ast.Walk(&of.Tree, everyNode(func(node ast.Node) {
			offset, keys := rule.Place(of.Key, node)
			if written := rule.written.find(keys...); written == nil || offset < 0 || offset > utf8.RuneCountInString(written.Value) {
				t.Errorf("%s is said to stand at %d of %v", node, offset, keys)
			}
			rule.Fault("", "", offset, keys...)
		}))
	}
	rule.FiresEarly()
	rule.Reads()
	view := &View{Ago: func(string, ...string) Span { return unknownSpan() }, Over: func(string) Span { return unknownSpan() }, Prev: unknownSpan()}
	view.Span = unknownSpan()
	view.setLabels(rule.Grouping.By, []string{"a", "S1", "1.2"})
	view.setPolicy(nil, new(bool))
	parts, _ := rule.explained(view, "")
	for _, part := range parts {
		if part.Text == "" {
			t.Errorf("a part of %s has no text: %+v", rule.ExprText, part)
		}
	}
}
