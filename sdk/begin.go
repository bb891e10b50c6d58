package weir

import "context"

// Beginner is a Receiver of a system in which a group can begin with what comes at a place before it reads there.
type Beginner interface {
	Receiver
	// Knows says whether the group has been at the place before.
	Knows(ctx context.Context) (bool, error)
	// Begin has the group begin with what comes from now on where it has not begun. No member of it reads there yet.
	Begin(ctx context.Context) error
}

// begin has a group that is new, and begins with the newest, begin so at each place: nothing moved while it was there. Where it was at a former one, or where that is not known, it
// begins with the oldest message of those behind: what was sent there since the move is for it.
func (r *run) begin(ctx context.Context) {
	c := r.consumer
	if !c.consumption.FromNewest || len(r.places) < 2 {
		return
	}
	var beginners []Beginner
	for _, p := range r.places {
		b, is := p.receiver.(Beginner)
		if !is {
			return
		}
		beginners = append(beginners, b)
	}
	for i, b := range beginners[:len(beginners)-1] {
		ctx, cancel := context.WithTimeout(ctx, askWait)
		known, err := b.Knows(ctx)
		cancel()
		if err != nil {
			c.log.Warn("it is not known whether the group is new: it begins with the oldest message of places behind the first", "cluster", r.places[i].route.Cluster, "error", err)
		}
		if known || err != nil {
			return
		}
	}
	for i, b := range beginners[1:] {
		ctx, cancel := context.WithTimeout(ctx, askWait)
		err := b.Begin(ctx)
		cancel()
		if err != nil {
			c.log.Warn("the group does not begin with the newest message of a place", "cluster", r.places[i+1].route.Cluster, "topic", r.places[i+1].route.Topic, "error", err)
		}
	}
}
