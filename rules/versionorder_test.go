package rules

import (
	"testing"

	"github.com/expr-lang/expr"

	"github.com/weirmq/weir/telemetry"
)

// TestVersionsInConditions holds that the label is compared as a version, and what follows where it is unknown.
func TestVersionsInConditions(t *testing.T) {
	const yes, no, unknown = "true", "false", "unknown"
	for text, want := range map[string]map[string]string{
		`sdk_version < "1.18.0"`:                     {"1.9.0": yes, "v1.18.0-rc1": yes, "1.18.0": no, "1.100": no, "": no, "dev": no},
		`"1.18.0" > sdk_version`:                     {"1.9.0": yes, "1.18.0": no, "": no},
		`sdk_version <= "v1.18"`:                     {"1.18.0": yes, "1.18.1": no, "": no},
		`sdk_version >= "1.9"`:                       {"1.18.0": yes, "1.8": no, "": no},
		`sdk_version > "1.9.0-rc.9"`:                 {"1.9.0-rc.10": yes, "1.9.0-rc.9": no, "1.9.0-rc": no, "": no},
		`sdk_version == "1.18"`:                      {"v1.18.0": yes, "1.18.1": no, "": no},
		`sdk_version != "1.18"`:                      {"1.18.0": no, "1.18.1": yes, "": no, "dev": no},
		`label("sdk_version") < "1.18.0"`:            {"1.9.0": yes, "": no},
		`sdk_version == ""`:                          {"1.18.0": no, "": yes},
		`sdk_version != ""`:                          {"1.18.0": yes, "": no, "dev": yes},
		`sdk_version in ["dev"]`:                     {"dev": yes, "1.0": no},
		`not (sdk_version < "1.18.0")`:               {"1.9.0": no, "1.18.0": yes, "": no},
		`not (not (sdk_version < "1.18.0"))`:         {"1.9.0": yes, "1.18.0": no, "": no},
		`!(sdk_version < "1.18.0" and tps > 1)`:      {"1.9.0": no, "1.18.0": yes, "": no},
		`tps > 1 or not (sdk_version < "1.18.0")`:    {"1.9.0": yes, "": yes},
		`tps > 1 and sdk_version < "1.18.0"`:         {"1.9.0": yes, "": no},
		`sdk_version < "1.18.0" ? tps > 1 : tps > 9`: {"1.9.0": yes, "1.18.0": no, "": unknown, "dev": unknown},
		`sdk_version < "1.18.0" ? tps > 1 : tps > 2`: {"1.9.0": yes, "1.18.0": yes, "": unknown},
		`sdk_version < "1.18.0" ? tps > 8 : tps > 9`: {"1.9.0": no, "1.18.0": no, "": no},
		`(sdk_version < "1.18.0") == (tps > 1)`:      {"1.9.0": yes, "1.18.0": no, "": unknown},
		`any([1], {sdk_version < "1.18.0"})`:         {"1.9.0": yes, "1.18.0": no, "": unknown},
		`tps > 1 ? sdk_version < "1.18.0" : false`:   {"1.9.0": yes, "": no},
	} {
		compiled, err := compileExpr(text, []string{"sdk_version"}, LaneRealtime)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for version, want := range want {
			view := View{Span: Span{TPS: 5}}
			view.setLabels([]string{"sdk_version"}, []string{version})
			rule := &Rule{condition: compiled}
			active, indefinite, err := rule.holds(&view, func() bool { return false })
			if err != nil {
				t.Fatal(err)
			}
			got := no
			switch {
			case indefinite:
				got = unknown
			case active:
				got = yes
			}
			if got != want {
				t.Errorf("%s of %q is %s, want %s", text, version, got, want)
			}
		}
	}
}

// TestVersionsOfThePolicy holds that the label is compared as a version with what the policy says, and that a language of which
// it says nothing is unknown.
func TestVersionsOfThePolicy(t *testing.T) {
	compiled, err := compileExpr(`sdk_version < policy.sdk_min[sdk_lang]`, []string{"sdk_lang", "sdk_version"}, LaneRealtime)
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]bool{"1.9.0": true, "1.18.0": false, "": false} {
		for _, minimum := range []string{"1.18.0", ""} {
			view := View{PolicyVersion: func(string) string { return minimum }}
			view.setLabels([]string{"sdk_lang", "sdk_version"}, []string{"go", version})
			if got, err := isTrue(compiled.program, view); err != nil || got != (want && minimum != "") {
				t.Errorf("%q below %q is %t: %v", version, minimum, got, err)
			}
		}
	}
}

// TestVersionsInFilters holds that a filter admits nothing by a version that is unknown, and that its normal text is as before.
func TestVersionsInFilters(t *testing.T) {
	for text, want := range map[string]map[string]bool{
		`sdk_version < "1.18.0"`:                                {"1.9.0": true, "1.18.0": false, "": false},
		`not (sdk_version < "1.18.0")`:                          {"1.9.0": false, "1.18.0": true, "": false, "dev": false},
		`op == "send" or sdk_version < "1.18.0"`:                {"": true, "1.18.0": true},
		`sdk_version < "1.18.0" ? op == "send" : op == "group"`: {"1.9.0": true, "1.18.0": false, "": false},
	} {
		where, normal, err := compileWhere(text)
		if err != nil || normal != text {
			t.Errorf("%s is %s: %v", text, normal, err)
			continue
		}
		for version, want := range want {
			if got := where(&telemetry.Labels{Op: "send", SDKVersion: version}); got != want {
				t.Errorf("%s admits %q: %t, want %t", text, version, got, want)
			}
		}
	}
}

func TestVersionShares(t *testing.T) {
	versions := []telemetry.VersionTotals{{SDKVersion: "1.9.0", Clients: []string{"a", "b"}}, {SDKVersion: "1.18.0", Clients: []string{"c"}},
		{SDKVersion: "v2.0.0-rc1", Clients: []string{"d"}}, {SDKVersion: "", Clients: []string{"e"}}, {SDKVersion: "dev", Clients: []string{"f"}}}
	for text, want := range map[string]float64{
		`version_share("<", "1.18.0")`: 0.5, `version_share(">=", "1.18.0")`: 0.5, `version_share(">", "1.18")`: 0.25, `version_share("<=", "1.18")`: 0.75,
		`version_share("==", "1.18")`: 0.25, `version_share("!=", "1.18")`: 0.75, `version_share("1.*")`: 0.5, `outdated("1.18.0")`: 0.5,
	} {
		var s stretch
		s.seconds = 1
		s.totals.Versions = versions
		compiled, err := compileExpr(text+" >= 0", nil, LaneRealtime)
		if err != nil || !compiled.reads.needs.Has(telemetry.PartDistincts) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		program, err := expr.Compile(text, expr.Env(View{}))
		if err != nil {
			t.Fatal(err)
		}
		got, err := expr.Run(program, View{Span: s.span(telemetry.PartDistincts)})
		if err != nil || got != want {
			t.Errorf("%s = %v, want %v: %v", text, got, want, err)
		}
	}
}
