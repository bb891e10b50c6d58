package rocketmq

import "github.com/weirmq/weir/collect"

// probed is how the brokers that are listed answered a poll.
func probed(all []answers) []collect.Probed[string] {
	out := make([]collect.Probed[string], len(all))
	for i := range all {
		a := &all[i]
		out[i] = collect.Probed[string]{ID: a.node, Node: a.node, Answered: a.answered, OutOfTime: a.outOfTime, Took: a.roundTrip}
	}
	return out
}
