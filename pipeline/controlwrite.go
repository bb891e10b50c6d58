package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
)

var (
	// errChangedMeanwhile says that somebody else wrote the same revision first: nothing is in force of what was written.
	errChangedMeanwhile = errors.New("somebody else changed it meanwhile: look at what is there now, and try again")
	// errRefusedByReaders says that what was written breaks a guard rail that only readers know of: how the broker's clock is, and how much is held.
	errRefusedByReaders = errors.New("whoever reads weir.control refuses it, and what was there before stays")
)

// controlAttempts is how often a change is planned anew where somebody else writes at the same time. Not fewer: the role control and a person may well meet twice;
// not more: who is late each time is told so.
const controlAttempts = 5

// write appends what changes and reads it back. A change is done where the record at its offset did what it says; the first that is not is the error.
func (l *controlLog) write(ctx context.Context, changes []controlChange) error {
	says := make([]*kgo.Record, len(changes)) // of each change the record that says it
	var written []*kgo.Record
	for i := range changes {
		records, err := changes[i].records()
		if err != nil {
			return err
		}
		if len(records) > 0 {
			says[i] = records[len(records)-1]
		}
		written = append(written, records...)
	}
	if err := l.append(ctx, written); err != nil {
		return l.readBack(ctx, changes, err)
	}
	l.became = map[int64]control.Change{}
	defer func() { l.became = nil }()
	if err := l.catchUp(ctx); err != nil {
		return l.readBack(ctx, changes, err)
	}
	var failed error
	for i, record := range says {
		if record == nil {
			continue
		}
		became, found := l.became[record.Offset]
		err := changes[i].settle(became, found)
		if err != nil && (failed == nil || errors.Is(failed, errChangedMeanwhile)) { // a refusal is one however often it is tried
			failed = fmt.Errorf("%s: %w", changes[i].Name, err)
		}
	}
	return failed
}

// settle notes what became of a change's record; found is false where the topic has none at its offset: compaction took it away for a newer one.
func (c *controlChange) settle(became control.Change, found bool) error {
	switch {
	case !found:
		return errChangedMeanwhile
	case became.Outcome == control.OutcomeRefused:
		if became.Reason != control.ReasonBeyond { // that is of what is held now, which may be fewer soon
			c.refused = became.Err
		}
		return fmt.Errorf("%w: %w", errRefusedByReaders, became.Err)
	case became.Outcome == control.OutcomeIgnored && !became.Same: // what is there already is there
		return errChangedMeanwhile
	}
	c.done = true
	return nil
}

// settle plans, writes, and plans anew where somebody else wrote meanwhile. plan is given what is done of the plans before it. An error beside changes says which of them are in
// force all the same. It ends in time for who waits.
func (l *controlLog) settle(waits context.Context, plan func(done []controlChange) ([]controlChange, error)) ([]controlChange, error) {
	ctx, cancel := context.WithTimeout(waits, l.patience)
	defer cancel()
	var done, before []controlChange // before is what was not done of the plan before
	for attempt := 1; ; attempt++ {
		changes, err := plan(done)
		if err != nil {
			changes = append(done, before...)
			return changes, partly(changes, err)
		}
		err = l.write(ctx, changes)
		changes = withDone(changes, done)
		if err == nil || !errors.Is(err, errChangedMeanwhile) || attempt == controlAttempts {
			return changes, partly(changes, l.late(waits, ctx, err))
		}
		before = slices.DeleteFunc(slices.Clone(changes), func(c controlChange) bool { return c.done })
		done = slices.DeleteFunc(changes, func(c controlChange) bool { return !c.done })
	}
}

// withDone are the changes of a plan, and what was done before it in place of what it finds to be so already.
func withDone(changes, done []controlChange) []controlChange {
	for _, before := range done {
		at := slices.IndexFunc(changes, func(c controlChange) bool { return c.key == before.key })
		switch {
		case at < 0:
			changes = append(changes, before)
		case !changes[at].writes():
			changes[at] = before
		}
	}
	return changes
}
