package rules

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/telemetry"
)

// Bounds of how long what a rule proposes may last without being renewed.
const (
	// MinLasts is the least. Not smaller: it is renewed after half of it, and each renewal is read by every client.
	MinLasts = 30 * time.Second
	// MaxLasts is the most. Not larger: who wants more than an hour without anybody looking gives a command.
	MaxLasts = time.Hour
)

// ruleAction is what a rule proposes to ask of clients while its alert fires.
type ruleAction struct {
	lasts   time.Duration
	command control.Command // what it asks, of nobody yet
}

// scopeLabels give a label of an alert to the scope of a command, and say whether it can be one there.
var scopeLabels = map[string]func(s *control.Scope, value string) bool{
	"env":      func(s *control.Scope, value string) bool { s.Env = value; return true },
	"cluster":  func(s *control.Scope, value string) bool { s.Cluster = value; return true },
	"system":   func(s *control.Scope, value string) bool { s.System = value; return true },
	"topic":    func(s *control.Scope, value string) bool { s.Topic = value; return true },
	"group":    func(s *control.Scope, value string) bool { s.Group = value; return true },
	"resource": func(s *control.Scope, value string) bool { s.Resource = value; return true },
	"client":   func(s *control.Scope, value string) bool { s.Client = value; return true },
	"lane":     func(s *control.Scope, value string) bool { s.Lane = value; return true },
	tierLabel:  func(s *control.Scope, value string) bool { s.Tier = value; return true },
	"partition": func(s *control.Scope, value string) bool {
		partition, err := strconv.ParseInt(value, 10, 32)
		s.Partitions = []int32{int32(partition)}
		return err == nil
	},
}

// namingLabels are those of which a scope must have one: without, a command is for all.
var namingLabels = []string{"topic", "group", "resource", "client"}

// scopeOf is whom a command of an alert is for: all labels that the rule groups by. unfit says why there is none, "" where there is: without one of them the command
// would be for more than the alert is about.
func scopeOf(by []string, labels map[string]string) (scope control.Scope, unfit string) {
	for _, name := range by {
		put, value := scopeLabels[name], labels[name]
		switch {
		case value == "":
			return control.Scope{}, "the alert has no " + name + ": the command would be for more than it is about"
		case put == nil || !put(&scope, value):
			return control.Scope{}, fmt.Sprintf("no command can be for one %s alone, as the alert is: %q", name, value)
		}
	}
	return scope, ""
}

// proposed is a command as a rule proposes it: what it asks of whom, without what its writer fills in.
type proposed struct {
	Scope          control.Scope           `json:"scope"`
	Pause          *control.Pause          `json:"pause,omitempty"`
	SendLimit      *control.SendLimit      `json:"send_limit,omitempty"`
	LargeMessages  *control.LargeMessages  `json:"large_messages,omitempty"`
	Sampling       *control.Sampling       `json:"sampling,omitempty"`
	ReportInterval *control.ReportInterval `json:"report_interval,omitempty"`
	Release        *control.Release        `json:"release,omitempty"`
}

// Proposals are what the rule proposes for an alert with some labels, unfit where that cannot be of the alert alone.
func (r *Rule) Proposals(labels map[string]string) []telemetry.Proposal {
	if len(r.actions) == 0 {
		return nil
	}
	scope, unfit := scopeOf(r.Grouping.By, labels)
	var out []telemetry.Proposal
	for i := range r.actions {
		asks := &r.actions[i].command
		text, err := json.Marshal(proposed{Scope: scope, Pause: asks.Pause, SendLimit: asks.SendLimit, LargeMessages: asks.LargeMessages,
			Sampling: asks.Sampling, ReportInterval: asks.ReportInterval, Release: asks.Release})
		if err != nil { // a number that is none: no rule loads with one
			return nil
		}
		out = append(out, telemetry.Proposal{LastsSeconds: r.actions[i].lasts.Seconds(), Command: text, Unfit: unfit})
	}
	return out
}

// propose has an alert say what its rule proposes, once for each life and each rule that it has.
func (a *alertState) propose(rule *Rule) {
	if a.proposing != rule {
		a.Proposals, a.proposing = rule.Proposals(a.Labels), rule
	}
}

// Asks says in words what an alert's rule proposes to ask while it fires, as in send_limit 150/s topic=orders for 5m,
// or why it cannot be asked.
func Asks(alert *telemetry.Alert) []string {
	if alert.State != telemetry.AlertFiring {
		return nil
	}
	var out []string
	for _, proposal := range alert.Proposals {
		command, faults, err := control.DecodeCommand(proposal.Command)
		if err != nil || len(faults) > 0 { // of a Weir with other words
			continue
		}
		if proposal.Unfit != "" {
			out = append(out, "no "+command.Action()+": "+proposal.Unfit)
			continue
		}
		lasts := time.Duration(proposal.LastsSeconds * float64(time.Second))
		out = append(out, command.Describe()+" for "+FormatDuration(lasts))
	}
	return out
}

// Proposes says whether the rule proposes to ask something of clients.
func (r *Rule) Proposes() bool { return len(r.actions) > 0 }
