package weir

import (
	"context"
	"log/slog"
	"time"

	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/report"
)

// System is a kind of message system that resources may be in. Programs take one from the packages
// sdk/kafka and sdk/rocketmq, and call nothing of it.
type System interface {
	// Name is what routes call it.
	Name() string
	// CheckSender says, by an error that is ErrLacks, what the system cannot do of what a producer needs.
	CheckSender(SenderConfig) error
	// CheckReceiver says the same of a consumer.
	CheckReceiver(ReceiverConfig) error
	// CheckTogether says, by an error that is ErrLacks, why members of one group may not consume two places at a time: as they do where
	// a resource moves from one to the other, and where a group consumes two resources.
	CheckTogether(a, b Route) error
	// OpenSender opens a sender and does not wait for the cluster.
	OpenSender(SenderConfig) (Sender, error)
	// OpenReceiver opens a receiver and does not wait for the cluster; it receives nothing before Run.
	OpenReceiver(ReceiverConfig) (Receiver, error)
}

// SenderConfig says what a sender is opened for.
type SenderConfig struct {
	Route    Route
	Reporter *report.Reporter // nil: it is not measured
	Control  *agent.Agent     // nil: no commands apply
	Log      *slog.Logger
	MaxDelay time.Duration // 0: no message is delayed
}

// Sender sends to one topic. Its methods may be called from any goroutine.
type Sender interface {
	// Ready waits until the topic can be sent to; the error says why it cannot.
	Ready(ctx context.Context) error
	// Send sends messages and waits until each is acknowledged or has failed. Those of one key are
	// sent in order. It returns nil where none failed.
	Send(ctx context.Context, messages []*Message) *BatchError
	// Close ends the sender: what is not acknowledged by then fails.
	Close()
	// Native is the library's own client.
	Native() any
}

// ReceiverConfig says what a receiver is opened for.
type ReceiverConfig struct {
	Resource string
	Route    Route
	Group    string
	Reporter *report.Reporter // nil: it is not measured
	Control  *agent.Agent     // nil: no commands apply
	Log      *slog.Logger
	Consumption
}

// Receiver gives a group's messages of one topic to a handler.
type Receiver interface {
	// Ready waits until the topic can be received from, and dead letters be put away; the error says
	// why not, and is ErrLacks where waiting does not help.
	Ready(ctx context.Context) error
	// Run gives messages to handle until ctx ends, and then returns nil when those that it was given
	// are handled; the error says why it cannot go on, and is ErrAway where the cluster went away before it began: another receiver is opened then. handle may be called from several goroutines. It returns ErrNotHandled
	// for messages that come when ctx has ended: those are left for the next member.
	Run(ctx context.Context, handle Handler) error
	// CaughtUp says whether the whole group, of which this is one member, has handled all that is in the topic.
	CaughtUp(ctx context.Context) (bool, error)
	// Outstanding says whether messages may still come to the topic, or to the group, that were sent before: such as are delayed, or were given back to be
	// given again. Nobody asks for it at the same time as for CaughtUp, or twice at once.
	Outstanding(ctx context.Context) (bool, error)
	// Close ends the receiver; Run has returned.
	Close()
	// Native is the library's own client.
	Native() any
}
