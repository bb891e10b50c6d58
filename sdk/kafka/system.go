package kafka

import (
	"fmt"
	"regexp"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
)

// SystemName is what routes call Kafka.
const SystemName = "kafka"

// system is Kafka as the package weir speaks to it.
type system struct{ options func(weir.Route) []kgo.Opt }

// System has a weir.Client speak to clusters of Kafka, by franz-go. The options are added to those of
// each client, such as kgo.DialTLSConfig and kgo.SASL; SystemWith has others for other clusters.
func System(options ...kgo.Opt) weir.System {
	return &system{func(weir.Route) []kgo.Opt { return options }}
}

// SystemWith is System with the options that a route's clients need.
func SystemWith(options func(weir.Route) []kgo.Opt) weir.System { return &system{options} }

// Name is what routes call the system.
func (*system) Name() string { return SystemName }

// CheckSender refuses delays.
func (*system) CheckSender(config weir.SenderConfig) error {
	if config.MaxDelay > 0 {
		return fmt.Errorf("%w: Kafka gives messages as soon as it has them, and MaxDelay asks for up to %s; have a topic for each delay whose consumer waits, "+
			"keep what is due later in a database, or route the resource to RocketMQ", weir.ErrLacks, config.MaxDelay)
	}
	return nil
}

// A topic's name, as brokers take it: not "." or "..", either.
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// CheckReceiver refuses a topic of dead letters that no broker would create: the consumer would wait for it. A partition is in order anyway.
func (*system) CheckReceiver(config weir.ReceiverConfig) error {
	letters := deadLetters(&config)
	if config.Exhausted != weir.ToDeadLetter || topicName.MatchString(letters) && letters != "." && letters != ".." {
		return nil
	}
	return fmt.Errorf("%w: Kafka takes letters, digits, ., _ and - in the name of a topic, at most 249, and the group's dead letters would be in %q; name another one by "+
		"weir.DeadLetter, rename the group, or open the consumer with weir.When(weir.KeepTrying) or weir.When(weir.Discard)", weir.ErrLacks, letters)
}

// CheckTogether refuses nothing: each member of a group is given partitions of what it subscribes to.
func (*system) CheckTogether(weir.Route, weir.Route) error { return nil }

// clientOptions are those of all clients of a route.
func (s *system) clientOptions(route weir.Route) []kgo.Opt {
	return append([]kgo.Opt{kgo.SeedBrokers(route.Endpoints...)}, s.options(route)...)
}
