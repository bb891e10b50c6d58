package remoting

import (
	"slices"
	"testing"
)

// TestDelayLevelsOfABroker has values of a broker's runtime info, some of which are none.
func TestDelayLevelsOfABroker(t *testing.T) {
	info := RuntimeInfo{Values: map[string]string{
		"scheduleMessageOffset_18": "3,9", "scheduleMessageOffset_2": "5,5", "scheduleMessageOffset_x": "1,1", "scheduleMessageOffset_0": "1,1",
		"scheduleMessageOffset_3": "1", "scheduleMessageOffset_4": "-1,2", "scheduleMessageOffset_5": ",", "scheduleMessageOffset_6": "1,2,3", "runtime": "1,1",
	}}
	if got, want := info.DelayLevels(), []DelayLevel{{2, 5, 5}, {18, 3, 9}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestReadingOfAKey has keys of a broker's table of offsets.
func TestReadingOfAKey(t *testing.T) {
	for key, want := range map[string]Reading{
		"orders@billing":                {"orders", "billing"},
		"%RETRY%billing@billing":        {"%RETRY%billing", "billing"},
		"%RETRY%billing+orders@billing": {"%RETRY%billing+orders", "billing"},
	} {
		var got Reading
		if err := got.UnmarshalText([]byte(key)); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", key, got, err, want)
		}
	}
	for _, key := range []string{"", "orders", "a@b@c"} {
		got := Reading{"before", "before"}
		if err := got.UnmarshalText([]byte(key)); err != nil || got != (Reading{}) {
			t.Errorf("%q: got %+v, %v, want nothing", key, got, err)
		}
	}
	var table struct{ Offsets map[Reading]map[QueueID]int64 }
	if err := decodeBody([]byte(`{"Offsets":{"orders@billing":{0:12,3:7},"a@b@c":{0:1}}}`), &table); err != nil || table.Offsets[Reading{"orders", "billing"}][3] != 7 {
		t.Errorf("got %v, %v", table, err)
	}
}
