package capture

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/explain"
	"github.com/weirmq/weir/telemetry"
)

// Why says why a test may not show its alert: a condition that the rule no longer has, if the alert tells of one, or other rule
// files, and otherwise what it may be.
func (c *Capture) Why() string {
	then, variants := conditionsOf(c.alert.Explanation), c.variants()
	has := func(rule *rules.Rule, text conditionText) bool {
		return slices.ContainsFunc(rule.Explained(), func(part telemetry.ExplainedPart) bool { return textOf(part) == text })
	}
	for _, text := range then {
		if !slices.ContainsFunc(variants, func(rule *rules.Rule) bool { return has(rule, text) }) {
			return fmt.Sprintf("the rule was changed since, and has no condition %q now", text.text)
		}
	}
	switch changed := c.changed(); {
	case changed != "":
		return changed
	case c.alert.Revision != "" && c.set.Revision != "": // only the newest transition tells of its own
		return "something was late or unknown to weir then, as all is that came before the rule was new, or the rule or the policy was changed while the alert was there"
	}
	return "something was late or unknown to weir then, as all is that came before the rule was new, or the rule or the policy was changed since"
}

// changed says that the rule files are others than those of the alert, "" where they are not, as far as that is known.
func (c *Capture) changed() string { return explain.RulesChanged(c.alert, c.set.Revision) }

// conditionText is a condition as an explanation has it, up to spacing.
type conditionText struct{ key, text string }

func textOf(part telemetry.ExplainedPart) conditionText {
	return conditionText{part.Condition, strings.Join(strings.Fields(part.Text), " ")}
}

// conditionsOf are the whole conditions of an explanation, none where there is no explanation.
func conditionsOf(explanation *telemetry.Explanation) []conditionText {
	var out []conditionText
	if explanation == nil {
		return nil
	}
	for _, part := range explanation.Parts {
		if part.Depth == 0 {
			out = append(out, textOf(part))
		}
	}
	return out
}
