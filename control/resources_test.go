package control_test

import (
	"testing"

	"github.com/weirmq/weir/control"
)

// TestResourcesOfANamespace: clients name a topic of RocketMQ with its namespace, and routes beside it.
func TestResourcesOfANamespace(t *testing.T) {
	t.Parallel()
	of := control.ResourcesOf([]control.Route{{ID: "plain", System: "rocketmq", Cluster: "c", Topic: "orders"},
		{ID: "orders.created", System: "rocketmq", Cluster: "c", Namespace: "shop", Topic: "orders"},
		{ID: "named.twice", System: "rocketmq", Cluster: "c", Namespace: "shop", Topic: "shop%returns"}})
	for topic, want := range map[string]string{"orders": "plain", "shop%orders": "orders.created", "shop%returns": "named.twice", "returns": ""} {
		if got := of.Newest(&control.Who{System: "rocketmq", Cluster: "c", Topic: topic}); got != want {
			t.Errorf("of topic %s a client touches the resource %q, want %q", topic, got, want)
		}
	}
}
