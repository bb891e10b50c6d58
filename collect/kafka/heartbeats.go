package kafka

import "github.com/weirmq/weir/collect"

// probed is how the brokers of the cluster answered a poll. One that left the cluster did not, as long as some partition has it as a
// replica: those without one have nothing more to do with it.
func (p *Poller) probed(s *snapshot) []collect.Probed[int32] {
	var out []collect.Probed[int32]
	listed := map[int32]bool{}
	for i := range s.answers {
		a := &s.answers[i]
		listed[a.id] = true
		out = append(out, collect.Probed[int32]{ID: a.id, Node: a.node, Answered: a.answered, OutOfTime: a.outOfTime, Took: a.roundTrip})
	}
	shares := s.cluster.shares()
	for id, node := range p.beats.Nodes() {
		if !listed[id] && shares[id].partitions > 0 {
			out = append(out, collect.Probed[int32]{ID: id, Node: node})
		}
	}
	return out
}
