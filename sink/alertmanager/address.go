package alertmanager

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// alertsPath is where Alertmanager's API v2 takes alerts, below the instance's base.
const (
	apiPath    = "api/v2/"
	alertsPath = apiPath + "alerts"
)

// masked stands for a user name and password.
const masked = "********"

// address is an instance's URL taken apart, so that its credentials are only where the post needs them.
type address struct {
	endpoint string        // of the API, without credentials; its parts follow
	shown    string        // the base, credentials masked: for errors and status
	user     *url.Userinfo // nil: no basic auth
}

// parseAddress reads an instance's URL. No error repeats the text, since it may hold a password.
func parseAddress(text string) (address, error) {
	parsed, err := parseBase(text)
	if err != nil {
		return address{}, fmt.Errorf("%w; write http:// or https://, user:password@ where it asks for them, the host, and its path prefix where it has one, "+
			"for example http://alertmanager:9093", err)
	}
	user := parsed.User
	parsed.User = nil
	if strings.HasSuffix(strings.TrimRight(parsed.Path, "/"), "/"+alertsPath) {
		return address{}, fmt.Errorf("got %s: leave out /%s, it is added", parsed, alertsPath)
	}
	shown := parsed.String()
	if user != nil {
		shown = parsed.Scheme + "://" + masked + "@" + strings.TrimPrefix(shown, parsed.Scheme+"://")
	}
	return address{endpoint: parsed.JoinPath(apiPath).String(), shown: shown, user: user}, nil
}

// parseExternalURL reads the base of the links in alerts, without a slash at its end. Empty stays empty.
func parseExternalURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	parsed, err := parseBase(text)
	if err != nil {
		return "", fmt.Errorf("%w; write http:// or https:// and where people reach Weir, for example http://weir:8686", err)
	}
	if parsed.User != nil {
		return "", errors.New("got a user name or password: leave them out, everybody who gets an alert sees its link")
	}
	return strings.TrimRight(parsed.String(), "/"), nil
}

// parseBase reads a URL that paths can be added to.
func parseBase(text string) (*url.URL, error) {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Host == "":
		// url.Parse's error repeats the text, and host:port without a scheme parses as something else.
		return nil, errors.New("got a text that is not a URL with a scheme and a host")
	case parsed.Scheme != "http" && parsed.Scheme != "https":
		return nil, fmt.Errorf("got scheme %s://", parsed.Scheme)
	case parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "":
		return nil, fmt.Errorf("got a query or fragment after %s://%s%s", parsed.Scheme, parsed.Host, parsed.EscapedPath())
	}
	return parsed, nil
}
