package collect

import "time"

const (
	// clientsEvery is how often the clients of groups are reported. Not shorter: there may be thousands, they seldom change, and brokers
	// of RocketMQ hear of them every 30 s; not longer: a rule that counts them looks at a minute.
	clientsEvery = 30 * time.Second
	// MaxClients is how many are reported of a cluster, each once for each group that it is in. Not fewer: a fleet has thousands; not
	// more: each is a series, of which a segment of weir.telemetry has room for 200,000 (telemetry.max_series), for all that report.
	MaxClients = 10_000
)

// ClientReports knows in which polls clients are reported. The zero value is before the first.
type ClientReports struct{ last time.Time }

// Due says that the poll of this moment reports them, and counts it as the newest that does.
func (c *ClientReports) Due(at time.Time) bool {
	if at.Sub(c.last) < clientsEvery {
		return false
	}
	c.last = at
	return true
}
