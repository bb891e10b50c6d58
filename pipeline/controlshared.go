package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sink/clickhouse"
)

// sharedCounted is how often clients of shared limits are counted. Not smaller: each count reads minutes of all traffic, and each change is read by every client; not larger:
// clients that come share what is meant for fewer.
const sharedCounted = time.Minute

// sharedKeeper counts in the store the clients that share limits, as long as this process has the lease: those of a limit that is new at once, since each client has all of the rate
// until then. One goroutine uses it.
type sharedKeeper struct {
	c       *controller
	turn    *lease
	counted time.Time
	known   map[string]string // of limits whose clients were counted, by name: what each asks of whom
	said    outage
}

func (c *controller) sharedKeeper(turn *lease) *sharedKeeper {
	return &sharedKeeper{c: c, turn: turn, said: outage{log: c.log, begun: "the clients of shared limits are not counted, will try again; each client has the share that it had, of a new limit all of it",
		over: "the clients of shared limits are counted again", anyNumber: true}}
}

// keep counts where it is time to. What fails is tried at the next tick.
func (k *sharedKeeper) keep(ctx context.Context) {
	now := time.Now()
	limits := k.c.shared(now)
	if !k.due(limits, now) {
		return
	}
	var traffic []clickhouse.ClientTraffic
	more := false
	err := askStore(ctx, storeOf(&k.c.p.config), func(ctx context.Context, store *clickhouse.Store) (err error) {
		if traffic, more, err = store.ClientTraffic(ctx, now.Add(-touchedSpan)); err != nil {
			return because(ctx, "count the clients of shared limits", err)
		}
		return nil
	})
	if err == nil && !more { // they would be counted too low, and each would get too much
		err = k.c.setClients(ctx, k.turn, limits, &controlTraffic{at: now, clients: traffic})
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		k.c.p.metrics.stage(RoleControl).failed("count")
	} else {
		k.note(limits, now)
	}
	k.said.note(err)
}

// due says whether to count: each sharedCounted, and at once where a limit is new or another.
func (k *sharedKeeper) due(limits []control.Command, now time.Time) bool {
	for i := range limits {
		if k.known[limits[i].Name] != digestOf(limits[i], 0) {
			return true
		}
	}
	return len(limits) > 0 && now.Sub(k.counted) >= sharedCounted
}

// note notes what was counted.
func (k *sharedKeeper) note(limits []control.Command, now time.Time) {
	k.counted = now
	k.known = make(map[string]string, len(limits))
	for i := range limits {
		k.known[limits[i].Name] = digestOf(limits[i], 0)
	}
}

// shared are the shared limits that are in force.
func (c *controller) shared(now time.Time) []control.Command {
	held := c.shown()
	return slices.DeleteFunc(slices.Clone(held.commands), func(c control.Command) bool { return c.SendLimit == nil || !c.SendLimit.Shared || !c.InForce(now) })
}

// setClients writes how many clients share each limit, where that has changed. Of a limit that nobody was seen to use nothing is known.
func (c *controller) setClients(ctx context.Context, turn *lease, limits []control.Command, traffic *controlTraffic) error {
	if err := c.turn.take(ctx); err != nil {
		return err
	}
	defer c.turn.give()
	resources := c.topic.set.Resources()
	var changes []controlChange
	for i := range limits {
		held, found := c.topic.set.Command(limits[i].Name)
		clients := traffic.touched(&limits[i], resources).Clients
		if !found || held.SendLimit == nil || digestOf(held, 0) != digestOf(limits[i], 0) || held.Ended != nil || clients == 0 || clients == held.SendLimit.Clients {
			continue
		}
		limit := *held.SendLimit
		limit.Clients = clients
		held.SendLimit, held.Revision = &limit, held.Revision+1
		changes = append(changes, controlChange{Change: changeChanged, Kind: kindCommand, Name: held.Name, Revision: held.Revision, Command: &held, key: held.Key()})
	}
	if err := c.write(ctx, turn, changes); err != nil {
		return err
	}
	if slices.ContainsFunc(changes, func(c controlChange) bool { return !c.done }) {
		return errChangedMeanwhile
	}
	return nil
}
