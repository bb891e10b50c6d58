package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// groupCollect begins the name of the consumer group of each cluster that is polled; the cluster's name follows.
const groupCollect = "weir-collect-"

// leasePartition of weir.telemetry is what the members of such a group take turns by: who owns it polls the cluster. Nothing is read of it.
const leasePartition = 0

// lease is the right to poll one cluster, which one process has at a time.
type lease struct {
	*member
	group string
	work  func(context.Context)

	mu   sync.Mutex
	end  func() // ends the work and waits for it; nil while the lease is not held
	over bool   // it is given up for good
}

// errNotLeased is of a poll whose lease went to another process before its reports were published.
var errNotLeased = errors.New("it is not sure that this process polls the cluster still")

// takeLease joins a group whose members take turns at something, and has work run as long as the lease is held: its context ends when it is lost, and the next
// process gets it when work has returned. told hears why the group does not let this process in, and nil when it does. give gives the
// lease up.
func takeLease(ctx context.Context, p *Pipeline, group string, work func(context.Context, *lease), told func(error)) (*lease, error) {
	l := &lease{group: group}
	l.work = func(ctx context.Context) { work(ctx, l) }
	l.mu.Lock() // what is assigned waits for the client
	defer l.mu.Unlock()
	var err error
	l.member, err = joinGroup(p, l.group, []string{telemetry.TopicTelemetry}, kgo.WithHooks(groupFaults{told}),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, assigned map[string][]int32) {
			told(nil) // also where others have all partitions
			l.assigned(ctx, assigned)
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, revoked map[string][]int32) { l.revoked(revoked) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { l.revoked(lost) }))
	if err != nil {
		return nil, err
	}
	l.PauseFetchTopics(telemetry.TopicTelemetry)
	return l, nil
}

type groupFaults struct{ told func(error) }

// OnGroupManageError is called by the client, which then tries again.
func (g groupFaults) OnGroupManageError(err error) { g.told(err) }

func (l *lease) assigned(ctx context.Context, partitions map[string][]int32) {
	if !slices.Contains(partitions[telemetry.TopicTelemetry], leasePartition) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil || l.over {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() { l.work(ctx) })
	l.end = func() {
		cancel()
		working.Wait()
	}
}

func (l *lease) revoked(partitions map[string][]int32) {
	if slices.Contains(partitions[telemetry.TopicTelemetry], leasePartition) {
		l.stop(false)
	}
}

// stop ends the work, and waits for it.
func (l *lease) stop(over bool) {
	l.mu.Lock()
	end := l.end
	l.end, l.over = nil, l.over || over
	l.mu.Unlock()
	if end != nil {
		end()
	}
}

// give ends the work and leaves the group, so that another process gets the lease at once.
func (l *lease) give() {
	l.stop(true)
	l.leave()
}

// publish publishes the reports of a poll, if the lease is still held: a process that was stopped for a while finds out here that another
// has taken over, and what it has is withheld.
func (l *lease) publish(ctx context.Context, reports []telemetry.Report, publish func([]telemetry.Report)) error {
	began := time.Now()
	if err := l.confirm(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil || time.Since(began) >= sessionTimeout { // nobody else got it within that
		return errNotLeased
	}
	publish(reports)
	return nil
}

// confirm asks the group whether this process is still the member that it was.
func (l *lease) confirm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sessionTimeout)
	defer cancel()
	request := kmsg.NewPtrHeartbeatRequest()
	request.Group = l.group
	request.MemberID, request.Generation = l.GroupMetadata()
	answer, err := l.Request(ctx, request)
	if err == nil {
		err = kerr.ErrorForCode(answer.(*kmsg.HeartbeatResponse).ErrorCode)
	}
	if err == nil || errors.Is(err, kerr.RebalanceInProgress) { // still a member, and the lease is its own until it gives it away
		return nil
	}
	return fmt.Errorf("%w: the group %s says: %w", errNotLeased, l.group, err)
}
