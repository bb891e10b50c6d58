package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// waitForOne is how long one broker is waited for before the next is asked for metadata too. Not smaller: the metadata of a large
// cluster takes most of a second, and need not be sent twice; not larger: one that hangs would take the time that is for the others.
const waitForOne = time.Second

// metadata asks for brokers and topics: a broker that was quick to answer in the poll before first, and the next one as soon as one
// fails or is waited for too long. The first answer counts, so that one that hangs takes little of the poll's time, and one that is
// away none.
func (p *Poller) metadata(ctx context.Context) (*kmsg.MetadataResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	var asked sync.WaitGroup
	defer asked.Wait() // after they are told to end
	defer cancel()
	brokers := p.mayKnow()
	answers := make(chan metadataAnswer, len(brokers))
	pace := time.NewTicker(pauseOf(ctx))
	defer pace.Stop()
	var refused error // the first
	failed := 0
	for next := 0; ; {
		if next < len(brokers) {
			broker := brokers[next]
			next++
			asked.Go(func() {
				answer, err := ask(ctx, broker, kmsg.NewPtrMetadataRequest())
				response, _ := answer.(*kmsg.MetadataResponse)
				answers <- metadataAnswer{response, err}
			})
		}
		select {
		case a := <-answers:
			if a.err == nil {
				return a.response, nil
			}
			refused = cmp.Or(refused, a.err)
			if failed++; failed == len(brokers) {
				return nil, refusedBy(len(brokers), refused)
			}
		case <-pace.C:
		case <-ctx.Done():
			return nil, errors.Join(refused, ctx.Err())
		}
	}
}

type metadataAnswer struct {
	response *kmsg.MetadataResponse
	err      error
}

// pauseOf is how long one broker is waited for: less where little time is left.
func pauseOf(ctx context.Context) time.Duration {
	until, bounded := ctx.Deadline()
	if !bounded {
		return waitForOne
	}
	return max(min(waitForOne, time.Until(until)/4), time.Millisecond)
}

// mayKnow are the brokers that can be asked for metadata, the quickest first, and seeds last.
func (p *Poller) mayKnow() []*kgo.Broker {
	ids := slices.Clone(p.quick)
	for _, id := range p.known {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	var out []*kgo.Broker
	for _, id := range ids {
		out = append(out, p.client.Broker(int(id)))
	}
	return append(out, p.client.SeedBrokers()...)
}

// remember keeps who was there.
func (p *Poller) remember(c *cluster) {
	p.known = p.known[:0]
	for _, b := range c.brokers {
		p.known = append(p.known, b.id)
	}
}

// ask sends a request to one broker. Where the connection broke since the request before, it is made anew, once: a broker that is away
// is not asked until the time is over.
func ask(ctx context.Context, broker *kgo.Broker, request kmsg.Request) (kmsg.Response, error) {
	answer, err := broker.Request(ctx, request)
	if err != nil && ctx.Err() == nil {
		answer, err = broker.Request(ctx, request)
	}
	return answer, err
}

// quickBrokers is how many are asked for metadata before others. Not smaller: one may have gone since; not larger: a poll has time for
// few.
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

// refusedBy is the error where no address answers. Of one there is nothing more to say.
func refusedBy(addresses int, first error) error {
	if addresses == 1 {
		return first
	}
	return fmt.Errorf("none of %d addresses answers: %w", addresses, first)
}
