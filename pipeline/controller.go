package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/weirmq/weir/control"
)

// Timing of the role control.
const (
	// controlTick is how often weir.control is looked at. Not smaller: each asks the broker for an end; not larger: what this process shows is as old.
	controlTick = time.Second
	// controlReread is how often the folder of files is read though nothing was heard of it: it may not have been there, or be on a file system that tells nothing. Not
	// smaller: each reads all files; not larger: a pause taken back would last that long.
	controlReread = 10 * time.Second
)

// groupControl is the consumer group whose members take turns at writing weir.control.
const groupControl = "weir-control"

// controller keeps weir.control: every process with the role reads it, and the one that has the lease writes what files say.
type controller struct {
	p       *Pipeline
	log     *slog.Logger
	metrics *controlMetrics
	wake    chan struct{} // has who leads look at once

	turn     controlTurn // of what follows, also while brokers are waited for
	topic    *controlLog
	made     *ruleMade
	caughtUp bool // what is read from now on is new
	refusals controlRefusals

	mu       sync.Mutex // of what follows; nobody waits for anything while it is held
	held     controlHeld
	shownAt  time.Time // when what is held was looked at last
	leads    bool
	heldBack []heldBack // what rules propose and is not asked
	filesErr error      // why the files are not in force, nil where they are
}

// controlTurn is held by the one who reads or writes the topic. Others wait for it as long as they like.
type controlTurn chan struct{}

// take waits for the turn until ctx ends.
func (t controlTurn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for who reads or writes %s: %w", control.Topic, context.Cause(ctx))
	}
}

func (t controlTurn) give() { <-t }

// runController runs the role until ctx ends (nil) or weir.control cannot be read.
func runController(ctx context.Context, p *Pipeline) error {
	topic, err := openControlLog(p.config.Kafka, p.log, p.kafka)
	if err != nil {
		return err
	}
	defer topic.close()
	c := &controller{p: p, log: p.log.With("stage", RoleControl), metrics: newControlMetrics(p.metrics), wake: make(chan struct{}, 1), turn: make(controlTurn, 1), topic: topic,
		made: newRuleMade(), refusals: controlRefusals{}}
	topic.told, topic.anew = c.told, c.wakeLeader // a topic that was made anew says nothing of what files do
	if err := topic.catchUp(ctx); err != nil {
		return stopped(ctx, err)
	}
	c.caughtUp, c.shownAt = true, time.Now()
	c.show()
	p.controls.Store(c)
	defer p.controls.CompareAndSwap(c, nil)
	running, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	waiting := outage{log: c.log, begun: "the group of the role control does not let this process in, will try again", over: "the group of the role control lets this process in"}
	var one sync.Mutex // the client tells of failures from another goroutine than of success
	turn, err := takeLease(running, p, groupControl, func(ctx context.Context, l *lease) { c.lead(ctx, l, fail) }, func(err error) {
		one.Lock()
		defer one.Unlock()
		waiting.note(err)
	})
	if err != nil {
		return err
	}
	defer turn.give()
	defer every(running, controlTick, func(ctx context.Context) {
		if err := c.look(ctx); err != nil && ctx.Err() == nil {
			fail(err)
		}
	})()
	<-running.Done()
	return stopped(ctx, context.Cause(running))
}

// stopped is nil where a stage was told to stop.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// look reads what is new.
func (c *controller) look(ctx context.Context) error {
	if err := c.turn.take(ctx); err != nil {
		return err
	}
	defer c.turn.give()
	if err := c.topic.catchUp(ctx); err != nil {
		return err
	}
	c.show()
	if len(c.topic.stale) > 0 {
		c.wakeLeader()
	}
	return nil
}

// wakeLeader has who leads look at once, or again where it does already.
func (c *controller) wakeLeader() {
	select {
	case c.wake <- struct{}{}:
	default: // it is woken already
	}
}

// told hears of each record that is read.
func (c *controller) told(change control.Change) {
	c.p.metrics.stage(RoleControl).records.Inc()
	c.made.told(&change)
	switch change.Outcome {
	case control.OutcomeRefused:
		c.metrics.refused[change.Reason].Inc()
		c.log.Warn("a record of weir.control is refused by whoever reads it; what was there before stays", "key", change.Key, "reason", change.Reason, "error", change.Err)
	case control.OutcomeIgnored:
		c.metrics.ignored.Inc()
	case control.OutcomeApplied, control.OutcomeRemoved:
		if c.caughtUp && change.Command.Revision > 0 {
			logCommand(c.log, &change, time.Now())
		}
	}
}

// logCommand tells of a command that came, or what came of it: what is over says so.
func logCommand(log *slog.Logger, change *control.Change, now time.Time) {
	command := &change.Command
	log = log.With("command", command.String(), "asks", command.Describe())
	switch {
	case change.Outcome == control.OutcomeRemoved && command.InForce(now):
		log.Info("a command was taken away", "author", command.Author)
	case change.Outcome == control.OutcomeRemoved:
		log.Info("a command that was over was taken away", "author", command.Author)
	case command.Ended != nil:
		log.Info("a command was ended", "ended_by", command.Ended.Author, "reason", command.Ended.Reason)
	case !command.InForce(now):
		log.Info("a command came that is over", "expired_at", command.ExpiresAt, "author", command.Author, "reason", command.Reason)
	default:
		log.Info("command", "author", command.Author, "reason", command.Reason, "until", command.ExpiresAt)
	}
}

// logExpired tells of commands that expired since this was looked at last.
func (c *controller) logExpired(now time.Time) {
	for i := range c.held.commands {
		if one := &c.held.commands[i]; one.Ended == nil && one.ExpiresAt.After(c.shownAt) && !one.InForce(now) {
			c.log.Info("a command expired", "command", one.String(), "asks", one.Describe(), "author", one.Author)
		}
	}
	c.shownAt = now
}

// show has the metrics say what is held, and whoever asks; c.turn is held.
func (c *controller) show() {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if set := c.topic.set; c.held.of != set || c.held.offset != set.Offset() {
		c.held = heldOf(set)
	}
	c.logExpired(now)
	states := map[string]int64{}
	for i := range c.held.commands {
		states[stateOfCommand(&c.held.commands[i], now)]++
	}
	for state, gauge := range c.metrics.commands {
		gauge.Store(states[state])
	}
	c.metrics.routes.Store(int64(len(c.held.routes)))
	c.metrics.offset.Store(c.held.offset)
}

// shown is what was held when the topic was last looked at. Nobody changes it.
func (c *controller) shown() controlHeld {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held
}

// lead writes what files say, as long as this process has the lease.
func (c *controller) lead(ctx context.Context, turn *lease, fail context.CancelCauseFunc) {
	c.setLeads(true)
	defer c.setLeads(false)
	defer every(ctx, controlStoreTick, c.storeKeeper().keep)()
	defer every(ctx, controlTick, c.sharedKeeper(turn).keep)()
	defer c.watch(ctx)()
	defer c.keepRules(ctx, turn)()
	reread := time.NewTicker(controlReread)
	defer reread.Stop()
	for {
		if err := c.keep(ctx, turn); err != nil && ctx.Err() == nil {
			fail(err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-reread.C:
		case <-c.wake:
		}
	}
}

func (c *controller) setLeads(leads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leads = leads
	partitions := int64(0)
	if leads {
		partitions = 1
	}
	c.p.metrics.stage(RoleControl).owns(partitions, 0)
}

// watch wakes who leads when the folder of files has changed and rests, until it is stopped. A folder that cannot be watched is read all the same, each controlReread.
func (c *controller) watch(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		failed := func(err error) { c.log.Warn("watch files of commands", "error", err) }
		err := watchFolder(ctx, c.p.config.Control.Dir, failed, c.wakeLeader)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.log.Warn("files of commands are not watched: they are read every "+controlReread.String(), "error", err)
		}
	})
	return func() { cancel(); group.Wait() }
}
