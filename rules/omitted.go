package rules

import (
	"maps"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// omitted says when what of a grouping was left out by the aggregate stage last.
type omitted map[string]map[telemetry.Parts]int64

// note notes that some of a grouping was left out of a pane.
func (o omitted) note(grouping string, parts telemetry.Parts, pane int64) {
	of := o[grouping]
	if of == nil {
		of = map[telemetry.Parts]int64{}
		o[grouping] = of
	}
	if newest, ok := of[parts]; !ok || pane > newest {
		of[parts] = pane
	}
}

// prune forgets what no rule reads any more.
func (o omitted) prune(oldest func(grouping string) time.Time) {
	for grouping, of := range o {
		maps.DeleteFunc(of, func(_ telemetry.Parts, newest int64) bool { return newest < oldest(grouping).Unix() })
	}
}

// since says whether some of what is needed was left out of a pane since a time.
func (o omitted) since(grouping string, needs telemetry.Parts, from time.Time) bool {
	for parts, newest := range o[grouping] {
		if parts.Has(needs) && newest >= from.Unix() {
			return true
		}
	}
	return false
}
