package clickhouse

import (
	"slices"

	"github.com/weirmq/weir/telemetry"
)

// Kinds of resources in the inventory.
const (
	kindTopic  = "topic"
	kindGroup  = "group"  // of consumers
	kindBroker = "broker" // a node that a collector asks
	kindNode   = "node"   // a machine that clients run on
	kindClient = "client"
)

// maxSighted bounds how many resources are remembered, twice: those looked at lately, and those before. Not fewer: a fleet has some
// ten thousand topics and groups and some hundred thousand clients, and what is forgotten is written again with each batch of cells; not
// more: each takes some 250 bytes.
const maxSighted = 100_000

// secondsOfHour is how coarse the inventory is: a resource is written when it is seen first in an hour, when it is used first in it,
// and when something is learned of it. Not finer: each of ten thousands would be a row each time; not coarser: a day is known by its
// hours.
const secondsOfHour = 60 * 60

// Places of what is kept of a resource besides its name.
const (
	attributeTier = iota
	attributeLane
	attributeSDKLang
	attributeSDKVersion
	attributeNode
	attributeGroup
	attributes // how many there are
)

// sighting is a resource in one hour.
type sighting struct {
	labels     *telemetry.Labels // of which env, cluster and system are read
	kind, name string
	hour       uint32 // since 1970
	used       bool
	attributes [attributes]string // the greatest of the hour; "" is none
}

// sightings finds what cells name that was not said of its hour before. Not safe for concurrent use.
type sightings struct {
	most     int
	lately   map[string]*sighted
	before   map[string]*sighted
	writes   uint32
	rows     []sighting
	key      []byte
	bySeries []seriesHour
}

// sighted is what was said of a resource.
type sighted struct {
	day        uint32 // since 1970, that seen and used are of
	seen, used uint32 // hours of it, as bits
	hour       uint32 // the newest, that the attributes are of
	attributes [attributes]string

	write uint32 // the newest that has a row of it
	row   int    // the newest of that write
}

// seriesHour is what was found of a series in a batch.
type seriesHour struct {
	hour  uint32
	found sign
}

// sign is what a cell shows, as bits.
type sign uint8

const (
	signSeen     sign = 1 << iota
	signMessages      // as clients say
	signWrites        // into a partition, as its broker says
	signCommits       // of a group, as its broker says
	signMembers       // likewise
	signAnswered      // of a broker
)

func newSightings(most int) *sightings {
	return &sightings{most: most, lately: map[string]*sighted{}, before: map[string]*sighted{}}
}

// forget says that what was found may not have been written.
func (s *sightings) forget() {
	clear(s.lately)
	clear(s.before)
}

// take returns what cells tell that was not told before, one row for each resource and hour. It is valid until the next call.
func (s *sightings) take(t *telemetry.CellTable) []sighting {
	clear(s.rows) // what they point to
	s.rows = s.rows[:0]
	s.writes++
	s.bySeries = slices.Grow(s.bySeries[:0], len(t.Labels))[:len(t.Labels)]
	clear(s.bySeries)
	signs := newSigns(t)
	for cell := range t.Len() {
		hour, found := t.Panes[cell]/secondsOfHour, signs.of(cell)
		series := &s.bySeries[t.Series[cell]]
		if series.hour == hour && found&^series.found == 0 {
			continue
		}
		if series.hour != hour {
			*series = seriesHour{hour: hour}
		}
		series.found |= found
		s.series(&t.Labels[t.Series[cell]], hour, series.found)
	}
	return s.rows
}

// series notes the resources that a series names.
func (s *sightings) series(l *telemetry.Labels, hour uint32, found sign) {
	came := sighting{labels: l, hour: hour}
	note := func(kind, name string, shows sign, known [attributes]string) {
		if name != "" {
			came.kind, came.name, came.used, came.attributes = kind, name, found&shows != 0, known
			s.note(came)
		}
	}
	ofClient := [attributes]string{l.Tier, l.Lane, l.SDKLang, l.SDKVersion, l.Node, l.Group}
	ofGroup, none := [attributes]string{l.Tier, l.Lane}, [attributes]string{}
	switch l.Op {
	case "broker":
		if l.Client != "" { // as a broker sees it: the node is the client's
			note(kindGroup, l.Group, 0, ofGroup)
			break
		}
		note(kindTopic, l.Topic, signWrites, ofGroup)
		note(kindBroker, l.Node, signAnswered, none) // reports of Kafka's name it whether it answers or not
	case "probe": // whose client is who asked
		note(kindBroker, l.Node, signAnswered, none)
		return
	case "consume":
		note(kindTopic, l.Topic, signMessages, none) // the tier is the group's
		note(kindGroup, l.Group, signMessages, ofGroup)
	case "group":
		note(kindTopic, l.Topic, signCommits, none)
		note(kindGroup, l.Group, signCommits|signMembers, ofGroup)
	default:
		note(kindTopic, l.Topic, signMessages, ofGroup)
		note(kindGroup, l.Group, 0, none) // of a client that sends as well
	}
	if l.Op != "broker" || l.Client != "" {
		note(kindNode, l.Node, signMessages, none)
	}
	note(kindClient, l.Client, signMessages, ofClient)
}

// note makes a row of what was not said before.
func (s *sightings) note(came sighting) {
	of := s.find(&came)
	day, bit := came.hour/24, uint32(1)<<(came.hour%24)
	if of.day != day {
		of.day, of.seen, of.used = day, 0, 0
	}
	tells := of.seen&bit == 0 || came.used && of.used&bit == 0
	of.seen |= bit
	if came.used {
		of.used |= bit
	}
	if came.hour > of.hour {
		of.hour, of.attributes = came.hour, [attributes]string{}
	}
	if came.hour == of.hour {
		for i := range of.attributes {
			if came.attributes[i] > of.attributes[i] {
				of.attributes[i], tells = came.attributes[i], true
			}
		}
	}
	if tells {
		s.add(of, came)
	}
}

// add makes a row, or adds to that of the same hour.
func (s *sightings) add(of *sighted, came sighting) {
	if of.write != s.writes || s.rows[of.row].hour != came.hour {
		of.write, of.row = s.writes, len(s.rows)
		s.rows = append(s.rows, came)
		return
	}
	row := &s.rows[of.row]
	row.used = row.used || came.used
	for i := range row.attributes {
		row.attributes[i] = max(row.attributes[i], came.attributes[i])
	}
}

// find returns what was said of a resource. What was not looked at for long is forgotten.
func (s *sightings) find(came *sighting) *sighted {
	l := came.labels
	s.key = s.key[:0]
	for _, text := range [...]string{l.Env, l.Cluster, l.System, came.kind, came.name} {
		s.key = append(append(s.key, text...), 0) // which no label has
	}
	of := s.lately[string(s.key)]
	if of != nil {
		return of
	}
	if len(s.lately) >= s.most {
		s.lately, s.before = s.before, s.lately
		clear(s.lately)
	}
	if of = s.before[string(s.key)]; of == nil {
		of = &sighted{}
	}
	s.lately[string(s.key)] = of
	return of
}

// signs reads what cells show.
type signs struct {
	table                     *telemetry.CellTable
	written, members, commits int    // where their names are, -1 where no cell has them
	answers                   []bool // of names, which only an answer of a broker gives
}

// answerGauges are what a collector has of a broker only where it answers: how long Kafka made it wait, and what RocketMQ says of itself. That
// no heartbeat has failed is none: it is said of a broker that left, too, for a minute. One that answered has its round trip.
var answerGauges = []string{telemetry.GaugeThrottle, telemetry.GaugeDiskUsed, telemetry.GaugeSendQueueWait, telemetry.GaugePageCacheLock}

func newSigns(t *telemetry.CellTable) signs {
	of := func(name string) int { return slices.Index(t.Names, name) }
	s := signs{table: t, written: of(telemetry.GaugePartitionRate), members: of(telemetry.GaugeMembers), commits: of(telemetry.GaugeConsumed),
		answers: make([]bool, len(t.Names))}
	for i, name := range t.Names {
		s.answers[i] = slices.Contains(answerGauges, name)
	}
	return s
}

func (s *signs) of(cell int) sign {
	found := signSeen
	if s.table.Messages[cell] > 0 {
		found |= signMessages
	}
	if from, to := between(s.table.Histograms[telemetry.TableHeartbeat].Ends, cell); to > from {
		found |= signAnswered
	}
	gauges := &s.table.Gauges
	from, to := between(gauges.Ends, cell)
	for i := from; i < to; i++ {
		switch name := int(gauges.Names[i]); {
		case s.answers[name]: // 0 says of these that all is well
			found |= signAnswered
		case gauges.Max[i] <= 0:
		case name == s.written:
			found |= signWrites
		case name == s.members:
			found |= signMembers
		case name == s.commits:
			found |= signCommits
		}
	}
	return found
}

// between is where a cell's part of a list begins and ends.
func between(ends []uint64, cell int) (from, to uint64) {
	if cell > 0 {
		from = ends[cell-1]
	}
	return from, ends[cell]
}
