package kafka

import (
	"fmt"

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

// CheckReceiver refuses nothing: a partition is in order anyway.
func (*system) CheckReceiver(weir.ReceiverConfig) error { return nil }

// CheckTogether refuses nothing: each member of a group is given partitions of what it subscribes to.
func (*system) CheckTogether(weir.Route, weir.Route) error { return nil }

// clientOptions are those of all clients of a route.
func (s *system) clientOptions(route weir.Route) []kgo.Opt {
	return append([]kgo.Opt{kgo.SeedBrokers(route.Endpoints...)}, s.options(route)...)
}
