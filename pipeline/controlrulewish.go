package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/telemetry"
)

// wish is one thing that one alert proposes.
type wish struct {
	alert   *ruleAlert
	limits  ActionConfig
	lasts   time.Duration
	command control.Command // as it would be written now
	unfit   error           // why no reader would take it
	held    control.Command // the command of its name, of which the zero one is none
	same    bool            // and it was made while the alert fires
	until   time.Time       // when it is over at the latest, however long the alert fires
}

func (w *wish) inForce(now time.Time) bool {
	return w.held.Source == control.SourceRule && w.held.InForce(now)
}

// wishes are all that alerts propose, those first that are asked already, then those whose alerts fire for longest.
func (p *rulePlan) wishes(alerts []ruleAlert) []wish {
	var out []wish
	for i := range alerts {
		for _, proposal := range alerts[i].Proposals {
			out = append(out, p.wish(&alerts[i], proposal))
		}
	}
	slices.SortFunc(out, func(a, b wish) int {
		if first, second := a.inForce(p.now), b.inForce(p.now); first != second {
			if first {
				return -1
			}
			return 1
		}
		return cmp.Or(a.alert.FiredAt.Compare(b.alert.FiredAt), cmp.Compare(a.command.Name, b.command.Name))
	})
	return out
}

func (p *rulePlan) wish(alert *ruleAlert, proposal telemetry.Proposal) wish {
	command, faults, err := control.DecodeCommand(proposal.Command)
	if err == nil && len(faults) > 0 {
		err = faults
	}
	if err == nil && proposal.Unfit != "" {
		err = errors.New(proposal.Unfit)
	}
	if tooSeldom := p.telemetry.reportFaults(&command, p.now); err == nil && len(tooSeldom) > 0 {
		err = tooSeldom
	}
	action := command.Action()
	w := wish{alert: alert, limits: p.limits[action], unfit: err}
	command.Name = ruleCommandName(&alert.Alert, action)
	w.held, _ = p.set.Command(command.Name)
	w.lasts = min(time.Duration(proposal.LastsSeconds*float64(time.Second)), w.limits.LastsAtMost)
	command.Schema, command.Revision, command.Source = control.Schema, w.held.Revision+1, control.SourceRule
	command.Author, command.Reason = ruleAuthor(alert.Rule), ruleReason(&alert.Alert)
	command.Shadow = w.limits.Shadow
	if limit := command.SendLimit; limit != nil {
		command.Reason = p.raise(limit, command.Reason)
	}
	command.Spec = firingOf(&alert.Alert) + " " + digestOf(command, proposal.LastsSeconds)
	w.same = w.held.Source == control.SourceRule && sameFiring(w.held.Spec, &alert.Alert)
	command.CreatedAt = p.now.UTC().Truncate(time.Second)
	if w.same {
		command.CreatedAt = w.held.CreatedAt
	}
	w.until = command.CreatedAt.Add(w.limits.LastsAtMost).Truncate(time.Second)
	command.ExpiresAt = earlier(p.now.Add(w.lasts).UTC().Truncate(time.Second), w.until)
	if limit := command.SendLimit; w.same && limit != nil && limit.Shared && w.held.SendLimit != nil {
		limit.Clients = w.held.SendLimit.Clients // the role counts them
	}
	w.command = command
	return w
}

// raise has a limit never be below the floor, also while it is cold, and returns a reason that says so where it would have been.
func (p *rulePlan) raise(limit *control.SendLimit, reason string) string {
	floor := max(float64(p.config.SendLimit.FloorMessagesPerSecond), control.MinMessagesPerSecond)
	rate := max(limit.MessagesPerSecond, floor)
	cold := min(limit.ColdFactor, rate/floor)
	if rate == limit.MessagesPerSecond && cold == limit.ColdFactor {
		return reason
	}
	said := fmt.Sprintf(" (raised: never below %g/s)", floor)
	limit.MessagesPerSecond, limit.ColdFactor = rate, cold
	return shortened(reason, control.MaxReasonBytes-len(said)) + said
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
