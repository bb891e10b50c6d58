package rocketmq

import (
	"context"
	"testing"
	"time"

	"github.com/weirmq/weir/remoting"
)

// TestABrokerThatWasNotAskedDidNotFail ends a poll before the turn of a broker: how many failed, and how many are alive, stays unknown.
func TestABrokerThatWasNotAskedDidNotFail(t *testing.T) {
	t.Parallel()
	client := remoting.NewClient(remoting.Config{})
	t.Cleanup(client.Close)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	q := question{ctx: over, broker: client.Broker("127.0.0.1:1"), answers: answers{broker: broker{node: "a"}}}
	q.ask()
	all := []answers{q.answers, {broker: broker{node: "b"}, answered: true, roundTrip: time.Millisecond}}
	if all[0].answered || !all[0].outOfTime {
		t.Errorf("got %+v of a poll that is over, want a broker that was not asked", all[0])
	}
	if got := probed(all); !got[0].OutOfTime || got[1].OutOfTime || got[1].ID != "b" || !got[1].Answered || got[1].Took != time.Millisecond {
		t.Errorf("got heartbeats %+v, want that nothing is known of a, and that b answered", got)
	}
	r := (&Config{}).reporter(began)
	r.cluster(&cluster{nameServers: 1}, all, nil)
	if got := r.All[0].Gauges; len(got) != 0 {
		t.Errorf("got %v, want no counts of what is alive", got)
	}
}
