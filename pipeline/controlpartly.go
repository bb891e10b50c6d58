package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/weirmq/weir/control"
)

// controlPatience is how long reading weir.control may take for somebody who waits, and writing to it. Not smaller: an election takes seconds; not larger: people wait for it, and
// over HTTP the answer has to be out before the server's own limit, also where controlReadBack follows.
const controlPatience = 20 * time.Second

// late says of what failed that the time of who waits was over: bounded is the context that it had, and waits that of who waits.
func (l *controlLog) late(waits, bounded context.Context, err error) error {
	if err == nil || bounded.Err() == nil || waits.Err() != nil {
		return err
	}
	return fmt.Errorf("read and write %s of %v within %s: is Kafka there?: %w", control.Topic, l.brokers, l.patience, err)
}

// controlReadBack is how long it may take to find out what became of a write that failed, also where its own time is over. Not smaller: an election takes seconds; not larger:
// others wait for the turn.
const controlReadBack = 5 * time.Second

// partlyWrittenError says of a write that failed which of its changes are in force all the same.
type partlyWrittenError struct {
	err            error
	inForce, notIn []string
}

func (e *partlyWrittenError) Error() string {
	return fmt.Sprintf("%s; in force: %s; not in force: %s; do it again for the rest, of which what is in force stays the same", e.err, named(e.inForce, maxPartlyTold), named(e.notIn, maxPartlyTold))
}

func (e *partlyWrittenError) Unwrap() error { return e.err }

// maxPartlyTold is how many changes an error names of each kind. Not more: the changes beside it name all.
const maxPartlyTold = 20

// partly is the error of changes that were written with err, of which some are in force where it says so.
func partly(changes []controlChange, err error) error {
	var inForce, notIn []string
	for i := range changes {
		c := &changes[i]
		switch {
		case c.done:
			inForce = append(inForce, c.named())
		case c.writes():
			notIn = append(notIn, c.named())
		}
	}
	if err == nil || len(inForce) == 0 || len(notIn) == 0 {
		return err
	}
	return &partlyWrittenError{err, inForce, notIn}
}

// named is a change in few words.
func (c *controlChange) named() string { return fmt.Sprintf("%s %s %s", c.Change, c.Kind, c.Name) }

// readBack finds out which changes are in force after a write that failed, or was not read in time: the broker may have some of its batches. Where it has all of them nothing
// has failed; what cannot be found out is told with the error.
func (l *controlLog) readBack(ctx context.Context, changes []controlChange, failed error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), controlReadBack)
	defer cancel()
	if err := l.catchUp(ctx); err != nil {
		return fmt.Errorf("%w; which of it is in force is not known (%w): look at `weir control list` once Kafka is there", failed, err)
	}
	for i := range changes {
		changes[i].done = changes[i].writes() && l.holds(&changes[i])
	}
	if !slices.ContainsFunc(changes, func(c controlChange) bool { return c.writes() && !c.done }) {
		return nil
	}
	return failed
}

// holds says whether what is held is what a change says.
func (l *controlLog) holds(c *controlChange) bool {
	command, isCommand := l.set.Command(c.Name)
	route, isRoute := l.set.HeldRoute(c.key)
	switch {
	case c.Change == changeRemoved && c.Kind == kindCommand:
		return !isCommand
	case c.Change == changeRemoved:
		return !isRoute
	case c.Kind == kindCommand:
		return isCommand && command.Revision == c.Revision && sameRecord(&command, c.Command)
	}
	return isRoute && route.Revision == c.Revision && sameRecord(&route, c.Route)
}

// sameRecord says whether two of them are one record.
func sameRecord(a, b interface{ Encode() ([]byte, error) }) bool {
	one, err := a.Encode()
	other, otherErr := b.Encode()
	return err == nil && otherErr == nil && string(one) == string(other)
}

// toldChange is a change of a write that failed in part.
type toldChange struct {
	controlChange
	InForce bool `json:"in_force"`
}

// toldChanges say of each change whether it is in force.
func toldChanges(changes []controlChange) []toldChange {
	out := make([]toldChange, len(changes))
	for i, c := range changes {
		out[i] = toldChange{c, c.done || c.Change == changeSame}
	}
	return out
}

// printPartly prints what is in force and what is not of a write that failed, where that is known and both are there.
func printPartly(out io.Writer, changes []controlChange, failed error, asJSON bool) error {
	if !errors.As(failed, new(*partlyWrittenError)) {
		return nil
	}
	told := toldChanges(changes)
	if asJSON {
		return json.NewEncoder(out).Encode(map[string]any{"error": failed.Error(), "changes": told})
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range told {
		state := "not in force"
		if told[i].InForce {
			state = "in force"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", state, told[i].Change, told[i].Kind, told[i].Name)
	}
	return table.Flush()
}
