package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/control"
)

// controlForgotten is for how long a command that is over stays in the topic behind the time at which no revision of it could be in force any more. Not smaller: people look for what
// ended last; not larger: every client reads all that is there.
const controlForgotten = time.Hour

// keep has weir.control say what the files do, and be whole: what is in force is the newest record of its key, and what is over for long is gone. The error says that the topic
// cannot be read or written; faults of files are shown, and leave what is in force.
func (c *controller) keep(ctx context.Context, turn *lease) error {
	now := time.Now()
	files, filesErr := readControlFiles(c.p.config.Control.Dir, now, c.p.config.Telemetry)
	if err := c.turn.take(ctx); err != nil {
		return err
	}
	defer c.turn.give()
	if err := c.topic.catchUp(ctx); err != nil {
		return err
	}
	changes := append(c.mended(), c.forgotten(now)...)
	if filesErr == nil {
		plan := controlPlan{by: control.SourceFile, now: now}
		if c.p.config.Control.Prune && files.files > 0 {
			plan.prune = []control.Source{control.SourceFile} // what others applied is no business of this folder
		}
		planned, err := plan.plan(files, c.topic.set)
		filesErr = err
		if left := leaveOutBeyond(planned, c.topic.set, now); left > 0 && err == nil {
			filesErr = fmt.Errorf("%d commands of files are not written, as %d are held already, which is the most: end some, or take some away", left, control.MaxCommands)
		}
		if refused := c.refusals.leaveOut(planned, now); refused != nil && filesErr == nil {
			filesErr = refused
		}
		changes = append(changes, planned...)
	}
	c.note(filesErr)
	return c.write(ctx, turn, changes)
}

// leaveOutBeyond skips new commands that readers would refuse as they hold as many as they may, and says how many: each look would write them anew.
func leaveOutBeyond(changes []controlChange, set *control.Set, now time.Time) (left int) {
	if !set.Full(now) {
		return 0
	}
	for i := range changes {
		if changes[i].Change == changeNew && changes[i].Kind == kindCommand {
			changes[i].skip("is beyond the %d commands that readers hold", control.MaxCommands)
			left++
		}
	}
	return left
}

// write writes what changes, if this process still has the lease. What cannot be written is left out, as is what was refused, and nothing else.
func (c *controller) write(ctx context.Context, turn *lease, changes []controlChange) error {
	_ = c.refusals.leaveOut(changes, time.Now()) // was told when it was refused
	for i := range changes {
		if _, err := changes[i].records(); err != nil {
			changes[i].skip("cannot be written: %s", err)
			c.p.metrics.stage(RoleControl).failed("encode")
			delete(c.topic.stale, changes[i].key) // it would fail each second
			c.log.Error("a change of weir.control is left out", "name", changes[i].Name, "error", err)
		}
	}
	if !slices.ContainsFunc(changes, func(c controlChange) bool { return c.writes() }) {
		return nil
	}
	if err := turn.confirm(ctx); err != nil {
		return err
	}
	err := c.topic.write(ctx, changes)
	c.refusals.note(changes, time.Now())
	switch {
	case errors.Is(err, errChangedMeanwhile): // it is planned anew
		c.log.Info("somebody else wrote weir.control meanwhile", "error", err)
		c.wakeLeader()
		err = nil
	case errors.Is(err, errRefusedByReaders): // who reads it back has counted it
		c.log.Error("what this process wrote is not in force", "error", err)
		c.wakeLeader() // which shows it beside the files
		err = nil
	}
	for i := range changes {
		if changes[i].done {
			c.metrics.written.Inc()
		}
	}
	c.show()
	return err
}

// note shows what is wrong with the files.
func (c *controller) note(err error) {
	c.mu.Lock()
	before := c.filesErr
	c.filesErr = err
	c.mu.Unlock()
	if err != nil && (before == nil || before.Error() != err.Error()) {
		c.metrics.fileFailures.Inc()
		c.log.Error("files of commands are not taken over, what is in force stays", "error", err)
	} else if err == nil && before != nil {
		c.log.Info("files of commands are taken over again")
	}
	c.p.status.setError(RoleControl, err)
}

// mended are revisions of what is in force where the newest record is another: that one would be left by compaction, and be in force for whoever starts then.
func (c *controller) mended() []controlChange {
	var changes []controlChange
	for key := range c.topic.stale {
		if route, found := c.topic.set.HeldRoute(key); found {
			route.Revision++
			changes = append(changes, controlChange{Change: changeChanged, Kind: kindRoute, Name: route.ID, Revision: route.Revision, Route: &route, key: key})
			continue
		}
		if command, found := c.topic.set.Command(strings.TrimPrefix(key, kindCommand+"/")); found {
			command.Revision++
			changes = append(changes, controlChange{Change: changeChanged, Kind: kindCommand, Name: command.Name, Revision: command.Revision, Command: &command, key: key})
		}
	}
	for _, change := range changes {
		c.log.Warn("the newest record of weir.control is not what is in force: it is written again", "name", change.Name, "revision", change.Revision)
	}
	return changes
}

// forgotten are commands that are over for so long that nobody needs to know, but those of rules.
func (c *controller) forgotten(now time.Time) []controlChange {
	var changes []controlChange
	for _, command := range c.topic.set.Commands() {
		if command.Source != control.SourceRule && !command.InForce(now) && now.Sub(command.CreatedAt) > control.MaxLifetime+controlForgotten {
			changes = append(changes, controlChange{Change: changeRemoved, Kind: kindCommand, Name: command.Name, Revision: command.Revision, Command: &command, key: command.Key()})
		}
	}
	return changes
}

// errNotControl says that a process cannot be asked.
var errNotControl = fmt.Errorf("this process has not the role %s: ask one that has", RoleControl)
