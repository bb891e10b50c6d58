package rocketmq

import (
	"errors"
	"testing"
	"time"

	"github.com/weirmq/weir/sdk"
)

// TestOfANameServerThatDoesNotKnowTheTopic: it may later, and a group that the library refuses is none then, either.
func TestOfANameServerThatDoesNotKnowTheTopic(t *testing.T) {
	t.Parallel()
	for group, away := range map[string]bool{"billing": true, "DEFAULT_CONSUMER": false} {
		p := newPeer(t)
		r, err := System().OpenReceiver(weir.ReceiverConfig{
			Route: weir.Route{System: SystemName, Cluster: "c", Endpoints: []string{p.addr}, Topic: "orders"}, Group: group,
			Consumption: weir.Consumption{MaxBatch: 1, Concurrency: 1, Attempts: 1, Backoff: time.Second, MaxBackoff: time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Run(t.Context(), nil); err == nil || errors.Is(err, weir.ErrAway) != away {
			t.Errorf("group %s: got %v, want that it is tried again: %t", group, err, away)
		}
	}
}
