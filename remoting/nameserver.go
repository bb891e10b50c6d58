package remoting

import "context"

// The codes of requests to a name server.
const (
	codeTopicRoute  = 105
	codeClusterInfo = 106
)

// MasterID is the id of the broker that others of its name follow.
const MasterID = 0

// NameServer is one that can be asked.
type NameServer struct{ target target }

// NameServer is the one at host:port. Nothing is asked yet.
func (c *Client) NameServer(addr string) NameServer { return NameServer{target{c, addr}} }

// BrokerSet is a master and its slaves, which share a name.
type BrokerSet struct {
	Cluster string           `json:"cluster"`
	Name    string           `json:"brokerName"`
	Addrs   map[int64]string `json:"brokerAddrs"` // host:port by id, those that live; without MasterID there is no master
}

// ClusterInfo is what a name server knows of brokers. One that was killed leaves it within a second, one that hangs after two minutes.
type ClusterInfo struct {
	Brokers map[string]BrokerSet `json:"brokerAddrTable"` // by name
}

// ClusterInfo asks for all brokers.
func (n NameServer) ClusterInfo(ctx context.Context) (ClusterInfo, error) {
	return fetch[ClusterInfo](ctx, n.target, "the brokers", Request{Code: codeClusterInfo})
}

// TopicRoute is where a topic is.
type TopicRoute struct {
	Brokers []BrokerSet   `json:"brokerDatas"`
	Queues  []RouteQueues `json:"queueDatas"`
}

// RouteQueues are a topic's queues on one set of brokers. Ids are from 0.
type RouteQueues struct {
	Broker string `json:"brokerName"`
	Read   int    `json:"readQueueNums"`
}

// TopicRoute asks where a topic is. The error wraps ErrNoTopic where the name server knows none of that name.
func (n NameServer) TopicRoute(ctx context.Context, topic string) (TopicRoute, error) {
	return fetch[TopicRoute](ctx, n.target, "where topic "+topic+" is", Request{Code: codeTopicRoute, Fields: map[string]string{"topic": topic}})
}
