package clickhouse

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// TestTheNewestOwnersCount, also where there are none any more, and what is said again is not written.
func TestTheNewestOwnersCount(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	s.write(telemetry.CellBatch{Cells: []telemetry.Cell{
		named(0, telemetry.Labels{Cluster: "eu", Topic: "pay-in", Op: "send"}, 1),
		named(0, telemetry.Labels{Cluster: "eu", Topic: "pay-out", Op: "send", Tier: "S2"}, 1),
		named(0, telemetry.Labels{Cluster: "eu", Group: "billing", Op: "group"}, 0),
		named(0, telemetry.Labels{Cluster: "eu", Node: "b1", Op: "broker"}, 0),
	}})
	at := time.Date(2026, 11, 26, 6, 0, 0, 0, time.UTC)
	write := func(owners ...telemetry.Owner) {
		t.Helper()
		at = at.Add(time.Minute)
		if err := s.WriteOwners(t.Context(), owners, at); err != nil {
			t.Fatal(err)
		}
	}
	const whose = "SELECT name, owner, contact, tier FROM resources ORDER BY name"
	s.expect(whose, "b1\t\t\t\nbilling\t\t\t\npay-in\t\t\t\npay-out\t\t\tS2")
	pay := telemetry.Owner{Name: "pay", Contact: "#pay", Tier: "S1", Clusters: []string{"eu"}, Topics: []string{"pay-*"}}
	rest := telemetry.Owner{Name: "platform", Tier: "S4", Clusters: []string{"e*"}}
	write(pay, rest)
	const both = "b1\tplatform\t\t\nbilling\tplatform\t\tS4\npay-in\tpay\t#pay\tS1\npay-out\tpay\t#pay\tS2"
	s.expect(whose, both)
	for range 2 {
		write(pay, rest)
	}
	s.expect("SELECT count() FROM owners", "3")
	s.query("OPTIMIZE TABLE owners FINAL")
	s.expect(whose, both)
	write(rest, pay) // the first counts
	s.expect("SELECT DISTINCT owner FROM resources", "platform")
	write()
	s.expect("SELECT DISTINCT owner FROM resources", "")
	write()
	s.expect("SELECT count(DISTINCT written_at) FROM owners", "3")
	before := openStore(t, shared, shared.database(t), nil)
	if err := before.WriteOwners(t.Context(), []telemetry.Owner{pay}, at); !errors.Is(err, ErrNoInventory) {
		t.Errorf("a store without tables says %v", err)
	}
}

// TestTheViewKnowsOwnersAsGoDoes, whatever stands in names and patterns.
func TestTheViewKnowsOwnersAsGoDoes(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	r := rand.New(rand.NewPCG(1, 2))
	text := func(of string, most int) string {
		var out strings.Builder
		for range r.IntN(most + 1) {
			out.WriteByte(of[r.IntN(len(of))])
		}
		return out.String()
	}
	patterns := func() (out []string) {
		for range r.IntN(3) {
			out = append(out, text("aab%_.*\\*", 4))
		}
		return out
	}
	var owners []telemetry.Owner
	for i := range 12 {
		owners = append(owners, telemetry.Owner{Name: fmt.Sprint("owner-", i), Clusters: patterns(), Topics: append(patterns(), text("ab*", 3)), Groups: patterns()})
	}
	var batch telemetry.CellBatch
	for range 300 {
		labels := telemetry.Labels{Cluster: text("ab_", 2), Topic: "x" + text("ab%_.\\", 4), Op: "group"}
		labels.Topic = strings.TrimPrefix(labels.Topic, text("x", 1))
		labels.Group = text("ab%_.\\", 4)
		batch.Cells = append(batch.Cells, named(0, labels, 0))
	}
	s.write(batch)
	if err := s.WriteOwners(t.Context(), owners, inventoryDay); err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Cluster string `ch:"cluster"`
		Kind    string `ch:"kind"`
		Name    string `ch:"name"`
		Owner   string `ch:"owner"`
	}
	s.read(&rows, "SELECT toString(cluster) AS cluster, toString(kind) AS kind, name, owner FROM resources")
	owned := 0
	for _, row := range rows {
		want := ""
		at := slices.IndexFunc(owners, func(o telemetry.Owner) bool {
			return row.Kind == kindTopic && o.HasTopic(row.Cluster, row.Name) || row.Kind == kindGroup && o.HasGroup(row.Cluster, row.Name)
		})
		if at >= 0 {
			want, owned = owners[at].Name, owned+1
		}
		if row.Owner != want {
			t.Errorf("%s %q of %q is of %q, want %q of %+v", row.Kind, row.Name, row.Cluster, row.Owner, want, owners)
		}
	}
	if owned < 20 || owned > len(rows)-20 {
		t.Errorf("%d of %d have an owner, so that little is told apart", owned, len(rows))
	}
}
