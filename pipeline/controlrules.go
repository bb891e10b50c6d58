package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// maxRuleCommands bounds how many commands of rules are held, also those that are over. Not fewer: all actions at their most at once have less; not more: people's
// commands need room among control.MaxCommands.
const maxRuleCommands = control.MaxCommands / 2

// ruleForgotten is for how long a rule's command that is over stays in the topic. Not smaller: people look for what ended last; not larger: a rule that asks each few
// minutes for other topics would fill it.
const ruleForgotten = time.Hour

// ruleAlert is an alert that fires, and whose rule proposes something.
type ruleAlert struct {
	telemetry.Alert
	partition int32
	heard     time.Time // when it was last known that it fires: rules were evaluated
}

// unheardAfter is when an alert is taken for one that nobody evaluates any more. Not sooner: each pane says how far was evaluated, and stages start anew within seconds; not
// later: what it asks would be renewed though nobody knows whether it must be.
func unheardAfter(pane time.Duration) time.Duration { return 3 * max(rules.RefreshEvery, pane) }

// Why something that a rule proposes is not asked.
const (
	heldOff     = "off"          // not enabled
	heldUnfit   = "unfit"        // no reader would take it: of Weir's own topics, for example
	heldPeople  = "people"       // somebody asks something of the same already
	heldEnded   = "ended"        // somebody has ended it, for as long as the alert fires
	heldSpent   = "spent"        // it was in force for as long as it may be
	heldUnheard = "unheard"      // nobody evaluates the alert now
	heldTwice   = "twice"        // another alert asks the same of the same
	heldAtOnce  = "at_once"      // as many are in force as may be
	heldPerHour = "per_hour"     // as many have begun within an hour as may
	heldFull    = "out_of_space" // as many are held as may be
)

// heldReasons are all of them.
var heldReasons = []string{heldOff, heldUnfit, heldPeople, heldEnded, heldSpent, heldUnheard, heldTwice, heldAtOnce, heldPerHour, heldFull}

// heldBack is something that a firing alert proposes and that is not asked.
type heldBack struct {
	Name string `json:"name"` // of the command that it would be
	Rule string `json:"rule"`
	Asks string `json:"asks"`
	Why  string `json:"why"`
	Note string `json:"note,omitempty"`
}

// rulePlan says what becomes of rules' commands. All of it is in what it is made of: the log, the alerts and the time.
type rulePlan struct {
	config  *ActionsConfig
	set     *control.Set
	made    *ruleMade
	unheard time.Duration
	now     time.Time
	// telemetry bounds how seldom clients may be asked to report.
	telemetry TelemetryConfig

	limits  map[string]ActionConfig
	atOnce  map[string]int  // by action: commands that are to be in force
	perHour map[string]int  // by action: commands that begin now
	asked   map[string]bool // what is asked of whom already
	held    int             // commands of rules in the set
	changes []controlChange
	back    []heldBack
	over    map[string]string // why commands that are in force end, by name; "" where one stays
}

// plan compares what firing alerts propose with what is in force.
func (p *rulePlan) plan(alerts []ruleAlert) ([]controlChange, []heldBack) {
	p.limits, p.atOnce, p.perHour, p.asked, p.over = p.config.byName(), map[string]int{}, map[string]int{}, map[string]bool{}, map[string]string{}
	commands := p.set.Commands()
	for i := range commands {
		if commands[i].Source == control.SourceRule {
			p.held++
		}
	}
	wishes := p.wishes(alerts)
	for i := range wishes {
		if why, note := p.refuses(&wishes[i], commands); why != "" {
			p.holdBack(&wishes[i], why, note)
		} else {
			p.ask(&wishes[i])
		}
	}
	asks := p.changes
	p.changes = nil
	for i := range commands {
		if commands[i].Source == control.SourceRule {
			p.end(&commands[i])
		}
	}
	return append(p.changes, asks...), p.back // what ends makes room for what begins
}

// refuses says why something that is proposed is not asked, "" where it is.
func (p *rulePlan) refuses(w *wish, commands []control.Command) (why, note string) {
	c := &w.command
	action, capability := c.Action(), c.Capability()
	switch {
	case w.unfit != nil:
		return heldUnfit, w.unfit.Error()
	case !w.limits.Enabled:
		return heldOff, ""
	case w.held.Name != "" && w.held.Source != control.SourceRule && w.held.InForce(p.now):
		return heldPeople, w.held.String() + " has its name"
	case w.same && w.held.Ended != nil && w.held.Ended.Author != w.held.Author:
		return heldEnded, "by " + w.held.Ended.Author
	case w.same && !p.now.Before(w.until):
		return heldSpent, ""
	}
	if err := validAt(*c); err != nil {
		return heldUnfit, err.Error()
	}
	for i := range commands {
		if other := &commands[i]; other.Source != control.SourceRule && other.InForce(p.now) && !other.Shadow && other.Capability() == capability &&
			other.Scope.Covers(&c.Scope) {
			return heldPeople, fmt.Sprintf("%s of %s", other, other.Author)
		}
	}
	switch {
	case p.now.Sub(w.alert.heard) > p.unheard:
		return heldUnheard, ""
	case p.asked[askedOf(c)]:
		return heldTwice, ""
	case p.atOnce[action] >= w.limits.AtMostAtOnce:
		return heldAtOnce, ""
	case !w.same && p.made.within(action, p.now)+p.perHour[action] >= w.limits.AtMostPerHour:
		return heldPerHour, ""
	case w.held.Name == "" && p.held >= maxRuleCommands:
		return heldFull, ""
	}
	return "", ""
}

// validAt says what is wrong with a command besides that it may be over already, which is no matter here.
func validAt(c control.Command) error {
	if !c.ExpiresAt.After(c.CreatedAt) {
		c.ExpiresAt = c.CreatedAt.Add(time.Second)
	}
	return c.Validate()
}

// askedOf is what a command asks of whom, in a text that two have in common which compete.
func askedOf(c *control.Command) string {
	scope, err := json.Marshal(c.Scope)
	if err != nil { // texts and numbers always can be
		return ""
	}
	return string(c.Capability()) + string(scope)
}

func (p *rulePlan) holdBack(w *wish, why, note string) {
	p.back = append(p.back, heldBack{Name: w.command.Name, Rule: w.alert.Rule, Asks: strings.TrimSpace(w.command.Describe()), Why: why, Note: note})
	p.over[w.command.Name] = "not asked any more: " + why
	if why != heldUnheard {
		return
	}
	p.over[w.command.Name] = "" // it expires by itself
	if w.inForce(p.now) {
		p.atOnce[w.command.Action()]++
		p.asked[askedOf(&w.command)] = true
	}
}

// ask has a wish in force: it is written where it is not, and renewed where half of its time is over.
func (p *rulePlan) ask(w *wish) {
	c := &w.command
	action := c.Action()
	p.atOnce[action]++
	p.asked[askedOf(c)] = true
	p.over[c.Name] = ""
	change := controlChange{Change: changeChanged, Kind: kindCommand, Name: c.Name, Revision: c.Revision, Command: c, key: c.Key()}
	renews := c.ExpiresAt.After(w.held.ExpiresAt) && w.held.ExpiresAt.Sub(p.now) < w.lasts/2
	switch {
	case w.held.Name == "":
		change.Change = changeNew
		p.held++
	case w.same && w.held.InForce(p.now) && w.held.Spec == c.Spec && !renews:
		return
	}
	if !w.same {
		p.perHour[action]++
	}
	p.changes = append(p.changes, change)
}

// end takes away a rule's command that no alert asks any more, and one that is over for long.
func (p *rulePlan) end(held *control.Command) {
	why, wished := p.over[held.Name]
	switch {
	case wished && why == "":
		return
	case held.InForce(p.now):
		if !wished {
			why = "the alert fires no longer"
		}
		if !p.limits[held.Action()].Enabled {
			why = "control.actions." + held.Action() + ".enabled is false"
		}
		ended := held.End(control.Ended{Author: held.Author, Reason: why, At: p.now.UTC().Truncate(time.Second)})
		p.changes = append(p.changes, controlChange{Change: changeEnded, Kind: kindCommand, Name: ended.Name, Revision: ended.Revision, Command: &ended, key: ended.Key()})
	case !wished && p.now.Sub(held.ExpiresAt) > ruleForgotten: // no revision of it could be in force any more
		p.changes = append(p.changes, controlChange{Change: changeRemoved, Kind: kindCommand, Name: held.Name, Revision: held.Revision, Command: held, key: held.Key()})
	}
}
