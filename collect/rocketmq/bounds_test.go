package rocketmq

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/collect/lag"
	"github.com/weirmq/weir/remoting"
)

// TestQueuesThatABrokerClaimsAreBounded: what it configures costs it few bytes each, and the collector an entry for each queue in each group.
func TestQueuesThatABrokerClaimsAreBounded(t *testing.T) {
	t.Parallel()
	q := &question{cluster: &cluster{}, now: time.Now, memory: newMemory(), answers: answers{broker: broker{set: "a", node: "a:1"}, groups: map[string]*group{}}}
	topics := map[string]remoting.TopicConfig{"less": {Read: -1}, "none": {}, "most": {Read: remoting.MaxQueues}, "more": {Read: remoting.MaxQueues + 1}}
	q.bounded(topics)
	if len(topics) != 2 || topics["most"].Read != remoting.MaxQueues || len(q.answers.errs) != 2 {
		t.Errorf("got %v and %v, want none and most, and why not the others", topics, q.answers.errs)
	}
	q.answers.errs = nil
	table := map[remoting.Reading]map[remoting.QueueID]int64{}
	const groups = maxListed/remoting.MaxQueues + 2 // two more than there is room for
	for _, name := range named(groups) {
		q.answers.groups[name] = &group{}
		table[remoting.Reading{Topic: "most", Group: name}] = map[remoting.QueueID]int64{7: 3}
	}
	q.table(table, topics)
	listed := 0
	for _, g := range q.answers.groups {
		listed += len(g.commits)
		if commit, known := g.commits[q.queue("most", 7)]; known && commit.Offset != 3 || g.commits[q.queue("most", 8)].Offset != lag.NoOffset && known {
			t.Errorf("got %v of queue 7", commit)
		}
	}
	want := fmt.Sprintf("what groups have committed of 2 topics at a:1 is left out: they have %d queues, at most %d are listed", groups*remoting.MaxQueues, maxListed)
	if err := errors.Join(q.answers.errs...); listed != (groups-2)*remoting.MaxQueues || err == nil || err.Error() != want {
		t.Errorf("%d are listed, and %v, want %s", listed, err, want)
	}
}
