package grafana

import "fmt"

// Colours of thresholds.
const (
	green  = "green"
	yellow = "yellow"
	orange = "orange"
	red    = "red"
	blue   = "blue"
)

// limits are thresholds: from a value on, its colour.
type limits []limit

type limit struct {
	value float64
	color string
}

func (l limits) thresholds(first string) *Thresholds {
	t := &Thresholds{Mode: "absolute", Steps: []Step{{Color: first}}}
	for _, each := range l {
		t.Steps = append(t.Steps, Step{&each.value, each.color})
	}
	return t
}

// spec is what differs between panels.
type spec struct {
	title, help string
	sql         string
	step        string // minute or pane; tables have none
	unit        string
	limits      limits
	base        string // colour below the first limit: green, unless given
	name        string // what a series is called, such as ${__field.labels.topic}
	stack       bool
	zero        bool // the axis begins at 0 and ends at 1
	decimals    *int
	columns     []column
	mappings    []any
	links       []Link // of a click on a value
	width, high int
}

// add puts a panel behind the last, in a new line where it does not fit.
func (d *Dashboard) add(kind string, s spec, format int) *Panel {
	l := d.layout
	if l.x+s.width > 24 {
		l.x, l.y, l.high = 0, l.y+l.high, 0
	}
	l.ids++
	p := Panel{ID: l.ids, Type: kind, Title: s.title, Description: s.help, GridPos: Grid{H: s.high, W: s.width, X: l.x, Y: l.y},
		Datasource: ref(), Interval: s.step, Targets: []Target{*target("A", format, s.sql)}}
	base := s.base
	if base == "" {
		base = green
	}
	p.FieldConfig = &FieldConfig{Overrides: []Override{}, Defaults: Field{Unit: s.unit, DisplayName: s.name, Decimals: s.decimals,
		Thresholds: s.limits.thresholds(base), Mappings: s.mappings, Links: s.links, Custom: map[string]any{}}}
	if s.zero {
		low, high := 0., 1.
		p.FieldConfig.Defaults.Min, p.FieldConfig.Defaults.Max = &low, &high
	}
	l.x, l.high = l.x+s.width, max(l.high, s.high)
	d.Panels = append(d.Panels, p)
	return &d.Panels[len(d.Panels)-1]
}

// row begins a part of the dashboard.
func (d *Dashboard) row(title string) {
	l := d.layout
	if l.x > 0 {
		l.y += l.high
	}
	l.ids++
	open := false
	d.Panels = append(d.Panels, Panel{ID: l.ids, Type: "row", Title: title, GridPos: Grid{H: 1, W: 24, Y: l.y}, Collapsed: &open, Panels: &[]Panel{}})
	l.x, l.y, l.high = 0, l.y+1, 0
}

// Sizes of panels, of 24 units, of which 1440 px leave 57 each beside the menu, and 1920 px 77. Not narrower: a number of six figures
// and a legend of names must fit; not wider: six numbers, or two charts, belong on one line.
const (
	numberWidth, numberHigh = 4, 4
	chartWidth, chartHigh   = 12, 8
	tableHigh               = 9
	leastColumn             = 70 // px of a table's column, where Grafana has 150: eight columns must fit on half of a screen
)

// chart is lines over time. The SQL has the time first, then labels, then values.
func (d *Dashboard) chart(s spec) {
	if s.width == 0 {
		s.width = chartWidth
	}
	if s.high == 0 {
		s.high = chartHigh
	}
	p := d.add("timeseries", s, 0)
	p.Options = map[string]any{
		"legend":  map[string]any{"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": []string{"lastNotNull", "max"}, "sortBy": "Max", "sortDesc": true},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	}
	custom := map[string]any{"drawStyle": "line", "lineWidth": 1, "fillOpacity": 8, "showPoints": "auto", "spanNulls": false, "axisSoftMin": 0,
		"stacking": map[string]any{"mode": "none", "group": "A"}, "thresholdsStyle": map[string]any{"mode": "off"}}
	if s.stack {
		custom["stacking"] = map[string]any{"mode": "normal", "group": "A"}
		custom["fillOpacity"] = 35
	}
	if len(s.limits) > 0 {
		custom["thresholdsStyle"] = map[string]any{"mode": "dashed"}
	}
	p.FieldConfig.Defaults.Custom = custom
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "palette-classic"}
}

// reduce takes the newest value of a series that is known.
func reduce() map[string]any {
	return map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false}
}

// number is one value; its SQL answers one row.
func (d *Dashboard) number(s spec) {
	if s.width == 0 {
		s.width = numberWidth
	}
	s.high = numberHigh
	p := d.add("stat", s, 1)
	p.Options = map[string]any{"graphMode": "none", "colorMode": "value", "justifyMode": "auto", "textMode": "value", "wideLayout": true,
		"showPercentChange": false, "percentChangeColorMode": "standard", "orientation": "auto", "reduceOptions": reduce()}
	p.FieldConfig.Defaults.NoValue = "unknown"
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "thresholds"}
}

// bars are one value for each row: the text first, then the value.
func (d *Dashboard) bars(s spec) {
	if s.width == 0 {
		s.width = chartWidth
	}
	if s.high == 0 {
		s.high = chartHigh
	}
	p := d.add("bargauge", s, 1)
	all := reduce()
	all["values"], all["limit"] = true, 20
	p.Options = map[string]any{"displayMode": "gradient", "valueMode": "color", "namePlacement": "left", "showUnfilled": true, "sizing": "auto",
		"minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 32, "orientation": "horizontal", "reduceOptions": all,
		"legend": map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": false, "calcs": []string{}}}
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "thresholds"}
}

// table is rows, of which each column may look its own way.
func (d *Dashboard) table(s spec) {
	if s.width == 0 {
		s.width = 24
	}
	if s.high == 0 {
		s.high = tableHigh
	}
	p := d.add("table", s, 1)
	p.Options = map[string]any{"showHeader": true, "cellHeight": "sm", "frameIndex": 0}
	p.FieldConfig.Defaults.Custom = map[string]any{"align": "auto", "cellOptions": map[string]any{"type": "auto"}, "inspect": false, "filterable": true, "minWidth": leastColumn}
	p.FieldConfig.Defaults.NoValue = "unknown"
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "thresholds"}
	for _, c := range s.columns {
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, c.override())
	}
}

// states is one band for each series, coloured by its number.
func (d *Dashboard) states(s spec) {
	if s.width == 0 {
		s.width = 24
	}
	if s.high == 0 {
		s.high = chartHigh
	}
	p := d.add("state-timeline", s, 0)
	p.Options = map[string]any{"showValue": "never", "rowHeight": 0.85, "mergeValues": true, "alignValue": "left",
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": map[string]any{"mode": "single", "sort": "none"}}
	p.FieldConfig.Defaults.Custom = map[string]any{"fillOpacity": 80, "lineWidth": 0, "spanNulls": true, "insertNulls": false}
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "thresholds"}
}

// top restricts to the series that have the most of something, so that a chart of a large fleet can be read.
func top(n int, columns, view, order, conditions string) string {
	return fmt.Sprintf("(%s) IN (\n    SELECT %s FROM %s\n    WHERE %s\n    GROUP BY ALL ORDER BY %s DESC LIMIT %d)", columns, columns, view, conditions, order, n)
}
