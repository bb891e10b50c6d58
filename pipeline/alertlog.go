package pipeline

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/telemetry"
)

// progressKey is the record of weir.alerts that says up to which event time a
// partition was evaluated, so that nothing is evaluated twice after a restart.
const progressKey = "_progress"

// aheadKey is that of all that is told ahead of an alert's life, which is no state: whoever reads
// states passes it over. Compaction keeps one of them.
const aheadKey = "_ahead"

// headerClaim is on every record of weir.alerts: under which claim it was written. On what is told
// ahead it is headerAhead, so that a build which knows nothing of it takes the record for stale.
const (
	headerClaim = "weir-claim"
	headerAhead = "weir-ahead"
)

// claim is the right to say how the alerts of a partition are. Whoever is given the
// partition claims it with an epoch above all before, by writing. Epochs are milliseconds
// since 1970, or one more than the epoch before. A process that stood
// still while its group gave the partition to another, and wakes up, writes under an
// older claim: that is stale, and nobody heeds it. Of two with the same epoch the one
// that comes first in the log counts.
type claim struct {
	epoch  uint64
	writer string // of all that ever claim
}

// after returns a claim that outdoes this one, and all that were made before a time: the
// record of a newer one may be gone where the log is compacted at once.
func (c claim) after(now time.Time) claim {
	return claim{max(c.epoch+1, uint64(now.UnixMilli())), rand.Text()}
}

// outdoes says that the claim came after another.
func (c claim) outdoes(other claim) bool { return c.epoch > other.epoch }

// header is that of a record with a key.
func (c claim) header(key string) kgo.RecordHeader {
	name := headerClaim
	if key == aheadKey {
		name = headerAhead
	}
	return kgo.RecordHeader{Key: name, Value: []byte(strconv.FormatUint(c.epoch, 10) + " " + c.writer)}
}

// claimOf returns the claim that a record was written under. One of an earlier build has
// none: it is older than all.
func claimOf(record *kgo.Record) (claim, error) { return claimIn(record, headerClaim) }

// claimIn reads the claim in a header.
func claimIn(record *kgo.Record, name string) (claim, error) {
	for _, header := range record.Headers {
		if header.Key != name {
			continue
		}
		number, writer, _ := strings.Cut(string(header.Value), " ")
		epoch, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return claim{}, fmt.Errorf("got header %s=%q, want an epoch and a writer: %w", name, header.Value, err)
		}
		return claim{epoch, writer}, nil
	}
	return claim{}, nil
}

// alertLog reads one partition of weir.alerts in the order of its records.
type alertLog struct {
	newest claim
	until  rules.Progress
	stale  map[string]bool // by key; of takeAll alone
}

// take returns the state of the alert that a record holds. It is nil where the record is
// of no alert, is stale, or cannot be read, which is an error.
func (l *alertLog) take(record *kgo.Record) (*telemetry.Alert, error) {
	if string(record.Key) == aheadKey {
		return nil, nil
	}
	under, err := claimOf(record)
	if err != nil {
		return nil, fmt.Errorf("read the record at offset %d: %w", record.Offset, err)
	}
	switch {
	case under.outdoes(l.newest):
		l.newest = under
	case under != l.newest:
		return nil, nil
	}
	if string(record.Key) == progressKey {
		var until rules.Progress
		if err := json.Unmarshal(record.Value, &until); err != nil {
			return nil, fmt.Errorf("decode progress at offset %d: %w", record.Offset, err)
		}
		l.until = until
		return nil, nil
	}
	alert, err := decodeAlert(record)
	if err != nil {
		return nil, fmt.Errorf("decode an alert at offset %d: %w", record.Offset, err)
	}
	return alert, nil
}

// takeTold returns what people are to hear of: the state of an alert, as take does, or what is told
// ahead of one. What is told ahead under another claim than the newest is stale.
func (l *alertLog) takeTold(record *kgo.Record) (*telemetry.Alert, error) {
	if string(record.Key) != aheadKey {
		return l.take(record)
	}
	under, err := claimIn(record, headerAhead)
	if err != nil {
		return nil, fmt.Errorf("read the record at offset %d: %w", record.Offset, err)
	}
	if under != l.newest {
		return nil, nil
	}
	alert, err := decodeAlert(record)
	if err != nil {
		return nil, fmt.Errorf("decode what is told ahead at offset %d: %w", record.Offset, err)
	}
	return alert, nil
}

// takeAll returns the newest state of each alert that is not inactive. Keys whose last
// record is stale it keeps.
func (l *alertLog) takeAll(records []*kgo.Record) (map[string]telemetry.Alert, error) {
	newest := map[string]telemetry.Alert{}
	l.stale = map[string]bool{}
	for _, record := range records {
		alert, err := l.take(record)
		if err != nil {
			return nil, err
		}
		l.stale[string(record.Key)] = alert == nil && string(record.Key) != progressKey && string(record.Key) != aheadKey
		switch {
		case alert == nil:
		case alert.State == telemetry.AlertInactive:
			delete(newest, alert.ID)
		default:
			newest[alert.ID] = *alert
		}
	}
	return newest, nil
}

// alertRecord is the record of an alert's state, or of what is told ahead of it. One that is
// inactive has no value, so that compaction forgets it.
func alertRecord(alert *telemetry.Alert) (*kgo.Record, error) {
	record := &kgo.Record{Key: []byte(alert.ID)}
	if !alert.ExpiresAt.IsZero() {
		record.Key = []byte(aheadKey)
	}
	if alert.State == telemetry.AlertInactive {
		return record, nil
	}
	var err error
	if record.Value, err = json.Marshal(alert); err != nil {
		return nil, fmt.Errorf("encode alert %s: %w", alert.Rule, err)
	}
	return record, nil
}

// decodeAlert reads what alertRecord makes.
func decodeAlert(record *kgo.Record) (*telemetry.Alert, error) {
	if len(record.Value) == 0 {
		return &telemetry.Alert{ID: string(record.Key), State: telemetry.AlertInactive}, nil
	}
	alert := &telemetry.Alert{}
	if err := json.Unmarshal(record.Value, alert); err != nil {
		return nil, err
	}
	return alert, nil
}

// progressRecord says how far a partition was evaluated. It also claims it.
func progressRecord(until rules.Progress) (*kgo.Record, error) {
	value, err := json.Marshal(until)
	if err != nil {
		return nil, fmt.Errorf("encode progress: %w", err)
	}
	return &kgo.Record{Key: []byte(progressKey), Value: value}, nil
}
