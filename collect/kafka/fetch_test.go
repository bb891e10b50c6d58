package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzMessages has brokers that answer anything: what is found lies at or after what was asked for, and nothing is known before it.
func FuzzMessages(f *testing.F) {
	client, err := kgo.NewClient(kgo.MaxDecompressBatchBytes(1 << 16))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(client.Close)
	reading, err := newReading(client)
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range [][]byte{batch(0, 5), batch(100, 1), append(batch(0, 2), batch(2, 2)[:40]...), {}, make([]byte, 64)} {
		f.Add(b, int64(0), int64(5), false)
		f.Add(b, int64(3), int64(200), true)
	}
	f.Fuzz(func(t *testing.T, batches []byte, asked, end int64, uncommitted bool) {
		if asked < 0 || asked > 1<<40 {
			return
		}
		answer := kmsg.NewFetchResponseTopicPartition()
		answer.RecordBatches, answer.HighWatermark, answer.LastStableOffset = batches, end, end
		answer.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{{ProducerID: 1, FirstOffset: asked}}
		l := &looked{look: look{at{"orders", 0}, asked, uncommitted}, next: asked}
		r := reader{decompressor: reading.decompressor}
		r.take(&answer, l, time.Unix(0, 0))
		switch {
		case l.next < asked:
			t.Errorf("it goes on at %d, and was asked for %d", l.next, asked)
		case l.found != nil && (l.found.Offset < asked || l.found.Asked != asked || l.err != nil):
			t.Errorf("found %+v, and was asked for %d; %v", l.found, asked, l.err)
		}
	})
}

// batch is a batch of the v2 format as a client writes it.
func batch(base int64, records int) []byte {
	record := []byte{14, 0, 0, 0, 1, 2, 'm', 0} // length 7: attributes, time, offset, no key, a value, no headers
	out := kmsg.RecordBatch{FirstOffset: base, Magic: 2, LastOffsetDelta: int32(records - 1), FirstTimestamp: 1_795_626_000_000,
		MaxTimestamp: 1_795_626_000_000, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(records)}
	for i := range records {
		record[3] = byte(2 * i)
		out.Records = append(out.Records, record...)
	}
	return seal(out.AppendTo(nil))
}

// emptied is a batch of which compaction left its offsets alone.
func emptied(base int64, records int) []byte {
	out := kmsg.RecordBatch{FirstOffset: base, Magic: 2, LastOffsetDelta: int32(records - 1), ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1}
	return seal(out.AppendTo(nil))
}

// seal writes the length and the checksum of a batch.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// TestTheFirstMessageIsFound reads batches as a client writes them.
func TestTheFirstMessageIsFound(t *testing.T) {
	client, err := kgo.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	reading, err := newReading(client)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name        string
		batches     []byte
		asked, end  int64
		found, next int64 // found -1: nothing yet
		stored      bool
	}{
		{"inside a batch", batch(0, 5), 3, 5, 3, 3, true},
		{"after a gap", batch(100, 2), 3, 102, 100, 3, true},
		{"a batch that ends before", batch(0, 5), 7, 20, -1, 7, false},
		{"nothing fits", nil, 3, 20, -1, 3, false},
		{"half a batch", batch(0, 5)[:70], 3, 20, -1, 3, false},
		{"a batch that was compacted to its last offset", emptied(0, 5), 3, 20, -1, 5, false},
		{"such a one at the end", emptied(0, 5), 3, 5, 5, 3, false},
	} {
		answer := kmsg.NewFetchResponseTopicPartition()
		answer.RecordBatches, answer.HighWatermark, answer.LastStableOffset = c.batches, c.end, c.end
		l := &looked{look: look{at{"orders", 0}, c.asked, false}, next: c.asked}
		r := reader{decompressor: reading.decompressor}
		r.take(&answer, l, time.Unix(1, 0))
		found := int64(-1)
		if l.found != nil {
			found = l.found.Offset
			if l.found.Stored.IsZero() == c.stored || l.found.Partly {
				t.Errorf("%s: found %+v", c.name, l.found)
			}
		}
		if found != c.found || l.next != c.next || l.err != nil {
			t.Errorf("%s: found %d, next %d, %v, want %d and %d", c.name, found, l.next, l.err, c.found, c.next)
		}
	}
}
