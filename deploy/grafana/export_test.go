package grafana

// Limits are thresholds.go, by name, for the test that compares them with the rules.
func Limits() map[string][]float64 {
	found := map[string][]float64{"retention": {retentionSeconds}}
	for name, l := range map[string]limits{
		"heartbeat": heartbeatLimits, "failure": failureLimits, "latency": latencyLimits, "error": errorLimits, "lag": lagLimits, "disk": diskLimits,
		"size": sizeLimits, "queue": queueLimits, "rebalance": rebalanceLimits, "leaderless": leaderlessLimits, "volatility": volatilityLimits,
	} {
		for _, each := range l {
			found[name] = append(found[name], each.value)
		}
	}
	return found
}
