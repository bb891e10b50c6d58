package health

import (
	"cmp"
	"slices"
)

// State is how a part or a thing is.
type State string

// The states. A thing has the worst of its parts, where one that is known counts before one that is not.
const (
	OK      State = "ok"
	Warn    State = "warn"
	Bad     State = "bad"
	Unknown State = "unknown" // of a thing: no part is known
)

// rank orders states, the worst first. What is unknown comes before what is fine: somebody should look.
func (s State) rank() int { return slices.Index([]State{Bad, Warn, Unknown, OK}, s) }

// Kind is what a thing is.
type Kind string

// The kinds of things.
const (
	KindCluster Kind = "cluster"
	KindNode    Kind = "node"
	KindGroup   Kind = "group"
	KindTopic   Kind = "topic"
)

// ChildKinds are the kinds below a cluster, in the order in which people look at them.
var ChildKinds = []Kind{KindNode, KindGroup, KindTopic}

const (
	// whole is the score of a thing whose known parts are all fine.
	whole = 100
	// penaltyWarn are the points of a part that is beyond its limit of warnings. Not fewer: one must show in a list of scores; not more: a
	// handful of warnings is no outage.
	penaltyWarn = 10
	// penaltyBad are those of a part that is bad. Not fewer: one weighs more than three warnings; not more: a thing with two is worse off than
	// one with one, and that must show.
	penaltyBad = 40
)

// Part is one value of a thing beside its limit.
type Part struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Value is nil where it is not known.
	Value *float64 `json:"value,omitempty"`
	Unit  string   `json:"unit"` // seconds, ratio, or what is counted
	Limit Limit    `json:"limit"`
	// Penalty are the points that it takes.
	Penalty int `json:"penalty"`
	// Where is the topic or partition that the value is of, where a thing has several.
	Where string `json:"where,omitempty"`
	// Means is what it means to be beyond the limit.
	Means string `json:"means"`
	// Why is why it is not known, or why it is fine all the same.
	Why string `json:"why,omitempty"`
	// Rule is the shipped rule with the same limit, whose runbook says what to do; empty where there is none.
	Rule string `json:"rule,omitempty"`
}

// Thing is a cluster, a node, a topic or a consumer group.
type Thing struct {
	Kind  Kind   `json:"kind"`
	Name  string `json:"name"`
	Tier  string `json:"tier,omitempty"`
	State State  `json:"state"`
	// Score is 0 to 100, nil where no part is known.
	Score *int `json:"score,omitempty"`
	// KnownParts of AllParts are known; of a cluster those of all below it count too.
	KnownParts int `json:"known_parts"`
	AllParts   int `json:"all_parts"`
	// Parts are its own, the worst first.
	Parts []Part `json:"parts"`
}

// newThing adds up the parts of a thing.
func newThing(kind Kind, name, tier string, parts []Part) Thing {
	t := Thing{Kind: kind, Name: name, Tier: tier, State: OK, AllParts: len(parts), Parts: parts}
	slices.SortStableFunc(parts, func(a, b Part) int { return cmp.Compare(a.State.rank(), b.State.rank()) })
	score := whole
	for i := range parts {
		if parts[i].State == Unknown {
			continue
		}
		t.KnownParts++
		score -= parts[i].Penalty
		t.State = worst(t.State, parts[i].State)
	}
	if t.KnownParts == 0 {
		t.State = Unknown
		return t
	}
	score = max(score, 0)
	t.Score = &score
	return t
}

func worst(a, b State) State {
	if b.rank() < a.rank() {
		return b
	}
	return a
}

// lost are the points that a thing lacks; one of which nothing is known has lost none.
func (t *Thing) lost() int {
	if t.Score == nil {
		return 0
	}
	return whole - *t.Score
}

// compare orders things, the worst first.
func compare(a, b *Thing) int {
	return cmp.Or(cmp.Compare(a.State.rank(), b.State.rank()), cmp.Compare(b.lost(), a.lost()),
		cmp.Compare(slices.Index(ChildKinds, a.Kind), slices.Index(ChildKinds, b.Kind)), cmp.Compare(a.Name, b.Name))
}
