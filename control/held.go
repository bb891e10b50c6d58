package control

import (
	"cmp"
	"maps"
	"slices"
)

// Commands returns all that are held, also what is over, in the order of the log.
func (s *Set) Commands() []Command { return inOrder(s.commands) }

// Routes returns all that are held, in the order of the log.
func (s *Set) Routes() []Route { return inOrder(s.routes) }

// Records returns what is held as it was fed, in the order of the log: to be kept, and fed again where Kafka is away at the next start.
func (s *Set) Records() []Record {
	var records []Record
	for _, one := range s.commands {
		records = append(records, one.record)
	}
	for _, one := range s.routes {
		records = append(records, one.record)
	}
	slices.SortFunc(records, func(a, b Record) int { return cmp.Compare(a.Offset, b.Offset) })
	return records
}

func inOrder[K comparable, T any](from map[K]*held[T]) []T {
	all := make([]*held[T], 0, len(from))
	for _, one := range from {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *held[T]) int { return cmp.Compare(a.record.Offset, b.record.Offset) })
	values := make([]T, len(all))
	for i, one := range all {
		values[i] = one.value
	}
	return values
}

// Clone returns a Set that holds the same, and is not touched by what this one is fed from now on: for whoever resolves much, while somebody else feeds.
func (s *Set) Clone() *Set {
	clone := *s // what is held of a key is replaced as a whole, and never changed
	clone.commands, clone.routes, clone.refused = maps.Clone(s.commands), maps.Clone(s.routes), maps.Clone(s.refused)
	return &clone
}
