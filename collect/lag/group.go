package lag

import (
	"math"
	"slices"
)

// Group is what the partitions that a group reads come to: those of one topic where gauges are made of it, or of all.
type Group struct {
	// Partitions are those whose lag is known, Unknown those whose lag is not. Total is the lag of the former, and with the latter
	// more than that; Lost is what they have lost.
	Partitions, Unknown int
	Total, Lost         Value[int64]
	// Median is that of their lag.
	Median Value[float64]
	// Skew is how many times the median the greatest lag is: 1 where all are equal, +Inf where the median alone is 0.
	Skew Value[float64]
	// Seconds is the greatest that is known of any, Drain too; RetentionLeft is the least.
	Seconds, Drain, RetentionLeft Value[float64]
	// ConsumedPerSecond is how many messages a second were consumed of those of which that is known.
	ConsumedPerSecond Value[float64]
	// State is the worst that is known of any; where that is STOP, STALL or REWIND it is ERR, as in Burrow.
	State State
	// States counts the partitions in each state.
	States [REWIND + 1]int
	// Worst is the place of the partition in the worst state, of equal ones that with most messages; Longest is that of the one with
	// most messages. Both are -1 where there is none.
	Worst, Longest int

	pending pending
}

// Sum sums up partitions. Each is named by its place among them.
func Sum(partitions []Assessment) Group {
	g := Group{Worst: -1, Longest: -1, State: StateUnknown}
	why := NoPartitions
	lags := make([]int64, 0, len(partitions))
	total, lost, most, worst := int64(0), int64(0), int64(-1), int64(-1)
	for i := range partitions {
		a := &partitions[i]
		g.States[a.State]++
		g.pending = g.pending.join(a.pending)
		messages, ok := a.Messages.Get()
		if ok {
			gone, _ := a.Lost.Get()
			total, lost, lags = total+messages, lost+gone, append(lags, messages)
		} else {
			g.Unknown++
			why, _ = a.Messages.Why()
		}
		if ok && messages > most {
			g.Longest, most = i, messages
		}
		if g.Worst < 0 || a.State > partitions[g.Worst].State || a.State == partitions[g.Worst].State && messages > worst {
			g.Worst, worst = i, messages
		}
	}
	if g.Worst >= 0 {
		g.State = min(partitions[g.Worst].State, ERR)
	}
	g.Partitions = len(lags)
	g.Total, g.Lost, g.Median, g.Skew = Unknown[int64](why), Unknown[int64](why), Unknown[float64](why), Unknown[float64](why)
	if len(lags) > 0 {
		g.Total, g.Lost = Known(total), Known(lost)
		middle := median(lags)
		g.Median, g.Skew = Known(middle), Known(skew(float64(most), middle))
	}
	g.Seconds = fold(partitions, func(a *Assessment) Value[float64] { return a.Seconds }, math.Max)
	g.Drain = fold(partitions, func(a *Assessment) Value[float64] { return a.Drain }, math.Max)
	g.ConsumedPerSecond = fold(partitions, func(a *Assessment) Value[float64] { return a.ConsumedPerSecond }, sum)
	g.RetentionLeft = fold(partitions, func(a *Assessment) Value[float64] { return a.RetentionLeft }, math.Min)
	return g
}

// median sorts its argument, which has items.
func median(lags []int64) float64 {
	slices.Sort(lags)
	middle := len(lags) / 2
	if len(lags)%2 == 1 {
		return float64(lags[middle])
	}
	return (float64(lags[middle-1]) + float64(lags[middle])) / 2
}

func skew(most, middle float64) float64 {
	if most == 0 {
		return 1
	}
	return most / middle
}

func sum(a, b float64) float64 { return a + b }

// fold joins one number of the partitions that it is known of.
func fold(partitions []Assessment, of func(*Assessment) Value[float64], join func(a, b float64) float64) Value[float64] {
	out := Unknown[float64](NoPartitions)
	for i := range partitions {
		value := of(&partitions[i])
		number, ok := value.Get()
		joined, any := out.Get()
		switch {
		case !ok && !any:
			out = value
		case ok && any:
			out = Known(join(joined, number))
		case ok:
			out = value
		}
	}
	return out
}
