package rocketmq

import (
	"testing"

	"github.com/weirmq/weir/deploy/relay"
)

// lost are the connections to the name server that are lost. Not fewer: a client asks of three topics on a thread besides.
const lost = 4

// TestMembersStartOnABusyMachine: the first questions to the name server are lost, which RocketMQ's client does not ask again.
func TestMembersStartOnABusyMachine(t *testing.T) {
	nameServer, err := StartNameServer(t.Context(), newConfig(t, "namesrv"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nameServer.Kill)
	broker, err := StartBroker(t.Context(), newConfig(t, "broker"), nameServer.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Kill)
	between, err := relay.Start(nameServer.Addr(), lost)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(between.Close)
	members, err := StartMembers(t.Context(), newConfig(t, "members"), between.Addr(), Member{Group: "readers", Topic: "orders", Expression: "*"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(members.Kill)
	if between.Taken() <= lost {
		t.Errorf("%d connections, want %d that are lost, and more", between.Taken(), lost)
	}
}
