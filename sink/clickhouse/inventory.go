package clickhouse

import (
	"context"
	"time"

	"github.com/weirmq/weir/telemetry"
)

const (
	insertInventory = `INSERT INTO inventory (env, cluster, system, kind, name, first_seen, last_seen, last_used,
	tier, lane, sdk_lang, sdk_version, node, consumer_group)`
	insertInventoryHours = `INSERT INTO inventory_hours (day, env, cluster, system, kind, name, hours)`
)

// writeInventory writes what cells name and the inventory may not have yet, trying until ClickHouse has acknowledged all or ctx ends.
// One writer does so at a time: what one has found another takes for written.
func (s *Store) writeInventory(ctx context.Context, table *telemetry.CellTable) error {
	if table.Len() == 0 {
		return nil
	}
	s.inventory.Lock()
	defer s.inventory.Unlock()
	rows, hours := inventoryRows(s.sightings.take(table))
	err := s.insertChunks(ctx, insertInventory, rows)
	if err == nil {
		err = s.insertChunks(ctx, insertInventoryHours, hours)
	}
	if err != nil {
		s.sightings.forget()
	}
	return err
}

// inventoryRows are the rows of what was found. Hours are those of topics and groups only: of others nobody asks how much they are used.
func inventoryRows(found []sighting) (rows, hours [][]any) {
	for i := range found {
		f := &found[i]
		at, used := hourBegin(f.hour), time.Unix(0, 0).UTC()
		if f.used {
			used = at
			if f.kind == kindTopic || f.kind == kindGroup {
				hours = append(hours, []any{at.Truncate(24 * time.Hour), f.labels.Env, f.labels.Cluster, f.labels.System, f.kind, f.name, uint32(1) << (f.hour % 24)})
			}
		}
		row := []any{f.labels.Env, f.labels.Cluster, f.labels.System, f.kind, f.name, at, at, used}
		for _, value := range f.attributes {
			said := at
			if value == "" {
				said = time.Unix(0, 0).UTC()
			}
			row = append(row, []any{said, value})
		}
		rows = append(rows, row)
	}
	return rows, hours
}

func hourBegin(hour uint32) time.Time { return time.Unix(int64(hour)*secondsOfHour, 0).UTC() }
