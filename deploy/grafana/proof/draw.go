package proof

import (
	"fmt"
	"html"
	"strings"

	"github.com/weirmq/weir/deploy/grafana"
)

// A picture of a dashboard is drawn of what its queries answered, in Grafana's places and units, so that one sees what is on it without
// a Grafana. It is plain SVG: lines, bars and texts.
const (
	unitX, unitY = 60, 36 // px of a grid unit: 1440 px for 24, and Grafana's 30 px and gap
	padding      = 10
	textHeight   = 13 // px of texts
)

// palette are the colours of series, told apart also by those who do not see all colours.
var palette = []string{"#7EB26D", "#EAB839", "#6ED0E0", "#EF843C", "#E24D42", "#1F78C1", "#BA43A9", "#705DA0", "#508642", "#CCA300"}

// colours are what Grafana shows for the names of colours.
var colours = map[string]string{"green": "#73BF69", "yellow": "#FADE2A", "orange": "#FF9830", "red": "#F2495C", "blue": "#5794F2", "text": "#CCCCDC"}

// picture is an SVG in the making.
type picture struct{ strings.Builder }

func (p *picture) text(x, y float64, size int, colour, text string) {
	fmt.Fprintf(p, `<text x="%.0f" y="%.0f" font-size="%d" fill="%s">%s</text>`+"\n", x, y, size, colour, html.EscapeString(text))
}

func (p *picture) box(x, y, w, h float64, fill string) {
	fmt.Fprintf(p, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, max(w, 0.5), max(h, 0.5), fill)
}

// Draw is the picture of a dashboard.
func Draw(d grafana.Dashboard, results []Result) []byte {
	high := 0
	for _, panel := range d.Panels {
		high = max(high, panel.GridPos.Y+panel.GridPos.H)
	}
	p := &picture{}
	width, height := 24*unitX, high*unitY+50
	fmt.Fprintf(p, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif" role="img" aria-label="%s">`+"\n", width, height, html.EscapeString(d.Title+": "+d.Description))
	p.box(0, 0, float64(width), float64(height), "#111217")
	p.text(padding, 24, 18, "#FFFFFF", d.Title)
	p.text(padding, 42, textHeight, "#9FA7B3", d.Description)
	for _, panel := range d.Panels {
		if panel.Type == "row" {
			p.text(padding, float64(50+panel.GridPos.Y*unitY+24), 15, "#FFFFFF", "▾ "+panel.Title)
		}
	}
	for i := range results {
		p.panel(&results[i])
	}
	p.WriteString("</svg>\n")
	return []byte(p.String())
}

// area is where a panel's content goes.
type area struct{ x, y, w, h float64 }

func (p *picture) panel(r *Result) {
	at := r.Panel.GridPos
	a := area{float64(at.X*unitX) + 3, float64(50+at.Y*unitY) + 3, float64(at.W*unitX) - 6, float64(at.H*unitY) - 6}
	p.box(a.x, a.y, a.w, a.h, "#181B1F")
	p.text(a.x+padding, a.y+18, textHeight, "#CCCCDC", r.Panel.Title)
	inner := area{a.x + padding, a.y + 28, a.w - 2*padding, a.h - 38}
	if r.Empty() {
		word := r.Panel.FieldConfig.Defaults.NoValue
		if word == "" {
			word = "No data"
		}
		p.text(inner.x, inner.y+inner.h/2, 16, "#9FA7B3", word)
		return
	}
	switch r.Panel.Type {
	case "timeseries":
		p.lines(inner, r)
	case "state-timeline":
		p.bands(inner, r)
	case "stat":
		value, _ := number(r.Frame.Rows[0][0])
		field := r.Panel.FieldConfig.Defaults
		p.text(inner.x, inner.y+inner.h*0.7, 34, colourOf(field.Thresholds, value), Format(field.Unit, value))
	case "bargauge":
		p.barLines(inner, r)
	case "table":
		p.cells(inner, r)
	}
}
