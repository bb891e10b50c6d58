package remoting

import "context"

// The codes of requests to a name server.
const (
	codeRoute       = 105
	codeClusterInfo = 106
	codeTopics      = 206
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
	Brokers  map[string]BrokerSet `json:"brokerAddrTable"`  // by name
	Clusters map[string][]string  `json:"clusterAddrTable"` // names of brokers by cluster
}

// ClusterInfo asks for all brokers.
func (n NameServer) ClusterInfo(ctx context.Context) (ClusterInfo, error) {
	return fetch[ClusterInfo](ctx, n.target, "the brokers", Request{Code: codeClusterInfo})
}

// Route is where a topic is.
type Route struct {
	Queues  []RouteQueues `json:"queueDatas"`
	Brokers []BrokerSet   `json:"brokerDatas"`
}

// RouteQueues are the queues of a topic on one set of brokers.
type RouteQueues struct {
	Broker string `json:"brokerName"`
	Read   int    `json:"readQueueNums"`
	Write  int    `json:"writeQueueNums"`
	Perm   int    `json:"perm"` // 4 can be read, 2 can be written, 6 both
}

// Route asks where a topic is. The error wraps ErrNoTopic where it has no route.
func (n NameServer) Route(ctx context.Context, topic string) (Route, error) {
	return fetch[Route](ctx, n.target, "the route of topic "+topic, Request{Code: codeRoute, Fields: map[string]string{"topic": topic}})
}

// Topics asks for the names of all topics, those of the system and of retries too.
func (n NameServer) Topics(ctx context.Context) ([]string, error) {
	got, err := fetch[struct {
		Topics []string `json:"topicList"`
	}](ctx, n.target, "the topics", Request{Code: codeTopics})
	return got.Topics, err
}
