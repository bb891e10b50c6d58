package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// aggregations are functions of PromQL that fields of the view stand for.
var aggregations = []string{"rate", "irate", "increase", "sum", "avg", "histogram_quantile", "quantile", "delta", "deriv"}

// spanOnly is said of what only the present view has.
const spanOnly = "prev, over and ago have the fields of a span only"

// labelsOnly is said of what only an expression has, and stands in a filter.
const labelsOnly = "where sees labels only: ask for it in expr"

// otherNames are what fields are called elsewhere, in small letters.
var otherNames = map[string]string{
	"qps": "tps", "rps": "tps", "mps": "tps", "throughput": "tps", "msgs": "messages", "count": "messages", "message_count": "messages",
	"bandwidth": "bps", "failures": "errors", "error_ratio": "error_rate", "error_percent": "error_rate", "failure_rate": "error_rate",
	"latency": "p99", "latency_p99": "p99", "latency_p95": "p95", "latency_p90": "p90", "latency_p50": "p50", "duration": "p99", "response_time": "p99",
	"max_latency": "latency_max", "delay": "delay_p99", "size": "size_p99", "message_size": "size_p99", "max_size": "size_max", "heartbeat": "heartbeat_p99", "rtt": "heartbeat_p99",
	"consumer_lag": "lag", "backlog": "lag", "lag_age": "lag_seconds", "lag_time": "lag_seconds", "disk": "disk_used", "disk_usage": "disk_used",
	"consumers": "members", "replicas": "in_sync_replicas", "isr": "in_sync_replicas", "controllers": "active_controllers", "brokers": "brokers_alive",
}

// policyBracket is what stands before the key of a policy.
var policyBracket = regexp.MustCompile(`policy\s*\.\s*(tiers|inventory|sdk_min|owners)\s*\[\s*$`)

// policyLabels are the labels by which the sections of a policy are read.
var policyLabels = map[string]string{policyTiers: "tier", policyInventory: "cluster", policySDKMin: "sdk_lang", policyOwners: "topic"}

// meantByPolicyKey is what was probably meant by a name that is not known, and stands as the key of a policy's section.
func meantByPolicyKey(section, name string) string {
	if hint := didYouMean(name, []string{policyLabels[section]}); hint != "" {
		return hint
	}
	if section == policyOwners {
		return ownersAreRead
	}
	if tier := strings.ToUpper(name); section == policyTiers && slices.Contains(Tiers, tier) {
		name = tier
	}
	return fmt.Sprintf("write policy.%s[%q]", section, name)
}

// meantByName is what was probably meant by a name that is not known.
func meantByName(text string, offset int, name string, known []string) string {
	before := string([]rune(text)[:min(offset, len([]rune(text)))])
	behind := strings.TrimSpace(strings.TrimPrefix(text[len(before):], name))
	if match := policyBracket.FindStringSubmatch(before); match != nil && strings.HasPrefix(behind, "]") {
		return meantByPolicyKey(match[1], name)
	}
	switch {
	case slices.Contains(clocks, name):
		return "no rule asks a clock; over, ago and prev look back"
	case slices.Contains(aggregations, name):
		return "tps and bps are rates, p50 to p999 quantiles, and by groups"
	case name == "duration" && strings.HasPrefix(text[len(before):], name+"("):
		return "write a time as in 5m"
	case templateFunctions[name] != nil:
		return "annotations can format, expressions cannot"
	case slices.Contains(known, name):
		return spanOnly
	case slices.Contains(viewNames, name) || name == "policy":
		return labelsOnly
	case comparedBefore.MatchString(before):
		return fmt.Sprintf("text stands in quotes: %q", name)
	}
	if hint := meantByField(name, known); hint != "" {
		return hint
	}
	if hint := didYouMean(name, known); hint != "" || slices.Contains(known, "tps") || meantByField(name, viewNames) == "" {
		return hint
	}
	return labelsOnly
}

// meantByField is which field was probably meant by the name of its gauge, or by what it is called elsewhere.
func meantByField(name string, known []string) string {
	var fields []string
	for _, field := range GaugeFields {
		if field.Gauge == name && slices.Contains(known, field.Field) {
			fields = append(fields, field.Field)
		}
	}
	if len(fields) > 0 {
		return fmt.Sprintf("a gauge is read by its field: %s", strings.Join(fields, " or "))
	}
	small := strings.ToLower(name)
	other := otherNames[small]
	if slices.Contains(known, small) {
		other = small
	}
	if first, _, found := strings.Cut(small, "_"); other == "" && found && strings.HasPrefix(first, "p") { // p95_latency
		other = first
	}
	if !slices.Contains(known, other) {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", other)
}
