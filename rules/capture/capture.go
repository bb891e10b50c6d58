// Package capture makes a test of an alert: from the cells that a store has of its group come the reports of a case in the
// language of rules/ruletest, and from the alert what is expected of it.
package capture

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/explain"
	"github.com/weirmq/weir/rules/ruletest"
	"github.com/weirmq/weir/telemetry"
)

// Capture is a test that is being made.
type Capture struct {
	From, To time.Time         // of the cells that it needs: whole panes, From the beginning of a minute
	Begun    time.Time         // first pane of the store; what was before is unknown
	Omit     telemetry.Parts   // what the rule does not read
	Labels   map[string]string // that the cells have, "" for absent

	alert  *telemetry.Alert
	rule   *rules.Rule
	set    *rules.Set
	pane   time.Duration
	read   map[string]bool                    // names that the rule reads
	keep   []string                           // labels that matter; nil for all
	series map[string]*series                 // by their labels as the test has them
	hours  map[int64]map[string]rules.Counted // hours past that the store has, by their begin in Unix seconds and by labels
	more   bool                               // the group has other alerts in the time of the test
}

// extraPanes is how much more is read than the lookback. Not less: the condition is false once before it is true; not more: lines.
const extraPanes = 1

// New says what is needed to make a test of an alert, with the rules of a folder. The error goes on from the name of the folder.
func New(set *rules.Set, alert *telemetry.Alert, pane time.Duration) (*Capture, error) {
	c := &Capture{alert: alert, rule: set.ByName(alert.Rule), set: set, pane: pane, series: map[string]*series{}, hours: map[int64]map[string]rules.Counted{}, Labels: map[string]string{}, read: map[string]bool{}}
	if c.rule == nil || !strings.HasPrefix(alert.GroupKey, telemetry.GroupKey(c.rule.Grouping.ID, []string{""})) {
		return nil, fmt.Errorf("no %s there groups as the alert does; name the folder of the rules that made it by rules.dir of --config", alert.Rule)
	}
	var lookback time.Duration
	for _, rule := range set.Rules { // variants of one rule have its name
		if rule.Alert == alert.Rule {
			lookback = max(lookback, rule.Lookback())
			c.names(rule)
		}
	}
	for _, name := range c.rule.Grouping.By {
		c.Labels[name] = alert.Labels[name]
	}
	for _, grouping := range (&rules.Set{Rules: c.variants(), Policy: set.Policy}).Groupings() {
		c.Omit = grouping.Omit
	}
	c.keepLabels()
	c.From = alert.ActiveAt.Add(-lookback - extraPanes*pane).Truncate(time.Minute).UTC()
	c.To = alert.EvaluatedAt.UTC()
	if !alert.ResolvedAt.IsZero() {
		c.To = alert.ResolvedAt.UTC()
	}
	return c, nil
}

// EndAt has the test end before the alert's newest evaluation, where the store has no more: one that fires is always ahead of what is
// stored. It says whether all that the alert did came before.
func (c *Capture) EndAt(end time.Time) bool {
	end = end.UTC()
	if !c.alert.ResolvedAt.IsZero() || end.Before(c.alert.ActiveAt) || end.Before(c.alert.FiredAt) {
		return false
	}
	if end.Before(c.To) {
		c.To = end
	}
	return true
}

// variants are the rules of the alert's name.
func (c *Capture) variants() []*rules.Rule {
	return slices.DeleteFunc(slices.Clone(c.set.Rules), func(rule *rules.Rule) bool { return rule.Alert != c.alert.Rule })
}

// names notes what a rule's conditions name.
func (c *Capture) names(rule *rules.Rule) {
	for _, condition := range rule.Conditions() {
		ast.Walk(&condition.Tree, visitor(func(node ast.Node) {
			switch n := node.(type) {
			case *ast.IdentifierNode:
				c.read[n.Value] = true
			case *ast.StringNode: // the name of a member
				c.read[n.Value] = true
			}
		}))
	}
}

type visitor func(ast.Node)

// Visit looks at one node; ast.Walk calls it.
func (v visitor) Visit(node *ast.Node) { v(*node) }

// keepLabels chooses the labels by which series differ in the test: those of the group, and those that the filter reads. Where
// the rule looks at clients or at gauges, each series stays.
func (c *Capture) keepLabels() {
	gauges := slices.ContainsFunc(rules.GaugeFields, func(field rules.GaugeField) bool { return c.read[field.Field] })
	if gauges || !c.Omit.Has(telemetry.PartDistincts) {
		return
	}
	c.keep = slices.Clone(c.rule.Grouping.By)
	if tree := c.rule.WhereTree(); tree != nil {
		ast.Walk(&tree, visitor(func(node ast.Node) {
			switch n := node.(type) {
			case *ast.IdentifierNode:
				c.keep = append(c.keep, n.Value)
			case *ast.StringNode: // of label("name")
				c.keep = append(c.keep, n.Value)
			}
		}))
	}
}

// Take adds cells: those of other groups are left out.
func (c *Capture) Take(cells *telemetry.StoredCells) {
	for i := range cells.Cells {
		cell := &cells.Cells[i]
		labels := cells.Labels[cell.Series]
		values, ok := c.rule.Grouping.Values(labels)
		if !ok || telemetry.GroupKey(c.rule.Grouping.ID, values) != c.alert.GroupKey {
			continue
		}
		text := c.labelText(labels)
		of := c.series[text]
		if of == nil {
			of = &series{panes: map[int64]*telemetry.Totals{}}
			c.series[text] = of
		}
		if of.panes[cell.PaneUnix] == nil {
			of.panes[cell.PaneUnix] = &telemetry.Totals{}
		}
		of.panes[cell.PaneUnix].MergePanes(&cell.Totals)
	}
}

// Text is the test. Failures are why it does not show the alert; it is a test of what the rules do with the cells all the same.
// Where the alert was there before, in the time that the test needs, more may happen than it expects.
func (c *Capture) Text() (text string, failures []string, err error) {
	text, failures, err = c.played()
	if err != nil || len(failures) == 0 {
		return text, failures, err
	}
	c.more = true
	if with, others, err := c.played(); err == nil && len(others) == 0 {
		return with, nil, nil
	}
	c.more = false
	return text, failures, nil
}

// played is the test, and what fails when it is played.
func (c *Capture) played() (text string, failures []string, err error) {
	ruleFile, err := c.ruleFile()
	if err != nil {
		return "", nil, err
	}
	text = c.script() + ruleFile
	file, faults := ruletest.Parse("captured"+ruletest.Suffix, []byte(text))
	if len(faults) > 0 {
		return text, nil, fmt.Errorf("the test that was made has faults: %w", faults)
	}
	outcome, err := file.Play(file.Cases[0], nil)
	if err != nil {
		return text, nil, err
	}
	for _, failure := range outcome.Failures {
		failures = append(failures, failure.String())
	}
	return text, failures, nil
}

// script is the case.
func (c *Capture) script() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s, %s. 0s is %s.\n", explain.Name(c.alert), c.alert.ID, c.zero().Format(time.RFC3339))
	for _, line := range explain.Lines(c.alert.Explanation) {
		fmt.Fprintf(&out, "#   %s\n", line)
	}
	if changed := c.changed(); changed != "" {
		fmt.Fprintf(&out, "# %s\n", changed)
	}
	if c.pane != ruletest.DefaultPane {
		fmt.Fprintf(&out, "pane %s\n", rules.FormatDuration(c.pane))
	}
	fmt.Fprintf(&out, "rules %s\n\ncase captured at %s\n", c.alert.Rule, c.alert.ActiveAt.UTC().Format(time.RFC3339))
	if begin := later(c.Begun, c.From); begin.After(c.zero()) {
		fmt.Fprintf(&out, "start at %s\n", c.since(begin))
	}
	for _, line := range slices.Concat(c.pastLines(), c.reports()) {
		out.WriteString(line + "\n")
	}
	fmt.Fprintf(&out, "advance to %s\n", c.since(c.To))
	for _, line := range c.expectations() {
		out.WriteString(line + "\n")
	}
	return out.String()
}

// zero is the time that is 0s: the beginning of an hour where the rule looks at hours.
func (c *Capture) zero() time.Time {
	if slices.ContainsFunc(c.variants(), (*rules.Rule).LooksPast) {
		return c.From.Truncate(time.Hour)
	}
	return c.From
}

func (c *Capture) since(at time.Time) string {
	d := at.Sub(c.zero())
	if d < 0 {
		return "-" + rules.FormatDuration(-d)
	}
	return rules.FormatDuration(d)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// expectations are what the alert did.
func (c *Capture) expectations() []string {
	name := explain.Name(c.alert)
	var out []string
	if !c.alert.FiredAt.Equal(c.alert.ActiveAt) {
		out = append(out, fmt.Sprintf("expect %s %s pending", c.since(c.alert.ActiveAt), name))
	}
	if !c.alert.FiredAt.IsZero() {
		out = append(out, fmt.Sprintf("expect %s %s firing", c.since(c.alert.FiredAt), name))
	}
	if !c.alert.ResolvedAt.IsZero() {
		out = append(out, fmt.Sprintf("expect %s %s resolved", c.since(c.alert.ResolvedAt), name))
	}
	if c.more {
		return append(out, "# It was there before, too: that nothing else happens is not expected.")
	}
	return append(out, "expect nothing else")
}

// ruleFile is the rule as its file has it, without the others where it can stand alone, and the policy.
func (c *Capture) ruleFile() (string, error) {
	content, err := os.ReadFile(c.rule.File)
	if err != nil {
		return "", fmt.Errorf("read the rule: %w", err)
	}
	if alone, ok := onlyRule(content, c.alert.Rule); ok {
		content = alone
	}
	out := "\n-- rules.yaml --\n" + strings.TrimRight(string(content), "\n") + "\n"
	if c.set.Policy == nil {
		return out, nil
	}
	for dir := filepath.Dir(c.rule.File); ; dir = filepath.Dir(dir) {
		policy, err := os.ReadFile(filepath.Join(dir, rules.PolicyFile))
		if err == nil {
			return out + "-- " + rules.PolicyFile + " --\n" + strings.TrimRight(string(policy), "\n") + "\n", nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("read the policy: %w", err)
		}
	}
}
