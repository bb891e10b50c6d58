package kafka

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// TestShareGroups reports what the coordinator of a share group counts: its members, and what is unread.
func TestShareGroups(t *testing.T) {
	t.Parallel()
	_, m := fake(t, 1)
	m.topic("jobs", 1)
	member, err := kgo.NewClient(kgo.SeedBrokers(m.addrs...), kgo.ShareGroup("workers"), kgo.ConsumeTopics("jobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(member.Close)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for read := 0; read == 0 && ctx.Err() == nil; { // it takes what comes after it has joined
		m.send("jobs", 0, 1)
		polled, stop := context.WithTimeout(ctx, patience/100)
		read = member.PollFetches(polled).NumRecords()
		stop()
	}
	m.send("jobs", 0, 7)
	lines := m.poll(0)
	m.expect(of(lines, "op=group", "group=workers", "members=1"), "op=group group=workers members=1 rebalancing_groups=0")
	unread := m.values(of(lines, "op=group", "group=workers", "topic=jobs", "partition=0"), telemetry.GaugeLagMessages)
	if len(unread) != 1 || unread[0] < 8 { // what the member has and did not acknowledge is unread, too
		t.Errorf("got %v unread, want 8 or more", unread)
	}
}
