package aggregate

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Bounds of what is known of series beyond a limit: 400 KiB for each source that has any.
const (
	// maxExcessTopics are told apart. Not fewer: several topics may grow at once; not
	// more: they are memory, and people read them.
	maxExcessTopics = 16
	// maxExcessLabels of a topic are. Not fewer: all well-known ones and as many of the
	// application's; not more: they are memory.
	maxExcessLabels = 32
	// distinctHashes are kept of a label's values. Not fewer: 100 count to within a tenth;
	// not more: they are memory.
	distinctHashes = 100
)

// Excess says what was over a limit in the newest segment in which anything was: which
// labels have how many values there. It is to show who has too many series.
type Excess struct {
	Minute  time.Time     `json:"minute"`  // of the segment
	Reports uint64        `json:"reports"` // folded into overflow series
	Topics  []ExcessTopic `json:"topics"`  // the first of them, by reports
}

// ExcessTopic is what was over a limit of one topic.
type ExcessTopic struct {
	Env     string        `json:"env,omitempty"`
	Cluster string        `json:"cluster,omitempty"`
	System  string        `json:"system,omitempty"`
	Topic   string        `json:"topic,omitempty"`
	Op      string        `json:"op,omitempty"`
	Reports uint64        `json:"reports"`
	Labels  []ExcessLabel `json:"labels"` // those with most values first
}

// ExcessLabel is a label with about how many values it had among the series over a limit.
type ExcessLabel struct {
	Name   string `json:"name"`
	Values uint64 `json:"values"`
}

// excess gathers an Excess. It is no part of what is folded.
type excess struct {
	seed       maphash.Seed
	segment    uint32 // the table's
	minuteUnix int64
	reports    uint64
	topics     map[string]*excessTopic // by encoded labels
}

type excessTopic struct {
	labels  telemetry.Labels
	reports uint64
	values  map[string]*distinctValues // by label
}

func newExcess() excess { return excess{seed: maphash.MakeSeed()} }

// noteExcess counts a report that a limit keeps from its series, and its labels where
// they may be new: those of a series that is remembered are once in a segment.
func (f *Fold) noteExcess(id uint32) {
	e, t := &f.excess, &f.series
	if e.segment != t.segment {
		e.segment, e.minuteUnix, e.reports, e.topics = t.segment, f.segment.MinuteUnix, 0, map[string]*excessTopic{}
	}
	e.reports++
	if id == noSeries {
		if of := e.topic(string(t.topicKey), &t.scratch); of != nil {
			of.reports++
			of.note(e.seed, &t.scratch)
		}
		return
	}
	s := &t.series[id]
	of := e.topics[t.topics[s.topic].key]
	if s.excess != t.segment {
		s.excess = t.segment
		labels := t.labels(id)
		if of = e.topic(t.topics[s.topic].key, labels); of != nil {
			of.note(e.seed, labels)
		}
	}
	if of != nil {
		of.reports++
	}
}

// topic returns what is known of a topic, nil where too many are known.
func (e *excess) topic(key string, labels *telemetry.Labels) *excessTopic {
	of := e.topics[key]
	if of == nil && len(e.topics) < maxExcessTopics {
		topic := telemetry.Labels{Env: labels.Env, Cluster: labels.Cluster, System: labels.System, Topic: labels.Topic, Op: labels.Op}
		of = &excessTopic{labels: topic.Clone(), values: map[string]*distinctValues{}}
		e.topics[key] = of
	}
	return of
}

func (o *excessTopic) note(seed maphash.Seed, labels *telemetry.Labels) {
	for i, name := range telemetry.LabelNames {
		o.noteValue(seed, name, *labels.FieldAt(i))
	}
	for i := range labels.Extra {
		o.noteValue(seed, labels.Extra[i].Name, labels.Extra[i].Value)
	}
}

func (o *excessTopic) noteValue(seed maphash.Seed, name, value string) {
	if value == "" {
		return
	}
	values := o.values[name]
	if values == nil {
		if len(o.values) == maxExcessLabels {
			return
		}
		values = &distinctValues{}
		o.values[strings.Clone(name)] = values
	}
	values.add(maphash.String(seed, value))
}

// distinctValues counts about how many values there are by the least of their hashes:
// the k-th least of n hashes is about k/n of the greatest possible (Bar-Yossef and others,
// Counting Distinct Elements in a Data Stream, 2002).
type distinctValues struct {
	least []uint64 // sorted, distinctHashes at most
}

func (d *distinctValues) add(hash uint64) {
	full := len(d.least) == distinctHashes
	if full && hash >= d.least[distinctHashes-1] {
		return
	}
	at, known := slices.BinarySearch(d.least, hash)
	if known {
		return
	}
	if full {
		d.least = d.least[:distinctHashes-1]
	}
	d.least = slices.Insert(d.least, at, hash)
}

func (d *distinctValues) count() uint64 {
	if len(d.least) < distinctHashes {
		return uint64(len(d.least))
	}
	return uint64((distinctHashes - 1) / (float64(d.least[distinctHashes-1]) / math.MaxUint64))
}

// Excess returns what was over a limit, nil where nothing was so far.
func (f *Fold) Excess() *Excess {
	if f.excess.topics == nil {
		return nil
	}
	out := &Excess{Minute: time.Unix(f.excess.minuteUnix*60, 0).UTC(), Reports: f.excess.reports}
	for _, of := range f.excess.topics {
		topic := ExcessTopic{Env: of.labels.Env, Cluster: of.labels.Cluster, System: of.labels.System, Topic: of.labels.Topic,
			Op: of.labels.Op, Reports: of.reports}
		for name, values := range of.values {
			topic.Labels = append(topic.Labels, ExcessLabel{name, values.count()})
		}
		slices.SortFunc(topic.Labels, func(a, b ExcessLabel) int {
			return cmp.Or(cmp.Compare(b.Values, a.Values), cmp.Compare(a.Name, b.Name))
		})
		out.Topics = append(out.Topics, topic)
	}
	slices.SortFunc(out.Topics, func(a, b ExcessTopic) int {
		return cmp.Or(cmp.Compare(b.Reports, a.Reports), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Op, b.Op), cmp.Compare(a.Cluster, b.Cluster))
	})
	return out
}
