package lint

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/weirmq/weir/rules"
)

var durationChecks = []Check{
	{Name: "window-panes", Says: "a window that is no whole number of panes", find: findOddWindows,
		Why: "It is rounded up, so that the view covers more than is written."},
	{Name: "short-for", Says: "a `for` or `keep_firing_for` above 0 and below one pane", find: findShortFor,
		Why: "Rules are evaluated once in a pane, so that it waits for the next evaluation, however short it is."},
}

func findOddWindows(l *look) {
	for _, rule := range l.folder.Rules {
		if over := rule.Window % l.config.Pane; over != 0 {
			below, above := rule.Window-over, rule.Window-over+l.config.Pane
			hint := "write " + short(above)
			if below > 0 {
				hint = fmt.Sprintf("write %s or %s", short(below), short(above))
			}
			l.say(rule.Fault(fmt.Sprintf("window %s is no whole number of panes of %s, and covers %s", short(rule.Window), short(l.config.Pane), short(above)), hint, 0, "window"))
		}
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
