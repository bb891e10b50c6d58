package rules

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/expr-lang/expr/ast"
	"go.yaml.in/yaml/v3"
)

// withLets parses rules of one group; the text is that of the group below its name.
func withLets(t *testing.T, text string) []*Rule {
	t.Helper()
	parsed, faults := Parse("rules.yaml", []byte("groups:\n  - name: g\n    "+strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")+"\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return parsed
}

// TestInnerLetsGoFirst: what names a let has the value of the innermost layer, whichever layer it is of itself.
func TestInnerLetsGoFirst(t *testing.T) {
	parsed := withLets(t, `
defaults: {by: [topic, tier], let: {limit: 30m, behind: lag_seconds > limit, span: 10m}}
rules:
  - alert: A
    let: {factor: messages + 1}
    expr: behind and factor * 2 > over(span).messages
    by_tier: {S1: {let: {limit: 60s}}, S2: {let: {factor: 3, behind: lag > limit / 1s}}, default: {}}
`)
	for i, want := range []string{
		`lag_seconds > 60 and (messages + 1) * 2 > over("10m").messages`,
		`lag > 1800 / 1 and 3 * 2 > over("10m").messages`,
		`lag_seconds > 1800 and (messages + 1) * 2 > over("10m").messages`,
	} {
		rule := parsed[i]
		if got := rule.Conditions()[0].Tree.String(); got != want {
			t.Errorf("tier %s asks %s, want %s", rule.Tier, got, want)
		}
		if rule.ExprText != "behind and factor * 2 > over(span).messages" || rule.Lookback().Minutes() != 10 {
			t.Errorf("tier %s has %s and looks back %s", rule.Tier, rule.ExprText, rule.Lookback())
		}
	}
}

// TestLetsAreTakenForWhatTheyStandFor: filters group alike, what is compared as a version is one, each in its own sense, and
// whatever asks of the tree finds what is there without them.
func TestLetsAreTakenForWhatTheyStandFor(t *testing.T) {
	for _, c := range []struct{ lets, where, expr, plainWhere, plainExpr string }{
		{`{sends: op == "send", real: tag != "load"}`, "sends and real", "tps > 1", `op == "send" and tag != "load"`, "tps > 1"},
		{`{oldest: '"1.18.0"', old: sdk_version < oldest}`, "old", "old or not old", `sdk_version < "1.18.0"`, `sdk_version < "1.18.0" or not (sdk_version < "1.18.0")`},
		{`{version: sdk_version, known: '["1.2", "1.3"]'}`, "version in known", `version >= "1.2" ? tps > 1 : tps > 2`, `sdk_version in ["1.2", "1.3"]`, `sdk_version >= "1.2" ? tps > 1 : tps > 2`},
		{`{name: '"topic"', prefix: '"^a"'}`, "label(name) matches prefix", "label(name) matches prefix and errors >= 10", `label("topic") matches "^a"`, `label("topic") matches "^a" and errors >= 10`},
		{`{before: ago(5m), span: 10m, then: before.tps}`, "true", "before.tps > 1 and over(span).tps > then", "true", "ago(5m).tps > 1 and over(10m).tps > ago(5m).tps"},
		{`{share: 5%, rate: 10MB/s, wait: 500ms}`, "true", "error_rate > share and bps > rate and latency_share_above(wait) > share", "true", "error_rate > 5% and bps > 10MB/s and latency_share_above(500ms) > 5%"},
		{`{both: errors + rebalances, many: both * 2 > 10}`, "true", "many and both / 2 > 1", "true", "(errors + rebalances) * 2 > 10 and (errors + rebalances) / 2 > 1"},
		{`{busy: tps > 9}`, "true", "not busy", "true", "not (tps > 9)"},
		{`{either: tps > 9 or errors > 9}`, "true", "either and messages > 5", "true", "(tps > 9 or errors > 9) and messages > 5"},
		{`{chosen: 'tier == "S1" ? 5 : 10'}`, "true", "tps > chosen", "true", `tps > (tier == "S1" ? 5 : 10)`},
		{`{allowed: 'policy.tiers[tier].lag'}`, "true", "lag > allowed * 2", "true", `lag > policy.tiers[tier].lag * 2`},
		{`{some: 'any([1, 2], # > most)', most: 1}`, "true", "some and tps > 1", "true", "any([1, 2], # > 1) and tps > 1"},
	} {
		rules := withLets(t, fmt.Sprintf("defaults: {by: [topic, tier, sdk_version]}\nrules:\n  - alert: A\n    let: %s\n    where: %s\n    expr: '%s'\n  - alert: B\n    where: '%s'\n    expr: '%s'",
			c.lets, c.where, strings.ReplaceAll(c.expr, "'", "''"), c.plainWhere, c.plainExpr))
		named, plain := rules[0], rules[1]
		if named.Grouping.ID != plain.Grouping.ID {
			t.Errorf("%s groups by %s, not by %s", c.where, named.WhereText, plain.WhereText)
		}
		early, why := named.FiresEarly()
		plainEarly, plainWhy := plain.FiresEarly()
		const shrinks = " may become false while more comes in" // of what is written, the names of lets
		if early != plainEarly || why != plainWhy && !(strings.HasSuffix(why, shrinks) && strings.HasSuffix(plainWhy, shrinks)) {
			t.Errorf("%s fires early: %t, %s; want %t, %s", c.expr, early, why, plainEarly, plainWhy)
		}
		if got, want := named.Conditions()[0].Tree.String(), plain.Conditions()[0].Tree.String(); got != want {
			t.Errorf("%s asks %s, want %s", c.expr, got, want)
		}
		if got, want := fmt.Sprint(named.Reads(), named.Lookback(), named.reads.needs, named.reads.presence), fmt.Sprint(plain.Reads(), plain.Lookback(), plain.reads.needs, plain.reads.presence); got != want {
			t.Errorf("%s reads %s, want %s", c.expr, got, want)
		}
		batches := newBatches(conditionsOf(&Set{Rules: rules}), 10e9)
		if b := batches[plain.Grouping.ID]; b.rules[0].lowered != b.rules[1].lowered || b.rules[0].lowered && b.rules[0].condition != b.rules[1].condition {
			t.Errorf("%s is lowered to another plan than %s", c.expr, c.plainExpr)
		}
	}
}

// letsOf are the lets of an expression of their own.
func letsOf(t *testing.T, of map[string]string, order []string) *lets {
	t.Helper()
	mapping := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range order {
		mapping.Content = append(mapping.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, &yaml.Node{Kind: yaml.ScalarNode, Value: of[name]})
	}
	d := &decoder{path: "rules.yaml"}
	out := d.lets(layers{{"let": mapping}}, &Rule{Lane: LaneRealtime})
	if len(d.faults) > 0 {
		t.Fatal(d.faults)
	}
	return out
}

// someNode chooses a part of a tree.
type someNode struct {
	r     *rand.Rand
	node  ast.Node
	count int
}

// Visit looks at one node; ast.Walk calls it.
func (s *someNode) Visit(node *ast.Node) {
	if s.count++; s.r.IntN(s.count) == 0 {
		s.node = *node
	}
}

// TestLetsInPlaceOfAnyPart: where parts of a condition are put into lets, and parts of those into others, the tree stays, each part
// is said to be written where it is, and each that is a let by its name in explanations.
func TestLetsInPlaceOfAnyPart(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	nested := 0
	for range 500 {
		text := randomCondition(r, 1+r.IntN(3))
		want, err := scanExpression(text).parse()
		if err != nil {
			t.Fatal(err)
		}
		texts, order := map[string]string{"": text}, []string{}
		for i := range 1 + r.IntN(4) {
			in := append([]string{""}, order...)[r.IntN(len(order)+1)]
			x := scanExpression(texts[in])
			tree, err := x.parse()
			if err != nil {
				t.Fatal(err)
			}
			chosen := &someNode{r: r}
			ast.Walk(&tree, chosen)
			part, at := x.textOf(chosen.node)
			name := fmt.Sprintf("let%d", i)
			texts[name], order = part, append(order, name)
			whole := []rune(texts[in])
			texts[in] = string(whole[:at]) + name + string(whole[at+len([]rune(part)):])
			if in != "" {
				nested++
			}
		}
		slices.Reverse(order)
		s := letsOf(t, texts, order).put(texts[""])
		got, err := s.scan().parse()
		if err != nil || got.String() != want.String() {
			t.Fatalf("%s with %v is %s: %v", texts[""], texts, s.text, err)
		}
		checkWritten(t, s, got)
	}
	if nested < 100 {
		t.Errorf("only %d lets are within others", nested)
	}
}

// checkWritten holds that each node of a tree begins in its text with what is written at its place.
func checkWritten(t *testing.T, s *substituted, tree ast.Node) {
	t.Helper()
	text := []rune(s.text)
	ast.Walk(&tree, everyNode(func(node ast.Node) {
		hull := hullOfNode(node)
		of, at := s.innermost(hull.from, hull.to)
		written := []rune(s.written)
		if of != nil {
			written = []rune(of.whole.written)
		}
		names := false
		for _, use := range append(slices.Clone(s.uses), usesOf(of)...) {
			names = names || strings.HasPrefix(string(written[at:]), use.let.name)
		}
		if !names && text[hull.from] != written[at] {
			t.Errorf("%q of %s is said to stand at %d of %s", string(text[hull.from:hull.to]), s.text, at, string(written))
		}
	}))
}

func usesOf(of *let) []letUse {
	if of == nil {
		return nil
	}
	return of.whole.uses
}

type everyNode func(ast.Node)

// Visit looks at one node; ast.Walk calls it.
func (e everyNode) Visit(node *ast.Node) { e(*node) }

// TestLetsThatDoubleAreBounded: what would be a million characters long is a fault, and not said again by all that name it.
func TestLetsThatDoubleAreBounded(t *testing.T) {
	text := "groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: l30 > 1\n        let:\n          l0: messages + errors\n"
	for i := range 30 {
		text += fmt.Sprintf("          l%d: l%d + l%d\n", i+1, i, i)
	}
	_, faults := Parse("r.yaml", []byte(text))
	if len(faults) != 1 || !strings.HasPrefix(faults[0].String(), "r.yaml:17:21: let l10: the expression is too long with what its lets stand for; a let that names others twice is twice as long as they are\n") {
		t.Errorf("got %v", faults)
	}
	_, faults = Parse("r.yaml", []byte(strings.ReplaceAll(strings.Split(text, "          l8:")[0], "l30 > 1", "l7 + l7 + l7 + l7 + l7 + l7 + l7 + l7 > 1")))
	if len(faults) != 1 || faults[0].Line != 5 || !strings.HasPrefix(faults[0].Message, "expr: the expression is too long") {
		t.Errorf("of the condition: got %v", faults)
	}
}

// TestAnnotationsShowLets: numbers that are unknown are NaN, and a condition is true only if it is known to be.
func TestAnnotationsShowLets(t *testing.T) {
	rule := withLets(t, `
rules:
  - alert: A
    let: {few: members < 3, no_members: not few, usual: ago(1d).tps, whole: 5, wide: size_max > 10KB, past: over(30m).p99}
    expr: tps > 1
    annotations: {summary: '{{ .few }} {{ .no_members }} {{ .usual }} {{ printf "%.1f" .whole }} {{ if .wide }}wide{{ end }} {{ .past | humanizeDuration }}'}
`)[0]
	for members, want := range map[float64]string{math.NaN(): "false false NaN 5.0 wide 2s", 2: "true false NaN 5.0 wide 2s", 3: "false true NaN 5.0 wide 2s"} {
		view := &View{Ago: func(string, ...string) Span { return unknownSpan() }, Over: func(string) Span { return Span{P99: 2} }}
		view.Members, view.SizeMax = members, 20000
		got, err := render(rule.annotations["summary"], annotationData(rule, nil, view))
		if err != nil || got != want {
			t.Errorf("of %g members it says %q, %v; want %q", members, got, err, want)
		}
	}
	if rule.Lookback().Minutes() != 30 || !rule.reads.needs.Has(fieldNeeds["p99"]|fieldNeeds["size_max"]) || len(rule.reads.past) != 1 || fmt.Sprint(rule.reads.fields) != "[tps]" {
		t.Errorf("it reads %+v", rule.reads)
	}
	if rule.truth != nil {
		t.Error("the condition depends on what annotations show")
	}
}

// TestInspectionsReadWhatAnnotationsShow: gauges and days that no condition reads.
func TestInspectionsReadWhatAnnotationsShow(t *testing.T) {
	in := inspectionOf(t, "alert: A\nby: [topic]\nlet: {before: prev.messages, behind: lag_seconds}\nexpr: messages > 1\nannotations: {summary: '{{ .before }} {{ .behind }} {{ .members }}'}")
	if got := fmt.Sprint(in.Days(), in.Gauges()); got != "2 [lag_seconds members]" {
		t.Errorf("it asks for %s", got)
	}
}
