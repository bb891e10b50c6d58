package clickhouse

import (
	"slices"
	"testing"

	"github.com/weirmq/weir/telemetry"
)

// TestAClientThatABrokerSeesIsNoBroker: its node is one that clients run on.
func TestAClientThatABrokerSeesIsNoBroker(t *testing.T) {
	t.Parallel()
	connected := telemetry.Labels{Cluster: "eu", Op: "broker", Group: "billing", Client: "consumer-1@10.0.0.7", Node: "10.0.0.7"}
	itself := telemetry.Labels{Cluster: "eu", Op: "broker", Node: "b1:9092"}
	var got []string
	for _, row := range newSightings(10).take(tableOf(t, telemetry.CellBatch{Cells: []telemetry.Cell{
		named(0, connected, 0, gauge(telemetry.GaugeAssigned, 3)), named(0, itself, 0)}})) {
		got = append(got, row.kind+" "+row.name)
	}
	slices.Sort(got)
	if want := []string{"broker b1:9092", "client consumer-1@10.0.0.7", "group billing", "node 10.0.0.7"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
