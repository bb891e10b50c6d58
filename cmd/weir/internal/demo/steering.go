package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/weirmq/weir/sdk/agent"
)

// Steered is what commands did to clients, by their own counts of each second.
type Steered struct {
	SurgePerSecond   uint64   `json:"surge_per_second"`   // messages to orders in the fullest second of the surge that nobody limited
	Proposed         string   `json:"proposed"`           // the command in shadow that the rule of the alert asks meanwhile
	SecondsToPropose float64  `json:"seconds_to_propose"` // from the surge until its client knew of it
	WouldDelay       uint64   `json:"would_delay"`        // messages that it would have made wait, as the client counts them
	LimitedPerSecond []uint64 `json:"limited_per_second"` // the same surge with a limit that warms up
	SecondsToLimit   float64  `json:"seconds_to_limit"`   // from the file until the client applied it
	PausedPerSecond  []uint64 `json:"paused_per_second"`  // messages of media that were handled while media-index was paused
	SecondsToPause   float64  `json:"seconds_to_pause"`
	ResumedPerSecond []uint64 `json:"resumed_per_second"` // after it: partitions come back one after the other
	SecondsToResume  float64  `json:"seconds_to_resume"`  // from the file until the client knew
}

// What commands ask for in the story. Times are as long as people watch; rates are between quiet traffic and what TrafficSurge looks at.
const (
	limitPerSecond  = 120
	limitColdFactor = 3
	limitRamp       = 6 // seconds
	limitedLasts    = 10
	pausedPerSecond = 4 * quietMediaPerSecond // are sent meanwhile
	pausedLasts     = 5
	releaseRamp     = 4
	resumedLasts    = releaseRamp + 2
	// commandLasts is their expiry. Not shorter: a slow machine takes a minute for both; not longer: what a killed demo asked ends.
	commandLasts = 10 * time.Minute
	// steerTimeout bounds the wait for one. Not shorter: it takes seconds on a busy machine; not longer: people should hear of a broken part.
	steerTimeout = 20 * time.Second
)

const (
	steeringFile     = "story.yaml"
	limitCommand     = "limit-orders"
	pauseCommand     = "pause-media-index"
	commandsTemplate = `# What the demo asks its clients to do now. Files of this folder are in force as soon as they are written.
commands:
  - name: %s
    scope: {cluster: demo, topic: %s%s}
    author: demo@example.com
    reason: %s
    expires_at: %s
    %s
`
)

// command writes the folder's file, as a push to a repository would, so that it has that command and no other.
func (h *house) command(name, topic, further, reason, action string) error {
	expires := time.Now().Add(commandLasts).UTC().Format(time.RFC3339)
	return h.writeCommands(fmt.Sprintf(commandsTemplate, name, topic, further, reason, expires, action))
}

// noCommands takes back what the file had.
func (h *house) noCommands() error {
	return h.writeCommands("# Nothing is asked of anybody now.\ncommands: []\n")
}

func (h *house) writeCommands(text string) error {
	path := filepath.Join(h.config.Control.Dir, steeringFile)
	if err := os.WriteFile(path+"~", []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the demo's commands: %w", err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		return fmt.Errorf("write the demo's commands: %w", err)
	}
	return nil
}

// errLate is in the error of a scene that waited for longer than it may.
var errLate = errors.New("it is late")

// awaitCommand waits until a client applies a command, or does not, and says how long that took.
func awaitCommand(ctx context.Context, by *agent.Agent, name string, applies bool) (seconds float64, err error) {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, steerTimeout, fmt.Errorf("%w: the command %s has not reached its client within %s", errLate, name, steerTimeout))
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		found := slices.ContainsFunc(by.State().Clients, func(c agent.ClientState) bool {
			return slices.ContainsFunc(c.Applies, func(a agent.AppliedCommand) bool { return a.Name == name })
		})
		if found == applies {
			return time.Since(began).Seconds(), nil
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// pace says by how much a count rises in each of some seconds.
func pace(ctx context.Context, seconds int, count func() uint64) ([]uint64, error) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	var out []uint64
	for before := count(); len(out) < seconds; {
		select {
		case <-ctx.Done():
			return out, ctx.Err()
		case <-ticker.C:
		}
		now := count()
		out, before = append(out, now-before), now
	}
	return out, nil
}

// surge is the surge that nobody limits. The rule of its alert would, and is let do so in shadow.
func surge(ctx context.Context, on *theatre) error {
	by, told := on.cast.orders.agent, on.steered
	began, before := time.Now(), wouldTouch(by)
	watched, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		if name := awaitProposal(watched, by); name != "" {
			told.Proposed, told.SecondsToPropose = name, time.Since(began).Seconds()
		}
	})
	each, err := pace(ctx, int(troubleLasts/time.Second), on.cast.orders.acknowledged.Load)
	stop()
	watching.Wait()
	if err != nil {
		return err
	}
	told.SurgePerSecond, told.WouldDelay = slices.Max(each), wouldTouch(by)-before
	if told.Proposed != "" {
		on.screen.line(fmt.Sprintf("the rule asks in shadow: %s would have made %d messages wait", told.Proposed, told.WouldDelay))
	}
	return nil
}

// proposalPrefix begins the names of what TrafficSurge asks.
const proposalPrefix = "rule.trafficsurge.send_limit."

// awaitProposal waits until a client knows of a command in shadow of the rule, and returns its name; it is empty where ctx ended before.
func awaitProposal(ctx context.Context, by *agent.Agent) string {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		for _, client := range by.State().Clients {
			for _, applies := range client.Applies {
				if applies.Shadow && strings.HasPrefix(applies.Name, proposalPrefix) {
					return applies.Name
				}
			}
		}
		select {
		case <-ctx.Done():
			return ""
		case <-ticker.C:
		}
	}
}

// wouldTouch is how many messages commands in shadow would have touched.
func wouldTouch(by *agent.Agent) (count uint64) {
	for _, client := range by.State().Clients {
		count += client.WouldTouch
	}
	return count
}

// limitedSurge is the same surge with a limit that warms up. The surge begins when the limit is there, as a rule would have it.
func limitedSurge(ctx context.Context, on *theatre) (err error) {
	orders, told := on.cast.orders, on.steered
	err = on.house.command(limitCommand, orders.topic, "", "a sale begins", fmt.Sprintf("send_limit: {messages_per_second: %d, cold_factor: %d, ramp_seconds: %d}", limitPerSecond, limitColdFactor, limitRamp))
	if err != nil {
		return err
	}
	if told.SecondsToLimit, err = awaitCommand(ctx, orders.agent, limitCommand, true); err != nil {
		return err
	}
	orders.perSecond.Store(6 * quietOrdersPerSecond)
	defer orders.perSecond.Store(quietOrdersPerSecond)
	if told.LimitedPerSecond, err = pace(ctx, limitedLasts, orders.acknowledged.Load); err != nil {
		return err
	}
	on.screen.line(fmt.Sprintf("orders a second: %d at most without a limit, and with one %d", told.SurgePerSecond, told.LimitedPerSecond))
	return on.house.noCommands()
}

// pausedGroup pauses a group, and lets it come back.
func pausedGroup(ctx context.Context, on *theatre) (err error) {
	media, told := on.cast.index, on.steered
	on.cast.media.perSecond.Store(pausedPerSecond)
	defer on.cast.media.perSecond.Store(quietMediaPerSecond)
	err = on.house.command(pauseCommand, media.topic, ", group: "+media.group, "the index is rebuilt", fmt.Sprintf("pause: {}\n    release: {ramp_seconds: %d}", releaseRamp))
	if err != nil {
		return err
	}
	if told.SecondsToPause, err = awaitCommand(ctx, media.agent, pauseCommand, true); err != nil {
		return err
	}
	if told.PausedPerSecond, err = pace(ctx, pausedLasts, media.handled.Load); err != nil {
		return err
	}
	if err := on.house.noCommands(); err != nil {
		return err
	}
	if told.SecondsToResume, err = awaitCommand(ctx, media.agent, pauseCommand, false); err != nil {
		return err
	}
	if told.ResumedPerSecond, err = pace(ctx, resumedLasts, media.handled.Load); err != nil {
		return err
	}
	on.screen.line(fmt.Sprintf("media handled a second: paused %d, and then %d", told.PausedPerSecond, told.ResumedPerSecond))
	return nil
}

// holds says that commands did what they are for: what a rule asked was counted in shadow, a surge ramped and stayed below its limit, and there was a pause in which nothing is handled
// (but for what had been fetched) and after which all of it is.
func (s *Steered) holds() bool {
	const slack = 1.2 // seconds are not cut where a limit cuts them
	if len(s.LimitedPerSecond) == 0 || len(s.PausedPerSecond) < 2 || len(s.ResumedPerSecond) == 0 {
		return false
	}
	smooth := s.SurgePerSecond > 2*limitPerSecond && float64(slices.Max(s.LimitedPerSecond)) <= slack*limitPerSecond &&
		s.LimitedPerSecond[0] < slices.Max(s.LimitedPerSecond)*3/4
	proposed := strings.HasPrefix(s.Proposed, proposalPrefix) && s.WouldDelay > 0
	return proposed && smooth && slices.Max(s.PausedPerSecond[1:]) == 0 && slices.Max(s.ResumedPerSecond) > pausedPerSecond
}
