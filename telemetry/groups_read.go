package telemetry

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// groupsFromPB reads columns. A column that was left out holds zeros.
func groupsFromPB(pb *telemetrypb.GroupColumns) ([]GroupPartials, error) {
	if pb == nil {
		return nil, nil
	}
	groups, err := namedGroups(pb)
	if err != nil {
		return nil, err
	}
	partials := make([]GroupPartial, len(pb.GetReports()))
	if len(partials) == 0 {
		return nil, errors.New("partials without reports")
	}
	r := rows{"partial", make([]row, len(partials))}
	for i := range partials {
		r.all[i] = row{&partials[i].Pane, &partials[i].Totals}
	}
	if err := r.read(pb); err != nil {
		return nil, err
	}
	if err := readListed(partials, pb); err != nil {
		return nil, err
	}
	for i, n := range pb.GetGroupPartials() {
		if n == 0 || int(n) > len(partials) {
			return nil, fmt.Errorf("group %d has %d partials, want 1 to the %d that are left", i, n, len(partials))
		}
		groups[i].Partials, partials = partials[:n:n], partials[n:]
	}
	if len(partials) > 0 {
		return nil, fmt.Errorf("%d partials belong to no group", len(partials))
	}
	return groups, nil
}

// namedGroups are the groups without their partials.
func namedGroups(pb *telemetrypb.GroupColumns) ([]GroupPartials, error) {
	groups := make([]GroupPartials, len(pb.GetGroupPartials()))
	texts, err := prefixedTexts("values of group", len(groups), pb.GetValuePrefixes(), pb.GetValueSuffixes(), pb.GetValueBytes())
	if err != nil {
		return nil, err
	}
	next := 0
	for _, grouping := range pb.GetGroupings() {
		if left := len(groups) - next; int(grouping.GetGroups()) > left {
			return nil, fmt.Errorf("grouping %q has %d groups, %d are left", grouping.GetId(), grouping.GetGroups(), left)
		}
		for range grouping.GetGroups() {
			g := &groups[next]
			g.Grouping, g.Omitted = grouping.GetId(), Parts(grouping.GetOmitted())
			if g.Values, err = groupValues(texts[next], int(grouping.GetLabels())); err != nil {
				return nil, fmt.Errorf("group %d of grouping %q: %w", next, grouping.GetId(), err)
			}
			next++
		}
	}
	if left := len(groups) - next; left > 0 {
		return nil, fmt.Errorf("%d groups belong to no grouping", left)
	}
	return groups, nil
}

func groupValues(joined string, labels int) ([]string, error) {
	if !utf8.ValidString(joined) {
		return nil, errUTF8
	}
	if labels == 0 && joined == "" {
		return nil, nil
	}
	if got := strings.Count(joined, valueSeparator) + 1; got != labels {
		return nil, fmt.Errorf("it has %d values for %d labels", got, labels)
	}
	return strings.Split(joined, valueSeparator), nil
}

// nameReader reads the lists of names one after the other.
type nameReader struct {
	known []string
	steps []int64
	at    int64
}

// readListed reads what partials list.
func readListed(partials []GroupPartial, pb *telemetrypb.GroupColumns) error {
	for name, column := range map[string][]uint32{"clients": pb.GetClients(), "nodes": pb.GetNodes(), "stopped_clients": pb.GetStoppedClients(), "versions": pb.GetVersions()} {
		if err := fits(name, column, len(partials), "partial"); err != nil {
			return err
		}
	}
	if err := fits("overflowed_clients", pb.GetOverflowedClients(), len(partials), "partial"); err != nil {
		return err
	}
	known, err := prefixedTexts("name", len(pb.GetNameSuffixes()), pb.GetNamePrefixes(), pb.GetNameSuffixes(), pb.GetNameBytes())
	if err != nil {
		return err
	}
	for i := range known {
		if !utf8.ValidString(known[i]) {
			return fmt.Errorf("name %d: %w", i, errUTF8)
		}
	}
	names := nameReader{known: known, steps: pb.GetNameSteps()}
	version := 0
	for i := range partials {
		t := &partials[i].Totals
		t.OverflowedClients = at(pb.GetOverflowedClients(), i)
		for _, list := range []struct {
			into  *[]string
			names uint32
		}{{&t.Clients, at(pb.GetClients(), i)}, {&t.Nodes, at(pb.GetNodes(), i)}, {&t.StoppedClients, at(pb.GetStoppedClients(), i)}} {
			if *list.into, err = names.list(list.names); err != nil {
				return fmt.Errorf("partial %d: %w", i, err)
			}
		}
		for range at(pb.GetVersions(), i) {
			if err := names.version(t, at(pb.GetVersionMessages(), version), at(pb.GetVersionClients(), version)); err != nil {
				return fmt.Errorf("partial %d: %w", i, err)
			}
			version++
		}
	}
	if len(names.steps) > 0 {
		return fmt.Errorf("%d listed names belong to no partial", len(names.steps))
	}
	return nil
}

func (r *nameReader) version(t *Totals, messages uint64, clients uint32) error {
	name, err := r.list(2) // language and version
	if err != nil {
		return err
	}
	v := VersionTotals{SDKLang: name[0], SDKVersion: name[1], Messages: messages}
	if v.Clients, err = r.list(clients); err != nil {
		return err
	}
	t.Versions = append(t.Versions, v)
	return nil
}

func (r *nameReader) list(n uint32) ([]string, error) {
	if int(n) > len(r.steps) {
		return nil, fmt.Errorf("it lists %d names, %d are left", n, len(r.steps))
	}
	if n == 0 {
		return nil, nil
	}
	out := make([]string, n)
	for i, step := range r.steps[:n] {
		r.at += step
		if r.at < 0 || r.at >= int64(len(r.known)) {
			return nil, fmt.Errorf("it lists name %d, there are %d", r.at, len(r.known))
		}
		out[i] = r.known[r.at]
	}
	r.steps = r.steps[n:]
	return out, nil
}
