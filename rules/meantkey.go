package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/rules/unit"
)

// otherKeys are what other tools call the keys of a rule and of a policy, in small letters.
var otherKeys = map[string]string{
	"expression": "expr", "condition": "expr", "if": "expr", "query": "expr", "name": "alert", "rule": "alert",
	"group_by": "by", "groupby": "by", "filter": "where", "match": "where", "matchers": "where", "selector": "where",
	"warning": "warn", "critical": "crit", "range": "window", "interval": "window", "duration": "for", "pending": "for",
	"keep_firing": "keep_firing_for", "keepfiringfor": "keep_firing_for", "tier": "by_tier", "tiers": "by_tier", "max": "limit", "group": "groups",
}

// Keys that stand one level below, or above, of where people write them.
var (
	annotationKeys = []string{"summary", "description", "runbook", "runbook_url", "message", "action", "dashboard"}
	labelKeys      = []string{"severity", "team", "owner", "priority", "service"}
)

// meantByKey is what was probably meant by a key that is not known in a place.
func meantByKey(key, what string, known []string) string {
	small := strings.ToLower(strings.ReplaceAll(key, "-", "_"))
	other := otherKeys[small]
	if slices.Contains(known, small) {
		other = small
	}
	switch {
	case key == "<<":
		return "YAML's merges are not read; write it out, or put what rules have in common into defaults"
	case slices.Contains(known, other):
		return `did you mean "` + other + `"?`
	case slices.Contains(known, "annotations") && slices.Contains(annotationKeys, small):
		return "it stands in annotations"
	case slices.Contains(known, "labels") && slices.Contains(labelKeys, small):
		return "it stands in labels"
	case slices.Contains(askedNames, what) && slices.Contains(known, bareName(small)):
		return fmt.Sprintf("write %s, and the unit behind its number", bareName(small))
	case what == "a rule file" && (slices.Contains(ruleKeys, small) || slices.Contains(groupKeys, small)):
		return ruleFileShape
	case what == "a group" && slices.Contains(sharedKeys, small):
		return "what rules have in common stands in defaults"
	case what == "a group" && slices.Contains(ruleKeys, small):
		return "it stands in one of the rules"
	case what == "an action" && slices.Contains(control.ActionNames(), small):
		return "only people ask for that, by a command"
	case what == "defaults" && slices.Contains(ruleKeys, small):
		return "each rule has its own"
	}
	return didYouMean(key, known)
}

// bareName is the name of a command's field without the unit that stands in it.
func bareName(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, "_seconds"), "_bytes")
}

var noLetters = regexp.MustCompile(`[^a-zA-Z0-9_]+`)

// meantByAlert is the name that a text is without what no name has.
func meantByAlert(written string) string {
	name := strings.Trim(noLetters.ReplaceAllString(written, "_"), "_")
	if name != "" && !alertName.MatchString(name) {
		name = "_" + name
	}
	if name == "" {
		return ""
	}
	return `did you mean "` + name + `"?`
}

// ruleFileShape says how a rule file begins.
const ruleFileShape = "a file has groups, each with a name and rules, as in groups: [{name: traffic, rules: [...]}]"

var (
	onlyDigits  = regexp.MustCompile(`^[0-9]+$`)
	isoDuration = regexp.MustCompile(`^P(\d+D)?T?(.*)$`)
)

// meantByDuration is how a text is written that was meant as a duration, "" where that cannot be told.
func meantByDuration(text string) string {
	text = strings.TrimSpace(text)
	if onlyDigits.MatchString(text) {
		return "write " + text + "s for seconds, " + text + "m for minutes"
	}
	small := strings.ToLower(strings.Join(strings.Fields(text), ""))
	if match := isoDuration.FindStringSubmatch(text); match != nil {
		small = strings.ToLower(match[1] + match[2])
	}
	if d, err := time.ParseDuration(small); err == nil && d > 0 {
		return "write " + small
	}
	return unit.Meant(text)
}
