package aggregate

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	seed      = flag.Int64("seed", -1, "play only the simulated history of this seed, and say what happens in it")
	histories = flag.Int64("histories", 800, "how many simulated histories to play")
)

// TestSimulation holds the promise of this package: whatever batches, crashes, zombies, rewinds and late writes a
// history has, what is stored is what its log holds, each report once. A history that fails names its seed.
func TestSimulation(t *testing.T) {
	t.Parallel()
	if *seed >= 0 {
		if diff := play(uint64(*seed), faults{}, t.Logf); diff != "" {
			t.Errorf("seed %d (-want +got):\n%s", *seed, diff)
		}
		return
	}
	for seed := range *histories {
		if diff := play(uint64(seed), faults{}, nil); diff != "" {
			t.Fatalf("see it happen: go test ./aggregate -run TestSimulation -seed %d -v\n(-want +got):\n%s", seed, diff)
		}
	}
}

// TestSimulationNotices holds that the simulation can fail: that its histories are such that a store without versions,
// or a commit inside a segment, is found out.
func TestSimulationNotices(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]faults{"last write wins": {lastWriteWins: true}, "commits inside a segment": {commitAnywhere: true}} {
		wrong := 0
		const of = 150
		for seed := range uint64(of) {
			if play(seed, faults, nil) != "" {
				wrong++
			}
		}
		t.Logf("%s: %d of %d histories are wrong", name, wrong, of)
		if wrong < of/20 {
			t.Errorf("%s: %d of %d histories are wrong, too few to be noticed", name, wrong, of)
		}
	}
}

// play plays a history and returns how its outcome differs from the oracle's.
func play(seed uint64, faults faults, logf func(string, ...any)) string {
	r := rand.New(rand.NewPCG(seed, 1))
	s := newStore(faults)
	worlds := make([]*world, 1+r.IntN(2))
	for i := range worlds {
		worlds[i] = randomWorld(r, int32(i))
		if i > 0 { // panes are one for all
			worlds[i].parameters.Pane, worlds[i].parameters.Tolerance = worlds[0].parameters.Pane, worlds[0].parameters.Tolerance
		}
		h := &history{world: worlds[i], store: s, random: r, logf: logf}
		h.play()
	}
	want, got := oracle(worlds), s.outcome()
	if reflect.DeepEqual(want, got) { // much faster than finding no difference
		return ""
	}
	return cmp.Diff(want, got)
}

// history is one source from its first record until all of it is stored.
type history struct {
	*world
	store   *store
	random  *rand.Rand
	logf    func(string, ...any)
	owner   *process
	zombies []*process
	flying  []*written // sent by processes that are gone, not yet arrived
}

// process is one aggregator. A zombie was replaced and does not know it: the store takes its writes, but the consumer
// group not its commits.
type process struct {
	name   string
	fold   *Fold
	next   int // in the log
	zombie bool
}

// Bounds of one history. Not fewer: rare faults must meet; not more: the histories must be many.
const (
	maxSteps   = 45
	maxRewinds = 2
)

func (h *history) say(format string, arguments ...any) {
	if h.logf != nil {
		h.logf("%s: %s", h.source, fmt.Sprintf(format, arguments...))
	}
}

// play lets faults happen for a while, then reads to the end in order, and lets what is still on its way arrive.
func (h *history) play() {
	h.replaceOwner("starts")
	rewinds := 0
	for range maxSteps {
		switch h.random.IntN(24) {
		case 0:
			h.flyOff(h.owner)
			h.replaceOwner("crashed")
		case 1:
			h.owner.zombie = true
			h.zombies = append(h.zombies, h.owner)
			h.replaceOwner("lost its partition without noticing")
		case 2:
			if rewinds++; rewinds <= maxRewinds {
				h.store.committed[h.source] = 0
				h.replaceOwner("was stopped for a rewind to 0")
			}
		case 3:
			h.arrive()
		case 4:
			h.write(h.owner, h.owner.fold.Drain())
			h.replaceOwner("was stopped in order")
		default:
			h.step(h.anyProcess())
		}
	}
	for h.owner.next < len(h.log) {
		h.read(h.owner, len(h.log))
	}
	h.write(h.owner, h.owner.fold.Drain())
	for _, zombie := range h.zombies {
		h.write(zombie, zombie.fold.Drain())
	}
	for len(h.flying) > 0 {
		h.arrive()
	}
}

// replaceOwner starts a process where the consumer group says.
func (h *history) replaceOwner(why string) {
	if h.owner != nil {
		h.say("%s %s", h.owner.name, why)
	}
	next := 0
	for next < len(h.log) && h.log[next].at.Offset < h.store.committed[h.source] {
		next++
	}
	h.owner = &process{name: fmt.Sprintf("process %d", h.random.IntN(1000)), next: next,
		fold: NewFold(h.source, h.parameters, h.lateness, h.groupings)}
	h.say("%s starts at offset %d", h.owner.name, h.store.committed[h.source])
}

func (h *history) anyProcess() *process {
	if len(h.zombies) > 0 && h.random.IntN(4) == 0 {
		return h.zombies[h.random.IntN(len(h.zombies))]
	}
	return h.owner
}

// step lets a process do one thing.
func (h *history) step(p *process) {
	switch h.random.IntN(6) {
	case 0:
		h.write(p, p.fold.Flush())
		if h.store.faults.commitAnywhere && p.next < len(h.log) {
			h.commit(p, h.log[p.next].at.Offset)
		}
	case 1:
		p.fold.Idle(epoch.Add(time.Duration(h.random.Int64N(int64(20 * time.Minute)))))
	case 2:
		p.fold.Regroup(h.groupings)
	default:
		h.read(p, 1+h.random.IntN(15))
	}
}

// read folds a batch of records, as many as are there.
func (h *history) read(p *process, count int) {
	for ; count > 0 && p.next < len(h.log); count-- {
		e := h.log[p.next]
		if closed := p.fold.Begin(e.at); closed != nil {
			if h.random.IntN(15) == 0 && p == h.owner {
				h.dieWriting(closed)
				return
			}
			h.write(p, closed)
			h.commit(p, closed.CommitOffset)
		}
		if e.report == nil {
			p.fold.Refuse(e.at, 1)
		} else {
			report := *e.report
			if err := p.fold.Add(e.at, &report, labelsOf(&report)); err != nil {
				panic(err) // labelsOf refuses nothing
			}
		}
		p.next++
	}
	h.say("%s has read up to record %d", p.name, p.next)
}

// dieWriting ends the owner after some of a closed segment's batches, or after all of them but before the commit.
func (h *history) dieWriting(closed *Flush) {
	dying := writtenOf(closed)
	batches := h.random.IntN(dying.batches() + 1)
	h.store.write(dying, batches)
	if h.random.IntN(2) == 0 {
		h.flying = append(h.flying, dying)
	}
	h.replaceOwner(fmt.Sprintf("died after %d batches of a closed segment", batches))
}

func (h *history) write(p *process, flush *Flush) {
	whole := writtenOf(flush)
	h.say("%s writes %d batches of cells, %d of groups", p.name, len(whole.cells), len(whole.groups))
	h.store.write(whole, whole.batches())
}

func (h *history) commit(p *process, offset int64) {
	if p.zombie {
		return
	}
	h.say("%s commits %d", p.name, offset)
	h.store.committed[h.source] = offset
}

// flyOff leaves a flush of a process that dies on its way to the store.
func (h *history) flyOff(p *process) {
	if h.random.IntN(2) == 0 {
		h.flying = append(h.flying, writtenOf(p.fold.Flush()))
	}
}

// arrive lets one of the flushes on their way arrive.
func (h *history) arrive() {
	if len(h.flying) == 0 {
		return
	}
	at := h.random.IntN(len(h.flying))
	h.say("a flush of a process that is gone arrives")
	h.store.write(h.flying[at], h.flying[at].batches())
	h.flying = append(h.flying[:at], h.flying[at+1:]...)
}
