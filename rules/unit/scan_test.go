package unit_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"

	"github.com/weirmq/weir/rules/unit"
)

// said is what a scan found, one line for each literal.
func said(text string) string {
	var out []string
	_, literals := unit.Scan(text)
	for _, l := range literals {
		line := fmt.Sprintf("%d %s = %v %s", l.Offset, l.Text, l.Value, l.Of)
		if l.Message != "" {
			line = strings.TrimSuffix(fmt.Sprintf("%d %s; %s", l.Offset, l.Message, l.Hint), "; ")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

const allowed = "allowed are us, ms, s, m, h and d, B, KB, MB, GB, KiB, MiB and GiB, and %, directly behind the number"

func TestLiterals(t *testing.T) {
	for text, want := range map[string]string{
		"p99 > 800ms":                              "6 800ms = 0.8 seconds",
		"p99>300ms and p50<.5s":                    "4 300ms = 0.3 seconds\n18 .5s = 0.5 seconds",
		"5us 60s 5m 2h 1d":                         "0 5us = 5e-06 seconds\n4 60s = 60 seconds\n8 5m = 300 seconds\n11 2h = 7200 seconds\n14 1d = 86400 seconds",
		"1h30m + 1d12h":                            "0 1h30m = 5400 seconds\n8 1d12h = 129600 seconds",
		"10B 10KB 10MB 1.5GB":                      "0 10B = 10 bytes\n4 10KB = 10000 bytes\n9 10MB = 1e+07 bytes\n14 1.5GB = 1.5e+09 bytes",
		"10KiB 1MiB 1GiB":                          "0 10KiB = 10240 bytes\n6 1MiB = 1.048576e+06 bytes\n11 1GiB = 1.073741824e+09 bytes",
		"10MB/s (1KiB/s)":                          "0 10MB/s = 1e+07 bytes per second\n8 1KiB/s = 1024 bytes per second",
		"100/s 5/size 10MB/size":                   "0 100/s = 100 messages per second\n13 10MB = 1e+07 bytes",
		"error_rate > 5% and 0.5%>x":               "13 5% = 0.05 a plain number\n20 0.5% = 0.005 a plain number",
		"messages % 5 == 0":                        "",
		"1_000ms 1e3ms 1E-1s 0B":                   "0 1_000ms = 1 seconds\n8 1e3ms = 1 seconds\n14 1E-1s = 0.1 seconds\n20 0B = 0 bytes",
		"0x1F 0b11 0o17 0xFF":                      "",
		"p99 latency_5s $5s #5s a5m":               "",
		"1..5m 1...5m a?.5s":                       "3 5m = 300 seconds\n9 .5m = 30 seconds\n16 5s = 5 seconds",
		`"5m" '5m' ` + "`5m" + "`" + ` "a\"5m" 5m`: "23 5m = 300 seconds",
		"/* 5m */ 6m // 7m\n8m":                    "9 6m = 360 seconds\n18 8m = 480 seconds",
		`topic == "日本語" and 5m`:                    "19 5m = 300 seconds",
		"tps > 1000 and 5.5.5s > 5_s":              "",
		"5m.x 5":                                   "0 5m = 300 seconds",

		"p99 > 300mss":   `6 unknown unit "mss" in 300mss; ` + allowed + "; did you mean 300ms?",
		"tps > 10k":      `6 unknown unit "k" in 10k; ` + allowed + "; write 10000 of what is counted, 10KB of bytes",
		"tps > 1.5M":     `6 unknown unit "M" in 1.5M; ` + allowed + "; write 1500000 of what is counted, 1.5MB of bytes",
		"size > 10kib":   `7 unknown unit "kib" in 10kib; ` + allowed + "; did you mean 10KiB?",
		"p99 > 5µs":      `6 unknown unit "µs" in 5µs; ` + allowed + "; did you mean 5us?",
		"p99 > 5min":     `6 unknown unit "min" in 5min; ` + allowed + "; did you mean 5m?",
		"p99 > 5parsecs": `6 unknown unit "parsecs" in 5parsecs; ` + allowed,
		"p99 > 5 sec and 5 in a": `6 a unit stands directly behind its number, and in "5 sec" it does not; ` +
			"write 5s",
		"30m1h 5s5 1MB1s": "0 30m1h is no number with a unit; units of time follow each other as in 1h30m, the largest first\n" +
			"6 5s5 is no number with a unit; units of time follow each other as in 1h30m, the largest first\n" +
			"10 1MB1s is no number with a unit; units of time follow each other as in 1h30m, the largest first",
		"tps > 5%2":      "6 5% is a share, and something follows it directly; rules have no remainders; write an operator behind a share",
		"tps > 5%(2)":    "6 5% is a share, and something follows it directly; rules have no remainders; write an operator behind a share",
		"bps > 10MB/min": "6 unknown unit in 10MB/min; rates are per second; write 10MB/1m",
		"tps > 100/min and 5/min(p99, p95) > 1/min (p50)": "6 unknown unit in 100/min; rates are per second; write 100/1m",
		"tps > 100/sec or tps > 5/hours":                  "6 unknown unit in 100/sec; rates are per second; write 100/s\n23 unknown unit in 5/hours; rates are per second; write 5/1h",
		"bps > 10MBps or bps > 10Mbit/s": `6 unknown unit "MBps" in 10MBps; ` + allowed + "; write 10MB/s\n" +
			`22 unknown unit "Mbit" in 10Mbit/s; ` + allowed + "; write 1.25MB/s",
		"p99 > 2w": `6 unknown unit "w" in 2w; ` + allowed + "; write 14d",
		"error_rate > 5 % and (disk_used > 85 %)": "13 a per cent sign stands directly behind its number, and in \"5 %\" it does not; write 5%\n" +
			"34 a per cent sign stands directly behind its number, and in \"85 %\" it does not; write 85%",
		"messages % 5 == 0 and 7 % tps > 1": "",
		"p99 > 5m/h":                        "6 unknown unit in 5m/h; rates are per second",
		"p99 > 1e999s":                      "6 1e999s is too large; write a smaller number, or a larger unit",
		"p99 > 1e999%":                      "6 1e999% is too large; write a smaller number, or a larger unit",
		"p99 > 5s٣":                         `6 unknown unit "s٣" in 5s٣; ` + allowed,
	} {
		if got := said(text); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestDurationText(t *testing.T) {
	for text, want := range map[string]string{
		"5m": "5m", "1h30m": "1h30m", "1d": "1d", "1d12h": "1d12h", "0.5m": "0.5m", "1e3ms": "1s", "1.5d": "36h0m0s", "1_0m": "10m0s",
		"1e300d": "1e300d", "5MB": "", "5%": "", "5mss": "",
	} {
		_, literals := unit.Scan(text)
		if got, ok := literals[0].DurationText(); got != want || ok != (want != "") {
			t.Errorf("%s is written %q, %t; want %q", text, got, ok, want)
		}
	}
}

// FuzzScan holds that Expr reads an identifier in place of each literal, where the literal stands and as wide, and reads the
// rest as it did.
func FuzzScan(f *testing.F) {
	for _, text := range []string{
		"p99 > 800ms and size_max > 10KiB", `over(5m).tps > 2 * ago("3m").tps`, "error_rate > 5% or bps > 10MB/s", "1h30m 5 sec 10k 5%2",
		"0x1F.5s 0b1 5.5.5s 1..5m a?.5s #5s", "`5m` '\\'5m' // 5m", "日本 5s٣ 5µs", "\xff5s\xff",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, literals := unit.Scan(text)
		if utf8.RuneCountInString(plain) != utf8.RuneCountInString(text) {
			t.Fatalf("%q has another width than %q", plain, text)
		}
		tokens, err := lexer.Lex(file.NewSource(plain))
		at := map[int]int{}
		for _, token := range tokens {
			if token.Kind == lexer.Identifier {
				at[token.From] = token.To
			}
		}
		for _, l := range literals {
			if err == nil && at[l.Offset] != l.Offset+l.Width {
				t.Errorf("%q at %d has no identifier in %q", l.Text, l.Offset, plain)
			}
			if l.Message == "" && (math.IsNaN(l.Value) || math.IsInf(l.Value, 0) || l.Value < 0) {
				t.Errorf("%q is %v", l.Text, l.Value)
			}
			if got := string([]rune(text)[l.Offset : l.Offset+l.Width]); utf8.ValidString(text) && got != l.Text {
				t.Errorf("at %d stands %q, not %q", l.Offset, got, l.Text)
			}
		}
		if len(literals) == 0 && plain != text {
			t.Errorf("%q became %q", text, plain)
		}
	})
}
