package telemetry_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/weirmq/weir/telemetry"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

func TestWatermarksComeBack(t *testing.T) {
	check := func(t *testing.T, watermarks []telemetry.Watermark) {
		t.Helper()
		got, err := telemetry.UnmarshalWatermarks(must(t)(telemetry.MarshalWatermarks(watermarks)))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "watermarks", watermarks, got)
	}
	check(t, fullWatermarks())
	check(t, []telemetry.Watermark{{}})
	forSeeds(t, 200, func(t *testing.T, r *rand.Rand) {
		watermarks := make([]telemetry.Watermark, 1+r.IntN(20))
		for i := range watermarks {
			watermarks[i] = telemetry.Watermark{Source: telemetry.Source{TopicID: source.TopicID, Partition: r.Int32()}, EventTime: anyTime(r), Idle: r.IntN(2) == 0,
				Offset: r.Int64(), At: anyTime(r), LateReports: r.Uint64(), Sources: 20}
		}
		check(t, watermarks)
	})
}

func anyTime(r *rand.Rand) time.Time { return time.UnixMilli(int64(r.Uint64())).UTC() }

// TestARecordOfWatermarksIsBounded: as many as a record may hold, each as long as one can be, fit into half of what
// brokers take for a record of Weir, and no record has more.
func TestARecordOfWatermarksIsBounded(t *testing.T) {
	t.Parallel()
	watermarks := make([]telemetry.Watermark, telemetry.MaxWatermarksPerBatch+1)
	for i := range watermarks {
		far := int64(math.MaxInt64)
		if i%2 == 0 { // steps are longest there and back
			far = math.MinInt64
		}
		watermarks[i] = telemetry.Watermark{Source: telemetry.Source{Partition: int32(far >> 32)}, EventTime: time.UnixMilli(far / 2).UTC(), Idle: true,
			Offset: -1, At: time.UnixMilli(far / 2).UTC(), LateReports: math.MaxUint64, Sources: -1}
	}
	encoded := must(t)(telemetry.MarshalWatermarks(watermarks[:telemetry.MaxWatermarksPerBatch]))
	if most := 512 << 10; len(encoded) > most {
		t.Errorf("%d watermarks take %d bytes, want at most %d", telemetry.MaxWatermarksPerBatch, len(encoded), most)
	}
	for _, count := range []int{0, telemetry.MaxWatermarksPerBatch + 1} {
		want := fmt.Sprintf("encode watermarks: got %d, a record holds 1 to 10000", count)
		if _, err := telemetry.MarshalWatermarks(watermarks[:count]); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestWatermarksOfTwoTopicsAreRefused: a record says of which topic it is once.
func TestWatermarksOfTwoTopicsAreRefused(t *testing.T) {
	t.Parallel()
	watermarks := fullWatermarks()
	watermarks[1].Source.TopicID[0]++
	if _, err := telemetry.MarshalWatermarks(watermarks); err == nil || !strings.HasSuffix(err.Error(), "a record holds those of one topic") {
		t.Errorf("got %v", err)
	}
}

// TestWatermarksThatDoNotFitAreRefused holds that no watermark is made up or left out where columns disagree, and that
// one of an earlier build is not taken for another.
func TestWatermarksThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	encoded := must(t)(telemetry.MarshalWatermarks(fullWatermarks()))
	for want, change := range map[string]func(*telemetrypb.WatermarkBatch){
		"got 0, a record holds 1 to 10000":                     func(b *telemetrypb.WatermarkBatch) { b.PartitionSteps = nil },
		"got 10001, a record holds 1 to 10000":                 func(b *telemetrypb.WatermarkBatch) { b.PartitionSteps = make([]int32, 10_001) },
		"watermark_steps_ms has 1 numbers for 2 watermarks":    func(b *telemetrypb.WatermarkBatch) { b.WatermarkStepsMs = b.WatermarkStepsMs[1:] },
		"idle has 1 numbers for 2 watermarks":                  func(b *telemetrypb.WatermarkBatch) { b.Idle = b.Idle[1:] },
		"offsets has 3 numbers for 2 watermarks":               func(b *telemetrypb.WatermarkBatch) { b.Offsets = append(b.Offsets, 1) },
		"time_steps_ms has 1 numbers for 2 watermarks":         func(b *telemetrypb.WatermarkBatch) { b.TimeStepsMs = b.TimeStepsMs[1:] },
		"late_reports has 1 numbers for 2 watermarks":          func(b *telemetrypb.WatermarkBatch) { b.LateReports = b.LateReports[1:] },
		"got schema 2, this version reads 3: an earlier build": func(b *telemetrypb.WatermarkBatch) { b.Schema = 2 },
	} {
		var batch telemetrypb.WatermarkBatch
		if err := proto.Unmarshal(encoded, &batch); err != nil {
			t.Fatal(err)
		}
		change(&batch)
		if got, err := telemetry.UnmarshalWatermarks(must(t)(proto.Marshal(&batch))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v and %v, want %s", got, err, want)
		}
	}
}
