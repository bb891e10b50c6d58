package rocketmq

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"

	"github.com/weirmq/weir/sdk"
)

// SystemName is what routes call RocketMQ.
const SystemName = "rocketmq"

// Access is how a cluster is reached. TLS is not part of it: the library has it on or off for a whole process.
type Access struct{ Credentials primitive.Credentials }

// system is RocketMQ as the package weir speaks to it.
type system struct{ access func(weir.Route) Access }

// System has a weir.Client speak to clusters of RocketMQ, by rocketmq-client-go. The library's log goes to slog's default
// logger from warnings on, unless LogTo was called before.
func System() weir.System { return SystemWith(func(weir.Route) Access { return Access{} }) }

// SystemWith is System with the access that a route's clients need.
func SystemWith(access func(weir.Route) Access) weir.System {
	if adapter.to.Load() == nil {
		LogTo(slog.New(warnings{slog.Default().Handler()}))
	}
	return &system{access}
}

// warnings is a handler of what is a warning or worse.
type warnings struct{ slog.Handler }

// Enabled leaves out what is below a warning.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// Name is what routes call the system.
func (*system) Name() string { return SystemName }

// levels are the broker's times of delay, the first is level 1: its messageDelayLevel as it is by default.
var levels = []time.Duration{time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 3 * time.Minute,
	4 * time.Minute, 5 * time.Minute, 6 * time.Minute, 7 * time.Minute, 8 * time.Minute, 9 * time.Minute, 10 * time.Minute, 20 * time.Minute,
	30 * time.Minute, time.Hour, 2 * time.Hour}

// levelOf is the first level that is no shorter; the last where all are.
func levelOf(delay time.Duration) int {
	for i, level := range levels {
		if delay <= level {
			return i + 1
		}
	}
	return len(levels)
}

// CheckSender refuses delays above the broker's longest.
func (*system) CheckSender(config weir.SenderConfig) error {
	if longest := levels[len(levels)-1]; config.MaxDelay > longest {
		return fmt.Errorf("%w: RocketMQ delays messages by %s at most, and MaxDelay asks for up to %s; keep what is due later in a database, or send it on from a "+
			"consumer", weir.ErrLacks, longest, config.MaxDelay)
	}
	return nil
}

// A group's name, as the library and the broker take it.
var groupName = regexp.MustCompile(`^[%|a-zA-Z0-9_-]{1,120}$`)

// CheckReceiver refuses a topic of dead letters, since the broker has its own, and what cannot be a group.
func (*system) CheckReceiver(config weir.ReceiverConfig) error {
	switch {
	case config.DeadLetter != "":
		return fmt.Errorf("%w: RocketMQ puts dead letters into %%DLQ%%%s and nowhere else, and weir.DeadLetter names %s; leave it out, or consume with weir.When(weir.Discard) "+
			"and send them on", weir.ErrLacks, config.Group, config.DeadLetter)
	case !groupName.MatchString(config.Group):
		return fmt.Errorf("%w: RocketMQ takes letters, digits, %%, |, _ and - in the name of a group, at most 120, and got %q", weir.ErrLacks, config.Group)
	}
	return nil
}

// CheckTogether refuses two topics of one cluster. Queues are shared out among all members of a group, whatever they subscribe to: those that fall to
// a member which does not are read by nobody, and what was given back may come to one that cannot handle it, until it is a dead letter.
func (*system) CheckTogether(a, b weir.Route) error {
	if a.Cluster != b.Cluster || a.Namespace != b.Namespace || a.Topic == b.Topic {
		return nil
	}
	return fmt.Errorf("%w: members of one group of RocketMQ must all consume the same topics, and %s and %s are two of cluster %s; consume one of them by a group of "+
		"its own, under an id of its own, or move it to another cluster", weir.ErrLacks, a.Topic, b.Topic, a.Cluster)
}

// numbered counts clients: those of one name in a process are one client to the library, whatever name servers they were given.
var numbered atomic.Int64

// ownInstance is a name of a client that no other has.
func ownInstance(route *weir.Route) string {
	name := "weir"
	if route.Instance != "" {
		name = route.Instance
	}
	return fmt.Sprintf("%s-%d-%d", name, os.Getpid(), numbered.Add(1))
}

// producerGroup is a name for a group of producers.
func producerGroup(route *weir.Route) string {
	return strings.Map(func(r rune) rune {
		if r < 128 && groupName.MatchString(string(r)) {
			return r
		}
		return '-'
	}, route.ID)
}

// measuring are the options that tell what the library does not.
func measuring(route *weir.Route, instance string) []Option {
	return []Option{Cluster(route.Cluster), Instance(instance), Namespace(route.Namespace)}
}
