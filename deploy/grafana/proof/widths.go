package proof

import (
	"fmt"

	"github.com/weirmq/weir/deploy/grafana"
)

// Widths in px. Of a screen of 1440 px Grafana's menu and margins leave 57 for each of the 24 units, and a panel's own margins take 16.
const (
	narrowUnit    = 57
	panelMargins  = 16
	grafanasLeast = 150 // of a column, where the panel does not say another
)

// checkWidths holds that a table's columns fit beside each other on a screen of 1440 px: what is beyond is found by who scrolls, and by nobody
// else.
func checkWidths(p *grafana.Panel, f *Frame) []error {
	least := float64(grafanasLeast)
	if said, is := number(p.FieldConfig.Defaults.Custom["minWidth"]); is {
		least = said
	}
	widths, whole := map[string]float64{}, 0.
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			if wide, is := number(property.Value); is && property.ID == "custom.width" {
				widths[o.Matcher.Options] = wide
			}
		}
	}
	for _, c := range f.Columns {
		wide := widths[c.Name]
		if wide == 0 {
			wide = least
		}
		whole += wide
	}
	if room := float64(p.GridPos.W*narrowUnit - panelMargins); whole > room {
		return []error{fmt.Errorf("its %d columns are %.0f px wide, and have %.0f on a screen of 1440 px", len(f.Columns), whole, room)}
	}
	return nil
}
