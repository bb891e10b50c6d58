package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules"
)

var durationChecks = []Check{
	{Name: "window-panes", Says: "a window that is no whole number of panes", find: findOddWindows,
		Why: "It is rounded up, so that the view covers more than is written."},
	{Name: "span-panes", Says: "an `over` or `ago` whose span is no whole number of panes", find: findOddSpans,
		Why: "It is rounded up, so that it covers more, or looks further back, than is written."},
	{Name: "short-for", Says: "a `for` or `keep_firing_for` above 0 and below one pane", find: findShortFor,
		Why: "Rules are evaluated once in a pane, so that it waits for the next evaluation, however short it is."},
}

func findOddWindows(l *look) {
	for _, rule := range l.folder.Rules {
		if above, hint := l.rounded(rule.Window); above != rule.Window {
			l.say(rule.Fault(fmt.Sprintf("window %s is no whole number of panes of %s, and covers %s", short(rule.Window), short(l.config.Pane), short(above)), hint, 0, "window"))
		}
	}
}

// rounded is a span as whole panes, rounded up as the evaluation does, and what to write in its place.
func (l *look) rounded(span time.Duration) (above time.Duration, hint string) {
	below := span.Truncate(l.config.Pane)
	if below == span {
		return span, ""
	}
	above = below + l.config.Pane
	if below == 0 {
		return above, "write " + short(above)
	}
	return above, fmt.Sprintf("write %s or %s", short(below), short(above))
}

func findOddSpans(l *look) {
	for _, rule := range l.folder.Rules {
		for _, condition := range rule.Conditions() {
			ast.Walk(&condition.Tree, visitor(func(node *ast.Node) {
				if function, spans := rules.SpanCall(*node); function != "" {
					l.oddSpans(rule, condition.Key, (*node).(*ast.CallNode), spans)
				}
			}))
		}
	}
}

// oddSpans says which durations of a look elsewhere in time are rounded up.
func (l *look) oddSpans(rule *rules.Rule, key string, call *ast.CallNode, spans []string) {
	function := rules.CalledName(call)
	for i, text := range spans {
		span, err := rules.ParseDuration(text)
		if err != nil {
			continue
		}
		above, hint := l.rounded(span)
		if above == span {
			continue
		}
		written, at, does := fmt.Sprintf("%s(%s)", function, short(span)), ast.Node(call), "covers"
		if function == "ago" && i == 0 {
			does = "looks back"
		}
		if len(spans) > 1 {
			written, at = fmt.Sprintf("%s of %s(%s)", short(span), function, strings.Join(spans, ", ")), call.Arguments[i]
		}
		offset, keys := rule.Place(key, at)
		l.say(rule.Fault(fmt.Sprintf("%s is no whole number of panes of %s, and %s %s", written, short(l.config.Pane), does, short(above)),
			hint, offset, keys...))
	}
}

func findShortFor(l *look) {
	for _, rule := range l.folder.Rules {
		for _, wait := range []struct {
			key string
			d   time.Duration
		}{{"for", rule.For}, {"keep_firing_for", rule.KeepFiringFor}} {
			if wait.d > 0 && wait.d < l.config.Pane {
				l.say(rule.Fault(fmt.Sprintf("%s %s is below a pane of %s, and lasts as long as one", wait.key, short(wait.d), short(l.config.Pane)),
					fmt.Sprintf("write 0s or %s", short(l.config.Pane)), 0, wait.key))
			}
		}
	}
}

// short is a duration as people write it.
func short(d time.Duration) string { return rules.FormatDuration(d) }

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
