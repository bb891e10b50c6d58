package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/internal/golden"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// TestRuleCommands plays testdata/rulecommands/*.txt and holds what each line says, the lines that begin with ">": what is written of rules' commands, and what
// is not asked and why.
//
//	case NAME                            a new log, at 12:00:00, with all actions enabled, none in shadow, and the other defaults
//	config send_limit: {shadow: true}    the configuration, as below control.actions
//	fires RULE LABEL=VALUE... asks ACTIONS
//	                                     an alert begins to fire, whose rule has actions as rules have them, without brackets
//	edited RULE LABEL=VALUE... asks ACTIONS
//	                                     it fires on, and its rule was edited
//	resolves RULE LABEL=VALUE...         it does not fire any more
//	unheard RULE LABEL=VALUE...          nobody evaluates it from now on; heard takes that back
//	people {"name":"a",...}              somebody gives a command, of whom what is left out is filled in
//	expire NAME AUTHOR                   somebody ends one
//	takeaway NAME                        somebody takes one away
//	crash                                another process reads the log from its start
//	at 5m                                what follows is so long after the begin, and until then it was looked at each second
//	held                                 what is in force
func TestRuleCommands(t *testing.T) {
	t.Parallel()
	golden.Scripts(t, "testdata/rulecommands/*.txt", playRuleCommands)
}

var rulesBegan = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// rulePlayer is one case of a script.
type rulePlayer struct {
	t       *testing.T
	config  ActionsConfig
	set     *control.Set
	made    *ruleMade
	log     []control.Record
	begins  map[string]map[string]time.Time // of rules' commands in the log: by action, then by name and time
	step    time.Duration                   // between two looks
	now     time.Time
	alerts  map[string]ruleAlert
	unheard map[string]bool
	back    map[string]string
	out     []string
}

func newRulePlayer(t *testing.T) *rulePlayer {
	p := &rulePlayer{t: t, config: defaultActions(), set: control.NewSet(), made: newRuleMade(), now: rulesBegan, alerts: map[string]ruleAlert{},
		unheard: map[string]bool{}, back: map[string]string{}, begins: map[string]map[string]time.Time{}, step: time.Second}
	for _, each := range []*ActionConfig{&p.config.Pause, &p.config.LargeMessages, &p.config.Sampling, &p.config.ReportInterval} {
		each.Enabled, each.Shadow = true, false
	}
	p.config.SendLimit.Enabled, p.config.SendLimit.Shadow = true, false
	return p
}

func playRuleCommands(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	p := newRulePlayer(t)
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, ">") {
			continue
		}
		out.WriteString(line)
		head, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch head {
		case "", "#":
			continue
		case "case":
			p = newRulePlayer(t)
			continue
		}
		p.play(head, rest)
		for _, said := range p.out {
			out.WriteString("> " + said + "\n")
		}
		p.out = nil
	}
	return out.String()
}

// play plays one line, and looks what is to be written then.
func (p *rulePlayer) play(head, rest string) {
	p.t.Helper()
	switch head {
	case "config":
		decoder := yaml.NewDecoder(strings.NewReader("{" + rest + "}"))
		decoder.KnownFields(true)
		if err := decoder.Decode(&p.config); err != nil {
			p.t.Fatalf("%s: %v", rest, err)
		}
	case "fires", "edited":
		p.fires(rest, head == "edited")
	case "resolves":
		delete(p.alerts, p.alert(rest).ID)
	case "unheard", "heard":
		p.unheard[p.alert(rest).ID] = head == "unheard"
	case "people":
		p.people(rest)
	case "expire":
		name, author, _ := strings.Cut(rest, " ")
		change, err := controlPlan{now: p.now}.end(name, author, "", p.set)
		if err != nil {
			p.t.Fatal(err)
		}
		p.write(change)
	case "takeaway":
		p.feed(control.Record{Key: []byte(control.CommandKey(rest))})
	case "crash":
		log := p.log
		p.set, p.made, p.log, p.back = control.NewSet(), newRuleMade(), nil, map[string]string{}
		for _, record := range log {
			p.feed(record)
		}
	case "at":
		to, err := time.ParseDuration(rest)
		if err != nil {
			p.t.Fatal(err)
		}
		for p.now.Before(rulesBegan.Add(to)) {
			p.now = p.now.Add(p.step)
			p.look()
		}
		return
	case "held":
		for _, command := range p.set.Commands() {
			if command.InForce(p.now) {
				p.say("%s %s by %s until %s: %s", &command, command.Describe(), command.Author, command.ExpiresAt.Sub(rulesBegan), command.Reason)
			}
		}
		return
	default:
		p.t.Fatalf("unknown line %s %s", head, rest)
	}
	p.look()
}

func (p *rulePlayer) say(format string, args ...any) {
	p.out = append(p.out, fmt.Sprintf(format, args...))
}

// alert is one of a rule with labels.
func (p *rulePlayer) alert(text string) telemetry.Alert {
	p.t.Helper()
	words := strings.Fields(text)
	labels := map[string]string{"alertname": words[0]}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		labels[name] = value
	}
	return *alertOf(words[0], labels)
}

// alertOf is an alert of a rule that fires.
func alertOf(rule string, labels map[string]string) *telemetry.Alert {
	return &telemetry.Alert{Rule: rule, Labels: labels, State: telemetry.AlertFiring, ID: telemetry.Fingerprint(labels)}
}

// fires has an alert fire, with what a rule that groups by its labels proposes.
func (p *rulePlayer) fires(text string, edited bool) {
	p.t.Helper()
	named, actions, _ := strings.Cut(text, " asks ")
	alert := p.alert(named)
	by := slices.DeleteFunc(slices.Sorted(maps.Keys(alert.Labels)), func(name string) bool { return name == "alertname" })
	parsed, faults := rules.Parse("rules.yaml", fmt.Appendf(nil, "groups: [{name: g, rules: [{alert: %s, by: [%s], expr: tps > 1, actions: [%s]}]}]\n",
		alert.Rule, strings.Join(by, ", "), actions))
	if len(faults) > 0 {
		p.t.Fatal(faults)
	}
	alert.Proposals = parsed[0].Proposals(alert.Labels)
	alert.FiredAt = p.now
	alert.Annotations = map[string]string{"summary": alert.Rule + "\nis seen"}
	if edited {
		alert.FiredAt = p.alerts[alert.ID].FiredAt
	}
	p.alerts[alert.ID] = ruleAlert{Alert: alert, heard: p.now}
}

// people gives a command that is as people's are.
func (p *rulePlayer) people(text string) {
	p.t.Helper()
	command, faults, err := control.DecodeCommand([]byte(text))
	if err != nil || len(faults) > 0 {
		p.t.Fatal(err, faults)
	}
	command.Author, command.Reason = "li", "a test"
	if command.ExpiresAt.IsZero() {
		command.ExpiresAt = p.now.Add(time.Hour)
	}
	change := controlPlan{now: p.now}.command(command, control.SourceAPI, p.set)
	if change.Change == changeSkipped {
		p.say("skipped: %s", change.Note)
		return
	}
	p.write(change)
}

func (p *rulePlayer) write(change controlChange) {
	p.t.Helper()
	records, err := change.records()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, record := range records {
		p.feed(control.Record{Key: record.Key, Value: record.Value})
	}
}

// feed appends a record to the log, and reads it as the role does.
func (p *rulePlayer) feed(record control.Record) {
	p.t.Helper()
	record.Offset = int64(len(p.log))
	if record.AppendedAt.IsZero() {
		record.AppendedAt = p.now
	}
	p.log = append(p.log, record)
	change := p.set.Feed(record, p.now)
	if change.Outcome == control.OutcomeRefused || change.Outcome == control.OutcomeIgnored {
		p.t.Fatalf("%s is %s: %v", record.Key, change.Outcome, change.Err)
	}
	p.made.told(&change)
	if c := &change.Command; change.Outcome == control.OutcomeApplied && c.Source == control.SourceRule {
		if p.begins[c.Action()] == nil {
			p.begins[c.Action()] = map[string]time.Time{}
		}
		p.begins[c.Action()][c.Name+c.CreatedAt.String()] = c.CreatedAt
	}
}

// look plans and writes, and says what is new.
func (p *rulePlayer) look() {
	p.t.Helper()
	var alerts []ruleAlert
	for _, id := range slices.Sorted(maps.Keys(p.alerts)) {
		alert := p.alerts[id]
		if !p.unheard[id] {
			alert.heard = p.now
			p.alerts[id] = alert
		}
		alerts = append(alerts, alert)
	}
	plan := rulePlan{config: &p.config, set: p.set, made: p.made, unheard: unheardAfter(10 * time.Second), now: p.now, telemetry: DefaultConfig().Telemetry}
	changes, back := plan.plan(alerts)
	at := p.now.Sub(rulesBegan)
	for _, change := range changes {
		p.write(change)
		switch c := change.Command; change.Change {
		case changeEnded:
			p.say("%s ended %s: %s", at, c, c.Ended.Reason)
		case changeRemoved:
			p.say("%s forgotten %s", at, c)
		default:
			p.say("%s %s %s %s until %s", at, change.Change, c, c.Describe(), c.ExpiresAt.Sub(rulesBegan))
		}
	}
	now := map[string]string{}
	for _, one := range back {
		now[one.Name] = strings.TrimSpace(one.Why + " " + one.Note)
		if p.back[one.Name] != now[one.Name] {
			p.say("%s not asked %s %s: %s", at, one.Name, one.Asks, now[one.Name])
		}
	}
	p.back = now
	p.holds()
}
