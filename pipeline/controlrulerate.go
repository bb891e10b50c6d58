package pipeline

import (
	"time"

	"github.com/weirmq/weir/control"
)

// ruleMade knows when rules' commands began. It hears of them as the topic is read, so that whoever reads it knows the same, also after a crash.
type ruleMade struct {
	began  map[string]time.Time   // by name, of the newest
	recent map[string][]time.Time // by action, in their order
}

func newRuleMade() *ruleMade {
	return &ruleMade{began: map[string]time.Time{}, recent: map[string][]time.Time{}}
}

// madeSpan is over how long commands are counted.
const madeSpan = time.Hour

// told hears of a record. A command that is renewed or ended began once.
func (m *ruleMade) told(change *control.Change) {
	c := &change.Command
	switch {
	case change.Outcome == control.OutcomeRemoved:
		delete(m.began, c.Name)
		return
	case change.Outcome != control.OutcomeApplied || c.Source != control.SourceRule || m.began[c.Name].Equal(c.CreatedAt):
		return
	}
	m.began[c.Name] = c.CreatedAt
	recent := append(m.recent[c.Action()], c.CreatedAt)
	for len(recent) > 0 && c.CreatedAt.Sub(recent[0]) >= madeSpan || len(recent) > maxActionsPerHour {
		recent = recent[1:]
	}
	m.recent[c.Action()] = recent
}

// within is how many commands of an action began within the last hour.
func (m *ruleMade) within(action string, now time.Time) int {
	count := 0
	for _, at := range m.recent[action] {
		if now.Sub(at) < madeSpan {
			count++
		}
	}
	return count
}
