package grafana_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/weirmq/weir/deploy/grafana"
	"github.com/weirmq/weir/deploy/grafana/proof"
)

func init() {
	for _, config := range []variants.PanelcfgConfig{timeseries.VariantConfig(), stat.VariantConfig(), bargauge.VariantConfig(), table.VariantConfig(), statetimeline.VariantConfig()} {
		cog.NewRuntime().RegisterPanelcfgVariant(config)
	}
}

// TestFilesKeepGrafanasSchema reads each file strictly by the schema that Grafana publishes: no field, option or kind of a panel that it does
// not know, and none that must be there is missing.
func TestFilesKeepGrafanasSchema(t *testing.T) {
	t.Parallel()
	for _, d := range grafana.Dashboards() {
		text, err := grafana.Committed.ReadFile("dashboards/" + d.File())
		if err != nil {
			t.Fatal(err)
		}
		var read dashboard.Dashboard                                                //lint:ignore SA1019 files are of this kind; the newer one is for Grafana's API
		if err := read.UnmarshalJSONStrict(text); err != nil && err.Error() != "" { // an error without faults is none
			t.Errorf("%s: %v", d.File(), err)
		}
		if err := read.Validate(); err != nil {
			t.Errorf("%s: %v", d.File(), err)
		}
		if err := read.UnmarshalJSONStrict([]byte(strings.Replace(string(text), `"gridPos"`, `"gridpos"`, 1))); err == nil || err.Error() == "" {
			t.Errorf("%s: a field that the schema does not know is read", d.File())
		}
	}
}

// TestUnitsAreGrafanas: the units that dashboards may have are ids of Grafana's.
func TestUnitsAreGrafanas(t *testing.T) {
	t.Parallel()
	known := []string{"", units.NoUnit, units.Short, units.CountsPerSecond, units.Milliseconds, units.Seconds, units.PercentUnit,
		units.BytesIEC, units.BytesPerSecondIEC, units.DatetimeISO}
	for _, unit := range proof.Units {
		if !slices.Contains(known, unit) {
			t.Errorf("Grafana has no unit %q", unit)
		}
	}
}
