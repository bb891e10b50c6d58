package remoting

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStandardJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{0:"a",1:"b"}`:                         `{"0":"a","1":"b"}`,
		`{"a":{-1 : [1,{x_Y-9:null}]}, b:true}`: `{"a":{"-1" : [1,{"x_Y-9":null}]}, "b":true}`,
		`{{"queueId":0,"topic":"a"}:{"n":1}}`:   `{"{\"queueId\":0,\"topic\":\"a\"}":{"n":1}}`,
		`{{"topic":"a\"b\\"}:1, {0:"}"}:2}`:     `{"{\"topic\":\"a\\\"b\\\\\"}":1, "{\"0\":\"}\"}":2}`,
		"{ {\n\"a\": [1, {\"b\":2}]\n} :1}":     `{ "{\"a\":[1,{\"b\":2}]}" :1}`,
		`{{}:1}`:                                `{"{}":1}`,
		`{}`:                                    `{}`,
		` [ "{0:1}" , 1e3 ] `:                   ` [ "{0:1}" , 1e3 ] `,
	} {
		got, err := standardJSON([]byte(in))
		if err != nil || string(got) != want || !json.Valid(got) {
			t.Errorf("%s: got %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestWhatIsNoAnswerIsRefused(t *testing.T) {
	for in, want := range map[string]string{
		``:            `unexpected end of JSON input`,
		`{"a`:         `byte 1: a string has no end`,
		`{"a\`:        `byte 1: a string has no end`,
		`{0`:          `byte 1: a key and a colon are needed, got "0"`,
		`{'a':1}`:     `byte 1: a key and a colon are needed, got "'"`,
		`{[1]:1}`:     `byte 1: a key is a string, a word or an object without such keys of its own`,
		`{{{0:1}:1}:`: `byte 2: a key is a string, a word or an object without such keys of its own`,
		`{0:1`:        `unexpected end of JSON input`,
		`}`:           `invalid character '}' looking for beginning of value`,
		`{"a":NaN}`:   `invalid character 'N' looking for beginning of value`,
		"{\"a\n\":1}": `invalid character '\n' in string literal`,
	} {
		err := decodeBody([]byte(in), new(any))
		if want := "not an answer of RocketMQ: " + want; !errors.Is(err, errAnswer) || err.Error() != want {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

// TestSampledHeadersAndBodies reads every answer that was sampled.
func TestSampledHeadersAndBodies(t *testing.T) {
	samples, err := filepath.Glob("testdata/*.json")
	if err != nil || len(samples) == 0 {
		t.Fatal("no samples", err)
	}
	for _, path := range samples {
		sample, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".header.json") {
			if h, err := decodeJSONHeader(sample); err != nil || h.Opaque != 1 || h.Flag != responseFlag {
				t.Errorf("%s: got %+v, %v", path, h, err)
			}
			continue
		}
		var body map[string]any
		if err := decodeBody(sample, &body); err != nil || len(body) == 0 {
			t.Errorf("%s: got %v, %v", path, body, err)
		}
	}
}

// FuzzStandardJSON has any bytes: JSON stays as it is, and nothing grows beyond three times its length.
func FuzzStandardJSON(f *testing.F) {
	for _, name := range []string{"106-cluster-info", "201-subscription-groups", "202-topic-stats", "208-consume-stats-all-topics", "307-consumer-running-info"} {
		sample, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(sample)
		f.Add(sample[:len(sample)/2])
	}
	f.Add([]byte(`{{"a\"":[{0:1}]}:{"b":{c:"\\"}}}`))
	f.Add([]byte(`{{{{"a":1}:1}:1}:1}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := standardJSON(in)
		if err != nil {
			if !errors.Is(err, errAnswer) || json.Valid(in) {
				t.Errorf("%q: %v", in, err)
			}
			return
		}
		if json.Valid(in) && string(out) != string(in) {
			t.Errorf("JSON was changed: %q to %q", in, out)
		}
		if len(out) > 3*len(in) {
			t.Errorf("%d bytes became %d", len(in), len(out))
		}
		if !json.Valid(out) {
			return
		}
		if again, err := standardJSON(out); err != nil || string(again) != string(out) {
			t.Errorf("%q became %q, then %q, %v", in, out, again, err)
		}
	})
}
