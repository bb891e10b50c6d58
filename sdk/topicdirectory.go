package weir

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/control/topic"
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
	Log     *slog.Logger // gets what is refused, and why the topic cannot be read, or its cache not be written; nil is slog.Default()
}

// Topic is a directory in the topic weir.control, the routes that Weir's role control writes. While its cluster is away, what was
// read last holds.
type Topic struct {
	*table
	config TopicConfig
	reader *topic.Reader
	stop   context.CancelFunc
	done   sync.WaitGroup

	set      *control.Set     // what was read; only follow uses it
	turnover control.Turnover // whether that counts; likewise

	taking  sync.Mutex    // is held while routes are taken over: none of the cache's behind the topic's
	read    chan struct{} // closed when those of the topic were
	hasRead func()        // closes read
}

func newTopic(config TopicConfig, reader *topic.Reader) *Topic {
	t := &Topic{table: newTable(), config: config, reader: reader, set: control.NewSet(), read: make(chan struct{})}
	t.hasRead = sync.OnceFunc(func() { close(t.read) })
	return t
}

// OpenTopic reads weir.control to its end, and goes on reading until Close. Where its cluster does not answer within some seconds,
// or until ctx ends, what the cache holds is taken; the error says that there is neither.
func OpenTopic(ctx context.Context, config TopicConfig) (*Topic, error) {
	if len(config.Brokers) == 0 {
		return nil, errors.New("open the directory: TopicConfig.Brokers is empty: name at least one host:port of the cluster with weir.control")
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	reader, err := topic.Open(topic.Config{Options: append([]kgo.Opt{kgo.SeedBrokers(config.Brokers...), kgo.ClientID("weir-sdk")}, config.Options...), Log: config.Log})
	if err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	t := newTopic(config, reader)
	life, stop := context.WithCancel(context.Background())
	t.stop = stop
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
	t.taking.Lock()
	defer t.taking.Unlock()
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
	t.reader.Close()
}

// follow reads until ctx ends. What is there already is taken over at once, so that no route of before is taken for the newest; likewise
// where the topic was made anew: until what is read of it counts, the former one's routes hold.
func (t *Topic) follow(ctx context.Context) {
	ticker := time.NewTicker(topicRetry)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if err := t.reader.CatchUp(ctx, func(b topic.Batch) { t.feed(b) }); err != nil {
			select {
			case <-ctx.Done():
			case <-ticker.C:
			}
			continue
		}
		t.turnover.Read(0, true)
		for whole, changed := true, true; whole && ctx.Err() == nil; {
			counts := t.turnover.Counts(time.Now())
			if counts && changed {
				t.take()
				changed = false
			}
			batch := t.poll(ctx, counts)
			more := t.feed(batch)
			whole, changed = !batch.Anew, changed || more
		}
	}
}

// poll waits for what is next; where what was read does not count yet, no longer than until it does.
func (t *Topic) poll(ctx context.Context, counts bool) topic.Batch {
	if !counts {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, control.FormerFor)
		defer cancel()
	}
	return t.reader.Poll(ctx)
}

// feed notes what was read, and says whether it changes anything.
func (t *Topic) feed(batch topic.Batch) (changed bool) {
	now := time.Now()
	if batch.Anew {
		t.set = control.NewSet()
		t.turnover.Anew(now)
	}
	t.turnover.Read(len(batch.Records), batch.AtEnd)
	for _, r := range batch.Records {
		change := t.set.Feed(r, now)
		if change.Outcome == control.OutcomeRefused {
			t.config.Log.Warn("a record of weir.control is refused: what was known of it holds", "key", change.Key, "reason", change.Reason, "error", change.Err)
		}
		changed = changed || change.Outcome == control.OutcomeApplied || change.Outcome == control.OutcomeRemoved
	}
	return changed
}

// take has what was read be the directory's, and keeps it.
func (t *Topic) take() {
	t.taking.Lock()
	defer t.taking.Unlock()
	defer t.hasRead() // who opens the directory has its cache written, too
	t.replace(t.set.Routes())
	if err := writeCache(t.config.Cache, t.set.Records()); err != nil {
		t.config.Log.Warn("the cache of weir.control is not written", "error", err)
	}
}
