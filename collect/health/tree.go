package health

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Question is what of a cluster is wanted.
type Question struct {
	Limits Limits
	Now    time.Time
	// Kind is of the things below the cluster that are wanted, empty for all.
	Kind Kind
	// Name is of those, a pattern of path.Match; empty for all.
	Name string
	// All wants those that are fine or unknown, too. A name does as well: somebody asks for them.
	All bool
}

const (
	// MaxWorst bounds the things of a kind in an answer, the worst of them. Not fewer: all brokers of most clusters; not more: nobody reads on.
	MaxWorst = 100
	// MaxAll bounds them where all are wanted. Not fewer: programs want the topics of most clusters; not more: each takes a kilobyte or two.
	MaxAll = 2_000
)

// Tree is a cluster with what is below it.
type Tree struct {
	Thing
	System string `json:"system,omitempty"`
	Env    string `json:"env,omitempty"`
	// PolledAt is when the newest poll began that found something out, nil where none has.
	PolledAt *time.Time `json:"polled_at,omitempty"`
	// NotFoundOut is what the newest poll did not find out.
	NotFoundOut string `json:"not_found_out,omitempty"`
	// NoMatch says what was looked for below the cluster where nothing of the kind, or of the name, is there, and what is.
	NoMatch string `json:"no_match,omitempty"`
	// Children are the nodes, groups and topics that were wanted, the worst first.
	Children []Thing `json:"children"`
	// Summary counts all of them, wanted or not.
	Summary []Summary `json:"summary"`
	// LeftReports are those of things beyond MaxThings: nobody follows them.
	LeftReports int `json:"left_reports,omitempty"`
}

// Compare orders clusters, the worst first.
func Compare(a, b Tree) int { return compare(&a.Thing, &b.Thing) }

// Summary counts the things of a kind.
type Summary struct {
	Kind    Kind `json:"kind"`
	Bad     int  `json:"bad"`
	Warn    int  `json:"warn"`
	Unknown int  `json:"unknown"`
	OK      int  `json:"ok"`
	// Shown are among the children.
	Shown int `json:"shown"`
}

// maxErrorBytes bounds what is said of a poll. Not fewer: the names of some brokers; not more: a hundred that are away say the same.
const maxErrorBytes = 1000

// Tree judges the cluster.
func (c *Cluster) Tree(q Question) Tree {
	var out Tree
	parts := []Part{c.poll(q.Now)}
	var things []Thing
	if c.newest != nil {
		at := c.at.UTC()
		out.PolledAt, out.System, out.Env, out.LeftReports = &at, c.newest.system, c.newest.env, c.newest.left
		own := c.parts(&q.Limits)
		things = c.things(&q)
		if c.stale(q.Now) {
			outdate(own)
			for i := range things {
				outdate(things[i].Parts)
				things[i] = newThing(things[i].Kind, things[i].Name, things[i].Tier, things[i].Parts)
			}
		}
		parts = append(parts, own...)
	}
	if c.err != nil {
		out.NotFoundOut = c.err.Error()
		if len(out.NotFoundOut) > maxErrorBytes {
			out.NotFoundOut = strings.ToValidUTF8(out.NotFoundOut[:maxErrorBytes], "") + "…"
		}
	}
	out.Thing = newThing(KindCluster, c.name, "", parts)
	slices.SortFunc(things, func(a, b Thing) int { return compare(&a, &b) })
	out.addUp(things)
	out.choose(things, &q)
	if c.newest != nil { // else nobody knows what there is
		out.NoMatch = noMatch(things, &q)
	}
	return out
}

// maxNamed is how many things a message names that were not asked for. Not fewer: the topics of a small cluster; not more: a line or two.
const maxNamed = 12

// noMatch says what a question looks for that is not there, and what is; "" where there is such a thing.
func noMatch(things []Thing, q *Question) string {
	if q.Kind == "" && q.Name == "" {
		return ""
	}
	what, every := string(q.Kind), Question{Kind: q.Kind, Name: q.Name, All: true}
	if what == "" {
		what = "node, group or topic"
	}
	var names []string
	for i := range things {
		switch {
		case every.wants(&things[i]):
			return ""
		case q.Kind == "" || things[i].Kind == q.Kind:
			names = append(names, things[i].Name)
		}
	}
	if len(names) == 0 {
		return "the newest poll that found something out has no " + what
	}
	slices.Sort(names)
	more := ""
	if n := len(names) - maxNamed; n > 0 {
		names, more = names[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("no %s has the name %q: there are %s%s", what, q.Name, strings.Join(names, ", "), more)
}

// outdate makes parts of a poll that is too old unknown.
func outdate(parts []Part) {
	for i := range parts {
		p := &parts[i]
		p.State, p.Penalty, p.Value, p.Where, p.Why = Unknown, 0, nil, "", "the newest poll is too old"
	}
}

// things judges all that is below the cluster.
func (c *Cluster) things(q *Question) []Thing {
	var out []Thing
	for name, n := range c.newest.nodes {
		out = append(out, c.node(name, n, c.at))
	}
	for name, g := range c.newest.groups {
		out = append(out, c.group(name, g, &q.Limits))
	}
	for name, t := range c.newest.topics {
		out = append(out, c.topic(name, t))
	}
	for name, known := range c.topics {
		if !c.tellsReplicas() && c.newest.topics[name] == nil { // it has its turn in another poll
			out = append(out, c.topic(name, known.newest))
		}
	}
	return out
}

// addUp takes what the worst of each kind has lost from the cluster's score: all of a node's, half of a group's or topic's. Things are in
// order.
func (t *Tree) addUp(things []Thing) {
	most := map[Kind]int{}
	for i := range things {
		thing := &things[i]
		t.KnownParts += thing.KnownParts
		t.AllParts += thing.AllParts
		if thing.State != Unknown {
			t.State = worst(t.State, thing.State)
		}
		most[thing.Kind] = max(most[thing.Kind], thing.lost())
	}
	if t.Score != nil {
		*t.Score = max(*t.Score-most[KindNode]-most[KindGroup]/2-most[KindTopic]/2, 0)
	}
}

// choose keeps those that are wanted, and counts all.
func (t *Tree) choose(things []Thing, q *Question) {
	most := MaxWorst
	if q.All {
		most = MaxAll
	}
	t.Children = []Thing{}
	for _, kind := range ChildKinds {
		s := Summary{Kind: kind}
		for i := range things {
			if things[i].Kind == kind {
				s.count(things[i].State)
			}
		}
		t.Summary = append(t.Summary, s)
	}
	for i := range things {
		s := &t.Summary[slices.Index(ChildKinds, things[i].Kind)]
		if s.Shown < most && q.wants(&things[i]) {
			s.Shown++
			t.Children = append(t.Children, things[i])
		}
	}
}

func (q *Question) wants(t *Thing) bool {
	if q.Kind != "" && t.Kind != q.Kind {
		return false
	}
	if q.Name != "" {
		matches, err := path.Match(q.Name, t.Name)
		return err == nil && matches || q.Name == t.Name
	}
	return q.All || t.State == Bad || t.State == Warn
}

func (s *Summary) count(state State) {
	switch state {
	case Bad:
		s.Bad++
	case Warn:
		s.Warn++
	case Unknown:
		s.Unknown++
	default:
		s.OK++
	}
}
