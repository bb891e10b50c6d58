package remoting

import (
	"fmt"
	"testing"
)

func TestRelease(t *testing.T) {
	for version, want := range map[int32]string{
		213: "4.0.0", 212: "4.0.0-SNAPSHOT", 399: "4.9.3", 401: "4.9.4", 413: "5.0.0", 479: "5.3.3", 478: "5.3.3-SNAPSHOT", 611: "5.9.9",
		211: "", 612: "", 0: "", -1: "",
	} {
		if got, known := (Connection{Language: "JAVA", Version: version}).Release(); got != want || known != (want != "") {
			t.Errorf("version %d of a client in Java is %q, %v, want %q", version, got, known, want)
		}
	}
	for _, language := range []string{"GO", "CPP", "", "java"} {
		if got, known := (Connection{Language: language, Version: 317}).Release(); got != "" || known {
			t.Errorf("a client in %s is %q, want an unknown release", language, got)
		}
	}
}

func TestDiskRatioIsOfTheFullestDisk(t *testing.T) {
	for want, values := range map[string]map[string]string{
		"0.7 true":  {"commitLogDiskRatio": "0.2", "commitLogDiskRatio_/a": "0.7", "commitLogDiskRatio_/b": "0.1", "commitLogDiskRatios": "0.9"},
		"0.2 true":  {"commitLogDiskRatio": "0.2", "commitLogDiskRatio_/a": "-1.0"},
		"0 true":    {"commitLogDiskRatio": "0.0"},
		"0 false":   {"commitLogDiskRatio": "-1.0", "commitLogDiskRatio_/a": "NaN"},
		"0 false ":  {"consumeQueueDiskRatio": "0.2"},
		"0 false  ": nil,
	} {
		got, known := RuntimeInfo{values}.DiskRatio()
		if fmt.Sprint(got, " ", known) != want[:len(fmt.Sprint(got, " ", known))] {
			t.Errorf("%v: got %v, %v, want %s", values, got, known, want)
		}
	}
}

func TestWhatABrokerDoesNotSayIsUnknown(t *testing.T) {
	info := RuntimeInfo{map[string]string{"negative": "-1", "word": "null"}}
	for _, key := range []string{"negative", "word", "missing"} {
		if n, known := info.Int(key); known {
			t.Errorf("%s is %d, want unknown", key, n)
		}
	}
}
