package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/meter"
)

const (
	// commitInterval is between two commits. Not shorter: each is a request of each member; not longer: so
	// much is handled again after a crash.
	commitInterval = time.Second
	// rebalanceTimeout is how long a rebalance waits for a handler at work. Not shorter: a batch that writes to a
	// database takes many seconds; not longer: a member that hangs holds up its group.
	rebalanceTimeout = 2 * time.Minute
)

// receiver receives a group's records of one topic.
type receiver struct {
	config weir.ReceiverConfig
	hooks  *Hooks      // nil where nothing is measured
	side   *kgo.Client // asks, and sends dead letters
	shared []kgo.Opt   // of every client
	// putting holds a value while a dead letter is sent, for a while.
	putting    chan struct{}
	unanswered atomic.Int32 // dead letters that are being sent

	handlings [][]meter.Handling // of each worker of what was polled: used again, by Run alone

	mu     sync.Mutex
	client *kgo.Client     // is a member of the group; nil before Run
	steers *agent.Consumer // knows what commands pause of that; nil where none apply; set before anything is polled

	// attempting is held for reading while a handler is given records, and for writing once when
	// partitions are lost: none of theirs is with a handler afterwards.
	attempting sync.RWMutex
	lostMu     sync.Mutex
	lost       map[int32]uint64 // in which turn a partition was lost last
	lostLast   uint64           // in which turn any was
	turn       uint64           // counts polls

	apartMu sync.Mutex       // nothing is logged under it: a slow log would hold up the other partitions
	apart   map[int32]*apart // partitions that wait
	aparts  sync.WaitGroup   // their goroutines, those of Run
}

// OpenReceiver opens the client that asks; the one that receives is opened by Run, since it joins the group at once.
func (s *system) OpenReceiver(config weir.ReceiverConfig) (weir.Receiver, error) {
	shared := s.clientOptions(config.Route)
	options := append([]kgo.Opt{kgo.ProducerBatchMaxBytes(maxDeadLetterBytes)}, shared...) // the program's own comes behind it, and counts
	if kgo.ValidateOpts(options...) != nil {
		options = shared // such as a kgo.BrokerMaxWriteBytes that is less
	}
	side, err := kgo.NewClient(append(options[:len(options):len(options)], measuredBy(&config)...)...)
	if err != nil {
		return nil, fmt.Errorf("open a client of Kafka: %w", err)
	}
	r := &receiver{config: config, side: side, shared: shared, putting: make(chan struct{}, 1), lost: map[int32]uint64{}, apart: map[int32]*apart{}}
	return r, nil
}

// measuredBy are the options that measure dead letters.
func measuredBy(config *weir.ReceiverConfig) []kgo.Opt {
	if config.Reporter == nil {
		return nil
	}
	return Opts(config.Reporter, Cluster(config.Route.Cluster))
}

// join opens the client that receives.
func (r *receiver) join() (*kgo.Client, error) {
	start := kgo.NewOffset().AtStart()
	var adjust []kgo.Opt
	if r.config.FromNewest {
		start, adjust = kgo.NewOffset().AtEnd(), []kgo.Opt{kgo.AdjustFetchOffsetsFn(r.beginAtEnd)}
	}
	options := append(r.shared[:len(r.shared):len(r.shared)],
		kgo.ConsumerGroup(r.config.Group), kgo.ConsumeTopics(r.config.Route.Topic), kgo.ConsumeResetOffset(start),
		kgo.AutoCommitMarks(), kgo.AutoCommitInterval(commitInterval), kgo.BlockRebalanceOnPoll(), kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.OnPartitionsRevoked(r.revoked), kgo.OnPartitionsLost(r.revoked),
		kgo.KeepControlRecords()) // the ends of transactions: they are committed, too
	options = append(options, adjust...)
	if r.config.Reporter != nil {
		r.hooks = NewHooks(r.config.Reporter, Cluster(r.config.Route.Cluster))
		// What is polled may never be handled here: its partition is lost, or the consumer ends.
		options = append(options, kgo.WithHooks(memberHooks{r.hooks}))
	}
	if r.config.Control != nil {
		options = append(options, r.config.Control.KafkaOpts()...)
	}
	client, err := r.member(options)
	if err != nil {
		return nil, fmt.Errorf("open a client of Kafka: %w", err)
	}
	if r.config.Control != nil {
		if err := r.config.Control.Bind(client, agent.Cluster(r.config.Route.Cluster)); err != nil {
			client.Close()
			return nil, fmt.Errorf("have commands apply: %w", err)
		}
		r.steers = r.config.Control.Consumer(client)
	}
	return client, nil
}

// member opens the client, which joins at once: what it calls meanwhile waits until it is known.
func (r *receiver) member(options []kgo.Opt) (client *kgo.Client, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if client, err = kgo.NewClient(options...); err == nil {
		r.client = client
	}
	return client, err
}

// Ready waits until the topic is known, and the topic of dead letters is there.
func (r *receiver) Ready(ctx context.Context) error {
	if err := hasTopic(ctx, r.side, r.config.Route.Topic); err != nil {
		return err
	}
	if r.config.Exhausted != weir.ToDeadLetter {
		return nil
	}
	return r.ensureDeadLetters(ctx)
}

// Run polls until ctx ends.
func (r *receiver) Run(ctx context.Context, handle weir.Handler) error {
	client, err := r.join()
	if err != nil {
		return err
	}
	defer client.CloseAllowingRebalance() // leaves the group, and commits
	ctx, stop := context.WithCancel(ctx)
	defer r.aparts.Wait()
	defer stop()
	for {
		fetches := client.PollRecords(ctx, r.config.MaxBatch*r.config.Concurrency)
		r.lostMu.Lock()
		r.turn++ // what is polled now is ours: a rebalance waits
		turn := r.turn
		r.lostMu.Unlock()
		client.AllowRebalance()
		if ctx.Err() != nil {
			return nil // what was polled beside is not marked
		}
		if err := r.fatal(fetches); err != nil {
			return err
		}
		markers := takeMarkers(fetches)
		r.handle(ctx, polled{receiver: r, client: client, turn: turn, to: handle}, fetches)
		r.passMarkers(client, turn, markers)
	}
}

// fatal is what a member cannot go on with.
func (r *receiver) fatal(fetches kgo.Fetches) (fatal error) {
	fetches.EachError(func(topic string, partition int32, err error) {
		switch {
		case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kgo.ErrClientClosed):
			fatal = err
		case !errors.Is(err, context.Canceled):
			r.config.Log.Warn("fetching fails", "topic", topic, "partition", partition, "error", err)
		}
	})
	return fatal
}

// revoked waits until no handler has records of partitions that are another member's from now on, and
// commits what was handled of them; kgo calls it.
func (r *receiver) revoked(ctx context.Context, client *kgo.Client, lost map[string][]int32) {
	r.lostMu.Lock()
	for _, partition := range lost[r.config.Route.Topic] {
		r.lost[partition] = r.turn
		r.lostLast = r.turn
	}
	r.lostMu.Unlock()
	r.giveUp(client, lost[r.config.Route.Topic])
	r.attempting.Lock()
	err := client.CommitMarkedOffsets(ctx)
	r.attempting.Unlock()
	if err != nil { // logged without a lock, as a log may be slow
		r.config.Log.Warn("what was handled is not committed: it will be given again", "error", err)
	}
}

// lostSince are the partitions that were lost since a turn, what was polled in it included.
func (r *receiver) lostSince(turn uint64) (gone map[int32]bool) {
	r.lostMu.Lock()
	defer r.lostMu.Unlock()
	if r.lostLast < turn {
		return nil
	}
	gone = map[int32]bool{}
	for partition, lost := range r.lost {
		if lost >= turn {
			gone[partition] = true
		}
	}
	return gone
}

// Outstanding is false: Kafka delays nothing.
func (*receiver) Outstanding(context.Context) (bool, error) { return false, nil }

// Close ends what asks.
func (r *receiver) Close() { r.side.Close() }

// Native is the *kgo.Client that is a member of the group; before Run the one that asks.
func (r *receiver) Native() any {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.client == nil {
		return r.side
	}
	return r.client
}
