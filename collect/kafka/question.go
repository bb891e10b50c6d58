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

	"github.com/weirmq/weir/collect"
)

// question is what one broker is asked in one poll.
type question struct {
	ctx     context.Context
	broker  *kgo.Broker
	node    string // host:port of the broker
	cluster *cluster
	poll    moment
	knows   map[int16]int16 // the newest version of each request that the broker knows
	// answered is told when the broker has answered; it takes as many as there are brokers.
	answered chan<- question
}

// moment is when a poll is, and when it began by this process's clock.
type moment struct{ at, began time.Time }

// now is how late it is, as the poll counts time.
func (m moment) now() time.Time { return m.at.Add(time.Since(m.began)) }

// answers are what one broker said. What it did not say is not there.
type answers struct {
	broker
	answered     bool // whether the broker answers at all
	outOfTime    bool // whether the poll ended before that could be found out
	roundTrip    time.Duration
	ends, starts map[at]offset
	stable       map[at]offset // last stable offsets
	groups       []group
	groupsKnown  bool  // that groups are all that it coordinates
	fullest      *disk // nil: not known
	errs         []error
	q            *question
}

// offset is one that a broker told of at a time.
type offset struct {
	value int64
	time  time.Time
}

// ask asks a broker what must be known before its ends, and first whether it answers: one that does not is asked nothing more.
func (q *question) ask(b broker) answers {
	a := answers{broker: b, q: q}
	var err error
	began := time.Now()
	if a.roundTrip, err = q.probe(); err != nil {
		if a.outOfTime = collect.OutOfTime(q.ctx, began); a.outOfTime {
			a.fail("get the time to answer", err)
		} else {
			a.fail("answer", err)
		}
		return a
	}
	a.answered = true
	q.answered <- *q
	if a.starts, err = q.offsets(q.cluster.ledBy(b.id), startOfLog, readAll); err != nil {
		a.fail("list start offsets", err)
	}
	if a.groups, err = q.groups(); err != nil {
		a.fail("tell of its groups", err)
	}
	a.groupsKnown = err == nil || a.groups != nil // otherwise they could not even be listed
	if a.fullest, err = q.disks(); err != nil {
		a.fail("tell of its disks", err)
	}
	return a
}

// askEnds asks for the ends of logs. They are read after commits, so that none of these is past its end by what came in between.
func (a *answers) askEnds() {
	led := a.q.cluster.ledBy(a.id)
	var err error
	if a.ends, err = a.q.offsets(led, endOfLog, readAll); err != nil {
		a.fail("list end offsets", err)
	}
	if a.stable, err = a.q.offsets(led, endOfLog, readCommitted); err != nil {
		a.fail("list stable offsets", err)
	}
}

func (a *answers) fail(what string, err error) {
	a.errs = append(a.errs, fmt.Errorf("broker %d at %s did not %s: %w", a.id, a.node, what, err))
}

// greet sends a broker ApiVersions, which it answers at once, without a look at its disks.
func greet(ctx context.Context, broker *kgo.Broker) (kmsg.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, collect.ProbeTime)
	defer cancel()
	request := kmsg.NewPtrApiVersionsRequest()
	request.ClientSoftwareName, request.ClientSoftwareVersion = "weir", "1"
	return ask(ctx, broker, request)
}

// probe measures a round trip to the broker.
func (q *question) probe() (time.Duration, error) {
	began := time.Now()
	answer, err := greet(q.ctx, q.broker)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	response := answer.(*kmsg.ApiVersionsResponse)
	q.knows = map[int16]int16{}
	for _, k := range response.ApiKeys {
		q.knows[k.ApiKey] = k.MaxVersion
	}
	return took, kerr.ErrorForCode(response.ErrorCode)
}

// hears says that the broker knows a request in a version.
func (q *question) hears(request kmsg.Request, version int16) bool {
	newest, known := q.knows[request.Key()]
	return known && newest >= version
}

// Timestamps that stand for an end of the log, and how a reader takes transactions.
const (
	endOfLog      = -1
	startOfLog    = -2
	readAll       = 0
	readCommitted = 1
)

// offsets asks for the first or the last offset of the partitions that the broker leads.
func (q *question) offsets(led map[string][]int32, which int64, isolation int8) (map[at]offset, error) {
	if len(led) == 0 {
		return nil, nil
	}
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID, request.IsolationLevel = -1, isolation
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
	answer, err := q.broker.RetriableRequest(q.ctx, request)
	if err != nil {
		return nil, err
	}
	now := q.poll.now()
	out := map[at]offset{}
	var refused refusals
	for _, t := range answer.(*kmsg.ListOffsetsResponse).Topics {
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

// disk is one that has a broker's logs.
type disk struct{ sizeBytes, freeBytes int64 }

// used is the share that is not free, 0-1.
func (d *disk) used() float64 { return 1 - float64(d.freeBytes)/float64(d.sizeBytes) }

// disks asks which of the broker's disks is the fullest: nil where the broker does not say, as before Kafka 3.3.
func (q *question) disks() (*disk, error) {
	request := kmsg.NewPtrDescribeLogDirsRequest()
	request.Topics = []kmsg.DescribeLogDirsRequestTopic{} // of no topic: sizes of partitions are not asked for
	if !q.hears(request, 4) {
		return nil, nil
	}
	answer, err := q.broker.RetriableRequest(q.ctx, request)
	if err != nil {
		return nil, err
	}
	response := answer.(*kmsg.DescribeLogDirsResponse)
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return nil, err
	}
	var fullest *disk
	var refused refusals
	for i := range response.Dirs {
		d := &response.Dirs[i]
		found := &disk{d.TotalBytes, d.UsableBytes}
		if err := kerr.ErrorForCode(d.ErrorCode); err != nil {
			refused.add(d.Dir, err)
		} else if d.TotalBytes > 0 && d.UsableBytes >= 0 && (fullest == nil || found.used() > fullest.used()) {
			fullest = found
		}
	}
	return fullest, refused.err()
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
