package control

import "time"

// Resolution is what one capability has to do for one client.
type Resolution struct {
	// Applies is the command that is in force, nil for none.
	Applies *Command
	// Shadow is a shadow command that would be in Applies' place if it were none; nil for none. It is only counted.
	Shadow *Command
}

// Resolve says what applies to a client, or to what it touches, at that time: of all commands for the capability that are in force, touch it and have not
// ended, the one with the narrowest scope; of two equally narrow ones that of people before that of a rule, and then the later in the log. What applies must not
// be changed.
func (s *Set) Resolve(capability Capability, who *Who, now time.Time) Resolution {
	var applies, shadow *held[Command]
	for _, one := range s.commands {
		if one.value.Capability() != capability || !one.value.InForce(now) || !one.value.Touches(who) {
			continue
		}
		if one.value.Shadow {
			shadow = narrower(shadow, one)
		} else {
			applies = narrower(applies, one)
		}
	}
	if shadow != nil && narrower(shadow, applies) != shadow {
		shadow = nil
	}
	var resolution Resolution
	if applies != nil {
		resolution.Applies = &applies.value
	}
	if shadow != nil {
		resolution.Shadow = &shadow.value
	}
	return resolution
}

// narrower is the one of two commands that wins; either may be nil.
func narrower(a, b *held[Command]) *held[Command] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	first, second := a.value.Scope.narrowness(), b.value.Scope.narrowness()
	ruled, other := a.value.Source == SourceRule, b.value.Source == SourceRule
	switch {
	case first != second:
		if first > second {
			return a
		}
	case ruled != other:
		if other {
			return a
		}
	case a.record.Offset > b.record.Offset:
		return a
	}
	return b
}

// NextExpiry is when the next command that is in force ends by itself, and false where none is: what was resolved before holds until then, or until the
// next record.
func (s *Set) NextExpiry(now time.Time) (time.Time, bool) {
	var next time.Time
	for _, one := range s.commands {
		if one.value.InForce(now) && (next.IsZero() || one.value.ExpiresAt.Before(next)) {
			next = one.value.ExpiresAt
		}
	}
	return next, !next.IsZero()
}

// Route returns where a resource is: the route of its env and lane, or of its env, or of neither, and false where there is none.
func (s *Set) Route(id, env, lane string) (Route, bool) {
	for _, at := range [...]string{RouteKey(env, lane, id), RouteKey(env, "", id), RouteKey("", "", id)} {
		if one := s.routes[at]; one != nil {
			return one.value, true
		}
	}
	return Route{}, false
}
