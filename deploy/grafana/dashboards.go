package grafana

// Dashboards are all of them, in the order of the documentation.
func Dashboards() []Dashboard {
	var all []Dashboard
	for _, make := range []func() *Dashboard{fleet, cluster, topic, group, client, sdk, large, alerts, traces, pipeline} {
		all = append(all, *make())
	}
	return all
}
