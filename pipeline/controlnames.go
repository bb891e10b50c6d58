package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/weirmq/weir/control"
)

const (
	// maxNamesNear is how many names are said that may have been meant. Not fewer: names of a series differ in a digit; not more: a line.
	maxNamesNear = 5
	// maxNamesTold is how many are said of what there is. Not more: a line or two.
	maxNamesTold = 10
)

// insteadOf says which of the names that there are may have been meant by one that is none of them, or else which there are; of is what they name, as in "commands".
func insteadOf(name, of string, known []string) string {
	known = slices.Compact(slices.Sorted(slices.Values(known)))
	if len(known) == 0 {
		return "there are no " + of
	}
	var near []string
	for _, other := range known {
		if isNear(name, other) {
			near = append(near, other)
		}
	}
	if len(near) > 0 {
		return "did you mean " + named(near, maxNamesNear) + "?"
	}
	return of + " are " + named(known, maxNamesTold)
}

// isNear says whether somebody who wrote name may have meant another one. Lengths are compared first, as requests have names as long as they like.
func isNear(name, other string) bool {
	if strings.Contains(other, name) || strings.Contains(name, other) {
		return true
	}
	apart := max(2, len(name)/4)
	return max(len(name)-len(other), len(other)-len(name)) <= apart && levenshtein.Distance(name, other, nil) <= apart
}

// named are names in words, of which at most so many are said.
func named(names []string, most int) string {
	text := strings.Join(names[:min(len(names), most)], ", ")
	if more := len(names) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// inForceIn are the names of commands that are in force.
func inForceIn(set *control.Set, now time.Time) (names []string) {
	for _, command := range set.Commands() {
		if command.InForce(now) {
			names = append(names, command.Name)
		}
	}
	return names
}

// heldIn are the names of all commands and routes.
func heldIn(set *control.Set) (names []string) {
	for _, command := range set.Commands() {
		names = append(names, command.Name)
	}
	for _, route := range set.Routes() {
		names = append(names, strings.TrimPrefix(route.Key(), kindRoute+"/"))
	}
	return names
}
