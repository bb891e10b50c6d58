package control

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Route says where a resource is: which topic of which cluster. Its JSON is the value of a record.
type Route struct {
	Schema    int      `json:"schema"`
	ID        string   `json:"id"` // what programs name, as in orders.created
	Revision  uint64   `json:"revision"`
	Env       string   `json:"env,omitempty"`  // "": of every env that has no route of its own
	Lane      string   `json:"lane,omitempty"` // "": of every lane that has none
	System    string   `json:"system"`         // kafka or rocketmq
	Cluster   string   `json:"cluster"`        // as in reports
	Endpoints []string `json:"endpoints"`      // host:port: seeds of Kafka, name servers of RocketMQ
	Topic     string   `json:"topic"`
	Instance  string   `json:"instance,omitempty"`  // RocketMQ: name of the client's instance
	Namespace string   `json:"namespace,omitempty"` // RocketMQ

	// Former are the places where the resource was before it moved, oldest first, as long as something may be left there: a consumer
	// that is started finishes them first.
	Former []Place `json:"former,omitempty"`

	Author string `json:"author,omitempty"`
	Source Source `json:"source,omitempty"` // as of a command
	Spec   string `json:"spec,omitempty"`
}

// Systems are the values of a route's system.
var Systems = []string{"kafka", "rocketmq"}

// BrokerTopic is the topic's name as brokers, reports and commands have it: on RocketMQ with its namespace.
func (r *Route) BrokerTopic() string {
	if r.Namespace == "" || strings.HasPrefix(r.Topic, r.Namespace+"%") {
		return r.Topic
	}
	return r.Namespace + "%" + r.Topic
}

// String returns the route's key and revision.
func (r *Route) String() string { return fmt.Sprintf("%s@%d", r.Key(), r.Revision) }

// Digest is what Spec is of a route as a file or a caller gives it.
func (r *Route) Digest() string {
	given := *r
	given.Schema, given.Revision, given.Spec, given.Source = Schema, 0, "", ""
	text, err := json.Marshal(given)
	if err != nil { // strings and numbers
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
