package pipeline

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/rules/explain"
	"github.com/weirmq/weir/telemetry"
)

// alertClient asks a running Weir of its alerts.
type alertClient struct {
	base  string
	by    string // a flag, or the key of the configuration with its origin, that says so
	token string
	http  http.Client
}

// httpAddrKey is the key of where a Weir can be asked.
const httpAddrKey = "http.addr"

// alertTimeout bounds an answer. Not smaller: a hundred thousand alerts take seconds; not larger: somebody waits for it.
const alertTimeout = 20 * time.Second

// newAlertClient finds the Weir at an address, or where the configuration has its HTTP server. A certificate of the configuration
// is trusted, whoever signed it.
func newAlertClient(config *Config, address string) (*alertClient, error) {
	if link, err := url.Parse(address); address != "" && (err != nil || link.Host == "" || link.Scheme != "http" && link.Scheme != "https") {
		return nil, fmt.Errorf("got the URL %q, want http:// or https:// and a host, as in %s", address, DefaultConfig().HTTP.URL())
	}
	token, err := config.HTTP.secret()
	if err != nil {
		return nil, err
	}
	c := &alertClient{base: strings.TrimSuffix(cmp.Or(address, config.HTTP.URL()), "/"), by: "--url", token: token, http: http.Client{Timeout: alertTimeout}}
	if address == "" {
		c.by = httpAddrKey + config.origin.of(httpAddrKey)
	}
	if config.HTTP.TLSCertFile == "" {
		return c, nil
	}
	certificate, err := os.ReadFile(config.HTTP.TLSCertFile)
	if err != nil {
		return nil, fmt.Errorf("read http.tls_cert_file: %w", err)
	}
	trusted, err := x509.SystemCertPool()
	if err != nil {
		trusted = x509.NewCertPool()
	}
	trusted.AppendCertsFromPEM(certificate)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: trusted}
	c.http.Transport = transport
	return c, nil
}

// get reads the JSON at a path.
func (c *alertClient) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return fmt.Errorf("ask weir: %w", err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if refused := dialled(err); refused != nil {
		return fmt.Errorf("ask weir: none runs at %s, as %s says: %w; start one there, by weir run or weir demo, or name one that runs by --url, or its configuration by --config",
			c.base, c.by, refused)
	}
	if err != nil {
		return fmt.Errorf("ask weir at %s, as %s says: %w; name one that runs by --url, or its configuration by --config", c.base, c.by, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // what there is of it
		return fmt.Errorf("ask weir: %s answers %s: %s", c.base+path, response.Status, strings.TrimSpace(string(text)))
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("ask weir: read the answer of %s: %w", c.base+path, err)
	}
	return nil
}

// find returns the one alert that a text means: an id, a name, or name{label=value}.
func (c *alertClient) find(ctx context.Context, text string) (*ExplainedAlert, error) {
	selector, err := explain.ParseSelector(text)
	if err != nil {
		return nil, err
	}
	var known struct {
		Alerts []telemetry.Alert `json:"alerts"`
	}
	if err := c.get(ctx, "/api/v1/alerts", &known); err != nil {
		return nil, err
	}
	matching := slices.DeleteFunc(slices.Clone(known.Alerts), func(alert telemetry.Alert) bool { return !selector.Matches(&alert) })
	id := selector.ID // one that is not evaluated there may be known all the same
	switch {
	case len(matching) == 1:
		id = matching[0].ID
	case len(matching) > 1:
		return nil, fmt.Errorf("%d alerts match %s; choose one by its id, or by labels:%s", len(matching), text, listed(matching))
	case id == "" && len(known.Alerts) == 0:
		return nil, fmt.Errorf("no alert matches %s: %s has none", text, c.base)
	case id == "":
		return nil, fmt.Errorf("no alert matches %s; %s has these:%s", text, c.base, listed(known.Alerts))
	}
	out := &ExplainedAlert{}
	return out, c.get(ctx, "/api/v1/alerts/"+id, out)
}

// maxListed is how many alerts a message names. Not fewer: those of a few topics; not more: a screen.
const maxListed = 20

func listed(alerts []telemetry.Alert) string {
	var out strings.Builder
	for i := range alerts[:min(len(alerts), maxListed)] {
		fmt.Fprintf(&out, "\n  %s  %-8s  %s", alerts[i].ID, alerts[i].State, explain.Name(&alerts[i]))
	}
	if more := len(alerts) - maxListed; more > 0 {
		fmt.Fprintf(&out, "\n  and %d more", more)
	}
	return out.String()
}
