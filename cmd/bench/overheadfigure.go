package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// overheadFigure is what one way costs, beside the library alone in the same turns.
type overheadFigure struct {
	Name        string  `json:"name"`
	BareNanos   float64 `json:"bare_cpu_nanos"`  // of a message, the median
	AddedNanos  float64 `json:"added_cpu_nanos"` // to it, the median of the pairs' differences
	Percent     float64 `json:"percent"`         // of it, the median of the pairs' ratios
	Low         float64 `json:"low"`             // percent: the interval that has the median by 95 in 100
	High        float64 `json:"high"`
	Least       float64 `json:"least"` // percent: of a pair
	Most        float64 `json:"most"`
	Want        float64 `json:"want,omitempty"` // percent at most; 0 where it is told only
	Allocations float64 `json:"allocations"`    // of a message, beyond the library's
	Pairs       int     `json:"pairs"`
}

// finding is the figure as the page has it.
func (f *overheadFigure) finding() finding {
	return finding{f.Name, f.Percent, f.Least, f.Most, f.Want, true}
}

// compared is what one way costs beside another in the same turns.
func compared(bare, way []overheadBlock) overheadFigure {
	var added, percents, allocations []float64
	for i := range bare {
		a, b := bare[i].CPUNanos, way[i].CPUNanos
		added, percents, allocations = append(added, b-a), append(percents, 100*(b-a)/a), append(allocations, way[i].Allocations-bare[i].Allocations)
	}
	whole := median("", percents, 0, true)
	low, high := medianBounds(percents)
	return overheadFigure{BareNanos: median("", nanosOf(bare), 0, true).Median, AddedNanos: median("", added, 0, true).Median, Percent: whole.Median,
		Low: low, High: high, Least: whole.Least, Most: whole.Most, Allocations: median("", allocations, 0, true).Median, Pairs: len(bare)}
}

func nanosOf(blocks []overheadBlock) (out []float64) {
	for _, b := range blocks {
		out = append(out, b.CPUNanos)
	}
	return out
}

// medianTail is what is left out at either side of the median's interval.
const medianTail = 0.025

// medianBounds are the order statistics between which the true median is by 95 in 100, whatever the distribution: how many of n values are
// below it is as n throws of a coin have it (Conover, Practical Nonparametric Statistics, confidence interval for a quantile). Of fewer than
// six values they are the least and the greatest.
func medianBounds(measured []float64) (low, high float64) {
	sorted, n := slices.Sorted(slices.Values(measured)), len(measured)
	at, below := 0, 0.0
	for k := range n / 2 {
		all, _ := math.Lgamma(float64(n + 1))
		some, _ := math.Lgamma(float64(k + 1))
		others, _ := math.Lgamma(float64(n - k + 1))
		if below += math.Exp(all - some - others - float64(n)*math.Ln2); below > medianTail {
			break
		}
		at = k
	}
	return sorted[at], sorted[n-1-at]
}

func printOverheadHeader(to io.Writer) {
	fmt.Fprintf(to, "%-34s %8s %8s %8s %17s %17s %6s %5s %8s  %s\n", "SDK overhead, CPU time of a message", "bare ns", "added ns", "percent", "95 in 100", "min, max", "allocs", "pairs", "target", "holds")
}

func (f *overheadFigure) print(to io.Writer) {
	line := f.finding()
	name := strings.TrimSuffix(strings.TrimPrefix(f.Name, "SDK overhead, "), ", %")
	fmt.Fprintf(to, "%-35s %8.0f %8.0f %8.2f %17s %17s %6.2f %5d %8s  %s\n", name, f.BareNanos, f.AddedNanos, f.Percent,
		fmt.Sprintf("%.2f to %.2f", f.Low, f.High), fmt.Sprintf("%.1f, %.1f", f.Least, f.Most), f.Allocations, f.Pairs, line.Target(), line.Holds())
}
