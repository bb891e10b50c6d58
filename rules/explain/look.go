package explain

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// contributors is how many of them the query returns. Not fewer: some of each version and partition; not more: a screen.
const contributors = 20

// SQL asks the store which clients, partitions and versions contributed most to the group of an alert in its newest window. Of the
// rule's where it has what compares labels with texts; the rest stands above it as comments. The rule is nil where it is not known.
func SQL(rule *rules.Rule, alert *telemetry.Alert) string {
	conditions := []string{"ts >= " + quoted(alert.WindowStart.UTC().Format(time.DateTime)), "ts < " + quoted(alert.WindowEnd.UTC().Format(time.DateTime))}
	var leftOut []string
	if rule == nil {
		leftOut = append(leftOut, "its rule is not known here: by what it groups, and its where")
	} else {
		for _, name := range rule.Grouping.By {
			conditions = append(conditions, is(name, alert.Labels[name]))
		}
		translated, rest := where(rule.WhereTree(), rule.Grouping.By)
		conditions = append(conditions, translated...)
		leftOut = append(leftOut, rest...)
	}
	var out strings.Builder
	for _, text := range leftOut {
		fmt.Fprintf(&out, "-- left out: %s\n", strings.Join(strings.Fields(text), " "))
	}
	fmt.Fprintf(&out, "SELECT client, partition, sdk_lang, sdk_version, sum(messages) AS messages, sum(errors) AS errors,\n"+
		"       max(latency_max_us) / 1000 AS latency_max_ms\nFROM rollup_10s FINAL\nWHERE %s\n"+
		"GROUP BY client, partition, sdk_lang, sdk_version\nORDER BY messages DESC, errors DESC, client, partition\nLIMIT %d",
		strings.Join(conditions, "\n  AND "), contributors)
	return out.String()
}

// quoted writes a text as ClickHouse reads it.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// column is where the store has a label, ok is false of those that are in extra.
func column(label string) (name string, ok bool) {
	if label == "group" {
		return "consumer_group", true
	}
	return label, slices.Contains(telemetry.LabelNames, label)
}

// is says that a label has a value; the empty one is that it is absent.
func is(label, value string) string {
	if name, ok := column(label); ok {
		return name + " = " + quoted(value)
	}
	prefix := strings.NewReplacer(`\`, `\\`, `=`, `\=`).Replace(label) + "="
	if value == "" {
		return "NOT arrayExists(x -> startsWith(x, " + quoted(prefix) + "), extra)"
	}
	return "has(extra, " + quoted(prefix+value) + ")"
}

// versionComparison is how a tree writes the comparison of a label with a version.
var versionComparison = regexp.MustCompile(`versions compared (?:either way )?by\(([^,]+), "([^"]+)", (.+?), (?:true|false)\)`)

// where translates the conditions that all must hold, and returns those that it cannot. Those of one label of by hold of the whole
// group, or there were no alert.
func where(tree ast.Node, by []string) (translated, rest []string) {
	if tree == nil {
		return nil, nil
	}
	n, ok := tree.(*ast.BinaryNode)
	if ok && (n.Operator == "and" || n.Operator == "&&") {
		for _, side := range []ast.Node{n.Left, n.Right} {
			these, others := where(side, by)
			translated, rest = append(translated, these...), append(rest, others...)
		}
		return translated, rest
	}
	if ok {
		text := compared(n)
		switch {
		case text != "" && slices.Contains(by, labelOf(n.Left)):
			return nil, nil
		case text != "":
			return []string{text}, nil
		}
	}
	return nil, []string{versionComparison.ReplaceAllString(tree.String(), "$1 $2 $3")}
}

// compared translates a comparison of a label with a text or some, "" where it is none. Versions compare by their numbers, which
// the store does not know.
func compared(n *ast.BinaryNode) string {
	label := labelOf(n.Left)
	if label == "" || label == "sdk_version" {
		return ""
	}
	switch right := n.Right.(type) {
	case *ast.StringNode:
		switch n.Operator {
		case "==":
			return is(label, right.Value)
		case "!=":
			return "NOT " + is(label, right.Value)
		}
	case *ast.ArrayNode:
		var any []string
		for _, node := range right.Nodes {
			text, ok := node.(*ast.StringNode)
			if !ok {
				return ""
			}
			any = append(any, is(label, text.Value))
		}
		if n.Operator == "in" && len(any) > 0 {
			return "(" + strings.Join(any, " OR ") + ")"
		}
	}
	return ""
}

// labelOf is the label that a node reads, "" where it reads none.
func labelOf(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		if slices.Contains(telemetry.LabelNames, n.Value) {
			return n.Value
		}
	case *ast.CallNode:
		if rules.CalledName(n) == "label" && len(n.Arguments) == 1 {
			if name, ok := n.Arguments[0].(*ast.StringNode); ok {
				return name.Value
			}
		}
	}
	return ""
}

// dashboardMargin is what a dashboard shows before and after the window. Not less: what led to it; not more: the window would be a line.
const dashboardMargin = 15 * time.Minute

// Dashboard is a link to a Grafana dashboard at the time of an alert's window, with the alert's labels as its variables; "" without a
// dashboard.
func Dashboard(dashboard string, alert *telemetry.Alert) string {
	link, err := url.Parse(dashboard)
	if dashboard == "" || err != nil {
		return ""
	}
	query := link.Query()
	query.Set("from", strconv.FormatInt(alert.WindowStart.Add(-dashboardMargin).UnixMilli(), 10))
	query.Set("to", strconv.FormatInt(alert.WindowEnd.Add(dashboardMargin).UnixMilli(), 10))
	for name, value := range alert.Labels {
		query.Set("var-"+name, value)
	}
	link.RawQuery = query.Encode()
	return link.String()
}
