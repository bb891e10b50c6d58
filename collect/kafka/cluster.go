package kafka

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// cluster is what one Metadata response says.
type cluster struct {
	brokers []broker // that are registered and alive
	// controller is the broker that is it, -1 for none. With KRaft it is any broker.
	controller int32
	topics     map[string]*topic
	names      map[[16]byte]string // of topics, by id
	canaries   map[string]*topic   // topics of canaries, which are none of the others
}

type broker struct {
	id   int32
	node string // host:port, as clients are told
}

type topic struct {
	id         [16]byte
	internal   bool // Kafka's own: consumer offsets and the like
	partitions []partition
}

type partition struct {
	number, leader int32 // -1: none
	replicas, isr  []int32
}

// at is a partition of a topic.
type at struct {
	topic     string
	partition int32
}

// describeCluster asks one broker for brokers and partitions. The request is sent, not answered from what the client knows.
func (p *Poller) describeCluster(ctx context.Context) (*cluster, error) {
	response, err := p.metadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for brokers and topics: %w", err)
	}
	c := &cluster{controller: response.ControllerID, topics: map[string]*topic{}, names: map[[16]byte]string{}, canaries: map[string]*topic{}}
	for _, b := range response.Brokers {
		c.brokers = append(c.brokers, broker{b.NodeID, net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))})
	}
	for i := range response.Topics {
		t := &response.Topics[i]
		if t.Topic == nil || kerr.ErrorForCode(t.ErrorCode) != nil {
			continue // being deleted, or not for our eyes
		}
		known := topicOf(t)
		if p.config.Canary.Owns(*t.Topic) {
			c.canaries[*t.Topic] = known
			continue
		}
		c.topics[*t.Topic], c.names[t.TopicID] = known, *t.Topic
	}
	return c, nil
}

func topicOf(t *kmsg.MetadataResponseTopic) *topic {
	out := &topic{id: t.TopicID, internal: t.IsInternal}
	for i := range t.Partitions {
		q := &t.Partitions[i]
		out.partitions = append(out.partitions, partition{q.Partition, q.Leader, q.Replicas, q.ISR})
	}
	slices.SortFunc(out.partitions, func(a, b partition) int { return cmp.Compare(a.number, b.number) })
	return out
}

// ledBy lists a broker's partitions by topic.
func (c *cluster) ledBy(id int32) map[string][]int32 {
	out := map[string][]int32{}
	for name, t := range c.topics {
		for i := range t.partitions {
			if t.partitions[i].leader == id {
				out[name] = append(out[name], t.partitions[i].number)
			}
		}
	}
	return out
}
