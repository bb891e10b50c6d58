package pipeline

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"time"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/sink/clickhouse"
)

// ClickHouseConfig names the store: http://, https:// or clickhouse://.
type ClickHouseConfig struct {
	DSN string `yaml:"dsn" secret:"dsn"`
	// Cluster is of the server's remote_servers, and has the tables; "" is one server.
	Cluster   string          `yaml:"cluster"`
	Retention RetentionConfig `yaml:"retention"`
}

// RetentionConfig says for how long rows of each table are kept, as 30d; "" leaves a table as it is.
type RetentionConfig struct {
	Rollup10s          string `yaml:"rollup_10s"`
	Rollup1m           string `yaml:"rollup_1m"`
	Rollup1h           string `yaml:"rollup_1h"`
	Topic1m            string `yaml:"topic_1m"`
	Gauges             string `yaml:"gauges"`
	Gauges1m           string `yaml:"gauges_1m"`
	Group1m            string `yaml:"group_1m"`
	TraceHops          string `yaml:"trace_hops"`
	ClientEventLog     string `yaml:"client_event_log"`
	Ledger             string `yaml:"ledger"`
	Alerts             string `yaml:"alerts"`
	InspectionFindings string `yaml:"inspection_findings"`
	ControlCommands    string `yaml:"control_commands"`
	Inventory          string `yaml:"inventory"`
	InventoryHours     string `yaml:"inventory_hours"`
	// Tiers have rows of their own lifetimes; the first that names a tier counts.
	Tiers []TierRetentionConfig `yaml:"tiers"`
}

// TierRetentionConfig says for how long rows of a tier are kept; "" is as long as others of the table.
type TierRetentionConfig struct {
	Tier      string `yaml:"tier"`
	Rollup10s string `yaml:"rollup_10s"`
	Rollup1m  string `yaml:"rollup_1m"`
	Rollup1h  string `yaml:"rollup_1h"`
	Topic1m   string `yaml:"topic_1m"`
	Gauges    string `yaml:"gauges"`
}

// store is how the store of a configuration is opened.
func (c *ClickHouseConfig) store(onError func(error)) clickhouse.Config {
	return clickhouse.Config{DSN: c.DSN, Cluster: c.Cluster, OnError: onError}
}

var clusterName = regexp.MustCompile(`^[\w.{}-]*$`)

func (c *ClickHouseConfig) faults(needed bool) []keyFault {
	var f []keyFault
	if c.DSN != "" || needed {
		if err := clickhouse.CheckDSN(c.DSN); err != nil {
			f = append(f, keyFault{dsnKey, fmt.Errorf("got %q: %w", maskDSN(c.DSN), err)})
		}
	}
	if !clusterName.MatchString(c.Cluster) {
		f = append(f, keyFault{"clickhouse.cluster", fmt.Errorf("got %q, want a name of remote_servers, of letters, digits, dots, _, - and macros in braces", c.Cluster)})
	}
	_, faults := c.Retention.lifetimes()
	return append(f, faults...)
}

// retentionKey is the section of lifetimes.
const retentionKey = "clickhouse.retention"

// lifetimes are those that are given, by table.
func (c *RetentionConfig) lifetimes() (clickhouse.Retention, []keyFault) {
	out := clickhouse.Retention{}
	var f []keyFault
	each := func(section any, key string, take func(table string, rows time.Duration) error) {
		_ = eachField(reflect.ValueOf(section).Elem(), "", func(table string, field reflect.Value, _ string) error {
			if field.String() == "" || table == "tier" {
				return nil
			}
			rows, err := lifetime(field.String())
			if err == nil {
				err = take(table, rows)
			}
			if err != nil {
				f = append(f, keyFault{key + "." + table, err})
			}
			return nil
		})
	}
	tables := *c
	tables.Tiers = nil
	each(&tables, retentionKey, func(table string, rows time.Duration) error {
		out[table] = clickhouse.Lifetime{Rows: rows}
		return nil
	})
	for i := range c.Tiers {
		tier, key := &c.Tiers[i], fmt.Sprintf("%s.tiers.%d", retentionKey, i)
		if tier.Tier == "" {
			f = append(f, keyFault{key + ".tier", errors.New("got none, give one of policy.yaml, for example S4")})
		}
		each(tier, key, func(table string, rows time.Duration) error {
			of, given := out[table]
			if !given {
				return fmt.Errorf("the rows of other tiers have no lifetime: give %s.%s too", retentionKey, table)
			}
			of.Tiers = append(of.Tiers, clickhouse.TierLifetime{Tier: tier.Tier, Rows: rows})
			out[table] = of
			return nil
		})
	}
	if len(f) == 0 {
		outlived := out.Outlived()
		for _, table := range slices.Sorted(maps.Keys(outlived)) {
			f = append(f, keyFault{retentionKey + "." + table, outlived[table]})
		}
	}
	return out, f
}

// lifetime reads one, which is of whole hours.
func lifetime(text string) (time.Duration, error) {
	rows, err := rules.ParseDuration(text)
	if err != nil || rows < clickhouse.MinLifetime || rows > clickhouse.MaxLifetime || rows%time.Hour != 0 {
		return 0, fmt.Errorf("got %q, allowed are whole hours from %s to %s, for example 30d", text, rules.FormatDuration(clickhouse.MinLifetime), rules.FormatDuration(clickhouse.MaxLifetime))
	}
	return rows, nil
}
