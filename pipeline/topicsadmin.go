package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/telemetry"
)

// TopicState is one of Weir's topics as it is.
type TopicState struct {
	Name       string            `json:"name"`
	Partitions int32             `json:"partitions"`
	Created    bool              `json:"created"`            // now, not before
	Settings   map[string]string `json:"settings"`           // those that Weir needs, as they are
	Warnings   []string          `json:"warnings,omitempty"` // Weir runs, but what they say may be lost
	Notes      []string          `json:"notes,omitempty"`    // Weir runs, and nothing is lost
}

// EnsureTopics creates the missing topics, where allowed, checks all, and returns what
// is there. The error says everything that is wrong with any of them, with its remedy.
func EnsureTopics(ctx context.Context, config *Config, hooks ...kgo.Hook) ([]TopicState, error) {
	options, err := clientOptions(config.Kafka, hooks...)
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("open a Kafka client: %w", err)
	}
	defer client.Close()
	if err := reachKafka(ctx, config, client); err != nil {
		return nil, err
	}
	t := topicsAdmin{config, client, kadm.NewClient(client)}
	details, created, err := t.create(ctx)
	if err != nil && details == nil {
		return nil, err
	}
	states, wrong := t.check(ctx, details)
	if err := errors.Join(err, wrong); err != nil {
		return nil, err
	}
	for i := range states {
		states[i].Created = created[states[i].Name]
	}
	return states, recordParameters(ctx, config, details[telemetry.TopicTelemetry].ID)
}

// topicsAdmin creates and checks Weir's topics.
type topicsAdmin struct {
	config *Config
	client *kgo.Client
	admin  *kadm.Client
}

// metadataPatience is how long brokers may take to tell each other of a new topic. Not
// smaller: clusters of many topics take seconds; not larger: somebody waits for it.
const metadataPatience = 15 * time.Second

// create makes the missing topics. It returns those that are there, nil where they are
// not known, which were created, and why not all are there.
func (t topicsAdmin) create(ctx context.Context) (kadm.TopicDetails, map[string]bool, error) {
	details, missing, err := t.list(ctx)
	if err != nil {
		return nil, nil, err
	}
	created := map[string]bool{}
	var errs []error
	for _, topic := range missing {
		if !t.config.Kafka.CreateTopics {
			errs = append(errs, fmt.Errorf("topic %s is missing: run `weir topics create`, or set kafka.create_topics", topic.Name))
			continue
		}
		if partner, ok := details[partners[topic.Name]]; ok {
			topic.Partitions = int32(len(partner.Partitions))
		}
		made, err := t.createOne(ctx, topic)
		errs = append(errs, err)
		created[topic.Name] = made
	}
	if err := errors.Join(errs...); err != nil || len(missing) == 0 {
		return details, created, err
	}
	details, err = backoff.Retry(ctx, func() (kadm.TopicDetails, error) {
		details, missing, err := t.list(ctx)
		if err == nil && len(missing) > 0 {
			err = fmt.Errorf("topic %s was created, but brokers do not know of it: look at their logs", missing[0].Name)
		}
		return details, err
	}, backoff.WithBackOff(restartPauses()), backoff.WithMaxElapsedTime(metadataPatience))
	return details, created, err
}

// list returns Weir's topics that are there, and those that are not.
func (t topicsAdmin) list(ctx context.Context) (kadm.TopicDetails, []Topic, error) {
	var names []string
	for _, topic := range Topics(t.config) {
		names = append(names, topic.Name)
	}
	t.client.PurgeTopicsFromClient(names...) // it remembers for seconds that a topic was not there
	details, err := t.admin.ListTopics(ctx, names...)
	if err != nil {
		return nil, nil, fmt.Errorf("list topics: %w", err)
	}
	var missing []Topic
	var errs []error
	for _, topic := range Topics(t.config) {
		switch err := details[topic.Name].Err; {
		case !details.Has(topic.Name):
			missing = append(missing, topic)
			delete(details, topic.Name)
		case err != nil:
			errs = append(errs, fmt.Errorf("describe topic %s: %w", topic.Name, err))
		}
	}
	return details, missing, errors.Join(errs...)
}

// createOne makes a topic; false says that somebody else just did.
func (t topicsAdmin) createOne(ctx context.Context, topic Topic) (bool, error) {
	settings := map[string]*string{}
	for name, value := range topic.Settings {
		settings[name] = kadm.StringPtr(value)
	}
	_, err := t.admin.CreateTopic(ctx, topic.Partitions, int16(t.config.Kafka.ReplicationFactor), settings, topic.Name)
	if errors.Is(err, kerr.TopicAlreadyExists) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("create topic %s: %w", topic.Name, err)
	}
	return true, nil
}

// check compares the topics that are there with what they must be, all at once.
func (t topicsAdmin) check(ctx context.Context, details kadm.TopicDetails) ([]TopicState, error) {
	if len(details) == 0 {
		return nil, nil
	}
	described, err := t.admin.DescribeTopicConfigs(ctx, details.Names()...)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	var states []TopicState
	var errs []error
	for _, topic := range Topics(t.config) {
		if !details.Has(topic.Name) {
			continue
		}
		resource, err := described.On(topic.Name, nil)
		if err = cmp.Or(err, resource.Err); err != nil {
			errs = append(errs, fmt.Errorf("describe topic %s: %w", topic.Name, err))
			continue
		}
		state, wrong := t.checkOne(topic, resource)
		state.Partitions = int32(len(details[topic.Name].Partitions))
		if note := partitionNote(topic, state.Partitions, t.config.Kafka.Brokers); note != "" {
			state.Notes = append(state.Notes, note)
		}
		states = append(states, state)
		errs = append(errs, wrong)
	}
	return states, errors.Join(append(errs, equalPartitions(details), onePartition(details))...)
}

// checkOne compares the settings of one topic.
func (t topicsAdmin) checkOne(topic Topic, resource kadm.ResourceConfig) (TopicState, error) {
	state := TopicState{Name: topic.Name, Settings: map[string]string{}}
	for _, setting := range resource.Configs {
		state.Settings[setting.Key] = setting.MaybeValue()
	}
	needed := map[string]string{}
	var errs []error
	for _, need := range needsOf(topic) {
		got := state.Settings[need.setting]
		needed[need.setting] = got
		switch text, refused := need.verdict(topic, got, t.config.Kafka.Brokers); {
		case refused:
			errs = append(errs, errors.New(text))
		case text != "":
			state.Warnings = append(state.Warnings, text)
		}
	}
	state.Settings = needed
	return state, errors.Join(errs...)
}

// partners have equal numbers of partitions: the one that is missing follows the other.
var partners = map[string]string{telemetry.TopicGroups: telemetry.TopicAlerts, telemetry.TopicAlerts: telemetry.TopicGroups}

// onePartition refuses a topic of commands that has no one order.
func onePartition(details kadm.TopicDetails) error {
	if n := len(details[control.Topic].Partitions); details.Has(control.Topic) && n != 1 {
		return fmt.Errorf("%s has %d partitions, needs 1: otherwise readers disagree about what came last: make it anew", control.Topic, n)
	}
	return nil
}

// equalPartitions refuses topics of which one group's records have different numbers.
func equalPartitions(details kadm.TopicDetails) error {
	if !details.Has(telemetry.TopicGroups) || !details.Has(telemetry.TopicAlerts) {
		return nil
	}
	groups, alerts := len(details[telemetry.TopicGroups].Partitions), len(details[telemetry.TopicAlerts].Partitions)
	if groups != alerts {
		return fmt.Errorf("%s has %d partitions and %s %d: they must be equal, so that whoever owns a group owns its alerts; add partitions to the one that has fewer while no weir runs",
			telemetry.TopicGroups, groups, telemetry.TopicAlerts, alerts)
	}
	return nil
}
