package pipeline

import (
	"testing"

	"github.com/weirmq/weir/sink/clickhouse"
)

// TestRulesAreCheckedAgainstTheStoreOfTheConfiguration as it is: one of a cluster is asked as such, also at another address.
func TestRulesAreCheckedAgainstTheStoreOfTheConfiguration(t *testing.T) {
	config := &Config{ClickHouse: ClickHouseConfig{DSN: "http://store:8123/weir", Cluster: "main"}}
	for _, c := range []struct {
		check RulesCheck
		want  storeAddress
	}{
		{RulesCheck{Config: config}, storeAddress{clickhouse.Config{DSN: "http://store:8123/weir", Cluster: "main"}, "clickhouse.dsn"}},
		{RulesCheck{Config: config, Against: "http://replica:8123/weir"}, storeAddress{clickhouse.Config{DSN: "http://replica:8123/weir", Cluster: "main"}, "--against"}},
		{RulesCheck{Against: "http://replica:8123/weir"}, storeAddress{clickhouse.Config{DSN: "http://replica:8123/weir"}, "--against"}},
	} {
		if got := c.check.store(); got.DSN != c.want.DSN || got.Cluster != c.want.Cluster || got.by != c.want.by {
			t.Errorf("%+v: got %+v, want %+v", c.check, got, c.want)
		}
	}
}
