package pipeline

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWhatIsAskedOtherwiseActsOnNothing: a dry run whose parameter is misspelt is refused with what is allowed, and writes nothing.
func TestWhatIsAskedOtherwiseActsOnNothing(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	h.writers(map[string]string{"li": "token"})
	body := func(name string) string {
		return fmt.Sprintf(`{"commands":[{"name":%q,"scope":{"topic":"orders"},"reason":"a test","expires_at":%q,"pause":{}}]}`, name, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	}
	h.asked([4]string{http.MethodPost, controlPath, "token", body("held")}, http.StatusOK, `"change":"new"`)
	for query, says := range map[string]string{
		"dry-run=true":                `there is no parameter "dry-run": allowed are dry_run`,
		"dryrun=true":                 `there is no parameter "dryrun": allowed are dry_run`,
		"Dry_Run=true":                `there is no parameter "Dry_Run": allowed are dry_run`,
		"dry_run":                     `got "" for dry_run, allowed are true and false`,
		"dry_run=yes":                 `got "yes" for dry_run, allowed are true and false`,
		"dry_run=1&dry_run=0":         "dry_run is there 2 times: give it once",
		"dry_run=true;dry-run=true":   "read what is asked",
		"dry_run=true&why=%zz":        "read what is asked",
		"dry_run=false&dry_run=false": "dry_run is there 2 times: give it once",
	} {
		h.asked([4]string{http.MethodPost, controlPath + "?" + query, "token", body("new")}, http.StatusBadRequest, says)
		h.asked([4]string{http.MethodPut, controlPath + "?" + query, "token", body("new")}, http.StatusBadRequest, says)
		says = strings.Replace(says, "allowed are dry_run", "allowed are dry_run, reason", 1)
		h.asked([4]string{http.MethodDelete, controlPath + "/commands/held?" + query, "token", ""}, http.StatusBadRequest, says)
	}
	h.asked([4]string{http.MethodDelete, controlPath + "/routes?id=orders&environment=eu", "token", ""}, http.StatusBadRequest, "allowed are dry_run, env, id, lane")
	for _, value := range []string{"1", "True", "t"} { // what a flag is elsewhere, too; the store, which a dry run asks whom it touches, is away
		h.asked([4]string{http.MethodPost, controlPath + "?dry_run=" + value, "token", body("new")}, http.StatusServiceUnavailable, "ClickHouse")
		h.asked([4]string{http.MethodDelete, controlPath + "/commands/held?dry_run=" + value, "token", ""}, http.StatusServiceUnavailable, "ClickHouse")
	}
	h.awaits("held@1 in force by li")
	h.asked([4]string{http.MethodDelete, controlPath + "/commands/held?dry_run=0", "token", ""}, http.StatusOK, `"dry_run":false`)
	h.awaits("held@2 ended by li")
	h.asked([4]string{http.MethodGet, controlPath + "?all=1", "reader", ""}, http.StatusOK, `"name":"held"`)
	for path, says := range map[string]string{
		controlPath + "?All=true":             `there is no parameter "All": allowed are all`,
		controlPath + "?all=everything":       `got "everything" for all, allowed are true and false`,
		controlPath + "/diff?nam=held":        `there is no parameter "nam": allowed are all, name`,
		controlPath + "/diff?all=":            `got "" for all, allowed are true and false`,
		controlPath + "/history?since=1h":     `there is no parameter "since": allowed are from, limit, name, to`,
		"/api/v1/health?clusters=eu":          `there is no parameter "clusters": allowed are all, cluster, kind, name`,
		"/api/v1/find?ID=orders/3/1041":       `there is no parameter "ID": allowed are from, id, to`,
		"/api/v1/status?stage=control":        `there is no parameter "stage": there are none here`,
		"/api/v1/alerts?state=firing":         `there is no parameter "state": there are none here`,
		"/api/v1/alerts/0123456789abcdef?a=b": `there is no parameter "a": there are none here`,
		"/api/v1/rules?name=TrafficSurge":     `there is no parameter "name": there are none here`,
	} {
		h.asked([4]string{http.MethodGet, path, "reader", ""}, http.StatusBadRequest, says)
	}
}
