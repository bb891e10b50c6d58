package backtest

import (
	"cmp"
	"slices"
	"time"
)

// ChangeKind is what became of one stretch of firing under other rules.
type ChangeKind string

// The kinds of changes. Moved is a stretch that is as long as before, at another time.
const (
	Gone    ChangeKind = "gone"
	New     ChangeKind = "new"
	Longer  ChangeKind = "longer"
	Shorter ChangeKind = "shorter"
	Moved   ChangeKind = "moved"
)

// Change is a stretch of firing that differs.
type Change struct {
	Kind ChangeKind
	Base *Life // nil of a new one
	Head *Life // nil of one that is gone
}

// life is the one that there is.
func (c *Change) life() *Life {
	if c.Head != nil {
		return c.Head
	}
	return c.Base
}

// Difference is what other rules change of a timeline: of stretches of firing only, since
// nobody hears of pending alerts.
type Difference struct {
	Changes []Change // by time
	Same    int      // stretches that are alike
}

// Count is how many changes are of a kind.
func (d *Difference) Count(kind ChangeKind) int {
	n := 0
	for i := range d.Changes {
		if d.Changes[i].Kind == kind {
			n++
		}
	}
	return n
}

// Diff compares stretches of firing of the same rule and group. Those that overlap are
// pairs, the ones that overlap longest first, and so are those that last to the end.
func Diff(base, head *Timeline) *Difference {
	d := &Difference{}
	heads := map[string][]*Life{}
	for _, life := range head.fired() {
		heads[life.identity()] = append(heads[life.identity()], life)
	}
	bases := map[string][]*Life{}
	for _, life := range base.fired() {
		bases[life.identity()] = append(bases[life.identity()], life)
	}
	for identity, lives := range bases {
		d.compare(lives, heads[identity])
		delete(heads, identity)
	}
	for _, lives := range heads {
		d.compare(nil, lives)
	}
	slices.SortFunc(d.Changes, func(a, b Change) int {
		x, y := a.life(), b.life()
		return cmp.Or(x.Fired.Compare(y.Fired), cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.Group, y.Group), cmp.Compare(a.Kind, b.Kind))
	})
	return d
}

// pair is two stretches and for how long they overlap.
type pair struct {
	base, head *Life
	overlap    time.Duration
}

// compare finds the changes of one identity.
func (d *Difference) compare(base, head []*Life) {
	var pairs []pair
	for _, b := range base {
		for _, h := range head {
			overlap := earlier(b.end(), h.end()).Sub(later(b.Fired, h.Fired))
			if overlap > 0 || b.Over.IsZero() && h.Over.IsZero() { // both fire at the end, one maybe from then on
				pairs = append(pairs, pair{b, h, overlap})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.overlap, a.overlap) })
	paired := map[*Life]bool{}
	for _, p := range pairs {
		if paired[p.base] || paired[p.head] {
			continue
		}
		paired[p.base], paired[p.head] = true, true
		was, is := p.base.Firing(), p.head.Firing()
		switch {
		case is > was:
			d.Changes = append(d.Changes, Change{Longer, p.base, p.head})
		case is < was:
			d.Changes = append(d.Changes, Change{Shorter, p.base, p.head})
		case !p.base.Fired.Equal(p.head.Fired):
			d.Changes = append(d.Changes, Change{Moved, p.base, p.head})
		default:
			d.Same++
		}
	}
	for _, b := range base {
		if !paired[b] {
			d.Changes = append(d.Changes, Change{Kind: Gone, Base: b})
		}
	}
	for _, h := range head {
		if !paired[h] {
			d.Changes = append(d.Changes, Change{Kind: New, Head: h})
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
