package telemetry_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// TestLabelNamesFollowTheContract holds that the well-known labels have one order: that of their field numbers.
func TestLabelNamesFollowTheContract(t *testing.T) {
	fields := (&telemetrypb.Labels{}).ProtoReflect().Descriptor().Fields()
	var labels telemetry.Labels
	for i, name := range telemetry.LabelNames {
		if got := fields.ByNumber(protoreflect.FieldNumber(i + 1)); string(got.Name()) != name {
			t.Errorf("label %d is %s, field %d of the contract is %s", i, name, got.Number(), got.Name())
		}
		if labels.Field(name) == nil || labels.Field(name) != labels.FieldAt(i) {
			t.Errorf("label %s is not kept where FieldAt(%d) says", name, i)
		}
		*labels.FieldAt(i) = name
	}
	for i, name := range telemetry.LabelNames {
		if got := *labels.FieldAt(i); got != name {
			t.Errorf("labels %s and %s are kept in one place", name, got)
		}
	}
	if fields.Len() != len(telemetry.LabelNames)+1 {
		t.Errorf("the contract has %d fields, want one for each label and extra", fields.Len())
	}
	if n := len(telemetry.LabelNames); labels.FieldAt(-1) != nil || labels.FieldAt(n) != nil || labels.Field("extra") != nil {
		t.Error("a label that is not well known has no place")
	}
}

func TestGetReadsAnyLabel(t *testing.T) {
	labels := fullReport().Labels
	for name, want := range map[string]string{"env": "prod", "tag": "prod", "sdk_version": "1.2.0", "team": "payments", "none": "", "": ""} {
		if got := labels.Get(name); got != want {
			t.Errorf("label %q is %q, want %q", name, got, want)
		}
	}
}

// TestEqualSeriesHaveEqualBytes holds that the order of extra labels and labels without a value do not matter.
func TestEqualSeriesHaveEqualBytes(t *testing.T) {
	want := fullReport().Labels
	wantBytes, err := telemetry.MarshalLabels(&want)
	if err != nil {
		t.Fatal(err)
	}
	forSeeds(t, 50, func(t *testing.T, r *rand.Rand) {
		labels := fullReport().Labels
		labels.Extra = append(labels.Extra, telemetry.Label{Name: "empty"}, telemetry.Label{Name: "zone"})
		r.Shuffle(len(labels.Extra), func(i, j int) { labels.Extra[i], labels.Extra[j] = labels.Extra[j], labels.Extra[i] })
		labels.Canonical()
		equal(t, "labels", want, labels)
		got, err := telemetry.MarshalLabels(&labels)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "bytes", wantBytes, got)
	})
}

// TestMarshalledReportsAreCanonical holds that a report's label region is that of its series.
func TestMarshalledReportsAreCanonical(t *testing.T) {
	ordered, shuffled := fullReport(), fullReport()
	slices.Reverse(shuffled.Labels.Extra)
	want, err := telemetry.MarshalReport(&ordered)
	if err != nil {
		t.Fatal(err)
	}
	got, err := telemetry.MarshalReport(&shuffled)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "bytes", want, got)
}

func TestLabelsCloneSharesNothing(t *testing.T) {
	labels := fullReport().Labels
	clone := labels.Clone()
	labels.Extra[0].Value = "changed"
	labels.Env = "changed"
	equal(t, "clone", fullReport().Labels, clone)
}
