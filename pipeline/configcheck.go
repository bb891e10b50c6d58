package pipeline

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/sink/alertmanager"
)

// keyFault is what is wrong with the value of a key, such as kafka.brokers.
type keyFault struct {
	key string
	err error
}

func (f keyFault) Error() string { return f.key + ": " + f.err.Error() }

func (f keyFault) Unwrap() error { return f.err }

// Validate says what is out of bounds, all at once.
func (c *Config) Validate() error {
	var errs []error
	for _, fault := range c.faults() {
		errs = append(errs, fault)
	}
	return errors.Join(errs...)
}

// faults lists what is out of bounds, in the order of weir.yaml.
func (c *Config) faults() []keyFault {
	f := c.Kafka.faults()
	if err := c.Parameters().Validate(); err != nil {
		key, text, _ := strings.Cut(err.Error(), " is ") // "pane is 5ms: allowed are ..."
		f = append(f, keyFault{"telemetry." + key, errors.New("got " + text)})
	}
	if c.Telemetry.Lateness < 0 || c.Telemetry.Lateness > time.Hour {
		f = append(f, keyFault{"telemetry.lateness", fmt.Errorf("got %s, allowed are 0s to 1h", c.Telemetry.Lateness)})
	}
	if n := c.Telemetry.Partitions; n < 1 || n > maxPartitions {
		f = append(f, keyFault{"telemetry.partitions", fmt.Errorf("got %d, allowed are 1 to %d, for example %d", n, maxPartitions, DefaultPartitions)})
	}
	f = append(f, c.ClickHouse.faults(c.Has(RoleClickHouse))...)
	f = append(f, c.Alertmanager.faults(c.Has(RoleAlertmanager))...)
	if _, err := c.Inspection.sinceMidnight(); err != nil {
		f = append(f, keyFault{"inspection.at", err})
	}
	f = append(f, c.HTTP.faults()...)
	if link, err := url.Parse(c.Grafana.DashboardURL); c.Grafana.DashboardURL != "" && (err != nil || link.Host == "" || link.Scheme != "http" && link.Scheme != "https") {
		f = append(f, keyFault{"grafana.dashboard_url", fmt.Errorf("got %q, want http:// or https:// and the dashboard's address, or nothing", c.Grafana.DashboardURL)})
	}
	f = append(f, c.Collect.faults(c)...)
	f = append(f, c.Control.Actions.faults()...)
	return append(f, roleFaults(c.Roles)...)
}

func (c KafkaConfig) faults() []keyFault {
	f := reachFaults("kafka", c.Brokers, c.TLS, c.SASL)
	if n := c.ReplicationFactor; n != -1 && (n < 1 || n > math.MaxInt16) {
		f = append(f, keyFault{"kafka.replication_factor", fmt.Errorf("got %d, allowed are -1 (the brokers' default) and 1 to %d", n, math.MaxInt16)})
	}
	return f
}

// reachFaults says what is wrong with how a cluster is reached; key is the section that says it.
func reachFaults(key string, brokers []string, encryption TLSConfig, login SASLConfig) []keyFault {
	return slices.Concat(addressFaults(key+".brokers", brokers), encryption.faults(key), login.faults(key))
}

// addressFaults says what is wrong with the addresses of a key.
func addressFaults(key string, addrs []string) []keyFault {
	if len(addrs) == 0 {
		return []keyFault{{key, errors.New("got none, name at least one host:port")}}
	}
	var f []keyFault
	for _, addr := range addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			f = append(f, keyFault{key, fmt.Errorf("got %q, want host:port", addr)})
		}
	}
	return f
}

// faults says what is wrong in the section tls of another, which is key.
func (c TLSConfig) faults(key string) []keyFault {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return []keyFault{{key + ".tls." + given(c.CertFile, "cert_file", "key_file"), errors.New("cert_file and key_file go together: give both or none")}}
	}
	return nil
}

// faults tries the keys as the notifier will; needed says that there must be an instance.
func (c AlertmanagerConfig) faults(needed bool) []keyFault {
	var f []keyFault
	switch _, err := alertmanager.New(alertmanager.Config{URLs: c.URLs}); {
	case len(c.URLs) == 0 && needed:
		f = append(f, keyFault{"alertmanager.urls", errors.New("got none, name one or leave the role alertmanager out")})
	case len(c.URLs) > 0 && err != nil:
		f = append(f, keyFault{"alertmanager.urls", err})
	}
	anywhere := []string{"http://127.0.0.1"}
	if _, err := alertmanager.New(alertmanager.Config{URLs: anywhere, ExternalURL: c.ExternalURL}); err != nil {
		f = append(f, keyFault{"alertmanager.external_url", err})
	}
	if c.ResendDelay <= 0 {
		f = append(f, keyFault{"alertmanager.resend_delay", fmt.Errorf("got %s, want more than 0s, for example %s", c.ResendDelay, DefaultResendDelay)})
	}
	return f
}

// given is the one of two keys that has a value.
func given(value, key, other string) string {
	if value != "" {
		return key
	}
	return other
}

func roleFaults(roles []string) []keyFault {
	var f []keyFault
	if len(roles) == 0 {
		f = append(f, keyFault{"roles", fmt.Errorf("got none, allowed are %s", strings.Join(AllRoles, ", "))})
	}
	for i, role := range roles {
		switch {
		case !slices.Contains(AllRoles, role):
			f = append(f, keyFault{"roles", fmt.Errorf("got %q, allowed are %s", role, strings.Join(AllRoles, ", "))})
		case slices.Contains(roles[:i], role):
			f = append(f, keyFault{"roles", fmt.Errorf("got %s twice: remove one", role)})
		}
	}
	return f
}
