package clickhouse

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Retention says for how long rows are kept, by table. Of a table that it does not name nothing is changed.
type Retention map[string]Lifetime

// Lifetime is for how long rows of a table are kept, in whole hours.
type Lifetime struct {
	Rows  time.Duration
	Tiers []TierLifetime // the first that names a row's tier counts in place of Rows
}

// of is that of rows of a tier.
func (l *Lifetime) of(tier string) time.Duration {
	for i := range l.Tiers {
		if l.Tiers[i].Tier == tier {
			return l.Tiers[i].Rows
		}
	}
	return l.Rows
}

// TierLifetime is that of rows of a tier.
type TierLifetime struct {
	Tier string
	Rows time.Duration
}

// Bounds of lifetimes.
const (
	// MinLifetime is a day: tables are cut by days, and rules look back a day.
	MinLifetime = 24 * time.Hour
	// MaxLifetime is ten years: beyond 2106 ClickHouse's DateTime begins anew in 1970, and what expires then is deleted at once.
	MaxLifetime = 3650 * 24 * time.Hour
)

// RetainedTable is a table whose rows expire.
type RetainedTable struct {
	Name   string
	Since  string // what their time counts from
	Tiered bool   // whether they have a tier
}

// RetainedTables are all tables whose rows expire.
var RetainedTables = []RetainedTable{
	{"rollup_10s", "ts", true}, {"rollup_1m", "ts", true}, {"rollup_1h", "ts", true}, {"topic_1m", "ts", true}, {"gauges", "ts", true}, {"gauges_1m", "ts", false}, {"group_1m", "ts", false},
	{"trace_hops", "toDateTime(ts)", false}, {"client_event_log", "toDateTime(ts)", false},
	{"ledger", "segment_minute", false}, {"alerts", "toDateTime(at)", false},
	{"inspection_findings", "day", false}, {"control_commands", "toDateTime(ts)", false}, {"inventory", "last_seen", false}, {"inventory_hours", "day", false},
}

// keptAsCreated is for how long migrations have rows kept of tables that others are made of, or that are made of others.
var keptAsCreated = map[string]time.Duration{"rollup_10s": 30 * 24 * time.Hour, RollupMinutes: 30 * 24 * time.Hour, RollupGroups: 30 * 24 * time.Hour,
	RollupTopics: 400 * 24 * time.Hour, RollupHours: 400 * 24 * time.Hour}

// Outlived names tables of longer steps whose rows would expire before those that they are made of: a step of which something comes, or that
// somebody fills in, would be made again and again. A table that r does not name counts as it is created. Keys are of r.
func (r Retention) Outlived() map[string]error {
	out := map[string]error{}
	for _, made := range []rollup{rollupMinutes, rollupGroups, rollupTopics, rollupHours} {
		into, named := r[made.into]
		from, fromNamed := r[made.from]
		if !named && !fromNamed {
			continue
		}
		key := made.into
		if !named {
			key, into.Rows = made.from, keptAsCreated[made.into]
		}
		if !fromNamed {
			from.Rows = keptAsCreated[made.from]
		}
		tiers := []string{""}
		for _, tier := range slices.Concat(into.Tiers, from.Tiers) {
			tiers = append(tiers, tier.Tier)
		}
		for _, tier := range tiers {
			if after, of := into.of(tier), from.of(tier); after < of && out[key] == nil {
				rows := "rows"
				if tier != "" {
					rows = "rows of tier " + tier
				}
				out[key] = fmt.Errorf("%s of %s are kept for %gd, and those of %s, which it is made of, for %gd: keep %[2]s as long or longer (tables that are not named count as they are created)",
					rows, made.into, after.Hours()/24, made.from, of.Hours()/24)
			}
		}
	}
	return out
}

// RetentionChange is what makes a table's rows expire as they shall.
type RetentionChange struct {
	Table      string   `json:"table"`
	From       string   `json:"from"` // the table's TTL, "" where it has none or is not there yet
	To         string   `json:"to"`
	Statements []string `json:"statements"`
}

// Retain makes rows expire as they shall, where they do not yet, and says what it changed. It tries until it succeeds or ctx ends. ClickHouse
// changes what it holds in the background, and goes on to answer.
func (s *Store) Retain(ctx context.Context, r Retention) ([]RetentionChange, error) {
	var done []RetentionChange
	err := s.retryWithin(ctx, "change the retention", migrationTimeout, func(ctx context.Context) error {
		changes, err := s.planRetention(ctx, r)
		if err != nil {
			return err
		}
		for _, change := range changes {
			for _, statement := range change.Statements {
				if err := s.ddl.Exec(ctx, statement); err != nil {
					return fmt.Errorf("of %s: %w", change.Table, err)
				}
			}
			done = append(done, change)
		}
		return nil
	})
	return done, err
}

// PlanRetention says what Retain would change.
func (s *Store) PlanRetention(ctx context.Context, r Retention) ([]RetentionChange, error) {
	changes := []RetentionChange{}
	err := s.retry(ctx, "read the retention", func(ctx context.Context) (err error) {
		changes, err = s.planRetention(ctx, r)
		return err
	})
	return changes, err
}

func (s *Store) planRetention(ctx context.Context, r Retention) ([]RetentionChange, error) {
	changes := []RetentionChange{}
	if len(r) == 0 {
		return changes, nil
	}
	ddl, err := s.ddlOfAll(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(r)) {
		at := slices.IndexFunc(RetainedTables, func(t RetainedTable) bool { return t.Name == name })
		if at < 0 {
			return nil, backoff.Permanent(fmt.Errorf("no rows of %q expire", name))
		}
		change, err := s.planLifetime(ctx, ddl, &RetainedTables[at], r[name])
		if err != nil {
			return nil, fmt.Errorf("of %s: %w", name, err)
		}
		if len(change.Statements) > 0 {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// What engine_full says behind the engine.
var (
	ttlOf       = regexp.MustCompile(`(?s) TTL (.*?)(?: SETTINGS .*)?$`)
	dropsParts  = regexp.MustCompile(`\bttl_only_drop_parts = ([01])\b`)
	doesNotDrop = regexp.MustCompile(`\b(?:TO (?:DISK|VOLUME)|RECOMPRESS|GROUP BY)\b`)
)

// planLifetime compares the TTL of a table with what it shall be.
func (s *Store) planLifetime(ctx context.Context, ddl *clusterDDL, table *RetainedTable, of Lifetime) (RetentionChange, error) {
	change := RetentionChange{Table: table.Name}
	var engine string
	row := s.conn.QueryRow(ctx, "SELECT any(engine_full), formatQuerySingleLine(?) FROM system.tables WHERE database = currentDatabase() AND name = ?",
		"SELECT "+table.expires(of), ddl.local(table.Name))
	if err := row.Scan(&engine, &change.To); err != nil {
		return change, err
	}
	change.To = strings.TrimPrefix(change.To, "SELECT ") // as ClickHouse writes it
	if found := ttlOf.FindStringSubmatch(engine); found != nil {
		change.From = found[1]
	}
	if doesNotDrop.MatchString(change.From) {
		return change, backoff.Permanent(fmt.Errorf("the TTL of %s was written by hand and does more than to delete: %s; leave clickhouse.retention.%[1]s empty and change it by hand", table.Name, change.From))
	}
	// A part that is dropped as a whole would keep the rows of all tiers as long as those of the longest one.
	drops := "1"
	if len(of.Tiers) > 0 {
		drops = "0"
	}
	var statements []string
	if found := dropsParts.FindStringSubmatch(engine); found != nil && found[1] != drops || found == nil && engine == "" && drops == "0" {
		statements = append(statements, "ALTER TABLE "+table.Name+" MODIFY SETTING ttl_only_drop_parts = "+drops)
	}
	if change.From != change.To {
		statements = append(statements, "ALTER TABLE "+table.Name+" MODIFY TTL "+change.To)
	}
	var err error
	if change.Statements, err = ddl.rewrite(statements); err != nil {
		return change, backoff.Permanent(err)
	}
	return change, nil
}

// expires is when a row does, in SQL.
func (t *RetainedTable) expires(of Lifetime) string {
	unit, length := "Day", 24*time.Hour
	if of.Rows%length != 0 || slices.ContainsFunc(of.Tiers, func(tier TierLifetime) bool { return tier.Rows%length != 0 }) {
		unit, length = "Hour", time.Hour
	}
	rows := fmt.Sprint(int64(of.Rows / length))
	if len(of.Tiers) > 0 {
		var cases []string
		for _, tier := range of.Tiers {
			cases = append(cases, fmt.Sprintf("tier = %s, %d", quoted(tier.Tier), int64(tier.Rows/length)))
		}
		rows = "multiIf(" + strings.Join(cases, ", ") + ", " + rows + ")"
	}
	return t.Since + " + toInterval" + unit + "(" + rows + ")"
}
