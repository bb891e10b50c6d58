package pipeline

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

var (
	seed      = flag.Int64("seed", -1, "play only the simulated history of this seed, and tell what happens in it")
	histories = flag.Int64("histories", 40, "how many simulated histories to play")
)

// TestSimulation holds the promise of the whole pipeline: whatever crashes, freezes, repeats or is away in a history,
// the store holds what its log holds, each report once, and every alert lives as it does in an undisturbed run of the
// same log. A history that fails names its seed.
func TestSimulation(t *testing.T) {
	t.Parallel()
	sets := loadSimulatedRules(t)
	if *seed >= 0 {
		synctest.Test(t, func(t *testing.T) {
			if _, diff := playHistory(uint64(*seed), sets, t.Logf); diff != "" {
				t.Errorf("seed %d:\n%s", *seed, diff)
			}
		})
		return
	}
	// Histories leave much garbage behind and little to keep: collecting it less often saves a quarter of their time.
	const lessGarbageCollection = 400
	defer debug.SetGCPercent(debug.SetGCPercent(lessGarbageCollection))
	began := time.Now()
	var told atomic.Int64
	t.Run("histories", func(t *testing.T) {
		for shard := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for seed := int64(shard); seed < *histories; seed += int64(runtime.GOMAXPROCS(0)) {
					synctest.Test(t, func(t *testing.T) {
						ahead, diff := playHistory(uint64(seed), sets, nil)
						told.Add(int64(ahead))
						if diff != "" {
							t.Fatalf("see it happen: go test ./pipeline -run TestSimulation -seed %d -v\n%s", seed, diff)
						}
					})
				}
			})
		}
	})
	if told.Load() < int64(*histories) {
		t.Errorf("%d alerts were told ahead in %d histories: they show little", told.Load(), *histories)
	}
	t.Logf("%d histories, %.0f a minute; %d alerts told ahead", *histories, float64(*histories)/time.Since(began).Minutes(), told.Load())
}

// loadSimulatedRules returns the rules that histories begin with, and those of a reload.
func loadSimulatedRules(t *testing.T) []*rules.Set {
	t.Helper()
	var sets []*rules.Set
	for _, dir := range []string{"testdata/simulation/first", "testdata/simulation/second"} {
		set, err := rules.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, set)
	}
	return sets
}

// playHistory plays a history without faults and with them, and returns how the outcome differs from what the log
// holds, and from the undisturbed run, and how many alerts were told ahead.
func playHistory(seed uint64, sets []*rules.Set, logf func(string, ...any)) (told int, diff string) {
	undisturbed := newSimulation(seed, sets, nil)
	undisturbed.play()
	s := newSimulation(seed, sets, logf)
	s.disturbed = true
	s.play()
	diff = compareHistories(undisturbed, s)
	return s.told, diff
}

// simulation is one run of a history in a bubble, whose clock is all that its processes know of time.
type simulation struct {
	world        *world
	random       *rand.Rand // of what happens, not of the world
	logf         func(string, ...any)
	began        time.Time
	ctx          context.Context
	config       Config
	log          *slog.Logger
	metrics      *pipelineMetrics
	status       *statusBoard
	rules        *ruleSource
	sets         []*rules.Set
	kafka        *simulatedKafka
	store        *simulatedStore
	alertmanager *simulatedAlertmanager
	roles        []*simulatedRole
	members      []*simulatedMember
	launched     int
	arrived      int // of the world's arrivals
	recreated    bool
	names        map[string]string // of alerts, by fingerprint
	told         int               // alerts ahead of their life

	disturbed bool
	troubled  bool          // faults may strike now
	shift     time.Duration // of the times of trouble
	depth     int           // of processes that are frozen, each while others go on
	flying    []*kgo.Record
	orphans   map[string]map[topicPartition]time.Time // partitions of a group that nobody owns, until then
	restarts  []restart
	sleepers  []sleeper
}

// restart is a process that will be there again.
type restart struct {
	at   time.Time
	role *simulatedRole
}

func newSimulation(seed uint64, sets []*rules.Set, logf func(string, ...any)) *simulation {
	const whole = 10 * time.Minute // so that panes and segments of both runs are the same
	began := time.Now().Truncate(whole).Add(whole)
	<-time.NewTimer(time.Until(began)).C
	w := randomWorld(rand.New(rand.NewPCG(seed, 1)), began)
	s := &simulation{world: w, random: rand.New(rand.NewPCG(seed, 2)), logf: logf, began: began, ctx: context.Background(),
		roles: simulatedRoles(), log: slog.New(slog.DiscardHandler), metrics: newPipelineMetrics(), status: newStatusBoard(), sets: sets,
		rules: &ruleSource{set: sets[0], version: 1}, kafka: newSimulatedKafka(w), names: map[string]string{},
		orphans: map[string]map[topicPartition]time.Time{}}
	s.config.Telemetry = TelemetryConfig{Pane: w.pane, Tolerance: simulatedTolerance, MaxSeries: 1000, Lateness: w.lateness, Partitions: int(w.sources)}
	s.shift = time.Duration(s.random.Int64N(int64(trouble + calm)))
	s.store = newSimulatedStore()
	s.alertmanager = newSimulatedAlertmanager(rand.New(rand.NewPCG(seed, 3)), s.say)
	for _, role := range s.roles {
		s.orphans[role.group] = map[topicPartition]time.Time{}
	}
	return s
}

func (s *simulation) say(format string, arguments ...any) {
	if s.logf != nil {
		s.logf("%4ds  %s", time.Since(s.began)/time.Second, fmt.Sprintf(format, arguments...))
	}
}

func (s *simulation) chance(of, in int) bool { return !s.troubled || s.random.IntN(in) < of }

// Times of trouble and of calm take turns. A phase of traffic lasts longer than both together.
const (
	trouble = 20 * time.Second
	calm    = 40 * time.Second
	// finalCalm lets everything come to its end.
	finalCalm = 90 * time.Second
)

// play runs the history to its end, and until all of it is stored and told.
func (s *simulation) play() {
	for _, role := range s.roles {
		for range s.processes() {
			s.launch(role)
		}
		for _, topic := range role.topics {
			for partition := range s.kafka.topics[topic].partitions {
				s.orphans[role.group][topicPartition{topic, int32(partition)}] = s.began
			}
		}
	}
	for time.Since(s.began) < s.world.length+finalCalm {
		s.round()
	}
	s.stop()
}

// stop ends all processes in order, the sinks when they have read all.
func (s *simulation) stop() {
	for _, m := range s.live(s.roles[0]) {
		s.leave(m, true)
	}
	const toReadAll = 40
	for range toReadAll {
		s.round()
	}
	for _, m := range slices.Clone(s.members) {
		s.leave(m, true)
	}
	synctest.Wait()
}

func (s *simulation) processes() int {
	if s.disturbed {
		return 2
	}
	return 1
}

// round lets some time pass, and every process do something.
func (s *simulation) round() {
	s.pass()
	at := time.Since(s.began)
	s.troubled = s.disturbed && at < s.world.length && (at+s.shift)%(trouble+calm) > calm && !s.world.silent(at)
	s.recreateTelemetry()
	s.wakeUp(at >= s.world.length)
	s.settleGroups()
	s.disturb()
	members := slices.Clone(s.members)
	s.random.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	for _, m := range members {
		if !m.gone && !m.busy && (s.chance(3, 4) || !m.woke.IsZero()) {
			s.step(m)
		}
	}
}

// pass lets time pass until the next second begins, whatever a store's pauses have taken of this one: the brokers
// append what clients send meanwhile, and notifiers do what is due.
func (s *simulation) pass() {
	now := time.Now()
	<-time.NewTimer(now.Truncate(time.Second).Add(time.Second).Sub(now)).C
	s.store.errors = 0
	synctest.Wait()
	s.alertmanager.expire(time.Now())
	w := s.world
	for ; s.arrived < len(w.arrivals) && w.arrivals[s.arrived].at <= time.Since(s.began); s.arrived++ {
		a := w.arrivals[s.arrived]
		s.kafka.appendReport(&kgo.Record{Topic: telemetry.TopicTelemetry, Partition: a.partition, Value: a.value}, s.began.Add(a.appended), a.report)
	}
}
