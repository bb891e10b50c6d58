package proof

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/deploy/grafana"
)

// line is one series.
type line struct {
	name   string
	times  []time.Time
	values []float64
}

// seriesOf are the series of an answer, in the order of their names.
func seriesOf(r *Result) []line {
	found := map[string]*line{}
	for _, row := range r.Frame.Rows {
		at, err := time.Parse(time.DateTime, strings.TrimSuffix(fmt.Sprint(row[0]), ".000"))
		if err != nil {
			continue
		}
		name := r.Panel.FieldConfig.Defaults.DisplayName
		for i, c := range r.Frame.Columns {
			if isText(c.Type) {
				name = strings.ReplaceAll(name, "${__field.labels."+c.Name+"}", fmt.Sprint(row[i]))
			}
		}
		for i, c := range r.Frame.Columns[1:] {
			value, known := number(row[i+1])
			if isText(c.Type) || !known {
				continue
			}
			key := name
			if key == "" {
				key = c.Name
			}
			if found[key] == nil {
				found[key] = &line{name: key}
			}
			found[key].times, found[key].values = append(found[key].times, at), append(found[key].values, value)
		}
	}
	var all []line
	for _, each := range found {
		all = append(all, *each)
	}
	slices.SortFunc(all, func(a, b line) int { return strings.Compare(a.name, b.name) })
	return all
}

func number(value any) (float64, bool) {
	f, known := value.(float64)
	return f, known
}

// span is the first and the last time of series.
func span(all []line) (from, to time.Time) {
	for _, l := range all {
		for _, at := range l.times {
			if from.IsZero() || at.Before(from) {
				from = at
			}
			if at.After(to) {
				to = at
			}
		}
	}
	return from, to
}

// maxLegend are the names below a chart.
const maxLegend = 6

func (p *picture) lines(a area, r *Result) {
	all := seriesOf(r)
	from, to := span(all)
	top := 0.
	stacked := isStacked(r.Panel)
	heights := map[time.Time]float64{}
	for _, l := range all {
		for i, at := range l.times {
			if stacked {
				heights[at] += l.values[i]
				top = max(top, heights[at])
			} else {
				top = max(top, l.values[i])
			}
		}
	}
	if top == 0 {
		top = 1
	}
	legend := float64(min(len(all), maxLegend)+1) / 2 * 15
	plot := area{a.x + 62, a.y, a.w - 62, a.h - legend - 22}
	for i := range 4 {
		share := float64(i) / 3
		y := plot.y + plot.h*(1-share)
		p.box(plot.x, y, plot.w, 0.5, "#2C3235")
		p.text(a.x, y+4, 11, "#9FA7B3", Format(r.Panel.FieldConfig.Defaults.Unit, top*share))
	}
	p.text(plot.x, plot.y+plot.h+14, 11, "#9FA7B3", from.Format("15:04"))
	p.text(plot.x+plot.w-30, plot.y+plot.h+14, 11, "#9FA7B3", to.Format("15:04"))
	base := map[time.Time]float64{}
	for i, l := range all {
		colour := palette[i%len(palette)]
		var points []string
		for j, at := range l.times {
			share := 0.5
			if to.After(from) {
				share = at.Sub(from).Seconds() / to.Sub(from).Seconds()
			}
			value := l.values[j]
			if stacked {
				base[at] += value
				value = base[at]
			}
			points = append(points, fmt.Sprintf("%.1f,%.1f", plot.x+plot.w*share, plot.y+plot.h*(1-value/top)))
		}
		fmt.Fprintf(p, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="%s"/>`+"\n", colour, strings.Join(points, " "))
		if len(points) == 1 {
			x, y, _ := strings.Cut(points[0], ",")
			fmt.Fprintf(p, `<circle cx="%s" cy="%s" r="2.5" fill="%s"/>`+"\n", x, y, colour)
		}
		if i < maxLegend {
			p.text(a.x+float64(i%2)*a.w/2, a.y+a.h-legend+float64(i/2)*15+14, 11, colour, "▬ "+clip(l.name, int(a.w/2/6.5)))
		}
	}
}

func isStacked(panel *grafana.Panel) bool {
	stacking, _ := panel.FieldConfig.Defaults.Custom["stacking"].(map[string]any)
	return stacking["mode"] == "normal"
}

// bands draws as many series of a timeline as there is room for.
func (p *picture) bands(a area, r *Result) {
	all := seriesOf(r)
	from, to := span(all)
	step := min(a.h/float64(max(len(all), 1)), 22)
	room := int(a.h / max(step, 14))
	for i, l := range all[:min(len(all), room)] {
		y := a.y + float64(i)*max(step, 14)
		p.text(a.x, y+11, 11, "#CCCCDC", clip(l.name, 34))
		for j := 0; j < len(l.times); {
			at, value, end := l.times[j], l.values[j], to
			for j++; j < len(l.times) && l.values[j] == value; j++ { // equal states are one band
			}
			if j < len(l.times) {
				end = l.times[j]
			}
			whole := max(to.Sub(from).Seconds(), 1)
			x := a.x + 230 + (a.w-230)*at.Sub(from).Seconds()/whole
			p.box(x, y+1, (a.w-230)*end.Sub(at).Seconds()/whole, max(step, 14)-3, colourOf(r.Panel.FieldConfig.Defaults.Thresholds, value))
		}
	}
}

func (p *picture) barLines(a area, r *Result) {
	top := 0.
	for _, row := range r.Frame.Rows {
		value, _ := number(row[1])
		top = max(top, value)
	}
	step := min(a.h/float64(len(r.Frame.Rows)), 26)
	for i, row := range r.Frame.Rows {
		value, _ := number(row[1])
		y := a.y + float64(i)*step
		field := r.Panel.FieldConfig.Defaults
		p.text(a.x, y+step*0.65, 12, "#CCCCDC", clip(fmt.Sprint(row[0]), 26))
		p.box(a.x+190, y+2, (a.w-280)*value/max(top, 1), step-5, colourOf(field.Thresholds, value))
		p.text(a.x+a.w-80, y+step*0.65, 12, "#CCCCDC", Format(field.Unit, value))
	}
}

func (p *picture) cells(a area, r *Result) {
	weights, sum := make([]float64, len(r.Frame.Columns)), 0.
	for i, c := range r.Frame.Columns {
		weights[i] = float64(len(c.Name))
		for _, row := range r.Frame.Rows {
			weights[i] = max(weights[i], min(float64(len(fmt.Sprint(row[i]))), 26))
			switch {
			case timeType.MatchString(c.Type):
				weights[i] = max(float64(len(c.Name)), 13) // with thousandths, and a blank
			case !isText(c.Type):
				weights[i] = max(float64(len(c.Name)), 8)
			}
		}
		sum += weights[i]
	}
	room := int(a.h/19) - 1
	x := a.x
	for i, c := range r.Frame.Columns {
		w := a.w * weights[i] / sum
		fits := max(int(w/7), 3)
		p.text(x, a.y+12, 11, "#6E9FFF", clip(c.Name, fits))
		for j, row := range r.Frame.Rows[:min(len(r.Frame.Rows), room)] {
			word, colour := cell(r.Panel, c, row[i])
			p.text(x, a.y+12+float64(j+1)*19, 12, colour, clip(word, fits))
		}
		x += w
	}
}
