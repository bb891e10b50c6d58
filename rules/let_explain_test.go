package rules

import (
	"fmt"
	"strings"
	"testing"
)

// TestExplanationsNameLets: each let stands above what it is made of, and what is around it as it is written.
func TestExplanationsNameLets(t *testing.T) {
	rule := withLets(t, `
defaults: {let: {limit: 800ms, slow: p99 > limit, slower: slow, before: ago(5m), usual: 2 * before.tps}}
rules:
  - alert: A
    expr: tps > 5
    warn: ' slower or tps > usual'
    crit: not slow
`)[0]
	view := &View{Ago: func(string, ...string) Span { return Span{TPS: 4} }}
	view.TPS, view.P99 = 20, 0.953
	parts, _ := rule.explained(view, severityWarning)
	var got []string
	for _, part := range parts {
		got = append(got, strings.TrimRight(fmt.Sprintf("%s%s @%d = %v %s", strings.Repeat("  ", part.Depth), part.Text, part.Offset, part.Value, part.Unit), " "))
	}
	const want = `slower or tps > usual @1 = true
  slower @1 = true
    slow @0 = true
      p99 > limit @0 = true
        p99 @0 = 0.953 s
        limit @6 = 0.8 s
  tps > usual @11 = true
    tps @11 = 20 /s
    usual @17 = 8 /s
      2 * before.tps @0 = 8 /s
        2 @0 = 2
        before.tps @4 = 4 /s
          ago(5m).tps @0 = 4 /s
not slow @0 = false
  slow @4 = true
    p99 > limit @0 = true
      p99 @0 = 0.953 s
      limit @6 = 0.8 s
tps > 5 @0 = true
  tps @0 = 20 /s
  5 @6 = 5`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// TestExplanationsShowWhatFunctionsAreGivenByLets: that has no value in the text.
func TestExplanationsShowWhatFunctionsAreGivenByLets(t *testing.T) {
	rule := withLets(t, `
defaults: {by: [topic, sdk_version], let: {lowest: 7, least: 'max(lag, lowest, 3)', name: '"topic"', oldest: '"1.2"', kinds: '["a", "b"]'}}
rules:
  - {alert: A, expr: 'least > -lowest and label(name) in kinds and sdk_version < oldest'}
`)[0]
	view := &View{}
	view.Lag = 9
	view.setLabels(rule.Grouping.By, []string{"a", "1.1"})
	parts, _ := rule.explained(view, "")
	var got []string
	for _, part := range parts[1:] {
		got = append(got, strings.TrimRight(fmt.Sprintf("%s%s = %v %s", strings.Repeat("  ", part.Depth-1), part.Text, part.Value, part.Unit), " "))
	}
	const want = `least > -lowest = true
  least = 9
    max(lag, lowest, 3) = 9
      lag = 9
      lowest = 7
  -lowest = -7
    lowest = 7
label(name) in kinds = true
  label(name) = a
    name = topic
sdk_version < oldest = true
  sdk_version = 1.1
  oldest = 1.2`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}
