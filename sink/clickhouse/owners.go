package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/weirmq/weir/telemetry"
)

const insertOwners = `INSERT INTO owners (written_at, position, owner, contact, tier, clusters, topics, groups)`

const selectOwners = `SELECT owner, contact, tier, clusters, topics, groups FROM owners FINAL
	WHERE written_at = (SELECT max(written_at) FROM owners) AND position > 0 ORDER BY position`

// ErrNoInventory is of a store whose schema is of before there was an inventory: the role clickhouse brings it up to date.
var ErrNoInventory = errors.New("the schema has no table owners: run the role clickhouse")

// storedOwner is a row of owners.
type storedOwner struct {
	Owner    string   `ch:"owner"`
	Contact  string   `ch:"contact"`
	Tier     string   `ch:"tier"`
	Clusters []string `ch:"clusters"`
	Topics   []string `ch:"topics"`
	Groups   []string `ch:"groups"`
}

// WriteOwners writes whose what is in place of what was said before, unless the same was said last. It asks once: the error is of an
// attempt that failed, after which nothing or all is written, or ErrNoInventory.
func (s *Store) WriteOwners(ctx context.Context, owners []telemetry.Owner, at time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	var has uint64
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'owners'").Scan(&has); err != nil {
		return fmt.Errorf("look for owners: %w", err)
	}
	if has == 0 {
		return ErrNoInventory
	}
	var stored []storedOwner
	if err := s.conn.Select(ctx, &stored, selectOwners); err != nil {
		return fmt.Errorf("read owners: %w", err)
	}
	said := make([]storedOwner, len(owners))
	for i := range owners {
		o := &owners[i]
		said[i] = storedOwner{o.Name, o.Contact, o.Tier, likes(o.Clusters), likes(o.Topics), likes(o.Groups)}
	}
	if slices.EqualFunc(said, stored, func(a, b storedOwner) bool { return reflect.DeepEqual(a, b) }) {
		return nil
	}
	batch, err := s.conn.PrepareBatch(driver.Context(ctx, driver.WithSettings(s.settings)), insertOwners)
	if err != nil {
		return fmt.Errorf("write owners: %w", err)
	}
	defer batch.Close()
	err = batch.Append(at.UTC(), uint32(0), "", "", "", []string{}, []string{}, []string{})
	for i := 0; i < len(said) && err == nil; i++ {
		o := &said[i]
		err = batch.Append(at.UTC(), uint32(i+1), o.Owner, o.Contact, o.Tier, o.Clusters, o.Topics, o.Groups)
	}
	if err == nil {
		err = batch.Send()
	}
	if err != nil {
		return fmt.Errorf("write owners: %w", err)
	}
	return nil
}

// asLike writes a pattern as LIKE has it.
var asLike = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%")

func likes(patterns []string) []string {
	out := make([]string, len(patterns))
	for i, pattern := range patterns {
		out[i] = asLike.Replace(pattern)
	}
	return out
}
