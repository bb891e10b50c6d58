package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Timing of a consumer group's members.
const (
	// sessionTimeout is after how long without a heartbeat a member is taken for dead
	// and its partitions move. Not smaller: brokers allow 6 s at the least, and a
	// machine that swaps pauses for seconds; not larger: what a killed process owned
	// waits for it, and with it alerts.
	sessionTimeout    = 8 * time.Second
	heartbeatInterval = 2 * time.Second
	// rebalanceTimeout bounds the last writes of a partition that moves. Not smaller
	// than drainTimeout; not larger: a group waits that long for a member that died
	// while it joined.
	rebalanceTimeout = 12 * time.Second
	// leaveTimeout bounds leaving a group, which waits while the group rebalances. Not
	// smaller: a leave in order moves partitions at once; not larger: a supervisor
	// kills after 30 s.
	leaveTimeout = 5 * time.Second
)

// member is a client in a consumer group. Offsets are committed by the stage itself.
type member struct {
	*kgo.Client
	abort context.CancelFunc
}

// joinGroup opens a member of a consumer group that reads topics from where the group
// has committed, else from their start.
func joinGroup(p *Pipeline, group string, topics []string, options ...kgo.Opt) (*member, error) {
	shared, err := clientOptions(p.config.Kafka, p.kafka)
	if err != nil {
		return nil, err
	}
	// The client lives until it is closed, not until the stage's context ends: leaving comes after.
	ctx, abort := context.WithCancel(context.Background())
	options = append(append(shared, kgo.WithContext(ctx), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics...),
		kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(heartbeatInterval), kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.DisableAutoCommit(), kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())), options...)
	client, err := kgo.NewClient(options...)
	if err != nil {
		abort()
		return nil, fmt.Errorf("open a Kafka client: %w", err)
	}
	return &member{client, abort}, nil
}

// leave leaves the group and closes the client, in bounded time.
func (m *member) leave() {
	timer := time.AfterFunc(leaveTimeout, m.abort)
	defer timer.Stop()
	m.CloseAllowingRebalance()
	m.abort()
}
