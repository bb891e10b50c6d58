package rules

import "github.com/weirmq/weir/telemetry"

// compileExpr compiles a condition that names no lets.
func compileExpr(text string, by []string, lane Lane) (condition, error) {
	return compileCondition(asWritten(text), by, lane)
}

// compileWhere compiles a filter that names no lets.
func compileWhere(text string) (func(*telemetry.Labels) bool, string, error) {
	return compileFilter(asWritten(text))
}
