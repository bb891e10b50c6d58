package remoting

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Keys of a broker's runtime info, all that a collector reads.
const (
	KeySendQueueMillis   = "sendThreadPoolQueueHeadWaitTimeMills" // how long the oldest send waits
	KeyPageLockMillis    = "pageCacheLockTimeMills"               // how long the write that is under way takes
	KeyLogMax            = "commitLogMaxOffset"                   // bytes
	keyDiskRatio         = "commitLogDiskRatio"                   // see DiskRatio
	KeyTimerReadBehind   = "timerReadBehind"                      // how late the wheel of timers delivers, s; 0 where there is none
	KeyTimerOffsetBehind = "timerOffsetBehind"                    // messages that the wheel has not taken in; 0 where there is none
	keyDelayOffset       = "scheduleMessageOffset_"               // see DelayLevels
)

// RuntimeInfo is how a broker is: what it says of itself, by key. Releases differ in their keys, and a value that is not there or not a
// number is unknown.
type RuntimeInfo struct {
	Values map[string]string `json:"table"`
}

// RuntimeInfo asks a broker how it is.
func (b Broker) RuntimeInfo(ctx context.Context) (RuntimeInfo, error) {
	return fetch[RuntimeInfo](ctx, b.target, "its state", Request{Code: codeRuntimeInfo})
}

// Settings of a broker.
const (
	SettingRetentionHours = "fileReservedTime"     // how long messages are kept, whatever the topic
	SettingTimers         = "timerWheelEnable"     // "true" where messages may be delayed by any time
	SettingMaxGap         = "haMaxGapNotInSync"    // bytes that a slave may be behind and is in sync
	SettingMaxGapOld      = "haSlaveFallbehindMax" // likewise, before 5
	SettingRole           = "brokerRole"
	SettingInSync         = "inSyncReplicas"           // brokers that must have what is sent, from 5 on
	SettingAutoInSync     = "enableAutoInSyncReplicas" // "true" where fewer suffice, while fewer are there
	SettingMinInSync      = "minInSyncReplicas"        // but not fewer than these
)

// RoleWaits is the role of a master that answers once its slaves have what was sent.
const RoleWaits = "SYNC_MASTER"

// Settings asks a broker for its configuration, by key.
func (b Broker) Settings(ctx context.Context) (map[string]string, error) {
	got, err := b.target.client.do(ctx, b.target, "its settings", Request{Code: codeSettings})
	if err != nil {
		return nil, err
	}
	settings := map[string]string{}
	for line := range strings.Lines(string(got.Body)) { // key=value, as Java's properties
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			settings[key] = value
		}
	}
	return settings, nil
}

// DelayLevel is how far a broker is with the messages of a delay level, which are queue Level-1 of the topic of delayed messages.
type DelayLevel struct {
	Level  int   // from 1
	Offset int64 // of the next message to be delivered
	End    int64 // behind the newest message
}

// DelayLevels are those that ever had a message, in their order, also those that the setting messageDelayLevel does not have any more.
func (r RuntimeInfo) DelayLevels() []DelayLevel {
	var out []DelayLevel
	for key, value := range r.Values {
		level, ok := strings.CutPrefix(key, keyDelayOffset)
		if !ok {
			continue
		}
		var found DelayLevel
		offset, end, _ := strings.Cut(value, ",")
		var errs [3]error
		found.Level, errs[0] = strconv.Atoi(level)
		found.Offset, errs[1] = strconv.ParseInt(offset, 10, 64)
		found.End, errs[2] = strconv.ParseInt(end, 10, 64)
		if errors.Join(errs[:]...) == nil && found.Level > 0 && found.Offset >= 0 && found.End >= 0 {
			out = append(out, found)
		}
	}
	slices.SortFunc(out, func(a, b DelayLevel) int { return cmp.Compare(a.Level, b.Level) })
	return out
}

// Int is a whole number, and whether it is known. The broker has negative ones where it does not know itself.
func (r RuntimeInfo) Int(key string) (int64, bool) {
	n, err := strconv.ParseInt(r.Values[key], 10, 64)
	return n, err == nil && n >= 0
}

// DiskRatio is how full the fullest disk of the commit log is, from 0 to 1, and whether it is known. It is used/(used+usable): blocks
// that are reserved for root are not counted.
func (r RuntimeInfo) DiskRatio() (float64, bool) {
	fullest, known := 0.0, false
	for key, value := range r.Values {
		if key != keyDiskRatio && !strings.HasPrefix(key, keyDiskRatio+"_") { // one for each folder, with its path
			continue
		}
		// A folder that is not there has -1.
		if ratio, ok := quantity(value); ok {
			fullest, known = max(fullest, ratio), true
		}
	}
	return fullest, known
}

// quantity is a number that something real can have, and whether text is one: Java writes NaN, and -1 for what it does not know.
func quantity(text string) (float64, bool) {
	value, err := strconv.ParseFloat(text, 64)
	return value, err == nil && value >= 0 && !math.IsInf(value, 0)
}
