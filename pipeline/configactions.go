package pipeline

import (
	"fmt"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/rules"
)

// ActionsConfig says what rules may ask of clients, by action. All are off unless they are enabled.
type ActionsConfig struct {
	SendLimit      SendLimitActionConfig `yaml:"send_limit"`
	Pause          ActionConfig          `yaml:"pause"`
	LargeMessages  ActionConfig          `yaml:"large_messages"`
	Sampling       ActionConfig          `yaml:"sampling"`
	ReportInterval ActionConfig          `yaml:"report_interval"`
}

// ActionConfig bounds one action.
type ActionConfig struct {
	Enabled bool `yaml:"enabled"`
	// Shadow has clients only count what they would do.
	Shadow bool `yaml:"shadow"`
	// AtMostPerHour bounds how many commands begin within an hour, of all rules.
	AtMostPerHour int `yaml:"at_most_per_hour"`
	// AtMostAtOnce bounds how many are in force, of all rules.
	AtMostAtOnce int `yaml:"at_most_at_once"`
	// LastsAtMost bounds for how long a command is in force while its alert fires on.
	LastsAtMost time.Duration `yaml:"lasts_at_most"`
}

// SendLimitActionConfig bounds send limits.
type SendLimitActionConfig struct {
	Enabled bool `yaml:"enabled"`
	Shadow  bool `yaml:"shadow"`
	// FloorMessagesPerSecond is the least that a rule may let senders send.
	FloorMessagesPerSecond int           `yaml:"floor_messages_per_second"`
	AtMostPerHour          int           `yaml:"at_most_per_hour"`
	AtMostAtOnce           int           `yaml:"at_most_at_once"`
	LastsAtMost            time.Duration `yaml:"lasts_at_most"`
}

func (c SendLimitActionConfig) action() ActionConfig {
	return ActionConfig{c.Enabled, c.Shadow, c.AtMostPerHour, c.AtMostAtOnce, c.LastsAtMost}
}

// actionsKey is the section that says what rules may ask.
const actionsKey = "control.actions"

// Defaults and bounds of actions.
const (
	// Not fewer: a night of surges has some; not more: a rule that asks every few minutes is wrong, and somebody must look at it.
	DefaultActionsPerHour = 6
	// Not fewer: what feeds each other breaks together; not more: a rule that finds fault with many topics at once more likely has a fault.
	DefaultActionsAtOnce = 3
	// Not less: people need minutes to come; not more: what is still wrong then no rule mends.
	DefaultActionLasts = 15 * time.Minute
	// Not lower: a topic that surges has many senders, and each of them shall go on; not higher: small topics are to be limited, too.
	DefaultFloorMessagesPerSecond = 50
	// Not more: that is one every four seconds.
	maxActionsPerHour = 1000
	// Not more: they share MaxCommands with those of people.
	maxActionsAtOnce = 100
	// Not more: a day without anybody looking is none of a rule.
	maxActionLasts = 24 * time.Hour
)

func defaultActions() ActionsConfig {
	each := ActionConfig{Shadow: true, AtMostPerHour: DefaultActionsPerHour, AtMostAtOnce: DefaultActionsAtOnce, LastsAtMost: DefaultActionLasts}
	return ActionsConfig{
		SendLimit: SendLimitActionConfig{Shadow: true, FloorMessagesPerSecond: DefaultFloorMessagesPerSecond, AtMostPerHour: DefaultActionsPerHour,
			AtMostAtOnce: DefaultActionsAtOnce, LastsAtMost: DefaultActionLasts},
		Pause: each, LargeMessages: each, Sampling: each, ReportInterval: each,
	}
}

// byName are the bounds of all actions that rules may ask, by name.
func (c *ActionsConfig) byName() map[string]ActionConfig {
	return map[string]ActionConfig{"send_limit": c.SendLimit.action(), "pause": c.Pause, "large_messages": c.LargeMessages, "sampling": c.Sampling,
		"report_interval": c.ReportInterval}
}

// any says whether rules may ask something.
func (c *ActionsConfig) any() bool {
	for _, action := range c.byName() {
		if action.Enabled {
			return true
		}
	}
	return false
}

func (c *ActionsConfig) faults() []keyFault {
	var f []keyFault
	for _, named := range []struct {
		name string
		of   ActionConfig
	}{{"send_limit", c.SendLimit.action()}, {"pause", c.Pause}, {"large_messages", c.LargeMessages}, {"sampling", c.Sampling}, {"report_interval", c.ReportInterval}} {
		key, of := actionsKey+"."+named.name+".", named.of
		for _, count := range []struct {
			name      string
			got, most int
		}{{"at_most_per_hour", of.AtMostPerHour, maxActionsPerHour}, {"at_most_at_once", of.AtMostAtOnce, maxActionsAtOnce}} {
			if count.got < 1 || count.got > count.most {
				f = append(f, keyFault{key + count.name, fmt.Errorf("got %d, allowed are 1 to %d; to have none leave enabled false", count.got, count.most)})
			}
		}
		if of.LastsAtMost < rules.MinLasts || of.LastsAtMost > maxActionLasts {
			f = append(f, keyFault{key + "lasts_at_most", fmt.Errorf("got %s, allowed are %s to %s", of.LastsAtMost, rules.MinLasts, maxActionLasts)})
		}
	}
	if floor := c.SendLimit.FloorMessagesPerSecond; float64(floor) < control.MinMessagesPerSecond || float64(floor) > control.MaxMessagesPerSecond {
		f = append(f, keyFault{actionsKey + ".send_limit.floor_messages_per_second", fmt.Errorf("got %d, allowed are %g to %.0f", floor, control.MinMessagesPerSecond, control.MaxMessagesPerSecond)})
	}
	return f
}
