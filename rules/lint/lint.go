// Package lint looks at a folder of rule files for what a running Weir takes but hardly anybody means: rules that never
// fire, thresholds out of range, alerts that nobody knows what to do about. In flows a folder as package rules read it, out
// flow problems with their places. What a running Weir refuses is an error, everything else a warning.
package lint

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/rules"
)

// Severity says how bad a problem is.
type Severity string

// Severities of problems.
const (
	Error   Severity = "error"   // a running Weir refuses the rules
	Warning Severity = "warning" // it takes them
)

// FaultCheck is the name of what is wrong with a rule file itself, which no comment switches off.
const FaultCheck = "fault"

// Problem is something wrong at a place in a rule file.
type Problem struct {
	rules.Fault
	Check    string   `json:"check"` // a name of Checks, or FaultCheck
	Severity Severity `json:"severity"`
}

// String is the fault's text, of a warning with that word before its message and the check's name behind it.
func (p Problem) String() string {
	if p.Severity == Error {
		return p.Fault.String()
	}
	shown := p.Fault
	shown.Message = "warning: " + p.Message
	if shown.Hint != "" {
		shown.Hint += " [" + p.Check + "]"
	} else {
		shown.Message += " [" + p.Check + "]"
	}
	return shown.String()
}

// Config is what checks need to know of the Weir that shall run the rules.
type Config struct {
	// Pane is the base interval of event time, as in telemetry.pane.
	Pane time.Duration
	// Seen is what a store holds, nil where none was asked.
	Seen *Seen
}

// Check is one thing that rules are looked at for.
type Check struct {
	Name string // in kebab case
	Says string // what it finds, a clause
	Why  string // why that is wrong, a sentence
	find func(*look)
	asks bool // the store, where there is one
}

// Checks are all checks, by name.
func Checks() []Check {
	all := slices.Concat(textChecks, durationChecks, hourChecks, groupingChecks, conditionChecks, severityChecks, policyChecks, letChecks, commentChecks)
	slices.SortFunc(all, func(a, b Check) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// look is one run of all checks over a folder.
type look struct {
	folder   *rules.Folder
	config   Config
	layouts  []layout // of the folder's files
	check    string   // that runs
	problems []Problem
}

// say adds a warning.
func (l *look) say(fault rules.Fault) {
	l.problems = append(l.problems, Problem{fault, l.check, Warning})
}

// Run returns what is wrong with a folder, in the order of files and lines.
func Run(folder *rules.Folder, config Config) []Problem {
	l := &look{folder: folder, config: config}
	for _, file := range folder.Files {
		l.layouts = append(l.layouts, layoutOf(file))
	}
	for _, fault := range folder.Faults {
		l.problems = append(l.problems, Problem{fault, FaultCheck, Error})
	}
	for _, check := range Checks() {
		if check.find != nil {
			l.check = check.Name
			check.find(l)
		}
	}
	l.ignore()
	slices.SortStableFunc(l.problems, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Check, b.Check))
	})
	return slices.Compact(l.problems) // what a group gives its rules is found at each of them
}
