package pipeline

import (
	"fmt"
	"time"

	"github.com/weirmq/weir/control"
)

// controlRefusedFor is for how long what readers refused is not written again, unless it is another then. Not shorter: each record is a row of the history, and a warning in each agent;
// not longer: a created_at that is ahead of the broker's clock may be taken by then.
const controlRefusedFor = control.MaxClockSkew

// controlRefusals are what this process wrote and readers refused, by key: the newest of each.
type controlRefusals map[string]controlRefusal

// controlRefusal is a record that was refused.
type controlRefusal struct {
	spec string // of what is asked, as its writer has it
	why  error
	at   time.Time
}

// specOf is what a change asks, as its writer has it.
func (c *controlChange) specOf() string {
	switch {
	case c.Command != nil:
		return c.Command.Spec
	case c.Route != nil:
		return c.Route.Spec
	}
	return ""
}

// note keeps what of changes that were written was refused, and forgets what was taken or is long ago.
func (r controlRefusals) note(changes []controlChange, now time.Time) {
	for i := range changes {
		c := &changes[i]
		switch {
		case c.refused != nil:
			r[c.key] = controlRefusal{c.specOf(), c.refused, now}
		case c.done && r[c.key].spec == c.specOf():
			delete(r, c.key)
		}
	}
	for key, one := range r {
		if now.Sub(one.at) >= controlRefusedFor {
			delete(r, key)
		}
	}
}

// leaveOut skips changes that ask what was refused a while ago, and says why the first was.
func (r controlRefusals) leaveOut(changes []controlChange, now time.Time) error {
	var first error
	for i := range changes {
		c := &changes[i]
		one, found := r[c.key]
		if !found || !c.writes() || c.Change == changeRemoved || one.spec != c.specOf() || c.Command != nil && c.Command.Ended != nil || now.Sub(one.at) >= controlRefusedFor {
			continue
		}
		c.skip("is not written again before %s, as readers refused it: %s", shownTime(one.at.Add(controlRefusedFor)), one.why)
		if first == nil {
			first = fmt.Errorf("%s %s %s", c.Kind, c.Name, c.Note)
		}
	}
	return first
}
