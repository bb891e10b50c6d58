package backtest

import "fmt"

func (r *Report) noiseHeading() []string {
	return []string{"Rule", "Fired", "Per day", "Flaps", "Median", "In " + r.Hours.String()}
}

func noiseRow(n *Noise) []string {
	return []string{n.Rule, fmt.Sprint(n.Fired), fmt.Sprintf("%.3g", n.PerDay), fmt.Sprint(n.Flaps), shortDuration(n.Median),
		fmt.Sprintf("%.0f%%", 100*n.OfficeShare())}
}

func (r *Report) noiseTable() table {
	t := table{heading: r.noiseHeading()}
	for _, n := range r.Head.Noise(r.Hours) {
		if n.Fired > 0 {
			t.rows = append(t.rows, noiseRow(&n))
		}
	}
	return t
}

// noiseDifference shows the rules that fired, before or now, with both where they differ.
func (r *Report) noiseDifference() table {
	t := table{heading: r.noiseHeading()}
	before := map[string]Noise{}
	for _, n := range r.Base.Noise(r.Hours) {
		before[n.Rule] = n
	}
	for _, n := range r.Head.Noise(r.Hours) {
		was, ok := before[n.Rule]
		delete(before, n.Rule)
		if n.Fired+was.Fired == 0 {
			continue
		}
		row := noiseRow(&n)
		if old := noiseRow(&was); ok {
			for i := range row[1:] {
				if old[i+1] != row[i+1] {
					row[i+1] = old[i+1] + " -> " + row[i+1]
				}
			}
		} else {
			row[0] += " (new)"
		}
		t.rows = append(t.rows, row)
	}
	for _, rule := range r.Base.Rules {
		if was, ok := before[rule]; ok && was.Fired > 0 {
			row := noiseRow(&was)
			row[0] += " (gone)"
			t.rows = append(t.rows, row)
		}
	}
	return t
}

// quiet says how many rules have no row, as they never fired; "" where all have one.
func (r *Report) quiet() string {
	fired, all := map[string]bool{}, map[string]bool{}
	for _, t := range []*Timeline{r.Head, r.Base} {
		if t == nil {
			continue
		}
		for _, rule := range t.Rules {
			all[rule] = true
		}
		for _, life := range t.fired() {
			fired[life.Rule] = true
		}
	}
	if len(fired) == len(all) {
		return ""
	}
	return fmt.Sprintf("%d of %s never fired.", len(all)-len(fired), amount(len(all), "rule"))
}
