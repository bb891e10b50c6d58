package weir

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/control"
)

const (
	// topicWait is how long OpenTopic waits for weir.control before it takes the cache. Not shorter: a cluster that elects a leader is away for
	// seconds; not longer: a program that starts waits for it.
	topicWait = 10 * time.Second
	// topicRetry is between two questions where weir.control ends. Not shorter: each is a request; not longer: who waits for the first answer waits.
	topicRetry = 200 * time.Millisecond
)

// TopicConfig says where weir.control is.
type TopicConfig struct {
	Brokers []string     // seeds, host:port, of the cluster with weir.control
	Options []kgo.Opt    // such as kgo.DialTLSConfig and kgo.SASL
	Cache   string       // path of a file with what was read last, for starts while the cluster is away; empty: none
	Log     *slog.Logger // gets what is refused; nil discards it
}

// Topic is a directory in the topic weir.control, the routes that Weir's role control writes. While its cluster is away, what was
// read last holds.
type Topic struct {
	*table
	config TopicConfig
	client *kgo.Client
	stop   context.CancelFunc
	done   sync.WaitGroup

	read chan struct{} // closed when the topic was read to its end once
}

// OpenTopic reads weir.control to its end, and goes on reading until Close. Where its cluster does not answer within some seconds,
// or until ctx ends, what the cache holds is taken; the error says that there is neither.
func OpenTopic(ctx context.Context, config TopicConfig) (*Topic, error) {
	if len(config.Brokers) == 0 {
		return nil, errors.New("open the directory: TopicConfig.Brokers is empty: name at least one host:port of the cluster with weir.control")
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(config.Brokers...), kgo.ClientID("weir-sdk"), kgo.ConsumeTopics(control.Topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableClientMetrics()}, config.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	life, stop := context.WithCancel(context.Background())
	t := &Topic{table: newTable(), config: config, client: client, stop: stop, read: make(chan struct{})}
	t.done.Go(func() { t.follow(life) })
	wait, cancel := context.WithTimeout(ctx, topicWait)
	defer cancel()
	select {
	case <-t.read:
		return t, nil
	case <-wait.Done():
	}
	records, err := readCache(config.Cache)
	if err != nil {
		t.Close()
		return nil, fmt.Errorf("open the directory: weir.control was not read within %s, and there is no cache: %w", topicWait, err)
	}
	cached := control.NewSet()
	for _, r := range records {
		cached.Feed(r, time.Now())
	}
	t.fallBack(cached.Routes())
	config.Log.Warn("weir.control is away: routes are those of the cache", "cache", config.Cache)
	return t, nil
}

// fallBack takes over routes of the cache, unless the topic has been read meanwhile.
func (t *Topic) fallBack(routes []Route) {
	select {
	case <-t.read:
	default:
		t.replace(routes)
	}
}

// Close stops reading.
func (t *Topic) Close() {
	t.stop()
	t.done.Wait()
	t.client.Close()
}

// follow reads until ctx ends. What is there already is taken over at once, so that no route of before is taken for the newest.
func (t *Topic) follow(ctx context.Context) {
	end := t.end(ctx)
	set, whole := control.NewSet(), false
	for ctx.Err() == nil {
		if !whole && set.Offset() >= end {
			whole = true
			t.take(set)
			close(t.read)
		}
		changed := false
		fetches := t.client.PollFetches(ctx)
		fetches.EachRecord(func(r *kgo.Record) {
			change := set.Feed(control.Record{Key: r.Key, Value: r.Value, Offset: r.Offset, AppendedAt: r.Timestamp}, time.Now())
			if change.Outcome == control.OutcomeRefused {
				t.config.Log.Warn("a record of weir.control is refused: what was known of it holds", "key", change.Key, "reason", change.Reason, "error", change.Err)
			}
			changed = changed || change.Outcome == control.OutcomeApplied || change.Outcome == control.OutcomeRemoved
		})
		if whole && changed {
			t.take(set)
		}
	}
}

// take has a set's routes be the directory's, and keeps them.
func (t *Topic) take(set *control.Set) {
	t.replace(set.Routes())
	if err := writeCache(t.config.Cache, set.Records()); err != nil {
		t.config.Log.Warn("the cache of weir.control is not written", "error", err)
	}
}

// end asks where the topic ends, until it is told or ctx ends.
func (t *Topic) end(ctx context.Context) int64 {
	ticker := time.NewTicker(topicRetry)
	defer ticker.Stop()
	for {
		end, err := endOf(ctx, t.client)
		if err == nil {
			return end
		}
		select {
		case <-ctx.Done():
			return 0
		case <-ticker.C:
		}
	}
}

// endOf asks once where weir.control ends.
func endOf(ctx context.Context, client *kgo.Client) (int64, error) {
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = control.Topic
	partition := kmsg.NewListOffsetsRequestTopicPartition()
	partition.Timestamp = -1
	topic.Partitions = append(topic.Partitions, partition)
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, client)
	if err != nil {
		return 0, err
	}
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return 0, errors.New("it answers nothing of weir.control")
	}
	p := &answer.Topics[0].Partitions[0]
	return p.Offset, kerr.ErrorForCode(p.ErrorCode)
}
