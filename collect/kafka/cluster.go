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

// metadata asks a broker that was quick to answer in the poll before, another where it does not, and any where none does: one that
// hangs, which the client may choose again and again, would take all of the poll's time.
func (p *Poller) metadata(ctx context.Context) (*kmsg.MetadataResponse, error) {
	for _, id := range p.quick {
		within, cancel := context.WithTimeout(ctx, probeTime)
		answer, err := p.client.Broker(int(id)).Request(within, kmsg.NewPtrMetadataRequest())
		cancel()
		if err == nil {
			return answer.(*kmsg.MetadataResponse), nil
		}
	}
	return kmsg.NewPtrMetadataRequest().RequestWith(ctx, p.client)
}

// quickBrokers is how many are asked for metadata before any is. Not smaller: one may have gone since; not larger: a poll has time
// for no more.
const quickBrokers = 2

// quickest are the brokers that answered soonest.
func quickest(all []answers) []int32 {
	var answered []*answers
	for i := range all {
		if all[i].answered {
			answered = append(answered, &all[i])
		}
	}
	slices.SortFunc(answered, func(a, b *answers) int { return cmp.Compare(a.roundTrip, b.roundTrip) })
	var out []int32
	for _, a := range answered[:min(len(answered), quickBrokers)] {
		out = append(out, a.id)
	}
	return out
}

// replicas are the brokers that some partition has as a replica.
func (c *cluster) replicas() map[int32]bool {
	out := map[int32]bool{}
	for _, t := range c.topics {
		for i := range t.partitions {
			for _, id := range t.partitions[i].replicas {
				out[id] = true
			}
		}
	}
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
