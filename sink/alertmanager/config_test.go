package alertmanager_test

import (
	"strings"
	"testing"

	"github.com/weirmq/weir/sink/alertmanager"
)

func TestNewRefuses(t *testing.T) {
	good := []string{"http://alertmanager:9093"}
	const remedy = "; write http:// or https://, user:password@ where it asks for them, the host, and its path prefix where it has one, for example http://alertmanager:9093"
	for _, test := range []struct {
		name   string
		config alertmanager.Config
		want   string
	}{
		{"nothing", alertmanager.Config{}, "got no Alertmanager URL: name at least one, for example http://alertmanager:9093"},
		{"no scheme", alertmanager.Config{URLs: []string{"jane:secret@host:9093"}},
			"read Alertmanager URL 1 of 1: got a text that is not a URL with a scheme and a host" + remedy},
		{"bad port", alertmanager.Config{URLs: []string{good[0], "http://jane:secret@host:port"}},
			"read Alertmanager URL 2 of 2: got a text that is not a URL with a scheme and a host" + remedy},
		{"other scheme", alertmanager.Config{URLs: []string{"ftp://jane:secret@host"}}, "read Alertmanager URL 1 of 1: got scheme ftp://" + remedy},
		{"query", alertmanager.Config{URLs: []string{"http://jane:secret@host/am?token=secret"}},
			"read Alertmanager URL 1 of 1: got a query or fragment after http://host/am" + remedy},
		{"whole path", alertmanager.Config{URLs: []string{"http://jane:secret@host/am/api/v2/alerts/"}},
			"read Alertmanager URL 1 of 1: got http://host/am/api/v2/alerts/: leave out /api/v2/alerts, it is added"},
		{"twice", alertmanager.Config{URLs: []string{"http://jane:secret@host/am", "http://host/am/"}},
			"read Alertmanager URL 2 of 2: got http://host/am/ twice: remove one"},
		{"delay", alertmanager.Config{URLs: good, ResendDelay: -1}, "got resend delay -1ns, want more than 0, for example 1m0s"},
		{"external URL", alertmanager.Config{URLs: good, ExternalURL: "weir"},
			"read the external URL: got a text that is not a URL with a scheme and a host; write http:// or https:// and where people reach Weir, for example http://weir:8686"},
		{"external password", alertmanager.Config{URLs: good, ExternalURL: "http://jane:secret@weir"},
			"read the external URL: got a user name or password: leave them out, everybody who gets an alert sees its link"},
	} {
		_, err := alertmanager.New(test.config)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s:\ngot  %v\nwant %s", test.name, err, test.want)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "jane")) {
			t.Errorf("%s: the error has credentials: %v", test.name, err)
		}
	}
}

func TestStatusMasksCredentials(t *testing.T) {
	n, err := alertmanager.New(alertmanager.Config{URLs: []string{"https://jane:secret@host:9093/am", "http://plain"}})
	if err != nil {
		t.Fatal(err)
	}
	status := n.Status()
	if len(status) != 2 || status[0].URL != "https://********@host:9093/am" || status[1].URL != "http://plain" {
		t.Errorf("got %+v", status)
	}
}
