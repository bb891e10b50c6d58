package remoting

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestRelease(t *testing.T) {
	for version, want := range map[int32]string{
		213: "4.0.0", 212: "4.0.0-SNAPSHOT", 399: "4.9.3", 401: "4.9.4", 413: "5.0.0", 479: "5.3.3", 478: "5.3.3-SNAPSHOT", 611: "5.9.9",
		211: "", 612: "", 0: "", -1: "",
	} {
		got, known := BrokerRelease(version)
		if got != want || known != (want != "") {
			t.Errorf("version %d is %q, %v, want %q", version, got, known, want)
		}
		if java, javaKnown := (Connection{Language: "JAVA", Version: version}).Release(); java != got || javaKnown != known {
			t.Errorf("version %d of a client in Java is %q, %v, want %q, %v", version, java, javaKnown, got, known)
		}
	}
	for _, language := range []string{"GO", "CPP", "", "java"} {
		if got, known := Release(language, 317); got != "" || known {
			t.Errorf("a client in %s is %q, want an unknown release", language, got)
		}
	}
}

func TestRates(t *testing.T) {
	for name, test := range map[string]struct {
		uptime, key, value string
		want               []float64
	}{
		"just begun":      {"[ 0 days, 0 hours, 0 minutes, 9 seconds ]", KeyPutTPS, "  ", nil},
		"guessed zeros":   {"[ 0 days, 0 hours, 0 minutes, 9 seconds ]", KeyTotalTPS, "0.0 0.0 0.0", nil},
		"ten seconds":     {"[ 0 days, 0 hours, 0 minutes, 10 seconds ]", KeyTotalTPS, "1.5 0.0 0.0", []float64{1.5}},
		"a minute":        {"[ 0 days, 0 hours, 1 minutes, 0 seconds ]", KeyPutTPS, "1.5 2.5 ", []float64{1.5, 2.5}},
		"a day":           {"[ 1 days, 0 hours, 0 minutes, 0 seconds ]", KeyPutTPS, "1 2 3", []float64{1, 2, 3}},
		"more than three": {"[ 0 days, 1 hours, 0 minutes, 0 seconds ]", KeyPutTPS, "1 2 3 4", []float64{1, 2, 3}},
		"not a number":    {"[ 0 days, 1 hours, 0 minutes, 0 seconds ]", KeyPutTPS, "1 NaN 3", []float64{1}},
		"infinite":        {"[ 0 days, 1 hours, 0 minutes, 0 seconds ]", KeyPutTPS, "Infinity 2 3", nil},
		"no uptime":       {"", KeyPutTPS, "1 2", []float64{1, 2}},
		"of releases 4.x": {"[ 0 days, 1 hours, 0 minutes, 0 seconds ]", "getTransferedTps", "1 2 3", []float64{1, 2, 3}},
	} {
		key := test.key
		if key == "getTransferedTps" {
			key = KeyTransferredTPS
		}
		var want []Rate
		for i, value := range test.want {
			want = append(want, Rate{[]time.Duration{10 * time.Second, time.Minute, 10 * time.Minute}[i], value})
		}
		if got := (RuntimeInfo{map[string]string{test.key: test.value, "runtime": test.uptime}}).Rates(key); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", name, got, want)
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
	info := RuntimeInfo{map[string]string{"negative": "-1", "word": "null", "brokerVersion": "-"}}
	for _, key := range []string{"negative", "word", "missing"} {
		if n, known := info.Int(key); known {
			t.Errorf("%s is %d, want unknown", key, n)
		}
	}
	if release, known := info.Release(); known {
		t.Errorf("the release is %q, want unknown", release)
	}
	if uptime, known := info.Uptime(); known {
		t.Errorf("the uptime is %v, want unknown", uptime)
	}
	if info.Active() {
		t.Error("a broker that does not say so is active")
	}
}
