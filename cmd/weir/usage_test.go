package main

import (
	"strings"
	"testing"
)

// TestAWrongCallIsMended: what is wrong with a call is said with a near name, how the command is called, an example, and where there is more.
func TestAWrongCallIsMended(t *testing.T) {
	t.Parallel()
	const all = "commands: run, collect, health, find, demo, rules, config, audit, topics, control, broker, store, clickhouse, version\nexample: weir demo --once\nmore: weir --help\n"
	for args, want := range map[string]string{
		"":                "weir: expected one of \"run\", \"collect\", \"health\", \"find\", \"demo\", ...\nusage: weir <command>\n" + all,
		"dance":           "weir: unexpected argument dance\nusage: weir <command>\n" + all,
		"rulse check":     "weir: unexpected argument rulse, did you mean \"rules\"?\nusage: weir <command>\n" + all,
		"rules chek":      "weir: unexpected argument chek, did you mean \"check\"?\nusage: weir rules <command>\ncommands: check, fmt, test, backtest, inspect, explain, capture\nexample: weir rules check rules.d\nmore: weir rules --help\n",
		"run --dance":     "weir: unknown flag --dance\nusage: weir run [flags]\nexample: weir run --config weir.yaml\nmore: weir run --help\n",
		"health --clustr": "weir: unknown flag --clustr, did you mean \"--cluster\"?\nusage: weir health [flags]\nexample: weir health --config weir.yaml\nmore: weir health --help\n",
		"find":            "weir: expected \"<id>\"\nusage: weir find <id> [flags]\nexample: weir find orders/3/1041 --config weir.yaml\nmore: weir find --help\n",
		"store backfill":  "weir: missing flags: --from=24h\nusage: weir store backfill --from=24h [flags]\nexample: weir store backfill --config weir.yaml --from 7d --dry-run\nmore: weir store backfill --help\n",
	} {
		if got := call(t, t.TempDir(), strings.Fields(args)...); got != (ended{"", want, exitUsage}) {
			t.Errorf("weir %s: got %+v, want\n%s", args, got, want)
		}
	}
}
