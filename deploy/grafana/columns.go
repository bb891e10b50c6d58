package grafana

import "maps"

// column is how one column of a table looks.
type column struct {
	name, unit string
	limits     limits
	base       string // colour below the first limit: green, unless given
	width      int
	link       string
	title      string // of the link
	bar        bool
	hidden     bool
	mappings   []any
}

func (c column) override() Override {
	o := Override{Matcher: Matcher{ID: "byName", Options: c.name}}
	set := func(id string, value any) { o.Properties = append(o.Properties, Property{id, value}) }
	if c.unit != "" {
		set("unit", c.unit)
	}
	if len(c.limits) > 0 {
		base := c.base
		if base == "" {
			base = green
		}
		set("thresholds", c.limits.thresholds(base))
		set("custom.cellOptions", map[string]any{"type": "color-text"})
	}
	if c.bar {
		set("custom.cellOptions", map[string]any{"type": "gauge", "mode": "basic"})
		set("min", 0)
	}
	if c.width > 0 {
		set("custom.width", c.width)
	}
	if c.link != "" {
		set("links", []Link{{Title: c.title, URL: c.link}})
	}
	if c.hidden {
		set("custom.hidden", true)
	}
	if len(c.mappings) > 0 {
		set("mappings", c.mappings)
		set("custom.cellOptions", map[string]any{"type": "color-text"})
	}
	return o
}

// words show numbers or texts as a word in a colour.
func words(of ...word) []any {
	options := map[string]any{}
	for i, w := range of {
		maps.Copy(options, map[string]any{w.value: map[string]any{"text": w.text, "color": w.color, "index": i}})
	}
	return []any{map[string]any{"type": "value", "options": options}}
}

type word struct{ value, text, color string }
