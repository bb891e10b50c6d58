package aggregate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/weirmq/weir/telemetry"
)

// TestListsAddUpAsHistograms holds that a list in the arena is what a histogram is, whatever its buckets are: near or far
// from each other, in one run or in blocks, with counts of 32 bits or beyond, packed or not; and that lists do not touch each other.
func TestListsAddUpAsHistograms(t *testing.T) {
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 0))
		var a arena
		lists, want := make([]bucketList, 1+random.IntN(6)), make([]telemetry.Histogram, 6)
		for range random.IntN(200) {
			at := random.IntN(len(lists))
			if random.IntN(40) == 0 { // given up, as what was pending is
				a.release(&lists[at])
				other := sums{latencies: lists[random.IntN(len(lists))]}
				spans := other.blockSpans()
				lists[at], want[at] = expecting(&spans).latencies, telemetry.Histogram{}
				continue
			}
			if random.IntN(10) == 0 { // as what was written is
				var written telemetry.Histogram
				a.unpack(&lists[at], &written)
				a.packList(&lists[at], &written)
				continue
			}
			h := randomHistogram(random)
			a.merge(&lists[at], &h)
			want[at].Merge(&h)
		}
		for at := range lists {
			var got telemetry.Histogram
			a.unpack(&lists[at], &got)
			if diff := cmp.Diff(want[at], got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("seed %d, list %d, blocks %d, words %d, class %d (-want +got):\n%s", seed, at, lists[at].blocks, lists[at].words, lists[at].class, diff)
			}
		}
	}
}

// randomHistogram has buckets somewhere, near each other or all over.
func randomHistogram(random *rand.Rand) telemetry.Histogram {
	var h telemetry.Histogram
	spread := []int{1, 3, 40, 400}[random.IntN(4)]
	index := int32(telemetry.ZeroBucket + random.IntN(telemetry.MaxHistogramBuckets))
	if random.IntN(2) == 0 {
		index = int32(400 + random.IntN(20))
	}
	for range random.IntN(30) {
		if index >= telemetry.MaxHistogramBuckets {
			break
		}
		count := 1 + random.Uint64N(200)
		if random.IntN(500) == 0 {
			count = math.MaxUint32 - random.Uint64N(3)
		}
		h.Indexes, h.Counts = append(h.Indexes, index), append(h.Counts, count)
		h.Sum, h.Max = h.Sum+count, max(h.Max, count)
		index += 1 + int32(random.IntN(spread))
	}
	return h
}

// TestRoomsFit holds that a class has room for what it is chosen for, and little more.
func TestRoomsFit(t *testing.T) {
	for words := 1; words <= headWords+9+(telemetry.MaxHistogramBuckets+1+blockBuckets); words++ {
		class := classFor(words)
		if got := roomOf(class); got < words || got > max(headWords, words*3/2-headWords)+blockBuckets || class >= maxClass {
			t.Errorf("%d words: class %d with %d", words, class, got)
		}
	}
}

// TestMemoryOfABurstIsGivenBack holds that the chunks of a burst of series are gone one segment after it.
func TestMemoryOfABurstIsGivenBack(t *testing.T) {
	var a arena
	h := randomHistogram(rand.New(rand.NewPCG(1, 1)))
	fill := func(lists int) {
		for range lists {
			var l bucketList
			a.merge(&l, &h)
		}
	}
	sizes := ""
	for _, lists := range []int{10, 5000, 10, 10} {
		fill(lists)
		sizes += fmt.Sprint(len(a.chunks) > 1, " ")
		a.empty()
	}
	if sizes != "false true true false " {
		t.Errorf("more than one chunk is held: %s, want only in the burst and the segment after it", sizes)
	}
}
