package ingest

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// FuzzDecode holds that the decoder and the generated one accept the same records and read the same reports from
// them, whatever a decoder has read before, that the fast way says the same, and that Decode ends every record as a
// report or as a refusal.
func FuzzDecode(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	decoder := NewDecoder(DefaultLimits())
	f.Fuzz(func(t *testing.T, value []byte) {
		before := slices.Clone(value)
		compareWithGenerated(t, value, decoder)
		comparePlain(t, value, decoder)
		checkDecode(t, value, decoder)
		if !slices.Equal(before, value) {
			t.Error("decoding changed the record")
		}
	})
}

// compareWithGenerated decodes a record by hand and by the generated code.
func compareWithGenerated(t *testing.T, value []byte, decoder *Decoder) {
	t.Helper()
	var pb telemetrypb.Report
	wantErr := proto.Unmarshal(value, &pb)
	gotErr := decodeProtobuf(value, &decoder.report)
	if gotErr == nil {
		decoder.labeled = true
		gotErr = decodeLabels(decoder.report.RawLabels, &decoder.report.Labels)
	}
	if (wantErr == nil) != (gotErr == nil) {
		t.Fatalf("%x: got %v, the generated decoder says %v", value, gotErr, wantErr)
	}
	if wantErr != nil {
		return
	}
	want, got := comparable(telemetry.ReportFromPB(&pb)), comparable(decoder.report)
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("%x (-want +got):\n%s", value, cmp.Diff(want, got))
	}
	var region telemetrypb.Labels
	if err := proto.Unmarshal(decoder.report.RawLabels, &region); err != nil {
		t.Fatalf("%x: label region: %v", value, err)
	}
	if ofRegion := telemetry.ReportFromPB(&telemetrypb.Report{Labels: &region}); !reflect.DeepEqual(want.Labels, comparable(ofRegion).Labels) {
		t.Fatalf("%x: the label region says %v, the labels are %v", value, ofRegion.Labels, want.Labels)
	}
}

// comparable is a report of which equal ones are deeply equal: empty lists are nil, NaN is a number, and the label
// region, which the generated decoder does not keep, is gone.
func comparable(r telemetry.Report) telemetry.Report {
	r.RawLabels = nil
	r.Labels.Extra, r.Errors, r.Exemplars, r.Events = cloned(r.Labels.Extra), cloned(r.Errors), cloned(r.Exemplars), cloned(r.Events)
	r.Gauges = cloned(r.Gauges)
	for i, g := range r.Gauges {
		if math.IsNaN(g.Value) {
			r.Gauges[i].Value = -math.MaxFloat64
		}
	}
	for _, h := range []*telemetry.Histogram{&r.LatencyMicros, &r.DelayMicros, &r.SizeBytes, &r.HeartbeatMicros} {
		h.Indexes, h.Counts = cloned(h.Indexes), cloned(h.Counts)
	}
	return r
}

// cloned is a copy of a list, nil for an empty one.
func cloned[T any](list []T) []T { return append([]T(nil), list...) }

// checkDecode holds that a record is a report within limits or a refusal that says why.
func checkDecode(t *testing.T, value []byte, decoder *Decoder) {
	t.Helper()
	report, err := decoder.Decode(value, appendedAt)
	if err == nil {
		if report == nil || report.Schema != telemetry.Schema || report.LengthMillis == 0 || report.Labels.Op == "" || len(report.RawLabels) == 0 {
			t.Fatalf("%x: accepted %+v", value, report)
		}
		return
	}
	var refusal *Refusal
	if !errors.As(err, &refusal) || !slices.Contains(Reasons, refusal.Reason) || refusal.Detail == "" ||
		len(refusal.Detail) > 2*maxDetailBytes || !utf8.ValidString(refusal.Detail) {
		t.Fatalf("%x: got %v, want a refusal", value, err)
	}
}

// seeds are records as senders write them, and what a wire, a bug or another protobuf library could make of them.
func seeds(t testing.TB) [][]byte {
	full, valid := encode(t, fullReport()), encode(t, validReport())
	labels := func(message ...byte) []byte { return protowire.AppendBytes([]byte{0x12}, message) }
	latency := func(message ...byte) []byte { return protowire.AppendBytes([]byte{0x42}, message) }
	out := [][]byte{
		nil, full, valid, []byte(`{"schema":1}`), []byte(" \n{}"), []byte("{ \xfa"),
		append(slices.Clone(full), valid...),                                               // every submessage twice
		append(slices.Clone(valid), labels(0x12, 1, 'x')...),                               // a second label region
		append(slices.Clone(valid), labels(0x7a, 4, 0x0a, 2, 'a', 'b')...),                 // one that adds an extra label
		append(slices.Clone(valid), latency(0x08, 4, 0x08, 6, 0x10, 9)...),                 // a histogram, not packed
		append(slices.Clone(valid), latency(0x0a, 2, 8, 0x80)...),                          // a packed list cut short
		append(slices.Clone(valid), latency(0x0a, 6, 255, 255, 255, 255, 255, 1)...),       // an index beyond 32 bits
		append(slices.Clone(valid), labels(0x12, 1, 0xff)...),                              // not UTF-8
		append(slices.Clone(valid), 0xa0, 0x06, 5, 0xa2, 0x06, 1, 7),                       // unknown fields
		append(slices.Clone(valid), 0x7b, 0x08, 1, 0x7c),                                   // an unknown group
		append(slices.Clone(valid), 0x7b, 0x08, 1, 0x74),                                   // that ends another
		append(slices.Clone(valid), 0x28, 0x80, 0x80, 0x80, 0x00),                          // an overlong varint
		append(slices.Clone(valid), 0x28, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2),  // beyond 64 bits
		append(slices.Clone(valid), 0xa8, 0x80, 0x80, 0x00, 5),                             // an overlong tag
		append(slices.Clone(valid), 0x80, 0x80, 0x80, 0x80, 0x10, 5),                       // field 2^29
		append(slices.Clone(valid), 0x00, 5),                                               // field 0
		append(slices.Clone(valid), 0x2d, 1, 2, 3, 4),                                      // messages as fixed32
		append(slices.Clone(valid), 0x62, 11, 0x0a, 0, 0x11, 1, 0, 0, 0, 0, 0, 0xf8, 0x7f), // NaN
		append(slices.Clone(valid), 0x2f),                                                  // wire type 7
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		mutated := slices.Clone(full)
		for range 1 + random.IntN(3) {
			mutated[random.IntN(len(mutated))] = byte(random.Uint32())
		}
		out = append(out, mutated[:random.IntN(len(mutated)+1)], mutated)
	}
	return out
}
