// Package demo runs every part of Weir on one machine and plays a story with real
// clients: quiet traffic, trouble of four kinds, recovery, and commands to clients. Told once, it verifies
// that every expected alert fired and resolved, and that the store holds exactly
// what the clients counted.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Config says where everything runs. Addresses with port 0 get a free port.
type Config struct {
	Once                                  bool
	DataDir                               string
	RulesDir                              string // empty: the demo's own, copied to DataDir
	Kafka, ClickHouse, Alertmanager, HTTP string
	Executable                            string // runs `clickhouse`; empty: this program
	Out                                   io.Writer
}

// telling is one telling of the story.
type telling struct {
	run          string // names its clients
	began        time.Time
	troubleBegan time.Time
}

// Run plays the story until ctx ends, or once. Told once, the outcome says what was
// counted and stored; otherwise it is nil. The error says what could not run.
func Run(ctx context.Context, config Config) (outcome *Outcome, err error) {
	return run(ctx, config, story)
}

func run(ctx context.Context, config Config, scenes []scene) (outcome *Outcome, err error) {
	screen := newScreen(config.Out)
	h, err := open(ctx, config, screen.line)
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	defer func() {
		screen.close()
		screen.line("stopping")
		err = errors.Join(err, h.close())
	}()
	if err := createTopics(ctx, h.broker.Addrs()); err != nil {
		return nil, interrupted(ctx, err)
	}
	began := time.Now()
	told := telling{run: strconv.FormatInt(began.UnixMilli(), 36), began: began}
	c, err := newCast(actorConfig{brokers: h.broker.Addrs(), run: told.run})
	if err != nil {
		return nil, err
	}
	c.start(context.WithoutCancel(ctx))
	screen.follow(h, c)
	on := &theatre{h, c, screen, &Steered{}}
	told.troubleBegan, err = on.tell(ctx, scenes, config.Once)
	if stopErr := stopCast(ctx, c); stopErr != nil {
		return nil, errors.Join(err, fmt.Errorf("stop the clients: %w", stopErr))
	}
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	screen.scene("the story is told; waiting for the last rows and notifications")
	outcome, err = verify(ctx, h, c, told)
	if outcome != nil {
		outcome.Steered = *on.steered
		outcome.OK = outcome.OK && on.steered.holds()
	}
	return outcome, interrupted(ctx, err)
}

// tell plays once, or again and again until ctx ends. Once, a scene that is late ends it.
func (on *theatre) tell(ctx context.Context, scenes []scene, once bool) (time.Time, error) {
	for {
		began, err := on.play(ctx, scenes, once)
		if err != nil || once {
			return began, err
		}
	}
}

// castTimeout bounds the clients' last reports. Not smaller: acknowledgements of
// what was sent may take seconds; not larger: people wait at Ctrl-C.
const castTimeout = 20 * time.Second

func stopCast(ctx context.Context, c *cast) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), castTimeout)
	defer cancel()
	return c.stop(ctx)
}

// interrupted turns the error of a story that Ctrl-C ended into none.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// Business topics of the story.
var businessTopics = []string{"orders", releasedTopic, "payments"}

// releasedTopic is the one whose group is paused at the end.
const releasedTopic = "media"

// Partitions of a business topic. Two: a consumer of each sees both, and more would only spread the same few messages. Of the topic whose group is
// released from a pause there are eight: it takes up one after the other, which people should see.
const (
	businessPartitions = 2
	releasedPartitions = 8
)

func createTopics(ctx context.Context, brokers []string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		return fmt.Errorf("open a Kafka client: %w", err)
	}
	defer client.Close()
	for _, topic := range businessTopics {
		partitions := int32(businessPartitions)
		if topic == releasedTopic {
			partitions = releasedPartitions
		}
		if _, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, nil, topic); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %s: %w", topic, err)
		}
	}
	return nil
}
