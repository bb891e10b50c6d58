package pipeline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/control"
)

// holds are the promises that nothing may break.
func (p *rulePlayer) holds() {
	p.t.Helper()
	inForce := map[string]int{}
	limits := p.config.byName()
	commands := p.set.Commands()
	for _, command := range commands {
		if command.Source != control.SourceRule || !command.InForce(p.now) {
			continue
		}
		action, at := command.Action(), p.now.Sub(rulesBegan)
		if inForce[action]++; inForce[action] > limits[action].AtMostAtOnce {
			p.t.Errorf("%s: %d commands of %s are in force", at, inForce[action], action)
		}
		if lasts := command.ExpiresAt.Sub(command.CreatedAt); lasts > limits[action].LastsAtMost {
			p.t.Errorf("%s: %s is in force for %s", at, &command, lasts)
		}
		if limit := command.SendLimit; limit != nil && limit.MessagesPerSecond/limit.ColdFactor < float64(p.config.SendLimit.FloorMessagesPerSecond)*(1-1e-9) {
			p.t.Errorf("%s: %s begins at %g/s", at, &command, limit.MessagesPerSecond/limit.ColdFactor)
		}
		if !p.fireable(&command) {
			p.t.Errorf("%s: %s is in force, and its alert does not fire, or asks something else", at, &command)
		}
		for _, other := range commands {
			if other.Source != control.SourceRule && other.InForce(p.now) && !other.Shadow && other.Capability() == command.Capability() && other.Scope.Covers(&command.Scope) {
				p.t.Errorf("%s: %s is in force beside %s", at, &command, &other)
			}
		}
		if began := p.began(action); began > limits[action].AtMostPerHour {
			p.t.Errorf("%s: %d commands of %s began within an hour", at, began, action)
		}
	}
}

// fireable says whether an alert fires that asks for a command, of the same labels.
func (p *rulePlayer) fireable(command *control.Command) bool {
	for _, alert := range p.alerts {
		for _, proposal := range alert.Proposals {
			proposed, _, err := control.DecodeCommand(proposal.Command)
			if err == nil && ruleCommandName(&alert.Alert, proposed.Action()) == command.Name && cmp.Equal(proposed.Scope, command.Scope) {
				return true
			}
		}
	}
	return false
}

// began counts, in the log alone, the commands of an action that began within the last hour.
func (p *rulePlayer) began(action string) int {
	count := 0
	for _, at := range p.begins[action] {
		if p.now.Sub(at) < time.Hour {
			count++
		}
	}
	return count
}

// TestRuleCommandsHold: whatever alerts, people, crashes and the configuration do, in whatever order, no promise is broken.
func TestRuleCommandsHold(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 54))
		p := newRulePlayer(t)
		p.step = 10 * time.Second
		one := func(of ...string) string { return of[random.IntN(len(of))] }
		seconds, steps := 0, []string{}
		for range 150 {
			alert := one("Surge", "Slow") + " topic=" + one("a", "b", "c", "d", "e")
			name := "mine-" + one("a", "b")
			switch step := random.IntN(12); step {
			case 0, 1, 2:
				steps = append(steps, "fires "+alert+" asks "+one("{send_limit: {messages_per_second: 9}, lasts: 5m}",
					"{pause: {}, lasts: 30s}", "{sampling: {one_in: 9}, lasts: 1h}, {pause: {}, lasts: 5m}"))
			case 3, 4:
				steps = append(steps, "resolves "+alert)
			case 5:
				steps = append(steps, one("unheard ", "heard ")+alert)
			case 6:
				steps = append(steps, fmt.Sprintf(`people {"name":%q,"scope":{"topic":%q},%s}`, name, one("a", "b"), one(`"pause":{}`, `"resume":{}`, `"send_limit":{"messages_per_second":9}`)))
			case 7:
				steps = append(steps, "expire "+name+" li")
			case 8:
				steps = append(steps, "crash")
			case 9:
				steps = append(steps, "config "+one("pause", "send_limit", "sampling")+": {enabled: "+one("true", "true", "false")+"}")
			default:
				seconds += 1 + random.IntN(400)
				steps = append(steps, fmt.Sprintf("at %ds", seconds))
			}
			head, rest, _ := strings.Cut(steps[len(steps)-1], " ")
			if held, found := p.set.Command(name); head == "expire" && (!found || !held.InForce(p.now)) {
				continue
			}
			if p.play(head, rest); t.Failed() {
				t.Fatalf("seed %d:\n%s", seed, strings.Join(steps, "\n"))
			}
		}
	}
}
