package remoting

import (
	"context"
	"strings"
)

// Connection is a client that is connected to a broker.
type Connection struct {
	ClientID string `json:"clientId"`
	Addr     string `json:"clientAddr"` // host:port, as the broker sees it
	Language string `json:"language"`
	Version  int32  `json:"version"` // see the method Release
}

// Release is the client's, "5.3.3" or "5.3.4-SNAPSHOT", and whether it is known: only of clients in Java that came through no proxy.
func (c Connection) Release() (string, bool) {
	if strings.Count(c.ClientID, "@") >= relayedParts {
		return "", false
	}
	return release(c.Language, c.Version)
}

// relayedParts is how many @ the id of a client has that came to the broker through a proxy, by gRPC: host@process@number@time. Its release has
// no ordinal, and the proxy says its own. Others have one, or two: address@instance@unit.
const relayedParts = 3

// Consumers are the clients of a consumer group that are connected to a broker.
type Consumers struct {
	Connections   []Connection            `json:"connectionSet"`
	Type          string                  `json:"consumeType"`  // CONSUME_ACTIVELY pulls, CONSUME_PASSIVELY is called
	Model         string                  `json:"messageModel"` // BROADCASTING keeps its offsets at the clients
	Subscriptions map[string]Subscription `json:"subscriptionTable"`
}

// Subscription is what a group reads of a topic.
type Subscription struct {
	Type       string `json:"expressionType"` // TAG or SQL92
	Expression string `json:"subString"`      // "*" is all
}

// ConsumerConnections asks for the clients of a consumer group. The error wraps ErrOffline where it has none.
func (b Broker) ConsumerConnections(ctx context.Context, group string) (Consumers, error) {
	return fetch[Consumers](ctx, b.target, "the consumers of group "+group,
		Request{Code: codeConsumerConnections, Fields: map[string]string{"consumerGroup": group}})
}

// Producer is a client that sends.
type Producer struct {
	Connection
	HeartbeatMillis int64 // when the broker last heard of it, Unix ms; every 30 s where the client is well
}

// Producers asks for all producers by group. Brokers before 4.9 do not know: the error wraps ErrUnsupported. A slave has none.
func (b Broker) Producers(ctx context.Context) (map[string][]Producer, error) {
	type producer struct {
		Connection
		RemoteIP   string `json:"remoteIP"` // "/host:port"
		LastUpdate int64  `json:"lastUpdateTimestamp"`
	}
	got, err := fetch[struct {
		Data map[string][]producer `json:"data"`
	}](ctx, b.target, "the producers", Request{Code: codeProducers})
	if err != nil {
		return nil, err
	}
	groups := make(map[string][]Producer, len(got.Data))
	for group, clients := range got.Data {
		for _, client := range clients {
			client.Addr = strings.TrimPrefix(client.RemoteIP, "/")
			groups[group] = append(groups[group], Producer{client.Connection, client.LastUpdate})
		}
	}
	return groups, nil
}

// RunningInfo is what a consumer says of itself.
type RunningInfo struct {
	Queues map[Queue]QueueStatus `json:"mqTable"` // those it reads
	// Subscriptions are its own, that of its group's retries too. What a broker has of a group is joined of all its clients: of topics those of
	// who spoke last, of expressions the newest.
	Subscriptions []ClientSubscription `json:"subscriptionSet"`
}

// ClientSubscription is what one client reads of a topic.
type ClientSubscription struct {
	Topic string `json:"topic"`
	Subscription
	Tags []string `json:"tagsSet"` // of the expression, in any order; none where it is no list of tags
}

// QueueStatus is how a consumer gets on with a queue.
type QueueStatus struct {
	Commit         int64 `json:"commitOffset"`
	Cached         int   `json:"cachedMsgCount"` // messages fetched and not yet consumed
	CachedMiB      int   `json:"cachedMsgSizeInMiB"`
	Dropped        bool  `json:"dropped"`              // it went to another consumer
	PulledMillis   int64 `json:"lastPullTimestamp"`    // Unix ms
	ConsumedMillis int64 `json:"lastConsumeTimestamp"` // Unix ms
}

// RunningInfo has the broker ask one consumer how it is. The error wraps ErrOffline where it is not connected, ErrSilent where it
// hangs, which takes the broker 10 s to find, and ErrEmpty for a young consumer of the Go client.
func (b Broker) RunningInfo(ctx context.Context, group, clientID string) (RunningInfo, error) {
	return fetch[RunningInfo](ctx, b.target, "how consumer "+clientID+" of group "+group+" is",
		Request{Code: codeRunningInfo, Fields: map[string]string{"consumerGroup": group, "clientId": clientID}})
}
