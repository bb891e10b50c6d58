package lint

import (
	"fmt"
	"time"

	"github.com/weirmq/weir/rules"
)

// PartialBytes is what a group's partial takes on weir.groups for each pane and source, in bytes, as docs/benchmarks.md has it
// of one with a histogram. Rules that read no histogram have smaller ones.
const PartialBytes = 105

// MaxGroups is how many groups a rule has before they are many. Not smaller: a large cluster has thousands of topics; not
// larger: an evaluator has room for rules.DefaultMaxGroups of all rules together.
const MaxGroups = 10_000

// bytesPerDay is what each source writes to weir.groups in a day for so many groups.
func bytesPerDay(groups int, pane time.Duration) float64 {
	return float64(groups) * PartialBytes * float64(24*time.Hour/pane)
}

// writtenPerDay is what each source writes to weir.groups in a day for a rule: nothing for an inspection.
func writtenPerDay(rule *rules.Rule, groups int, pane time.Duration) float64 {
	if rule.Lane == rules.LaneInspection {
		return 0
	}
	return bytesPerDay(groups, pane)
}

// size is a number of bytes as people read it.
func size(bytes float64) string {
	units := []string{"B", "KB", "MB", "GB", "TB"}
	for len(units) > 1 && bytes >= 999.5 {
		bytes, units = bytes/1000, units[1:]
	}
	return fmt.Sprintf("%.3g%s", bytes, units[0])
}

// sayCrowded says which rules have many groups, of what the store holds.
func (l *look) sayCrowded() {
	seen := l.config.Seen
	if seen == nil {
		return
	}
	for _, rule := range l.folder.Rules {
		if groups := len(seen.groups(&rule.Grouping)); groups > MaxGroups && rule.Lane == rules.LaneRealtime {
			l.say(rule.Fault(fmt.Sprintf("by makes %d groups of what the store holds of the last %s, and more than %d are many: each source writes a partial of each in a pane, %s a day",
				groups, short(seen.Span), MaxGroups, size(bytesPerDay(groups, l.config.Pane))),
				"group by fewer labels, or let where leave out what the rule does not look at", 0, "by"))
		}
	}
}
