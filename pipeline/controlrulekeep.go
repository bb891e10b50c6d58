package pipeline

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ruleKeeper has commands of rules in force while their alerts fire, as long as this process has the lease.
type ruleKeeper struct {
	c       *controller
	turn    *lease
	said    outage
	back    map[string]string // why what is proposed is not asked, by the name of its command, as it was logged last
	planned time.Time
}

func (c *controller) ruleKeeper(turn *lease) *ruleKeeper {
	return &ruleKeeper{c: c, turn: turn, back: map[string]string{},
		said: outage{log: c.log, begun: "what rules ask is not kept up to date, will try again; what is in force ends by itself", over: "what rules ask is kept up to date again", anyNumber: true}}
}

// keepRules keeps until it is stopped.
func (c *controller) keepRules(ctx context.Context, turn *lease) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { c.ruleKeeper(turn).run(ctx) })
	return func() { cancel(); group.Wait() }
}

// run keeps until ctx ends. What fails is tried again: what is in force expires by itself meanwhile.
func (k *ruleKeeper) run(ctx context.Context) {
	defer k.c.setHeldBack(nil, nil)
	retry := time.NewTicker(controlTick)
	defer retry.Stop()
	for ctx.Err() == nil {
		follow := k.follow
		if !k.c.p.actions.Load().any() {
			follow = k.withdraw
		}
		if err := follow(ctx); ctx.Err() == nil && err != nil {
			k.c.p.metrics.stage(RoleControl).failed("rules")
			k.said.note(err)
		}
		select {
		case <-ctx.Done():
		case <-retry.C:
		}
	}
}

// withdraw ends what rules asked before actions were turned off. No alert is read for that.
func (k *ruleKeeper) withdraw(ctx context.Context) error {
	if err := k.keep(ctx, nil); err != nil {
		return err
	}
	k.said.note(nil)
	return nil
}

// follow reads alerts and keeps commands until something fails.
func (k *ruleKeeper) follow(ctx context.Context) error {
	alerts, err := openRuleAlerts(ctx, k.c.p.config.Kafka, k.skipped, k.c.p.kafka)
	if err != nil {
		return err
	}
	defer alerts.close()
	for ctx.Err() == nil && k.c.p.actions.Load().any() {
		changed, err := alerts.poll(ctx, controlTick)
		if err != nil {
			return err
		}
		if !alerts.whole() || !changed && time.Since(k.planned) < controlTick {
			continue
		}
		if err := k.keep(ctx, alerts.list()); err != nil {
			return err
		}
		k.said.note(nil)
	}
	return nil
}

// skipped hears of a record of weir.alerts that cannot be read: what it says of its alert is not known.
func (k *ruleKeeper) skipped(record *kgo.Record, err error) {
	k.c.p.metrics.stage(RoleControl).failed("decode")
	k.c.log.Error("skipped a record", "topic", record.Topic, "partition", record.Partition, "offset", record.Offset, "error", err)
}

// keep writes what differs from what alerts propose.
func (k *ruleKeeper) keep(ctx context.Context, alerts []ruleAlert) error {
	c := k.c
	if err := c.turn.take(ctx); err != nil {
		return err
	}
	defer c.turn.give()
	k.planned = time.Now()
	changes, back := c.planRules(alerts, k.planned)
	if len(changes) > 0 { // what people wrote a moment ago counts
		if err := c.topic.catchUp(ctx); err != nil {
			return err
		}
		changes, back = c.planRules(alerts, k.planned)
	}
	k.tell(back)
	if err := c.write(ctx, k.turn, changes); err != nil {
		return err
	}
	for i := range changes {
		if changes[i].done && (changes[i].Change == changeNew || changes[i].Change == changeChanged) {
			c.metrics.asked[changes[i].Command.Action()].Inc()
		}
	}
	return nil
}

func (c *controller) planRules(alerts []ruleAlert, now time.Time) ([]controlChange, []heldBack) {
	plan := rulePlan{config: c.p.actions.Load(), set: c.topic.set, made: c.made, unheard: unheardAfter(c.p.config.Telemetry.Pane), now: now,
		telemetry: c.p.config.Telemetry}
	return plan.plan(alerts)
}

// tell shows what is held back, and logs why, once for each reason.
func (k *ruleKeeper) tell(back []heldBack) {
	now := map[string]string{}
	counts := map[string]int64{}
	for _, one := range back {
		now[one.Name] = one.Why
		counts[one.Why]++
		if k.back[one.Name] != one.Why {
			k.c.log.Info("a rule proposes what is not asked", "rule", one.Rule, "asks", one.Asks, "why", one.Why, "note", one.Note)
		}
	}
	k.back = now
	slices.SortFunc(back, func(a, b heldBack) int { return strings.Compare(a.Name, b.Name) })
	k.c.setHeldBack(back, counts)
}

// setHeldBack shows what is held back, and how much of it for which reason.
func (c *controller) setHeldBack(back []heldBack, counts map[string]int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heldBack = back
	for why, gauge := range c.metrics.heldBack {
		gauge.Store(counts[why])
	}
}
