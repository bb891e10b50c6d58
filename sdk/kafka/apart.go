package kafka

import (
	"context"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/inplace"
)

// apartAfter is how long dead letters of a batch may take until the partitions wait whose letters are not taken, and the others go on without them. Not shorter: a
// topic whose leader is being elected takes a second, and what is fetched of a partition that waits is thrown away; not longer: the whole member waits until then.
const apartAfter = 2 * time.Second

// apart is a partition that waits: a dead letter of it is not taken, or a message is tried for ever. It is not fetched meanwhile, so that the member
// goes on with its other partitions; what was polled of it before is handled by a goroutine of its own, which ends with Run or when the partition is lost.
type apart struct {
	partition int32
	work      polled
	ctx       context.Context
	stop      context.CancelFunc
	letters   []*deadLetter    // to be put away first
	left      []*weir.Delivery // of the batch, not done with, with those of letters

	// Both are under receiver.apartMu, and of what was polled before the partition was paused.
	queue   []*weir.Delivery
	markers []marker
}

// Aside puts away what failed as often as it may, and takes partitions apart that would hold up the others.
func (p *polled) Aside(ctx context.Context, left []*weir.Delivery, exhausted map[*weir.Delivery]error) []*weir.Delivery {
	patience := ctx
	if p.apart == nil {
		var cancel context.CancelFunc
		patience, cancel = context.WithTimeout(ctx, apartAfter)
		defer cancel()
	}
	waiting := map[int32][]*deadLetter{}
	out := left[:0:0]
	for _, d := range left {
		_, waits := waiting[d.Partition]
		if cause, is := exhausted[d]; is {
			letter := p.receiver.newDeadLetter(d, cause)
			if !waits && letter.put(patience, ctx) {
				continue
			}
			waiting[d.Partition] = append(waiting[d.Partition], letter)
		} else if how := &p.receiver.config; !waits && how.Exhausted == weir.KeepTrying && d.Attempt > how.Attempts {
			waiting[d.Partition] = nil
		}
		out = append(out, d)
	}
	if p.apart != nil || ctx.Err() != nil {
		return out
	}
	for partition, letters := range waiting {
		p.takeApart(ctx, partition, letters, out)
	}
	here := func(d *weir.Delivery) bool { _, waits := waiting[d.Partition]; return !waits }
	p.mine, p.behind = only(p.mine, here), only(p.behind, here)
	return only(out, here)
}

// only are those of messages for which something is true.
func only(messages []*weir.Delivery, is func(*weir.Delivery) bool) (out []*weir.Delivery) {
	for _, d := range messages {
		if is(d) {
			out = append(out, d)
		}
	}
	return out
}

// takeApart has a partition wait, with what is left of it. One that was lost meanwhile is the next owner's.
func (p *polled) takeApart(ctx context.Context, partition int32, letters []*deadLetter, left []*weir.Delivery) {
	r := p.receiver
	of := func(d *weir.Delivery) bool { return d.Partition == partition }
	a := &apart{partition: partition, letters: letters, left: only(left, of), queue: only(p.behind, of)}
	a.work = polled{receiver: r, client: p.client, turn: p.turn, to: p.to, apart: a, mine: only(p.mine, of), received: true}
	a.ctx, a.stop = context.WithCancel(ctx)
	if !a.begin() {
		a.stop()
		return
	}
	r.aparts.Go(a.run)
}

// begin has the partition not be fetched, where it is still ours.
func (a *apart) begin() bool {
	r := a.work.receiver
	r.apartMu.Lock()
	defer r.apartMu.Unlock()
	if !r.owns(a.partition, a.work.turn) {
		return false
	}
	r.apart[a.partition] = a
	r.pause(a.work.client, a.partition)
	return true
}

// pause has a partition not be fetched.
func (r *receiver) pause(client *kgo.Client, partition int32) {
	of := map[string][]int32{r.config.Route.Topic: {partition}}
	if r.steers != nil {
		r.steers.PausePartitions(of)
		return
	}
	client.PauseFetchPartitions(of)
}

// resume ends a pause, but not one of a command.
func (r *receiver) resume(client *kgo.Client, partition int32) {
	of := map[string][]int32{r.config.Route.Topic: {partition}}
	if r.steers != nil {
		r.steers.ResumePartitions(of)
		return
	}
	client.ResumeFetchPartitions(of)
}

// run handles what is there of the partition, and lets it be fetched again.
func (a *apart) run() {
	defer a.stop()
	p, how, log := &a.work, &a.work.receiver.config.Consumption, a.work.receiver.config.Log
	log.Warn("a partition waits for a message that cannot be handled: the others go on", "partition", a.partition, "offset", a.left[0].Offset)
	for _, letter := range a.letters {
		if letter.put(a.ctx, a.ctx) {
			a.left = only(a.left, func(d *weir.Delivery) bool { return d != letter.of })
			inplace.Hold(p, a.left, func(own []*weir.Delivery) {
				a.left = own
				p.Left(a.left)
			})
		}
	}
	if len(a.letters) == 0 {
		inplace.Wait(a.ctx, how.BackoffAfter(how.Attempts))
	}
	inplace.GoOn(a.ctx, how, p, a.left)
	for queue, more := a.next(); more; queue, more = a.next() {
		p.handleBatches(a.ctx, queue)
	}
	if a.ctx.Err() == nil {
		log.Info("a partition goes on", "partition", a.partition)
	}
}

// next is what is to be handled next. Where there is nothing the partition waits no longer.
func (a *apart) next() (queue []*weir.Delivery, more bool) {
	r := a.work.receiver
	r.apartMu.Lock()
	defer r.apartMu.Unlock()
	switch {
	case a.ctx.Err() != nil:
	case len(a.queue) > 0:
		queue, a.queue = a.queue, nil
		return queue, true
	default:
		r.pass(a.work.client, a.work.turn, a.markers)
	}
	if r.apart[a.partition] == a {
		delete(r.apart, a.partition)
		r.resume(a.work.client, a.partition)
	}
	return nil, false
}

// wait has what was polled of a partition wait where that does; so it is with what was on its way when it was paused, and where somebody else has
// paused it, too, and resumed it.
func (r *receiver) wait(client *kgo.Client, p kgo.FetchTopicPartition) bool {
	r.apartMu.Lock()
	defer r.apartMu.Unlock()
	a := r.apart[p.Partition]
	if a == nil {
		return false
	}
	for _, record := range p.Records {
		d := &weir.Delivery{}
		r.deliver(d, record, nil)
		a.queue = append(a.queue, d)
	}
	r.pause(client, p.Partition)
	return true
}

// waitMarkers has ends of transactions wait whose partitions do, and returns the others.
func (r *receiver) waitMarkers(markers []marker) []marker {
	r.apartMu.Lock()
	defer r.apartMu.Unlock()
	return slices.DeleteFunc(markers, func(m marker) bool {
		a := r.apart[m.record.Partition]
		if a != nil {
			a.markers = append(a.markers, m)
		}
		return a != nil
	})
}

// giveUp lets go of partitions that are lost: they do not wait when they come back.
func (r *receiver) giveUp(client *kgo.Client, lost []int32) {
	r.apartMu.Lock()
	defer r.apartMu.Unlock()
	for _, partition := range lost {
		if a := r.apart[partition]; a != nil {
			a.stop()
			delete(r.apart, partition)
			r.resume(client, partition)
		}
	}
}
