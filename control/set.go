package control

import (
	"errors"
	"fmt"
	"time"
)

// Record is one record of the topic. A nil Value is a tombstone, which takes away what the key names.
type Record struct {
	Key, Value []byte
	Offset     int64
	AppendedAt time.Time // the broker's time; zero where it is not known, as of a local file: then the time at which it is fed counts
}

// Outcome is what a record did to a Set.
type Outcome string

// The outcomes.
const (
	OutcomeApplied Outcome = "applied" // a new command or route, or a higher revision
	OutcomeRemoved Outcome = "removed" // by a tombstone
	OutcomeIgnored Outcome = "ignored" // a revision that is not above the one that is held: a replay, or a second writer
	OutcomeRefused Outcome = "refused" // nothing of it counts; what was held of its key stays
)

// Reason says why a record was refused, in a word.
type Reason string

// The reasons.
const (
	ReasonSchema    Reason = "schema"    // of a newer writer
	ReasonOversized Reason = "oversized" // more than MaxRecordBytes
	ReasonInvalid   Reason = "invalid"   // cannot be read, or breaks a rule
	ReasonBeyond    Reason = "beyond"    // more than MaxCommands or MaxRoutes
)

// Reasons are all of them.
var Reasons = []Reason{ReasonSchema, ReasonOversized, ReasonInvalid, ReasonBeyond}

// Change is what a record did.
type Change struct {
	Outcome Outcome
	Key     string
	Command Command // that was applied, removed or, as far as it is known, ignored or refused
	Route   Route
	Reason  Reason // of a refusal
	Err     error  // why it was refused
	// Same is true of an ignored record that says what the held one says: a replay, and not another writer.
	Same bool
}

// Set is what is in force: the highest revision of each command and route that was fed. It is bounded by MaxCommands and MaxRoutes. It is not
// safe for use by several goroutines at once.
type Set struct {
	commands map[string]*held[Command] // by name
	routes   map[string]*held[Route]   // by key
	next     int64
	refused  map[Reason]uint64
	ignored  uint64
}

// held is what a Set has of one key.
type held[T any] struct {
	value    T
	revision uint64
	since    uint64 // the lowest revision seen that asks the same, each between them doing so, too
	record   Record
}

// NewSet returns a Set that holds nothing.
func NewSet() *Set {
	return &Set{commands: map[string]*held[Command]{}, routes: map[string]*held[Route]{}, refused: map[Reason]uint64{}}
}

// Feed takes the next record of the log. now is for what need not be held any more when the Set is full.
func (s *Set) Feed(r Record, now time.Time) Change {
	s.next = max(s.next, r.Offset+1)
	change := s.feed(r, now)
	change.Key = string(r.Key)
	switch change.Outcome {
	case OutcomeRefused:
		s.refused[change.Reason]++
	case OutcomeIgnored:
		s.ignored++
	}
	return change
}

func (s *Set) feed(r Record, now time.Time) Change {
	named, err := parseKey(string(r.Key))
	switch {
	case err != nil:
		return refusal(err)
	case named.command:
		return s.feedCommand(r, named.name, now)
	}
	return s.feedRoute(r, named)
}

func (s *Set) feedCommand(r Record, name string, now time.Time) Change {
	before := s.commands[name]
	if r.Value == nil {
		delete(s.commands, name)
		return removal(before, func(c *Change, value Command) { c.Command = value })
	}
	command, err := ParseCommand(r.Value)
	if err == nil && command.Name != name {
		err = fmt.Errorf("the key names the command %q, and its name is %q", name, command.Name)
	}
	appendedAt := r.AppendedAt
	if appendedAt.IsZero() {
		appendedAt = now
	}
	if err == nil && command.CreatedAt.After(appendedAt.Add(MaxClockSkew)) {
		err = fmt.Errorf("created_at is %s, and the record is of %s: at most %s ahead is allowed", command.CreatedAt.Format(timeLayout),
			appendedAt.UTC().Format(timeLayout), MaxClockSkew)
	}
	if err != nil {
		change := refusal(err)
		change.Command = Command{Name: name}
		return change
	}
	if before != nil && command.Revision <= before.revision {
		return Change{Outcome: OutcomeIgnored, Command: command, Same: string(r.Value) == string(before.record.Value)}
	}
	if before == nil && len(s.commands) >= MaxCommands && !s.forget(now) {
		return Change{Outcome: OutcomeRefused, Reason: ReasonBeyond, Command: command, Err: fmt.Errorf("%s: %d commands are held already", &command, MaxCommands)}
	}
	since := command.Revision
	if before != nil && before.value.Digest() == command.Digest() {
		since = before.since
	}
	s.commands[name] = &held[Command]{value: command, revision: command.Revision, since: since, record: r}
	return Change{Outcome: OutcomeApplied, Command: command}
}

func (s *Set) feedRoute(r Record, named key) Change {
	at := string(r.Key)
	before := s.routes[at]
	if r.Value == nil {
		delete(s.routes, at)
		return removal(before, func(c *Change, value Route) { c.Route = value })
	}
	route, err := ParseRoute(r.Value)
	if err == nil && route.Key() != at {
		err = fmt.Errorf("the key is %s, and the route is %s", at, route.Key())
	}
	if err != nil {
		change := refusal(err)
		change.Route = Route{ID: named.id, Env: named.env, Lane: named.lane}
		return change
	}
	if before != nil && route.Revision <= before.revision {
		return Change{Outcome: OutcomeIgnored, Route: route, Same: string(r.Value) == string(before.record.Value)}
	}
	if before == nil && len(s.routes) >= MaxRoutes {
		return Change{Outcome: OutcomeRefused, Reason: ReasonBeyond, Route: route, Err: fmt.Errorf("%s: %d routes are held already", &route, MaxRoutes)}
	}
	s.routes[at] = &held[Route]{value: route, revision: route.Revision, record: r}
	return Change{Outcome: OutcomeApplied, Route: route}
}

// removal is what a tombstone did: nothing where nothing was held.
func removal[T any](before *held[T], name func(*Change, T)) Change {
	if before == nil {
		return Change{Outcome: OutcomeIgnored, Same: true}
	}
	change := Change{Outcome: OutcomeRemoved}
	name(&change, before.value)
	return change
}

func refusal(err error) Change {
	reason := ReasonInvalid
	switch {
	case errors.Is(err, ErrSchema):
		reason = ReasonSchema
	case errors.Is(err, ErrOversized):
		reason = ReasonOversized
	}
	return Change{Outcome: OutcomeRefused, Reason: reason, Err: err}
}

// forget makes room for a command where one is over for so long that no older revision of it could be in force either, and says whether it did. One that has just
// ended stays: a replay of a revision before it would revive it.
func (s *Set) forget(now time.Time) bool {
	for name, one := range s.commands {
		if forgettable(&one.value, now) {
			delete(s.commands, name)
			return true
		}
	}
	return false
}

// forgettable says that it is over for so long.
func forgettable(c *Command, now time.Time) bool {
	return !c.InForce(now) && now.Sub(c.CreatedAt) > MaxLifetime
}

// Full says that a command of another name would be refused, as there are as many as may be.
func (s *Set) Full(now time.Time) bool {
	for _, one := range s.commands {
		if forgettable(&one.value, now) {
			return false
		}
	}
	return len(s.commands) >= MaxCommands
}

// Offset is the one after the newest record that was fed: how far the reader is.
func (s *Set) Offset() int64 { return s.next }

// Refused is how many records were refused, by reason.
func (s *Set) Refused(reason Reason) uint64 { return s.refused[reason] }

// Ignored is how many records had a revision that was not above the one held.
func (s *Set) Ignored() uint64 { return s.ignored }

// Command returns the highest revision of a command, also of one that is over.
func (s *Set) Command(name string) (Command, bool) {
	one := s.commands[name]
	if one == nil {
		return Command{}, false
	}
	return one.value, true
}

// SameSince is the lowest revision of a command that was fed and asks what the held one does, as do all behind it: it was written again, or the clients that share its
// limit were counted anew. It is 0 where none is held.
func (s *Set) SameSince(name string) uint64 {
	if one := s.commands[name]; one != nil {
		return one.since
	}
	return 0
}

// HeldRoute returns the highest revision of the route with that key.
func (s *Set) HeldRoute(key string) (Route, bool) {
	one := s.routes[key]
	if one == nil {
		return Route{}, false
	}
	return one.value, true
}
