package pipeline

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// world is what a history is about, before anything goes wrong: what clients report, and when the broker appends it.
// Conditions of rules hold for longer than faults last, and reports of judged topics come within the lateness, so
// that the life of each alert is well defined.
type world struct {
	pane, lateness         time.Duration
	sources, groups, cells int32
	firstOffset            int64
	topics                 []*topicTraffic
	arrivals               []arrival     // in the order of their time
	recreate               time.Duration // when weir.telemetry is deleted and created again, 0 for never
	length                 time.Duration
}

// arrival is a record on its way to the log.
type arrival struct {
	at        time.Duration // since the history began
	partition int32
	report    *telemetry.Report // nil where the record is none
	value     []byte
	appended  time.Duration // by the broker's clock
}

// topicTraffic is one topic's traffic by event time: phases of much and of none.
type topicTraffic struct {
	name    string
	busy    []bool          // of each phase
	ends    []time.Duration // of each phase
	vanish  bool            // without traffic its clients report nothing at all
	clients int
}

// Bounds of a history. Phases last longer than a time of faults and the calm after it, so that each is evaluated.
const (
	historyLength      = 6 * time.Minute
	minPhase           = 90 * time.Second
	reportInterval     = 2 * time.Second
	busyMessages       = 60 // of one report
	simulatedTolerance = 10 * time.Minute
	recreationSilent   = 45 * time.Second // in which nobody reports; longer than a window
)

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func randomWorld(r *rand.Rand, began time.Time) *world {
	w := &world{pane: pick(r, 5*time.Second, 10*time.Second), lateness: pick(r, 5*time.Second, 7*time.Second),
		sources: int32(1 + r.IntN(3)), groups: int32(1 + r.IntN(2)), cells: int32(1 + r.IntN(2)), length: historyLength}
	if r.IntN(3) == 0 { // blocks end in the middle of it
		w.firstOffset = telemetry.BlockOffsets - r.Int64N(200)
	}
	if r.IntN(6) == 0 {
		w.recreate = 2*time.Minute + time.Duration(r.Int64N(int64(2*time.Minute)))
	}
	for i := range 1 + r.IntN(2) {
		w.topics = append(w.topics, randomTraffic(r, fmt.Sprintf("topic-%d", i)))
	}
	for _, topic := range w.topics {
		for client := range topic.clients {
			w.addClient(r, began, topic, client)
		}
		if w.recreate == 0 {
			w.addCollector(r, began, topic)
		}
	}
	clocksAreWrong := r.IntN(2) == 0
	w.addStrays(r, began, !clocksAreWrong)
	slices.SortStableFunc(w.arrivals, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	w.stamp(r, clocksAreWrong)
	return w
}

// stamp gives records the times of their brokers, whose clocks now and then are wrong, ahead or behind, and set right
// again. Together with a client that is ahead, a broker that is ahead would make reports of others late.
func (w *world) stamp(r *rand.Rand, clocksAreWrong bool) {
	wrongBy := make([]time.Duration, w.sources)
	for i := range w.arrivals {
		a := &w.arrivals[i]
		switch {
		case !clocksAreWrong:
		case r.IntN(60) == 0:
			wrongBy[a.partition] = time.Duration(r.Int64N(int64(10*time.Minute))) - 5*time.Minute
		case r.IntN(40) == 0:
			wrongBy[a.partition] = 0
		}
		a.appended = a.at + wrongBy[a.partition]
	}
}

func randomTraffic(r *rand.Rand, name string) *topicTraffic {
	t := &topicTraffic{name: name, vanish: r.IntN(3) == 0, clients: 2 + r.IntN(2)}
	busy := r.IntN(2) == 0
	for end := time.Duration(0); end < historyLength; busy = !busy {
		end += minPhase + time.Duration(r.Int64N(int64(minPhase)))
		if historyLength-end < minPhase {
			end = historyLength
		}
		t.busy, t.ends = append(t.busy, busy), append(t.ends, end)
	}
	return t
}

func (t *topicTraffic) busyAt(at time.Duration) bool {
	phase := 0
	for phase < len(t.ends)-1 && at >= t.ends[phase] {
		phase++
	}
	return t.busy[phase]
}

// silent says that nobody reports, because weir.telemetry is about to be deleted.
func (w *world) silent(at time.Duration) bool {
	return w.recreate > 0 && at > w.recreate-recreationSilent && at < w.recreate+15*time.Second
}

// addClient lets one client of a topic report all the time. A report is on the log less than the lateness after its
// start: the interval and the way. Some are there twice, by a producer that retried.
func (w *world) addClient(r *rand.Rand, began time.Time, topic *topicTraffic, client int) {
	name := fmt.Sprintf("%s-client-%d", topic.name, client)
	partition := r.Int32N(w.sources)
	way := w.lateness - reportInterval - 500*time.Millisecond
	for start := time.Duration(r.Int64N(int64(reportInterval))); start < w.length; start += reportInterval {
		busy := topic.busyAt(start)
		if w.silent(start) || w.silent(start+way+reportInterval) || topic.vanish && !busy {
			continue
		}
		report := &telemetry.Report{Schema: telemetry.Schema, StartUnixMillis: began.Add(start).UnixMilli(), LengthMillis: uint32(reportInterval.Milliseconds()),
			Labels: telemetry.Labels{Cluster: "main", System: "kafka", Topic: topic.name, Op: "send", Client: name}}
		if busy {
			report.Messages = busyMessages + r.Uint64N(busyMessages)
			report.Bytes = report.Messages * 100
			report.LatencyMicros.Observe(r.Uint64N(1 << r.IntN(20)))
		}
		if r.IntN(10) == 0 {
			report.Errors = []telemetry.ErrorCount{{Class: pick(r, "timeout", "broker"), Count: r.Uint64N(9)}}
		}
		w.add(r, start+reportInterval+time.Duration(r.Int64N(int64(way))), partition, report)
	}
}

// Lag as a collector reports it of a topic: some, much for too short to fire, then unknown, much for as long as it takes, and little.
const (
	someLag, muchLag, littleLag = 500, 5000, 5
	shortOfFiring               = 30 * time.Second
	longEnough                  = 100 * time.Second
	membersFrom                 = 40 * time.Second // once alerts are critical that are from the begin, or a warning would come first here and not there
)

// addCollector lets a collector report a topic's group, and not know its lag for a while.
func (w *world) addCollector(r *rand.Rand, began time.Time, topic *topicTraffic) {
	partition := r.Int32N(w.sources)
	way := w.lateness - reportInterval - 500*time.Millisecond
	muchFrom := time.Minute + time.Duration(r.Int64N(int64(30*time.Second)))
	silentFrom := muchFrom + shortOfFiring
	backFrom := silentFrom + time.Minute + time.Duration(r.Int64N(int64(30*time.Second)))
	for start := time.Duration(r.Int64N(int64(reportInterval))); start < w.length; start += reportInterval {
		var gauges []telemetry.Gauge
		if start >= membersFrom {
			gauges = append(gauges, telemetry.Gauge{Name: telemetry.GaugeMembers, Value: 3})
		}
		switch lag := telemetry.GaugeLagMessages; {
		case start < muchFrom:
			gauges = append(gauges, telemetry.Gauge{Name: lag, Value: someLag})
		case start < silentFrom, start >= backFrom && start < backFrom+longEnough:
			gauges = append(gauges, telemetry.Gauge{Name: lag, Value: muchLag})
		case start >= backFrom:
			gauges = append(gauges, telemetry.Gauge{Name: lag, Value: littleLag})
		}
		w.add(r, start+reportInterval+time.Duration(r.Int64N(int64(way))), partition, &telemetry.Report{Schema: telemetry.Schema,
			StartUnixMillis: began.Add(start).UnixMilli(), LengthMillis: uint32(reportInterval.Milliseconds()),
			Labels: telemetry.Labels{Cluster: "main", System: "kafka", Topic: topic.name, Op: "group"},
			Gauges: gauges})
	}
}

// strayTopic is the topic of clients whose clocks are wild; no alert of it is judged.
const strayTopic = "strays"

// addStrays adds what must disturb nobody: clients whose clocks are wild, and records that are no reports.
func (w *world) addStrays(r *rand.Rand, began time.Time, clientsAreAhead bool) {
	ahead := time.Duration(r.Int64N(int64(3 * time.Hour)))
	for at := time.Duration(0); at < w.length; at += time.Duration(1+r.IntN(20)) * time.Second {
		if w.silent(at) {
			continue
		}
		partition := r.Int32N(w.sources)
		report := &telemetry.Report{Schema: telemetry.Schema, LengthMillis: 1000, Messages: 1,
			Labels: telemetry.Labels{Cluster: "main", System: "kafka", Topic: strayTopic, Op: "consume", Client: fmt.Sprintf("stray-%d", partition)}}
		switch r.IntN(3) {
		case 0:
			report.StartUnixMillis = began.Add(at).UnixMilli()
			if clientsAreAhead {
				report.StartUnixMillis += ahead.Milliseconds()
			}
		case 1:
			if !w.topics[0].vanish { // or it would be there because of a report whose clock is wrong
				report.Labels.Topic = w.topics[0].name
			}
			report.StartUnixMillis = began.Add(at - time.Duration(r.Int64N(int64(time.Hour)))).UnixMilli()
		default:
			report = nil
		}
		w.add(r, at, partition, report)
	}
}

func (w *world) add(r *rand.Rand, at time.Duration, partition int32, report *telemetry.Report) {
	value := []byte("no report")
	if report != nil {
		var err error
		if value, err = telemetry.MarshalReport(report); err != nil {
			panic(err) // reports of this test are valid
		}
	}
	w.arrivals = append(w.arrivals, arrival{at: at, partition: partition, report: report, value: value})
	if r.IntN(50) == 0 {
		w.arrivals = append(w.arrivals, arrival{at: at + time.Duration(r.Int64N(int64(100*time.Millisecond))), partition: partition, report: report, value: value})
	}
}
