package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Timestamps that stand for an end of the log.
const (
	endOfLog   = -1
	startOfLog = -2
)

// question is what one broker is asked in one poll.
type question struct {
	ctx     context.Context
	broker  *kgo.Broker
	cluster *cluster
	at      time.Time // of the poll
	began   time.Time // by this process's clock
}

// answers are what one broker said. What it did not say is not there.
type answers struct {
	broker
	answered     bool // whether the broker answers at all
	roundTrip    time.Duration
	ends, starts map[at]offset
	groups       []group
	errs         []error
}

// offset is one that a broker told of at a time.
type offset struct {
	value int64
	time  time.Time
}

// ask asks a broker, first whether it answers: one that does not is asked nothing more.
func (q *question) ask(b broker) answers {
	a := answers{broker: b}
	var err error
	if a.roundTrip, err = q.probe(); err != nil {
		a.fail("answer", err)
		return a
	}
	a.answered = true
	led := q.cluster.ledBy(b.id)
	if a.ends, err = q.offsets(led, endOfLog); err != nil {
		a.fail("list end offsets", err)
	}
	if a.starts, err = q.offsets(led, startOfLog); err != nil {
		a.fail("list start offsets", err)
	}
	if a.groups, err = q.groups(); err != nil {
		a.fail("tell of its groups", err)
	}
	return a
}

func (a *answers) fail(what string, err error) {
	a.errs = append(a.errs, fmt.Errorf("broker %d at %s did not %s: %w", a.id, a.node, what, err))
}

// probeTime bounds the wait for a broker's sign of life. Not smaller: a broker that collects garbage for a second is not gone;
// not larger: the poll has to ask the others too.
const probeTime = 2 * time.Second

// probe measures a round trip to the broker: of ApiVersions, which it answers at once, without a look at its disks.
func (q *question) probe() (time.Duration, error) {
	ctx, cancel := context.WithTimeout(q.ctx, probeTime)
	defer cancel()
	request := kmsg.NewPtrApiVersionsRequest()
	request.ClientSoftwareName, request.ClientSoftwareVersion = "weir", "1"
	began := time.Now()
	response, err := q.broker.RetriableRequest(ctx, request)
	if err != nil {
		return 0, err
	}
	return time.Since(began), kerr.ErrorForCode(response.(*kmsg.ApiVersionsResponse).ErrorCode)
}

// offsets asks for the first or the last offset of the partitions that the broker leads.
func (q *question) offsets(led map[string][]int32, which int64) (map[at]offset, error) {
	if len(led) == 0 {
		return nil, nil
	}
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	for name, partitions := range led {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = name
		for _, number := range partitions {
			p := kmsg.NewListOffsetsRequestTopicPartition()
			p.Partition, p.Timestamp = number, which
			t.Partitions = append(t.Partitions, p)
		}
		request.Topics = append(request.Topics, t)
	}
	response, err := q.broker.RetriableRequest(q.ctx, request)
	if err != nil {
		return nil, err
	}
	now := q.at.Add(time.Since(q.began))
	out := map[at]offset{}
	var refused refusals
	for _, t := range response.(*kmsg.ListOffsetsResponse).Topics {
		for i := range t.Partitions {
			p := &t.Partitions[i]
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				refused.add(fmt.Sprintf("%s partition %d", t.Topic, p.Partition), err)
			} else {
				out[at{t.Topic, p.Partition}] = offset{p.Offset, now}
			}
		}
	}
	return out, refused.err()
}

// refusals are what a broker refused of one request: the first of each error, and how many.
type refusals struct {
	first  []error
	counts map[error]int
}

func (r *refusals) add(what string, err error) {
	if r.counts == nil {
		r.counts = map[error]int{}
	}
	if r.counts[err]++; r.counts[err] == 1 {
		r.first = append(r.first, fmt.Errorf("%s: %w", what, err))
	}
}

func (r *refusals) err() error {
	out := slices.Clone(r.first)
	for err, count := range r.counts {
		if count > 1 {
			i := slices.IndexFunc(out, func(e error) bool { return errors.Is(e, err) })
			out[i] = fmt.Errorf("%w, and %d more", out[i], count-1)
		}
	}
	return errors.Join(out...)
}
