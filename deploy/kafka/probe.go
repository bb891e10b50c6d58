package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// probeTimeout bounds one question whether the broker is ready. Below 0.5 s a broker on a busy machine never answers
// in time; above 5 s one lost answer makes the start visibly slower.
const probeTimeout = 2 * time.Second

// probe asks a broker for its cluster's metadata.
type probe struct {
	ctx    context.Context // of the start
	client *kgo.Client
	node   int32
}

func newProbe(ctx context.Context, addr string, node int32) (*probe, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RequestRetries(0))
	if err != nil {
		return nil, fmt.Errorf("make a client of Kafka at %s: %w", addr, err)
	}
	return &probe{ctx, client, node}, nil
}

func (p *probe) close() { p.client.Close() }

// answers says whether the broker takes requests and the controller has admitted it: only then is it in its own
// metadata, and only then can topics be created on it.
func (p *probe) answers() bool {
	ctx, cancel := context.WithTimeout(p.ctx, probeTimeout)
	defer cancel()
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none; nil would be all
	response, err := p.client.SeedBrokers()[0].Request(ctx, request)
	if err != nil {
		return false
	}
	metadata, ok := response.(*kmsg.MetadataResponse)
	return ok && slices.ContainsFunc(metadata.Brokers, func(b kmsg.MetadataResponseBroker) bool { return b.NodeID == p.node })
}
